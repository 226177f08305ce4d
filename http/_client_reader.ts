/**
 * Reads the body of a response: all at once, in chunks, or as a web stream.
 *
 * Each of these ends the exchange when the body has ended, and fails it when the body breaks off.
 *
 * @module
 */

import { CancelledError, RuntimeError } from "../loop/mod.ts";
import type { Steps } from "../loop/coroutines.ts";
import { concat } from "../net/bytes.ts";
import type { Exchange } from "./_client_exchange.ts";
import { ClientPayloadError } from "./client_exceptions.ts";

/** Up to this size, in bytes, a body is read in one go, which is twice as fast. */
const SMALL = 64 * 1024;
/** Reading in one go hides how bytes arrive, so `idleRead` must be at least this, in seconds. */
const PATIENT = 30;

const NOTHING_TO_DO = Promise.resolve();

/** See the module's description. */
export class BodyReader {
  readonly #response: Response;
  readonly #exchange: Exchange;
  readonly #url: string;
  /** The length that the response declares, in bytes; else NaN. */
  readonly #length: number;
  readonly #hasBody: boolean;
  /** How many bytes were read in chunks. */
  #size = 0;
  /** Whether the runtime was asked for the whole body. */
  #isTaken = false;
  #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | null = null;
  #stream: ReadableStream<Uint8Array<ArrayBuffer>> | null = null;
  /** Whether a read is pending, of a chunk or of the whole body. */
  #busy = false;
  #whole: Uint8Array<ArrayBuffer> | null = null;

  constructor(response: Response, exchange: Exchange, url: string) {
    this.#response = response;
    this.#exchange = exchange;
    this.#url = url;
    this.#hasBody = response.body !== null;
    if (!this.#hasBody) this.#exchange.end();
    const length = response.headers.get("content-length");
    this.#length = length === null ? NaN : Number(length);
    if (this.#length === 0) {
      // There is nothing to wait for: the place is free at once, even if the body is never read.
      this.#whole = new Uint8Array(0);
      this.#exchange.end();
      this.#discard();
    }
  }

  /** Tells the runtime that the body, of which nothing has been read, will not be read. */
  #discard(): void {
    this.#response.body?.cancel().catch(() => {}); // a failure no longer matters
  }

  /** Reads the whole body; further calls return the same bytes. */
  *all(): Steps<Uint8Array<ArrayBuffer>> {
    if (this.#whole !== null) return this.#whole;
    this.#exchange.check();
    if (this.#stream !== null || this.#reader !== null) {
      throw new RuntimeError(
        `Cannot read response of ${this.#url}: it is being read as a stream already`,
      );
    }
    if (!this.#hasBody) return this.#whole = new Uint8Array(0);
    if (!this.#isSmall()) return this.#whole = yield* this.#inChunks();
    this.#begin();
    this.#isTaken = true;
    try {
      const whole = yield* this.#exchange.waitFor(this.#response.bytes(), "idleRead");
      this.#exchange.waited();
      this.#exchange.check();
      this.#checkSize(whole.length);
      this.#exchange.end();
      return this.#whole = whole;
    } catch (error) {
      throw this.#failed(this.#exchange.errorFor(error));
    } finally {
      this.#busy = false;
    }
  }

  /**
   * Throws a TypeError, as the runtime does for a body that breaks off, where the runtime mistakes
   * that for its end: with HTTP/2, when the connection is lost. Compressed bodies are not checked,
   * since their declared length is not that of what is read.
   */
  #checkSize(size: number): void {
    if (!(size < this.#length) || this.#response.headers.has("content-encoding")) return;
    throw new TypeError(`only ${size} of ${this.#length} bytes have come`);
  }

  #isSmall(): boolean {
    const { idleRead, tracer } = this.#exchange;
    return this.#length <= SMALL && (idleRead === null || idleRead >= PATIENT) &&
      !tracer?.wants("onResponseChunkReceived");
  }

  *#inChunks(): Steps<Uint8Array<ArrayBuffer>> {
    const parts: Uint8Array[] = [];
    for (;;) {
      const part = yield* this.chunk();
      if (part === null) return concat(parts);
      parts.push(part);
    }
  }

  /** Reads the next chunk; null at the end. */
  *chunk(): Steps<Uint8Array<ArrayBuffer> | null> {
    if (this.#stream !== null) {
      throw new RuntimeError(
        `Cannot read response of ${this.#url}: it is being read through content`,
      );
    }
    if (this.#whole !== null || !this.#hasBody) return null;
    this.#begin();
    try {
      this.#reader ??= this.#response.body!.getReader();
      return this.#received(yield* this.#exchange.wait(this.#reader.read(), "idleRead"));
    } catch (error) {
      throw this.#failed(error);
    } finally {
      this.#busy = false;
    }
  }

  /** Returns the body as a web stream. */
  stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    if (this.#stream !== null) return this.#stream;
    if (this.#whole === null && (this.#reader !== null || this.#busy)) {
      throw new RuntimeError(`Cannot read response of ${this.#url}: it is being read already`);
    }
    return this.#stream = new ReadableStream({
      pull: (controller) => this.#pull(controller),
      cancel: () => this.cancel(),
    }, { highWaterMark: 0 });
  }

  async #pull(
    controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>,
  ): Promise<void> {
    if (this.#whole !== null || !this.#hasBody) {
      if (this.#whole?.length) controller.enqueue(this.#whole);
      return controller.close();
    }
    this.#exchange.startTimer("idleRead");
    try {
      this.#reader ??= this.#response.body!.getReader();
      const chunk = this.#received(await this.#reader.read());
      if (chunk === null) controller.close();
      else controller.enqueue(chunk);
    } catch (error) {
      // The stream throws the error at its reader; a CancelledError here is the reason of an abort.
      controller.error(this.#failed(error));
    } finally {
      this.#exchange.stopTimer();
    }
  }

  #begin(): void {
    this.#exchange.check();
    if (this.#exchange.ended) throw this.#released();
    if (this.#busy) {
      throw new RuntimeError(
        `Cannot read response of ${this.#url}: another task is reading it already`,
      );
    }
    this.#busy = true;
  }

  #received(
    result: ReadableStreamReadResult<Uint8Array<ArrayBuffer>>,
  ): Uint8Array<ArrayBuffer> | null {
    this.#exchange.check();
    if (result.done) {
      // A body that is discarded during a read ends, too, but is not complete.
      if (this.#exchange.ended) throw this.#released();
      this.#checkSize(this.#size);
      this.#whole = new Uint8Array(0);
      this.#exchange.end();
      return null;
    }
    this.#size += result.value.length;
    this.#exchange.tracer?.tell("onResponseChunkReceived", { size: result.value.length });
    return result.value;
  }

  /** Returns what to throw for an error of the runtime, which ends the exchange. */
  #failed(error: unknown): unknown {
    if (error instanceof CancelledError) return error;
    const { failure } = this.#exchange;
    // What ended the exchange is why the body broke off.
    if (failure !== null) return failure.error;
    if (this.#exchange.ended) return this.#released();
    if (!(error instanceof TypeError)) return error;
    const text = `Cannot read response of ${this.#url}: ${error.message}`;
    const known = new ClientPayloadError(text, { cause: error });
    this.#exchange.fail(known);
    return known;
  }

  #released(): RuntimeError {
    return new RuntimeError(`Cannot read response of ${this.#url}: it was released`);
  }

  /** Discards the rest. */
  cancel(): Promise<void> {
    return this.#exchange.ended ? NOTHING_TO_DO : this.#cancel();
  }

  async #cancel(): Promise<void> {
    this.#exchange.end();
    // This closes the connection; it does not matter if that is broken already.
    if (this.#reader !== null) await this.#reader.cancel().catch(() => {});
    else if (this.#isTaken) this.#exchange.abort();
    else this.#discard();
  }
}
