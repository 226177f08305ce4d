/**
 * A value that will be available later.
 *
 * Counterpart of Python's `asyncio.futures`. A future is pending, then done, once and for good:
 * with a result, with an exception, or cancelled. Its callbacks are called by the loop, in order,
 * never by the code that settles it.
 *
 * A future can be awaited in an async function (`await future`) and in a generator
 * (`yield* future`). It is not a `Promise`: promises call back in microtasks, which the loop does
 * not see.
 *
 * @module
 */

import { current, currentOwner, NO_LOOP } from "./_current.ts";
import { AwaitFrame, suspendOn } from "./_frame.ts";
import type { Frame, FrameOwner, Steps, Suspension } from "./_frame.ts";
import { printable, repr } from "./_repr.ts";
import type { BaseEventLoop } from "./base_events.ts";
import { currentValues } from "./contextvars.ts";
import type { Context } from "./contextvars.ts";
import { CancelledError, InvalidStateError, RuntimeError } from "./exceptions.ts";
import { Handle } from "./handles.ts";
import type { Runnable } from "./handles.ts";
import { LostObjects } from "./lost_objects.ts";

/**
 * What can be awaited in an async function and, by `yield*`, in a generator.
 *
 * Counterpart of Python's `Awaitable`.
 *
 * @typeParam T The type of the result.
 */
export interface Awaitable<T> extends PromiseLike<T> {
  /** The steps of waiting for it, for `yield*`. */
  [Symbol.iterator](): Generator<Suspension, T, unknown>;
}

/** Options for {@linkcode Future}. */
export interface FutureOptions {
  /** The loop that the future belongs to; by default the running one. */
  loop?: BaseEventLoop;
}

/** Options for {@linkcode Future.addDoneCallback}. */
export interface DoneCallbackOptions {
  /** The context to call the callback in; by default the current one. */
  context?: Context;
}

const PENDING = 0;
const RESULT = 1;
const EXCEPTION = 2;
const CANCELLED = 3;

/**
 * The result of an operation that may not be done yet.
 *
 * Counterpart of Python's `asyncio.Future`.
 *
 * @typeParam T The type of the result.
 *
 * @example A callback of the loop gives a coroutine what it waits for
 * ```ts
 * import { getRunningLoop, run } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * const answer = await run(async () => {
 *   const loop = getRunningLoop();
 *   const future = loop.createFuture<number>();
 *   loop.callLater(0.01, () => future.setResult(42));
 *   return await future;
 * });
 * assertEquals(answer, 42);
 * ```
 */
export class Future<T> implements Awaitable<T> {
  /** @ignore */
  readonly _loop: BaseEventLoop;
  #state = PENDING;
  /** The result, the exception, or the CancelledError that ended it. */
  #outcome: unknown = undefined;
  /** @ignore Why it was cancelled, or is about to be. */
  _cancelMessage: string | undefined = undefined;
  /** What to put into the ready queue once it is done: nothing, one entry, or several. */
  #waiting: Runnable | Runnable[] | null = null;
  #unretrieved: Unretrieved | null = null;

  /**
   * Creates a pending future. `loop.createFuture()` is the usual way.
   *
   * @param options The loop it belongs to.
   * @throws {RuntimeError} If no loop is given and none is running.
   */
  constructor(options: FutureOptions = {}) {
    const loop = options.loop ?? current.loop as BaseEventLoop | null;
    if (loop === null) {
      throw new RuntimeError(`Cannot create future without a loop: ${NO_LOOP}`);
    }
    this._loop = loop;
  }

  static {
    printable(this.prototype);
  }

  /**
   * Tells whether the future is done: has a result, an exception, or was cancelled.
   *
   * @returns Whether it is no longer pending.
   */
  done(): boolean {
    return this.#state !== PENDING;
  }

  /**
   * Tells whether the future was cancelled.
   *
   * @returns Whether it ended by a cancellation.
   */
  cancelled(): boolean {
    return this.#state === CANCELLED;
  }

  /**
   * Returns the result.
   *
   * @returns The result.
   * @throws {InvalidStateError} If the future is pending.
   * @throws {CancelledError} If it was cancelled.
   * @throws {unknown} Its exception, if it has one.
   */
  result(): T {
    switch (this.#state) {
      case RESULT:
        return this.#outcome as T;
      case EXCEPTION:
        this.#markRetrieved();
        throw this.#outcome;
      case CANCELLED:
        throw this._cancelledError();
      default:
        throw new InvalidStateError("Cannot get result: Result is not set.");
    }
  }

  /**
   * Returns the exception.
   *
   * @returns What was thrown, or null if the future has a result.
   * @throws {InvalidStateError} If the future is pending.
   * @throws {CancelledError} If it was cancelled.
   */
  exception(): unknown {
    if (this.#state === PENDING) {
      throw new InvalidStateError("Cannot get exception: Exception is not set.");
    }
    if (this.#state === CANCELLED) throw this._cancelledError();
    if (this.#state === RESULT) return null;
    this.#markRetrieved();
    return this.#outcome;
  }

  /**
   * Ends the future with a result.
   *
   * @param value The result.
   * @throws {InvalidStateError} If it is done already.
   */
  setResult(value: T): void {
    this._settleResult(value);
  }

  /**
   * Ends the future with an exception.
   *
   * @param exception What to throw in the code that awaits the future; an error class is
   * instantiated.
   * @throws {InvalidStateError} If the future is done already.
   */
  setException(exception: unknown): void {
    this._settleException(exception);
  }

  /**
   * Cancels the future: the code that awaits it gets a {@linkcode CancelledError}.
   *
   * @param message The message of the CancelledError.
   * @returns False if the future was done already, and nothing happened.
   */
  cancel(message?: string): boolean {
    if (this.#state !== PENDING) return false;
    this._cancelMessage = message;
    this._settleCancelled(null);
    return true;
  }

  /**
   * Schedules `callback` to be called once the future is done; in the next turn if it already is.
   *
   * @param callback Called with the future. Callbacks are called in the order in which they were
   * added.
   * @param options The context to call it in.
   */
  addDoneCallback(
    callback: (future: Future<T>) => unknown,
    options: DoneCallbackOptions = {},
  ): void {
    const context = options.context ?? currentValues();
    this._subscribe(
      new Handle(callback as (future: never) => unknown, [this], this._loop, context),
    );
  }

  /**
   * Removes every entry of `callback` that {@linkcode Future.addDoneCallback} made.
   *
   * @param callback The function to remove.
   * @returns How many entries were removed.
   */
  removeDoneCallback(callback: (future: Future<T>) => unknown): number {
    const all = this._entries();
    const calls = callback as (future: never) => unknown;
    const kept = all.filter((entry) => !(entry instanceof Handle && entry._calls(calls)));
    this.#waiting = kept.length === 0 ? null : kept;
    return all.length - kept.length;
  }

  /**
   * Returns the loop that the future belongs to. Counterpart of Python's `get_loop()`.
   *
   * @returns The loop.
   */
  getLoop(): BaseEventLoop {
    return this._loop;
  }

  // -- Awaiting --

  /**
   * Waits for the future; `await` calls this. Awaiting a future that is done takes no turn of the
   * loop.
   *
   * @typeParam R1 What `onFulfilled` returns.
   * @typeParam R2 What `onRejected` returns.
   * @param onFulfilled Called with the result.
   * @param onRejected Called with the exception.
   * @returns An awaitable of what the called function returns.
   */
  then<R1 = T, R2 = never>(
    onFulfilled?: ((value: T) => R1 | PromiseLike<R1>) | null,
    onRejected?: ((reason: unknown) => R2 | PromiseLike<R2>) | null,
  ): PromiseLike<R1 | R2> {
    const owner = currentOwner() as FrameOwner | null;
    if (this.#state !== PENDING) return this.#settledPromise().then(onFulfilled, onRejected);
    const loop = owner?._loop ?? this._loop;
    const frame = new AwaitFrame(owner, loop, onFulfilled, onRejected);
    const problem = owner === null ? null : frame.problemOf(this);
    if (problem === null) frame.suspendOnFuture(this);
    else frame.suspendToFail(problem);
    return frame;
  }

  #settledPromise(): Promise<T> {
    if (this.#state === RESULT) return Promise.resolve(this.#outcome as T);
    if (this.#state === CANCELLED) return Promise.reject(this._cancelledError());
    this.#markRetrieved();
    return Promise.reject(this.#outcome);
  }

  /**
   * Waits for the future; `yield*` calls this. Awaiting a future that is done takes no turn of the
   * loop.
   *
   * @returns The steps of waiting.
   */
  [Symbol.iterator](): Generator<Suspension, T, unknown> {
    return new FutureSteps(this) as unknown as Steps<T>;
  }

  /** @ignore */
  _subscribe(entry: Runnable): void {
    const waiting = this.#waiting;
    if (this.#state !== PENDING) this._loop._enqueue(entry);
    else if (waiting === null) this.#waiting = entry;
    else if (Array.isArray(waiting)) waiting.push(entry);
    else this.#waiting = [waiting, entry];
  }

  /** @ignore What goes into the ready queue once it is done. */
  _entries(): readonly Runnable[] {
    const waiting = this.#waiting;
    if (waiting === null) return [];
    return Array.isArray(waiting) ? waiting : [waiting];
  }

  /** @ignore */
  _deliverTo(frame: Frame, error: CancelledError | null): void {
    if (error !== null) return frame._fail(error);
    if (this.#state === RESULT) return frame._finish(this.#outcome);
    if (this.#state === CANCELLED) return frame._fail(this._cancelledError());
    this.#markRetrieved();
    frame._fail(this.#outcome);
  }

  /**
   * @ignore The CancelledError that it ended with, or null; an exception then counts as retrieved.
   */
  _cancellation(): CancelledError | null {
    if (this.#state === CANCELLED) return this._cancelledError();
    if (this.#state === RESULT) return null;
    this.#markRetrieved();
    return this.#outcome instanceof CancelledError ? this.#outcome : null;
  }

  // -- Settling --

  /** @ignore */
  _settleResult(value: T): void {
    this.#settle(RESULT, value);
  }

  /** @ignore */
  _settleException(exception: unknown): void {
    const error = isErrorClass(exception) ? new exception() : exception;
    this.#settle(EXCEPTION, error);
    this.#unretrieved = unretrieved.watch(this, {
      loop: this._loop,
      error,
      kind: this.constructor.name,
      description: String(this),
    });
  }

  /** @ignore Ends the future as cancelled, with the error that cancelled it, if there was one. */
  _settleCancelled(error: CancelledError | null): void {
    this.#settle(CANCELLED, error);
  }

  /**
   * @ignore The error for code that awaits a cancelled future: the one that cancelled it, if any.
   */
  _cancelledError(): CancelledError {
    const error = this.#outcome as CancelledError | null;
    return error ?? this._loop._cancelledError(this._cancelMessage);
  }

  #settle(state: number, outcome: unknown): void {
    if (this.#state !== PENDING) {
      throw new InvalidStateError(`Cannot settle future: invalid state: ${this}`);
    }
    this.#state = state;
    this.#outcome = outcome;
    const waiting = this.#waiting;
    if (waiting === null) return;
    this.#waiting = null;
    if (Array.isArray(waiting)) { for (const entry of waiting) this._loop._enqueue(entry); }
    else this._loop._enqueue(waiting);
  }

  /** The exception was retrieved: there is nothing to report. */
  #markRetrieved(): void {
    if (this.#unretrieved === null) return;
    unretrieved.forget(this.#unretrieved);
    this.#unretrieved = null;
  }

  /** @ignore Marks the exception as needing no report, although nobody retrieved it. */
  _silence(): void {
    this.#markRetrieved();
  }

  /** @ignore Whether it ended with an exception. */
  _failed(): boolean {
    return this.#state === EXCEPTION;
  }

  /** @ignore The futures that it stands for: they have to be done before it is. */
  _parts(): Iterable<Future<unknown>> {
    return [];
  }

  /** @ignore Whether the host may end it; then the loop can't tell that it will never be done. */
  get _isUpToHost(): boolean {
    for (const part of this._parts()) if (part._isUpToHost) return true;
    return false;
  }

  /** @ignore The inner part of `toString()`. */
  _describe(): string {
    switch (this.#state) {
      case RESULT:
        return `finished result=${repr(this.#outcome)}`;
      case EXCEPTION:
        return `finished exception=${repr(this.#outcome)}`;
      case CANCELLED:
        return "cancelled";
      default:
        return "pending";
    }
  }

  /**
   * Returns the future as Python prints it.
   *
   * @returns Such as `<Future finished result=42>`.
   */
  toString(): string {
    return `<${this.constructor.name} ${this._describe()}>`;
  }

  /**
   * @ignore Without this, a future that was not awaited would be written with its fields, the loop
   * among them.
   */
  toJSON(): never {
    throw new TypeError(`Cannot write ${this} as JSON: it must be awaited first`);
  }
}

/**
 * The steps of `yield* future`, by hand: a generator would take twice the time, and three times to
 * throw.
 */
class FutureSteps<T> {
  readonly #future: Future<T>;
  #hasYielded = false;

  constructor(future: Future<T>) {
    this.#future = future;
  }

  next(): IteratorResult<Suspension, T> {
    const future = this.#future;
    if (future.done()) return { done: true, value: future.result() };
    if (this.#hasYielded) throw new RuntimeError("Cannot go on: await wasn't used with future");
    this.#hasYielded = true;
    return { done: false, value: suspendOn(future) };
  }

  throw(error: unknown): never {
    throw error;
  }

  return(value: T): IteratorResult<Suspension, T> {
    return { done: true, value };
  }

  /** Returns itself, as every iterator does: `yield*` takes the steps as well as the future. */
  [Symbol.iterator](): this {
    return this;
  }
}

function isErrorClass(value: unknown): value is new () => Error {
  return typeof value === "function" && value.prototype instanceof Error;
}

/**
 * Tells whether `value` is a future.
 *
 * Counterpart of Python's `asyncio.isfuture()`.
 *
 * @param value Anything.
 * @returns Whether it is a {@linkcode Future} or a task.
 *
 * @example
 * ```ts
 * import { isFuture, newEventLoop } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * const loop = newEventLoop();
 * assertEquals(isFuture(loop.createFuture()), true);
 * assertEquals(isFuture(Promise.resolve()), false);
 * ```
 */
export function isFuture(value: unknown): value is Future<unknown> {
  return value instanceof Future;
}

// -- Exceptions that are never retrieved --

/** An exception that was stored in a future and not retrieved so far. */
interface Unretrieved {
  readonly loop: BaseEventLoop;
  readonly error: unknown;
  readonly kind: string;
  readonly description: string;
}

const unretrieved = new LostObjects<Unretrieved>(report);

function report(record: Unretrieved): void {
  record.loop.callExceptionHandler({
    message: `${record.kind} exception was never retrieved`,
    exception: record.error,
    future: record.description,
  });
}
