/**
 * Responses that are written chunk by chunk.
 *
 * Counterpart of Python's `aiohttp.web.StreamResponse`. Such a response is in one of these states:
 *
 * 1. CREATED: its status and headers may be changed.
 * 2. PREPARED: the head is on its way, and the handler writes. `write()` waits while the client is
 *    slower than the handler: no more than a few chunks are kept.
 * 3. ENDED: by `writeEof()`, by the end of the handler, or because the client has left.
 *
 * A handler that fails in state 2 breaks the connection off, so that the client does not take an
 * incomplete body for a complete one. When the client leaves in state 2, its handler is cancelled,
 * or the next `write()` throws, according to `onDisconnect`.
 *
 * @module
 */

import { CancelledError, Event, RuntimeError } from "../loop/mod.ts";
import type { Awaitable } from "../loop/mod.ts";
import { Operation } from "../loop/coroutines.ts";
import type { Steps } from "../loop/coroutines.ts";
import { taskOf } from "./_request_task.ts";
import type { RequestTask } from "./_request_task.ts";
import { isEmptyStatus } from "./_status.ts";
import { compress } from "./compression.ts";

/** How many bytes are kept for a slow client before `write()` waits. */
const HIGH_WATER_MARK = 65_536;

const CREATED = 1;
const PREPARED = 2;
const ENDED = 3;

const encoder = new TextEncoder();

/** Options for {@linkcode StreamResponse}. */
export interface StreamResponseInit extends ResponseInit {
  /**
   * Whether the body is compressed, if the client accepts that. Chunks then arrive later, several
   * at once.
   *
   * @default {false}
   */
  compress?: boolean;
}

function bytesOf(data: unknown): Uint8Array<ArrayBuffer> {
  if (typeof data === "string") return encoder.encode(data);
  if (data instanceof Uint8Array) return data as Uint8Array<ArrayBuffer>;
  const text = `a string or a Uint8Array was expected, not ${String(data)}`;
  throw new TypeError(`Cannot write response: ${text}`);
}

/** Carries what is written to the reader of the body. */
class Pipe {
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  #controller!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  /** Set when there may be room. */
  readonly #room = new Event();
  /** Called when the reader cancels the body. */
  onCancel: () => void = () => {};
  isOpen = true;

  constructor() {
    const size = (chunk: Uint8Array): number => chunk.byteLength;
    this.readable = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#room.set(),
      cancel: () => {
        this.isOpen = false;
        this.#room.set();
        this.onCancel();
      },
    }, { highWaterMark: HIGH_WATER_MARK, size });
  }

  /** Whether a write need not wait. */
  get hasRoom(): boolean {
    return this.isOpen && this.#controller.desiredSize! > 0;
  }

  push(data: Uint8Array<ArrayBuffer>): void {
    // An empty chunk would end a body in chunked encoding.
    if (data.byteLength > 0) this.#controller.enqueue(data);
  }

  *write(data: Uint8Array<ArrayBuffer>): Steps<void> {
    this.push(data);
    while (this.isOpen && !this.hasRoom) {
      this.#room.clear();
      yield* this.#room.wait();
    }
  }

  end(error: unknown): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#room.set(); // the reader pulls no more: a pending write would wait for ever
    if (error === null) this.#controller.close();
    else this.#controller.error(new CancelledError("the handler has failed"));
  }
}

/**
 * A response whose body is written while it is sent.
 *
 * Counterpart of Python's `aiohttp.web.StreamResponse`.
 *
 * @example
 * ```ts
 * import { sleep } from "@aio/asyncio";
 * import { Application, StreamResponse } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using app = new Application();
 * app.router.addGet("/", async (request) => {
 *   const response = new StreamResponse({ headers: { "content-type": "text/plain" } });
 *   response.prepare(request);
 *   for (const word of ["one", "two", "three"]) {
 *     await response.write(`${word}\n`);
 *     await sleep(0.001);
 *   }
 *   return response;
 * });
 * assertEquals(await (await app.request("/")).text(), "one\ntwo\nthree\n");
 * ```
 */
export class StreamResponse extends Response {
  readonly #pipe: Pipe;
  readonly #compress: boolean;
  #state = CREATED;
  #hasLeft = false;
  #task: RequestTask | null = null;

  /**
   * Creates a response. Nothing is sent before `prepare()`.
   *
   * @param init Its status and headers.
   */
  constructor(init: StreamResponseInit = {}) {
    const { compress = false, ...rest } = init;
    const pipe = new Pipe();
    super(isEmptyStatus(init.status ?? 200) ? null : pipe.readable, rest);
    this.#pipe = pipe;
    this.#compress = compress;
  }

  /** Whether the head has been sent. Counterpart of aiohttp's `response.prepared`. */
  get prepared(): boolean {
    return this.#state !== CREATED;
  }

  /**
   * Sends the status and the headers; the body is what is written from then on.
   *
   * @param request The request that it answers.
   * @throws {RuntimeError} If the request was answered already, or no application answers it.
   */
  prepare(request: Request): void {
    if (this.#state !== CREATED) {
      throw new RuntimeError("Cannot prepare response: it was prepared already");
    }
    const task = taskOf(request, "prepare response");
    this.#pipe.onCancel = () => this.#onCancel();
    task.answerEarly(this.#compress ? compress(request, this, { minSize: 0 }) : this, this);
    this.#task = task;
    this.#state = PREPARED;
  }

  #onCancel(): void {
    this.#state = ENDED;
    this.#hasLeft = true;
    this.#task?.clientLeft();
  }

  /**
   * Sends a chunk of the body, and waits if the client is slow. A response without a body, as with
   * status 204 or 304, drops it.
   *
   * @param data The bytes, or a text to send in UTF-8. The bytes must not be changed afterwards.
   * @returns An awaitable that ends when more may be written.
   * @throws {TypeError} If the data is neither.
   * @throws {Deno.errors.ConnectionReset} If the client has left.
   * @throws {RuntimeError} If the response is not prepared, or has ended.
   */
  write(data: Uint8Array<ArrayBuffer> | string): Awaitable<void> {
    if (this.#state === CREATED) {
      throw new RuntimeError("Cannot write response: call prepare() first");
    }
    return new Operation(() => this.#write(data));
  }

  *#write(data: Uint8Array<ArrayBuffer> | string): Steps<void> {
    if (this.#hasLeft) {
      throw new Deno.errors.ConnectionReset("Cannot write response: the client has left");
    }
    if (this.#state === ENDED) throw new RuntimeError("Cannot write response: it has ended");
    const chunk = bytesOf(data);
    if (this.body !== null) yield* this.#pipe.write(chunk);
  }

  /**
   * Ends the body. The end of the handler does the same. Counterpart of `write_eof()`.
   *
   * @param data A last chunk.
   * @returns An awaitable that ends when the last chunk was taken.
   * @throws {Deno.errors.ConnectionReset} If the client has left before the last chunk.
   * @throws {TypeError} If the last chunk is neither bytes nor text.
   * @throws {RuntimeError} If the response is not prepared.
   */
  writeEof(data: Uint8Array<ArrayBuffer> | string = ""): Awaitable<void> {
    if (this.#state === CREATED) {
      throw new RuntimeError("Cannot end response: call prepare() first");
    }
    return new Operation(() => this.#writeEof(data));
  }

  *#writeEof(data: Uint8Array<ArrayBuffer> | string): Steps<void> {
    if (data.length !== 0) yield* this.#write(data);
    this._handlerEnded(null);
  }

  /** @ignore Whether the response can be written to. */
  get _isOpen(): boolean {
    return this.#state === PREPARED;
  }

  /** @ignore Sends a short chunk, unless a write would have to wait. */
  _pushNowait(text: string): void {
    if (this.#pipe.hasRoom) this.#pipe.push(encoder.encode(text));
  }

  /** @ignore */
  _handlerEnded(error: unknown): void {
    this.#state = ENDED;
    this.#pipe.end(error);
  }
}
