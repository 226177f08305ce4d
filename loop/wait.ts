/**
 * Waiting for some or all of several futures.
 *
 * Counterpart of `wait()` in Python's `asyncio.tasks`.
 *
 * @module
 */

import type { Steps } from "./_frame.ts";
import { JointFuture } from "./_joint_future.ts";
import { repr } from "./_repr.ts";
import { isCoroutine, Operation } from "./coroutines.ts";
import { getRunningLoop } from "./events.ts";
import { isFuture } from "./futures.ts";
import type { Awaitable, Future } from "./futures.ts";

/** For {@linkcode wait}: return when any of the futures is done. */
export const FIRST_COMPLETED = "FIRST_COMPLETED";
/** For {@linkcode wait}: return when one has an exception, or else when all are done. */
export const FIRST_EXCEPTION = "FIRST_EXCEPTION";
/** For {@linkcode wait}: return when all are done. */
export const ALL_COMPLETED = "ALL_COMPLETED";

/** When {@linkcode wait} returns. */
export type ReturnWhen = typeof FIRST_COMPLETED | typeof FIRST_EXCEPTION | typeof ALL_COMPLETED;

/** Options for {@linkcode wait}. */
export interface WaitOptions {
  /** Seconds to wait at most; null or absent for no limit. */
  timeout?: number | null;
  /**
   * What to wait for.
   *
   * @default {ALL_COMPLETED}
   */
  returnWhen?: ReturnWhen;
}

/**
 * Waits for futures, and returns which are done.
 *
 * It never throws their exceptions, never cancels them, and its timeout is not an error: the
 * futures that are not done by then are in the second set. Counterpart of Python's
 * `asyncio.wait()`.
 *
 * @typeParam F The type of the futures.
 * @param futures The futures or tasks, at least one. Coroutines are refused.
 * @param options When to return.
 * @returns An awaitable of two sets: the futures that are done, and the others.
 * @throws {TypeError} If a coroutine or a single future is given.
 * @throws {RangeError} If no future is given, or `returnWhen` is unknown.
 *
 * @example
 * ```ts
 * import { createTask, FIRST_COMPLETED, run, sleep, wait } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * await run(async () => {
 *   const fast = createTask(() => sleep(0.01, "fast"));
 *   const slow = createTask(() => sleep(3600, "slow"));
 *   const [done, pending] = await wait([fast, slow], { returnWhen: FIRST_COMPLETED });
 *   assertEquals([done.has(fast), pending.has(slow)], [true, true]);
 * });
 * ```
 */
export function wait<F extends Future<unknown>>(
  futures: Iterable<F>,
  options: WaitOptions = {},
): Awaitable<[done: Set<F>, pending: Set<F>]> {
  const { timeout = null, returnWhen = ALL_COMPLETED } = options;
  if (![FIRST_COMPLETED, FIRST_EXCEPTION, ALL_COMPLETED].includes(returnWhen)) {
    throw new RangeError(`Cannot wait: invalid returnWhen: ${returnWhen}`);
  }
  return new Operation(() => waitSteps(asFutures(futures), timeout, returnWhen));
}

function asFutures<F>(futures: Iterable<F>): Set<F> {
  if (isFuture(futures) || isCoroutine(futures)) {
    throw new TypeError(`Cannot wait: an iterable of futures was expected, not ${repr(futures)}`);
  }
  const set = new Set(futures);
  if (set.size === 0) throw new RangeError("Cannot wait: the set of futures is empty");
  for (const future of set) {
    if (!isFuture(future)) {
      throw new TypeError(
        `Cannot wait: ${repr(future)} is not a future; createTask() makes one from a coroutine`,
      );
    }
  }
  return set;
}

function* waitSteps<F extends Future<unknown>>(
  futures: Set<F>,
  timeout: number | null,
  returnWhen: ReturnWhen,
): Steps<[Set<F>, Set<F>]> {
  const loop = getRunningLoop();
  const enough = new JointFuture<void>(futures, { loop });
  let left = futures.size;
  const release = (): void => {
    if (!enough.done()) enough.setResult();
  };
  const onDone = (future: Future<unknown>): void => {
    left--;
    const decides = returnWhen === FIRST_COMPLETED ||
      (returnWhen === FIRST_EXCEPTION && future._failed());
    if (left === 0 || decides) release();
  };
  const timer = timeout === null ? null : loop.callLater(timeout, release);
  for (const future of futures) future.addDoneCallback(onDone);
  try {
    yield* enough;
  } finally {
    timer?.cancel();
    for (const future of futures) future.removeDoneCallback(onDone);
  }
  const done = new Set([...futures].filter((future) => future.done()));
  return [done, futures.difference(done)];
}
