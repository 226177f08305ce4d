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

/** What to read, and how; one for all that is read that way. */
export interface Recipe<Source, Raw, T> {
  /** Has the platform read. What it throws goes to whoever waits. */
  read(source: Source): Promise<Raw>;
  /** Makes what was asked for of what was read; what it throws goes to whoever waits. */
  convert(raw: Raw, source: Source): T;
  /** What to throw for what reading has failed with; by default, it is `readingError()`. */
  explain?(error: unknown): unknown;
}

/**
 * Lets two microtasks pass: as many as the platform takes to give a body that has come already. The host
 * does nothing meanwhile.
 */
function twoMicrotasks(): Promise<void> {
  return READY.then(doNothing);
}

const READY = Promise.resolve();

function doNothing(): void {}

/**
 * Reads from the body of a request, from when it is awaited on. As in asyncio, no turn of the loop passes
 * where the body is there already. A cancellation ends the waiting at once, whatever the platform does.
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
      // For what has come at once, no more promises.
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
      return this.#failed(error); // for whoever waits
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
      // For whoever waits: it is no error of the platform's callback.
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    if (!this.done()) this.setException(error);
  }
}

type Bytes = Uint8Array<ArrayBuffer>;
type Read = ReadableStreamReadResult<Bytes>;

/** The pieces of a body. Whoever is cancelled while waiting for one leaves it to the next who waits. */
export class BodyPieces {
  readonly #reader: ReadableStreamDefaultReader<Bytes>;
  readonly #task: RequestTask | null;
  /** What nobody has taken yet. */
  #coming: Promise<Read> | null = null;

  static readonly #recipe: Recipe<Promise<Read>, Read, Read> = {
    read: (coming) => coming,
    convert: (read) => read,
  };

  /** Those of a request that has a body. */
  constructor(request: Request) {
    this.#reader = request.body!.getReader();
    this.#task = findTask(request);
  }

  /** Waits for a piece; null at the end. */
  *next(): Steps<Bytes | null> {
    const coming = this.#coming ??= this.#reader.read();
    const reading = new BodyReading(coming, BodyPieces.#recipe);
    if (this.#task !== null && this.#task.early !== null) failIfLeft(reading, this.#task);
    const { value } = yield* reading;
    if (this.#coming !== coming) return NOTHING; // somebody else has waited for it, too
    this.#coming = null;
    return value ?? null;
  }

  /** Drops what is left. */
  close(): void {
    // Nobody wants it; whether that can be said is all the same.
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
 * Throws if fewer bytes have come than the head of the request says. Where a client has reset its stream of
 * HTTP/2, the platform takes that for the end of the body. What a middleware has put in place of the
 * request may have another size than its head says.
 */
export function checkWhole(request: Request, size: number): void {
  const length = isAnswered(request) ? request.headers.get("content-length") : null;
  if (length === null || size >= Number(length) || request.body === null) return;
  throw malformed(new Deno.errors.UnexpectedEof(`only ${size} of ${length} bytes have come`));
}

/** What to throw for a second reading: the program's fault, for which the platform has the same error. */
export function readAlready(): RuntimeError {
  return new RuntimeError("Cannot read body: it was read already, and not from a request.clone()");
}
