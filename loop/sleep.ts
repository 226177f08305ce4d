/**
 * Waiting for time to pass.
 *
 * Counterpart of `sleep()` in Python's `asyncio.tasks`.
 *
 * @module
 */

import { abortable } from "./_abortable.ts";
import type { AbortableOptions } from "./_abortable.ts";
import type { Steps } from "./_frame.ts";
import { repr } from "./_repr.ts";
import type { BaseEventLoop } from "./base_events.ts";
import { nextTurn, Operation, watcher } from "./coroutines.ts";
import { getRunningLoop } from "./events.ts";
import { Future } from "./futures.ts";
import type { Awaitable } from "./futures.ts";
import type { Timer } from "./handles.ts";

/** A future that is also the timer that ends it. */
class SleepFuture<T> extends Future<T> implements Timer {
  readonly _when: number;
  _index = -1;
  _sequence = 0;
  readonly #result: T;

  constructor(loop: BaseEventLoop, delay: number, result: T) {
    super({ loop });
    this._when = loop.time() + delay;
    this.#result = result;
    loop._addTimer(this);
  }

  _run(): void {
    if (!this.done()) this.setResult(this.#result);
  }

  override cancel(message?: string): boolean {
    if (this._index >= 0) this._loop._forgetTimer(this);
    return super.cancel(message);
  }
}

/** What `sleep()` returns. The time starts when it is awaited. */
class Sleep<T> implements Awaitable<T> {
  readonly #delay: number;
  readonly #result: T;

  constructor(delay: number, result: T) {
    this.#delay = delay;
    this.#result = result;
    watcher()?.awaitableMade(this);
  }

  then<R1 = T, R2 = never>(
    onFulfilled?: ((value: T) => R1 | PromiseLike<R1>) | null,
    onRejected?: ((reason: unknown) => R2 | PromiseLike<R2>) | null,
  ): PromiseLike<R1 | R2> {
    return this.#start().then(onFulfilled, onRejected);
  }

  [Symbol.iterator](): Steps<T> {
    return this.#start()[Symbol.iterator]();
  }

  #start(): SleepFuture<T> {
    watcher()?.awaitableStarts(this);
    return new SleepFuture(getRunningLoop(), this.#delay, this.#result);
  }
}

function* passTurn<T>(result: T): Steps<T> {
  yield;
  return result;
}

/**
 * Waits for `delay` seconds.
 *
 * `sleep(0)` lets the loop go through one turn. Counterpart of Python's `asyncio.sleep()`.
 *
 * @param delay Seconds to wait; zero or less means one turn of the loop.
 * @returns An awaitable. The time starts when it is awaited; a cancelled sleep leaves no timer.
 * @throws {RangeError} If `delay` is not a number.
 *
 * @example
 * ```ts
 * import { run, sleep } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await run(() => sleep(0.01, "awake")), "awake");
 * ```
 */
export function sleep(delay: number): Awaitable<undefined>;
/**
 * Waits for `delay` seconds, and returns `result`.
 *
 * @typeParam T The type of the result.
 * @param delay Seconds to wait; zero or less means one turn of the loop.
 * @param result What to return; undefined for nothing, to give only options.
 * @param options A signal that ends the waiting.
 * @returns An awaitable of the result.
 * @throws {RangeError} If `delay` is not a number.
 *
 * @example Ended by a signal
 * ```ts
 * import { run, sleep } from "@aio/asyncio";
 * import { assertRejects } from "@std/assert";
 *
 * const signal = AbortSignal.timeout(10);
 * await assertRejects(() => run(() => sleep(3600, undefined, { signal })), DOMException);
 * ```
 */
export function sleep<T>(delay: number, result: T, options?: AbortableOptions): Awaitable<T>;
export function sleep<T>(
  delay: number,
  result?: T,
  options: AbortableOptions = {},
): Awaitable<T | undefined> {
  if (options.signal !== undefined) {
    return abortable(options, () => sleep(delay, result)[Symbol.iterator]());
  }
  if (typeof delay !== "number" || Number.isNaN(delay)) {
    throw new RangeError(`Cannot sleep: delay must be a number, not ${repr(delay)}`);
  }
  if (delay > 0) return new Sleep(delay, result);
  return result === undefined ? nextTurn : new Operation(() => passTurn(result));
}
