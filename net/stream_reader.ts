/**
 * Reading from a stream of bytes: a given number, up to a separator, or line by line.
 *
 * Counterpart of `StreamReader` of Python's `asyncio.streams`. Invariants: no byte is lost or
 * returned twice, however the bytes arrive and whichever read is cancelled; at most one coroutine
 * waits for data; the transport is paused when more than twice the limit is in the buffer.
 *
 * @module
 */

import { getRunningLoop, RuntimeError } from "../loop/mod.ts";
import type { Awaitable, EventLoop, Task } from "../loop/mod.ts";
import { Claim, HostWaiter } from "../loop/claims.ts";
import type { Claimable, Waiter } from "../loop/claims.ts";
import { Operation } from "../loop/coroutines.ts";
import type { Steps } from "../loop/coroutines.ts";
import { ByteBuffer } from "./_byte_buffer.ts";
import { concat } from "./bytes.ts";
import { IncompleteReadError, LimitOverrunError } from "./exceptions.ts";
import type { ReadTransport } from "./transports.ts";

/** The default limit of a stream: the longest line, and half of what is buffered, in bytes. */
export const DEFAULT_LIMIT: number = 64 * 1024;

const LINE_FEED = new Uint8Array([10]);
const NO_BYTES: Uint8Array<ArrayBuffer> = new Uint8Array(0);

/**
 * Lets coroutines read what a connection receives.
 *
 * `openConnection()` and `startServer()` create one. Counterpart of Python's
 * `asyncio.StreamReader`.
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
  /** The pending read. */
  #waiter: Waiter | null = null;
  #transport: ReadTransport | null = null;
  #isPaused = false;
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | null = null;

  /**
   * Creates a reader without a connection.
   *
   * @param limit The longest line, in bytes. Reading pauses when more than twice that is buffered.
   * @throws {RangeError} If the limit is not greater than zero.
   */
  constructor(limit: number = DEFAULT_LIMIT) {
    if (!(limit > 0)) throw new RangeError("Cannot create reader: Limit cannot be <= 0");
    this.#limit = limit;
  }

  // -- Feeding --

  /**
   * Sets the transport to pause while the buffer is full. Counterpart of `set_transport()`.
   *
   * @param transport Where the data comes from.
   * @throws {RuntimeError} If a transport is already set.
   */
  setTransport(transport: ReadTransport): void {
    if (this.#transport !== null) {
      throw new RuntimeError("Cannot set transport: Transport already set");
    }
    this.#transport = transport;
  }

  /**
   * Adds a copy of received data to the buffer. Counterpart of `feed_data()`.
   *
   * @param data The bytes.
   * @throws {RuntimeError} If `feedEof()` was called before.
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

  /** Marks the end of the stream: no more data will arrive. Counterpart of `feed_eof()`. */
  feedEof(): void {
    this.#hasEnded = true;
    this.#wake();
  }

  /**
   * Returns whether everything has been read. Counterpart of `at_eof()`.
   *
   * @returns Whether `feedEof()` was called and the buffer is empty.
   */
  atEof(): boolean {
    return this.#hasEnded && this.#buffer.length === 0;
  }

  /**
   * Returns the error set by {@linkcode StreamReader.setException}.
   *
   * @returns The error, or null.
   */
  exception(): unknown {
    return this.#failure === null ? null : this.#failure.exception;
  }

  /**
   * Makes the pending read and all later ones throw an error. Counterpart of `set_exception()`.
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

  /** @ignore Continues the stream on another transport, after `_takeUnread()`. */
  _moveTo(transport: ReadTransport): void {
    this.#transport = transport;
  }

  /** @ignore Removes and returns all unread data. */
  _takeUnread(): Uint8Array {
    this.#isPaused = false;
    return this.#buffer.take(this.#buffer.length);
  }

  // -- Reading --

  /**
   * Reads up to `n` bytes: what is buffered, or, if nothing is, what arrives next.
   *
   * @param n The maximum number of bytes; -1 to read until the end of the stream.
   * @returns An awaitable of the bytes; empty at the end of the stream.
   * @throws {RuntimeError} If another coroutine is already waiting for data.
   */
  read(n = -1): Awaitable<Uint8Array<ArrayBuffer>> {
    if (n < 0) return new Operation(() => this.#readAll());
    return new Claim(this.#reading, n);
  }

  readonly #reading: Claimable<Uint8Array<ArrayBuffer>, number> = {
    begin: (n) => {
      this.#throwIfFailed();
      if (n === 0) return NO_BYTES;
      if (this.#buffer.length === 0 && !this.#hasEnded) return this.#waitForData("read");
      return this.#take(n);
    },
    goOn: (waiter, error, n) => {
      this.#endWait(waiter, error);
      return this.#take(n);
    },
  };

  /** Takes up to `n` bytes off the front. */
  #take(n: number): Uint8Array<ArrayBuffer> {
    const data = this.#buffer.take(n);
    this.#resumeIfRoom();
    return data;
  }

  /** Collects the blocks outside the buffer, so that it does not become full. */
  *#readAll(): Steps<Uint8Array<ArrayBuffer>> {
    const blocks: Uint8Array<ArrayBuffer>[] = [];
    try {
      for (;;) {
        const block = yield* this.read(this.#limit);
        if (block.byteLength === 0) return concat(blocks);
        blocks.push(block);
      }
    } catch (error) {
      // A cancelled read leaves the data to the next one; in Python it is lost.
      blocks.push(this.#buffer.take(this.#buffer.length));
      for (const block of blocks) this.#buffer.add(block);
      throw error;
    }
  }

  /**
   * Reads exactly `n` bytes. The limit does not apply.
   *
   * @param n The number of bytes.
   * @returns An awaitable of the bytes.
   * @throws {IncompleteReadError} If the stream ends first; `partial` holds what had arrived.
   * @throws {RangeError} If `n` is negative.
   * @throws {RuntimeError} If another coroutine is already waiting for data.
   */
  readexactly(n: number): Awaitable<Uint8Array<ArrayBuffer>> {
    return new Claim(this.#readingExactly, n);
  }

  readonly #readingExactly: Claimable<Uint8Array<ArrayBuffer>, number> = {
    begin: (n) => {
      if (!(n >= 0)) {
        throw new RangeError("Cannot read: readexactly size can not be less than zero");
      }
      this.#throwIfFailed();
      return n === 0 ? NO_BYTES : this.#takeExactly(n);
    },
    goOn: (waiter, error, n) => {
      this.#endWait(waiter, error);
      return this.#takeExactly(n);
    },
  };

  #takeExactly(n: number): Uint8Array<ArrayBuffer> | Waiter {
    if (this.#buffer.length >= n) return this.#take(n);
    if (!this.#hasEnded) return this.#waitForData("readexactly");
    throw new IncompleteReadError(this.#buffer.take(this.#buffer.length), n);
  }

  /**
   * Reads a line, including its end (`\n`).
   *
   * @returns An awaitable of the line; at the end of the stream, of what is left, if anything.
   * @throws {RangeError} If the line is longer than the limit. What has arrived of it is dropped.
   * @throws {RuntimeError} If another coroutine is already waiting for data.
   */
  readline(): Awaitable<Uint8Array<ArrayBuffer>> {
    return new Claim(this.#readingLine, new Search(LINE_FEED));
  }

  readonly #readingLine: Claimable<Uint8Array<ArrayBuffer>, Search> = {
    begin: (search) => {
      try {
        return this.#readingUntil.begin(search);
      } catch (error) {
        return this.#lineInstead(error);
      }
    },
    goOn: (waiter, error, search) => {
      try {
        return this.#readingUntil.goOn(waiter, error, search);
      } catch (error) {
        return this.#lineInstead(error);
      }
    },
  };

  /** Does what `readline()` does where `readuntil()` would throw. */
  #lineInstead(error: unknown): Uint8Array<ArrayBuffer> {
    if (error instanceof IncompleteReadError) return error.partial;
    if (!(error instanceof LimitOverrunError)) throw error;
    const { consumed, message } = error;
    const isWhole = this.#buffer.indexOf(LINE_FEED, consumed, this.#buffer.length) === consumed;
    this.#buffer.drop(isWhole ? consumed + 1 : this.#buffer.length);
    this.#resumeIfRoom();
    throw new RangeError(message, { cause: error });
  }

  /**
   * Reads up to and including a separator.
   *
   * @param separator The separator; of several, the one that ends first counts.
   * @returns An awaitable of the bytes.
   * @throws {LimitOverrunError} If more than the limit precedes the separator. Nothing is dropped.
   * @throws {IncompleteReadError} If the stream ends first; `partial` holds what had arrived.
   * @throws {RangeError} If a separator is empty, or there is none.
   * @throws {RuntimeError} If another coroutine is already waiting for data.
   */
  readuntil(
    separator: Uint8Array | readonly Uint8Array[] = LINE_FEED,
  ): Awaitable<Uint8Array<ArrayBuffer>> {
    return new Claim(this.#readingUntil, new Search(separator));
  }

  readonly #readingUntil: Claimable<Uint8Array<ArrayBuffer>, Search> = {
    begin: (search) => {
      search.check();
      this.#throwIfFailed();
      return this.#takeUntil(search);
    },
    goOn: (waiter, error, search) => {
      this.#endWait(waiter, error);
      return this.#takeUntil(search);
    },
  };

  #takeUntil(search: Search): Uint8Array<ArrayBuffer> | Waiter {
    const [start, end] = this.#findFirst(search);
    if (end > 0) {
      if (start <= this.#limit) return this.#take(end);
      throw overrun("Separator is found, but chunk is longer than limit", start);
    }
    search.from = Math.max(0, this.#buffer.length + 1 - search.longest);
    if (search.from > this.#limit) {
      throw overrun("Separator is not found, and chunk exceed the limit", search.from);
    }
    if (!this.#hasEnded) return this.#waitForData("readuntil");
    throw new IncompleteReadError(this.#buffer.take(this.#buffer.length), null);
  }

  /**
   * Returns where the separator that ends first begins and ends; an end of 0 if there is none. Of
   * several that end together, it takes the shortest.
   */
  #findFirst({ separators, from }: Search): [start: number, end: number] {
    let [start, end] = [0, 0];
    for (const separator of separators) {
      const to = end === 0 ? this.#buffer.length : end - 1;
      const at = this.#buffer.indexOf(separator, from, to);
      if (at >= 0) [start, end] = [at, at + separator.byteLength];
    }
    return [start, end];
  }

  /** Puts what was read to the front again. */
  #putBack(data: Uint8Array): void {
    const rest = this.#buffer.take(this.#buffer.length);
    this.#buffer.add(data);
    this.#buffer.add(rest);
    this.#wake();
  }

  #throwIfFailed(): void {
    if (this.#failure !== null) throw this.#failure.exception;
  }

  #waitForData(call: string): Waiter {
    if (this.#waiter !== null) {
      const text = "called while another coroutine is already waiting for incoming data";
      throw new RuntimeError(`Cannot read: ${call}() ${text}`);
    }
    if (this.#isPaused) {
      this.#isPaused = false;
      this.#transport?.resumeReading();
    }
    return this.#waiter = new HostWaiter({ loop: getRunningLoop() });
  }

  #endWait(waiter: Waiter, error: unknown | null): void {
    if (this.#waiter === waiter) this.#waiter = null;
    if (error !== null) throw error;
    waiter.result();
  }

  #resumeIfRoom(): void {
    if (!this.#isPaused || this.#buffer.length > this.#limit) return;
    this.#isPaused = false;
    this.#transport?.resumeReading();
  }

  /**
   * Reads line by line until the end of the stream.
   *
   * @returns The lines, each including its end.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
    for (;;) {
      const line = await this.readline();
      if (line.byteLength === 0) return;
      yield line;
    }
  }

  /**
   * The same data as a web stream. It reads nothing in advance; cancelling it ends the pending read
   * and leaves the connection open. Use it only while the event loop is running.
   */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#readable ??= webStream(
      getRunningLoop(),
      () => this.read(this.#limit),
      (data) => this.#putBack(data),
    );
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

/** What `readuntil()` searches for, and where it continues. */
class Search {
  /** The shortest first. */
  readonly separators: readonly Uint8Array[];
  /** No separator begins before this. */
  from = 0;

  constructor(separator: Uint8Array | readonly Uint8Array[]) {
    this.separators = separator instanceof Uint8Array
      ? [separator]
      : separator.toSorted((a, b) => a.byteLength - b.byteLength);
  }

  /** The length of the longest separator. */
  get longest(): number {
    return this.separators[this.separators.length - 1]!.byteLength;
  }

  check(): void {
    if (this.separators.length === 0) {
      throw new RangeError("Cannot read: Separator should contain at least one element");
    }
    if (this.separators[0]!.byteLength === 0) {
      throw new RangeError("Cannot read: Separator should be at least one-byte string");
    }
  }
}

function overrun(text: string, consumed: number): LimitOverrunError {
  return new LimitOverrunError(`Cannot read: ${text}`, consumed);
}

/** Creates a web stream. Each chunk is read in a task of its own, not in the consumer's. */
function webStream(
  loop: EventLoop,
  read: () => Awaitable<Uint8Array<ArrayBuffer>>,
  putBack: (data: Uint8Array) => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let task: Task<Uint8Array<ArrayBuffer>> | null = null;
  let isCancelled = false;
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: (controller) =>
      new Promise((resolve, reject) => {
        const pulling = loop.createTask(read()[Symbol.iterator]());
        task = pulling;
        pulling.addDoneCallback(() => {
          task = null;
          if (pulling.cancelled()) return reject(pulling._cancelledError());
          if (pulling.exception() !== null) return reject(pulling.exception());
          const data = pulling.result();
          if (isCancelled) putBack(data); // it came in the turn of the cancellation
          else if (data.byteLength > 0) controller.enqueue(data);
          else controller.close();
          resolve();
        });
      }),
    cancel: () => {
      isCancelled = true;
      task?.cancel();
    },
  }, { highWaterMark: 0 });
}
