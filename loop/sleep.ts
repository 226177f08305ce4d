/**
 * Waiting for time to pass.
 *
 * Counterpart of `sleep()` in Python's `asyncio.tasks`.
 *
 * @module
 */

import type { Steps } from "./_frame.ts";
import { nextTurn, Operation } from "./coroutines.ts";
import { getRunningLoop } from "./events.ts";
import type { Awaitable, Future } from "./futures.ts";

function wakeUp<T>(future: Future<T>, result: T): void {
  if (!future.done()) future.setResult(result);
}

function* sleepFor<T>(delay: number, result: T): Steps<T> {
  const loop = getRunningLoop();
  const future = loop.createFuture<T>();
  const timer = loop.callLater(delay, wakeUp<T>, future, result);
  try {
    return yield* future;
  } finally {
    timer.cancel();
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
 * @param delay Seconds to wait; zero and less mean one turn of the loop.
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
 * Waits for `delay` seconds, and gives `result`.
 *
 * @typeParam T The type of the result.
 * @param delay Seconds to wait; zero and less mean one turn of the loop.
 * @param result What to give.
 * @returns An awaitable of the result.
 * @throws {RangeError} If `delay` is not a number.
 */
export function sleep<T>(delay: number, result: T): Awaitable<T>;
export function sleep<T>(delay: number, result?: T): Awaitable<T | undefined> {
  if (delay > 0) return new Operation(() => sleepFor(delay, result));
  if (typeof delay !== "number" || Number.isNaN(delay)) {
    throw new RangeError(`Cannot sleep: delay must be a number, not ${delay}`);
  }
  return result === undefined ? nextTurn : new Operation(() => passTurn(result));
}
