/**
 * Reading from a stream of bytes: so many, up to a separator, or line by line.
 *
 * Counterpart of `StreamReader` of Python's `asyncio.streams`. Invariants: no byte is lost or given
 * twice, however the bytes arrive and whoever is cancelled; at most one coroutine waits for data; the
 * transport is paused while more than twice the limit is in the buffer.
 *
 * @module
 */

import { getRunningLoop, RuntimeError } from "../loop/mod.ts";
import type { Awaitable, EventLoop, Future, Task } from "../loop/mod.ts";
import { NOT_YET, Operation } from "../loop/coroutines.ts";
import type { Steps } from "../loop/coroutines.ts";
import { ByteBuffer } from "./_byte_buffer.ts";
import { IncompleteReadError, LimitOverrunError } from "./exceptions.ts";
import type { ReadTransport } from "./transports.ts";

/** How much a line may have, and half of what is buffered, in bytes. */
export const DEFAULT_LIMIT: number = 64 * 1024;

const LINE_FEED = new Uint8Array([10]);
const NO_BYTES: Uint8Array<ArrayBuffer> = new Uint8Array(0);

/**
 * What has arrived, to be read by coroutines.
 *
 * `openConnection()` and `startServer()` make one. Counterpart of Python's `asyncio.StreamReader`.
 *
 * @example
 * ```ts
 * import { run, StreamReader } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
 * await run(async () => {
 *   const reader = new StreamReader();
 *   reader.feedData(new TextEncoder().encode("hello\nworld"));
 *   reader.feedEof();
 *   assertEquals(text(await reader.readline()), "hello\n");
 *   assertEquals(text(await reader.readexactly(2)), "wo");
 *   assertEquals(text(await reader.read()), "rld");
 * });
 * ```
 */
export class StreamReader {
  readonly #limit: number;
  readonly #buffer = new ByteBuffer();
  #hasEnded = false;
  #failure: { readonly exception: unknown } | null = null;
  /** Whoever waits for data. */
  #waiter: Future<void> | null = null;
  #transport: ReadTransport | null = null;
  #isPaused = false;
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | null = null;

  /**
   * Creates a reader without a connection.
   *
   * @param limit How long a line may be, and half of what is buffered, in bytes.
   * @throws {RangeError} If that is not more than zero.
   */
  constructor(limit: number = DEFAULT_LIMIT) {
    if (!(limit > 0)) throw new RangeError("Cannot create reader: Limit cannot be <= 0");
    this.#limit = limit;
  }

  // -- Feeding --

  /**
   * Sets the transport to pause while too much waits to be read. Counterpart of `set_transport()`.
   *
   * @param transport Where the data comes from.
   * @throws {RuntimeError} If there is one already.
   */
  setTransport(transport: ReadTransport): void {
    if (this.#transport !== null) {
      throw new RuntimeError("Cannot set transport: Transport already set");
    }
    this.#transport = transport;
  }

  /**
   * Adds what has arrived. It is copied. Counterpart of `feed_data()`.
   *
   * @param data The bytes.
   * @throws {RuntimeError} If the end was fed before.
   */
  feedData(data: Uint8Array): void {
    if (this.#hasEnded) throw new RuntimeError("Cannot feed data: feedData after feedEof");
    if (data.byteLength === 0) return;
    this.#buffer.add(data);
    this.#wake();
    if (this.#transport === null || this.#isPaused) return;
    if (this.#buffer.length > 2 * this.#limit) {
      this.#transport.pauseReading();
      this.#isPaused = true;
    }
  }

  /** Says that nothing more will arrive. Counterpart of `feed_eof()`. */
  feedEof(): void {
    this.#hasEnded = true;
    this.#wake();
  }

  /**
   * Tells whether nothing is left to be read. Counterpart of `at_eof()`.
   *
   * @returns Whether the end was fed and the buffer is empty.
   */
  atEof(): boolean {
    return this.#hasEnded && this.#buffer.length === 0;
  }

  /**
   * Returns what was set by {@linkcode StreamReader.setException}.
   *
   * @returns The error, or null.
   */
  exception(): unknown {
    return this.#failure === null ? null : this.#failure.exception;
  }

  /**
   * Has all reading, from now on, throw an error. Counterpart of `set_exception()`.
   *
   * @param exception The error.
   */
  setException(exception: unknown): void {
    this.#failure = { exception };
    const waiter = this.#waiter;
    this.#waiter = null;
    if (waiter !== null && !waiter.done()) waiter.setException(exception);
  }

  #wake(): void {
    const waiter = this.#waiter;
    this.#waiter = null;
    if (waiter !== null && !waiter.done()) waiter.setResult();
  }

  /** @ignore Gives the stream to another transport; what was not read is not part of it. */
  _moveTo(transport: ReadTransport): void {
    this.#transport = transport;
  }

  /** @ignore Takes all that was not read. */
  _takeUnread(): Uint8Array {
    this.#isPaused = false;
    return this.#buffer.take(this.#buffer.length);
  }

  // -- Reading --

  /**
   * Reads up to `n` bytes: what is there, or, if nothing is, the next that arrive.
   *
   * @param n How many at most; -1 for all until the end.
   * @returns An awaitable of the bytes; none at the end of the stream.
   * @throws {RuntimeError} If another coroutine waits for data.
   */
  read(n = -1): Awaitable<Uint8Array<ArrayBuffer>> {
    return new Operation(this.#readSteps, this.#attemptToRead, n);
  }

  readonly #readSteps = (n: number): Steps<Uint8Array<ArrayBuffer>> =>
    n < 0 ? this.#readAll() : this.#read(n);

  readonly #attemptToRead = (n: number): Uint8Array<ArrayBuffer> | typeof NOT_YET =>
    n > 0 && this.#has(1) ? this.#buffer.take(n) : NOT_YET;

  /** Whether so much can be taken at once, and nobody needs to be told of it. */
  #has(count: number): boolean {
    return this.#buffer.length >= count && !this.#isPaused && this.#failure === null;
  }

  *#read(n: number): Steps<Uint8Array<ArrayBuffer>> {
    this.#throwIfFailed();
    if (n === 0) return NO_BYTES;
    if (this.#buffer.length === 0 && !this.#hasEnded) yield* this.#waitForData("read");
    const data = this.#buffer.take(n);
    this.#resumeIfRoom();
    return data;
  }

  /** What is read is kept apart, so that the buffer does not become full. */
  *#readAll(): Steps<Uint8Array<ArrayBuffer>> {
    const blocks: Uint8Array<ArrayBuffer>[] = [];
    let size = 0;
    for (;;) {
      const block = yield* this.#read(this.#limit);
      if (block.byteLength === 0) break;
      blocks.push(block);
      size += block.byteLength;
    }
    if (blocks.length === 1) return blocks[0]!;
    const all = new Uint8Array(size);
    let offset = 0;
    for (const block of blocks) {
      all.set(block, offset);
      offset += block.byteLength;
    }
    return all;
  }

  /**
   * Reads exactly `n` bytes. The limit does not apply.
   *
   * @param n How many.
   * @returns An awaitable of the bytes.
   * @throws {IncompleteReadError} If the stream ends before; it has what had arrived.
   * @throws {RangeError} If `n` is less than zero.
   * @throws {RuntimeError} If another coroutine waits for data.
   */
  readexactly(n: number): Awaitable<Uint8Array<ArrayBuffer>> {
    return new Operation(this.#readExactlySteps, this.#attemptToReadExactly, n);
  }

  readonly #readExactlySteps = (n: number): Steps<Uint8Array<ArrayBuffer>> => this.#readExactly(n);

  readonly #attemptToReadExactly = (n: number): Uint8Array<ArrayBuffer> | typeof NOT_YET =>
    n > 0 && this.#has(n) ? this.#buffer.take(n) : NOT_YET;

  *#readExactly(n: number): Steps<Uint8Array<ArrayBuffer>> {
    if (!(n >= 0)) {
      throw new RangeError("Cannot read: readexactly size can not be less than zero");
    }
    this.#throwIfFailed();
    if (n === 0) return NO_BYTES;
    while (this.#buffer.length < n) {
      if (this.#hasEnded) {
        throw new IncompleteReadError(this.#buffer.take(this.#buffer.length), n);
      }
      yield* this.#waitForData("readexactly");
    }
    const data = this.#buffer.take(n);
    this.#resumeIfRoom();
    return data;
  }

  /**
   * Reads a line, with its end (`\n`).
   *
   * @returns An awaitable of the line; at the end of the stream of what is left, which may be nothing.
   * @throws {RangeError} If the line is longer than the limit. It is dropped, as far as it has arrived.
   * @throws {RuntimeError} If another coroutine waits for data.
   */
  readline(): Awaitable<Uint8Array<ArrayBuffer>> {
    return new Operation(this.#readLineSteps, this.#attemptToReadLine);
  }

  readonly #readLineSteps = (): Steps<Uint8Array<ArrayBuffer>> => this.#readLine();

  readonly #attemptToReadLine = (): Uint8Array<ArrayBuffer> | typeof NOT_YET => {
    if (!this.#has(1)) return NOT_YET;
    const at = this.#buffer.indexOf(LINE_FEED, 0, this.#buffer.length);
    return at < 0 || at > this.#limit ? NOT_YET : this.#buffer.take(at + 1);
  };

  *#readLine(): Steps<Uint8Array<ArrayBuffer>> {
    try {
      return yield* this.#readUntil([LINE_FEED]);
    } catch (error) {
      if (error instanceof IncompleteReadError) return error.partial;
      if (!(error instanceof LimitOverrunError)) throw error;
      const { consumed, message } = error;
      const isWhole = this.#buffer.indexOf(LINE_FEED, consumed, this.#buffer.length) === consumed;
      this.#buffer.drop(isWhole ? consumed + 1 : this.#buffer.length);
      this.#resumeIfRoom();
      throw new RangeError(message, { cause: error });
    }
  }

  /**
   * Reads up to a separator, and that too.
   *
   * @param separator The separator, or several: then up to the one that ends first.
   * @returns An awaitable of the bytes.
   * @throws {LimitOverrunError} If it is longer than the limit. Nothing is dropped.
   * @throws {IncompleteReadError} If the stream ends before; it has what had arrived.
   * @throws {RangeError} If the separator is empty, or there is none.
   * @throws {RuntimeError} If another coroutine waits for data.
   */
  readuntil(
    separator: Uint8Array | readonly Uint8Array[] = LINE_FEED,
  ): Awaitable<Uint8Array<ArrayBuffer>> {
    return new Operation(() => {
      const separators = separator instanceof Uint8Array ? [separator] : [...separator];
      if (separators.length === 0) {
        throw new RangeError("Cannot read: Separator should contain at least one element");
      }
      if (separators.some(({ byteLength }) => byteLength === 0)) {
        throw new RangeError("Cannot read: Separator should be at least one-byte string");
      }
      return this.#readUntil(separators.sort((a, b) => a.byteLength - b.byteLength));
    });
  }

  /** Takes the separators with the shortest first. */
  *#readUntil(separators: readonly Uint8Array[]): Steps<Uint8Array<ArrayBuffer>> {
    this.#throwIfFailed();
    const longest = separators[separators.length - 1]!.byteLength;
    // No separator begins before this.
    for (let offset = 0;;) {
      const [start, end] = this.#findFirst(separators, offset);
      if (end > 0) {
        if (start > this.#limit) {
          throw overrun("Separator is found, but chunk is longer than limit", start);
        }
        const data = this.#buffer.take(end);
        this.#resumeIfRoom();
        return data;
      }
      offset = Math.max(0, this.#buffer.length + 1 - longest);
      if (offset > this.#limit) {
        throw overrun("Separator is not found, and chunk exceed the limit", offset);
      }
      if (this.#hasEnded) {
        throw new IncompleteReadError(this.#buffer.take(this.#buffer.length), null);
      }
      yield* this.#waitForData("readuntil");
    }
  }

  /** Where the separator that ends first begins and ends; an end of 0 if there is none. */
  #findFirst(separators: readonly Uint8Array[], from: number): [start: number, end: number] {
    let [start, end] = [0, 0];
    for (const separator of separators) {
      const at = this.#buffer.indexOf(separator, from, end || this.#buffer.length);
      if (at >= 0) [start, end] = [at, at + separator.byteLength];
    }
    return [start, end];
  }

  #throwIfFailed(): void {
    if (this.#failure !== null) throw this.#failure.exception;
  }

  *#waitForData(call: string): Steps<void> {
    if (this.#waiter !== null) {
      const text = "called while another coroutine is already waiting for incoming data";
      throw new RuntimeError(`Cannot read: ${call}() ${text}`);
    }
    if (this.#isPaused) {
      this.#isPaused = false;
      this.#transport?.resumeReading();
    }
    const waiter = getRunningLoop().createFuture<void>();
    this.#waiter = waiter;
    try {
      yield* waiter;
    } finally {
      if (this.#waiter === waiter) this.#waiter = null;
    }
  }

  #resumeIfRoom(): void {
    if (!this.#isPaused || this.#buffer.length > this.#limit) return;
    this.#isPaused = false;
    this.#transport?.resumeReading();
  }

  /**
   * Reads line by line, until the end of the stream.
   *
   * @returns The lines, each with its end.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
    for (;;) {
      const line = await this.readline();
      if (line.byteLength === 0) return;
      yield line;
    }
  }

  /**
   * The same as a stream of the web, for what wants one. It takes nothing in advance; cancelling it
   * ends the reading, and leaves the connection open. Use it while the loop runs.
   */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#readable ??= webStream(getRunningLoop(), () => this.#read(this.#limit));
  }

  /**
   * Returns the reader as Python prints it.
   *
   * @returns Such as `<StreamReader 5 bytes eof>`.
   */
  toString(): string {
    const parts = ["StreamReader"];
    if (this.#buffer.length > 0) parts.push(`${this.#buffer.length} bytes`);
    if (this.#hasEnded) parts.push("eof");
    if (this.#limit !== DEFAULT_LIMIT) parts.push(`limit=${this.#limit}`);
    if (this.#failure !== null) parts.push(`exception=${this.#failure.exception}`);
    if (this.#isPaused) parts.push("paused");
    return `<${parts.join(" ")}>`;
  }
}

function overrun(text: string, consumed: number): LimitOverrunError {
  return new LimitOverrunError(`Cannot read: ${text}`, consumed);
}

/** A stream of the web; each piece of it is read in a task of its own, as nobody's part. */
function webStream(
  loop: EventLoop,
  read: () => Steps<Uint8Array<ArrayBuffer>>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let task: Task<Uint8Array<ArrayBuffer>> | null = null;
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: (controller) =>
      new Promise((resolve, reject) => {
        const pulling = loop.createTask(read());
        task = pulling;
        pulling.addDoneCallback(() => {
          task = null;
          if (pulling.cancelled()) return reject(pulling._cancelledError());
          if (pulling.exception() !== null) return reject(pulling.exception());
          const data = pulling.result();
          if (data.byteLength > 0) controller.enqueue(data);
          else controller.close();
          resolve();
        });
      }),
    cancel: () => void task?.cancel(),
  }, { highWaterMark: 0 });
}
