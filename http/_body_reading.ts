/**
 * Waiting for the body of a request.
 *
 * @module
 */

import { Future, RuntimeError } from "../loop/mod.ts";
import type { Suspension } from "../loop/mod.ts";
import type { Steps } from "../loop/coroutines.ts";
import { malformed, readingError } from "./_broken_body.ts";
import { findTask, isAnswered } from "./_request_task.ts";
import type { RequestTask } from "./_request_task.ts";

/** What to read, and how; shared by all readings of the same kind. */
export interface Recipe<Source, Raw, T> {
  /** Starts to read. What it throws goes to the waiting task. */
  read(source: Source): Promise<Raw>;
  /** Converts what was read to what was asked for; what it throws goes to the waiting task. */
  convert(raw: Raw, source: Source): T;
  /** Converts the error of a failed reading; by default `readingError()`. */
  explain?(error: unknown): unknown;
}

/**
 * Lets two microtasks pass: as many as Deno takes to deliver a body that has arrived already. The
 * host does nothing meanwhile.
 */
function twoMicrotasks(): Promise<void> {
  return READY.then(doNothing);
}

const READY = Promise.resolve();

function doNothing(): void {}

/**
 * Reads from the body of a request, once it is awaited. As in asyncio, no turn of the loop passes
 * if the body has arrived already. A cancellation ends the waiting at once, whatever Deno does.
 */
export class BodyReading<Source, Raw, T> extends Future<T> {
  readonly #source: Source;
  readonly #recipe: Recipe<Source, Raw, T>;
  #hasBegun = false;

  constructor(source: Source, recipe: Recipe<Source, Raw, T>) {
    super();
    this.#source = source;
    this.#recipe = recipe;
  }

  override get _isUpToHost(): boolean {
    return true;
  }

  override then<R1 = T, R2 = never>(
    onFulfilled?: ((value: T) => R1 | PromiseLike<R1>) | null,
    onRejected?: ((reason: unknown) => R2 | PromiseLike<R2>) | null,
  ): PromiseLike<R1 | R2> {
    this.#begin();
    if (this.done()) return super.then(onFulfilled, onRejected);
    return twoMicrotasks().then(() => {
      // What has arrived already needs no more promises.
      const isThere = this.done() && !this.cancelled() && !this._failed();
      if (isThere && onFulfilled) return onFulfilled(this.result());
      return super.then(onFulfilled, onRejected);
    });
  }

  override *[Symbol.iterator](): Generator<Suspension, T, unknown> {
    this.#begin();
    if (!this.done()) yield twoMicrotasks();
    return yield* super[Symbol.iterator]();
  }

  #begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    let reading: Promise<Raw>;
    try {
      reading = this.#recipe.read(this.#source);
    } catch (error) {
      return this.#failed(error); // for the waiting task
    }
    reading.then(
      (raw) => this.#received(raw),
      (error) => this.#failed((this.#recipe.explain ?? readingError)(error)),
    );
  }

  #received(raw: Raw): void {
    if (this.done()) return;
    try {
      this.setResult(this.#recipe.convert(raw, this.#source));
    } catch (error) {
      // It is for the waiting task; the host's callback must not throw it.
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    if (!this.done()) this.setException(error);
  }
}

type Bytes = Uint8Array<ArrayBuffer>;
type Read = ReadableStreamReadResult<Bytes>;

/** The chunks of a body. If a task is cancelled while it waits for one, the next task gets it. */
export class BodyChunks {
  readonly #reader: ReadableStreamDefaultReader<Bytes>;
  readonly #task: RequestTask | null;
  /** The pending read, whose chunk nobody has taken yet. */
  #coming: Promise<Read> | null = null;

  static readonly #recipe: Recipe<Promise<Read>, Read, Read> = {
    read: (coming) => coming,
    convert: (read) => read,
  };

  /** Takes the chunks of a request that has a body. */
  constructor(request: Request) {
    this.#reader = request.body!.getReader();
    this.#task = findTask(request);
  }

  /** Waits for a chunk; null at the end. */
  *next(): Steps<Bytes | null> {
    const coming = this.#coming ??= this.#reader.read();
    const reading = new BodyReading(coming, BodyChunks.#recipe);
    if (this.#task !== null && this.#task.early !== null) failIfLeft(reading, this.#task);
    const { value } = yield* reading;
    if (this.#coming !== coming) return NOTHING; // another task has taken it
    this.#coming = null;
    return value ?? null;
  }

  /** Drops what is left. */
  close(): void {
    // Nobody wants the rest; it does not matter if it can't be cancelled.
    this.#reader.cancel().catch(doNothing);
  }
}

const NOTHING: Bytes = new Uint8Array();

function failIfLeft(reading: Future<unknown>, task: RequestTask): void {
  const forget = task.onClientLeft(() => {
    const error = malformed(new Deno.errors.ConnectionReset("the client has left"));
    if (!reading.done()) reading.setException(error);
  });
  reading.addDoneCallback(forget);
}

/**
 * Throws if fewer bytes have arrived than the headers of the request say: Deno takes the reset of
 * an HTTP/2 stream for the end of the body. A request that a middleware has made is not checked:
 * its size may differ from its headers.
 */
export function checkWhole(request: Request, size: number): void {
  const length = isAnswered(request) ? request.headers.get("content-length") : null;
  if (length === null || size >= Number(length) || request.body === null) return;
  throw malformed(new Deno.errors.UnexpectedEof(`only ${size} of ${length} bytes have come`));
}

/** The error for a second reading: a fault of the program, for which Deno throws the same error. */
export function readAlready(): RuntimeError {
  return new RuntimeError("Cannot read body: it was read already, and not from a request.clone()");
}
