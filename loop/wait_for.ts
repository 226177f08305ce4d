/**
 * Waiting for one awaitable, for a limited time.
 *
 * Counterpart of `wait_for()` in Python's `asyncio.tasks`.
 *
 * @module
 */

import { cancelledBy } from "./_abortable.ts";
import type { AbortableOptions } from "./_abortable.ts";
import { isCoroutine, Operation } from "./coroutines.ts";
import type { Coroutine, Steps } from "./coroutines.ts";
import { ensureFuture } from "./events.ts";
import { TimeoutError } from "./exceptions.ts";
import type { Awaitable } from "./futures.ts";
import { timeout as timeoutAfter } from "./timeouts.ts";
import { wait } from "./wait.ts";
import { wrapFuture } from "./wrap_future.ts";

/**
 * Waits for an awaitable for a limited time; then cancels it, waits for it to end, and throws.
 *
 * A coroutine runs in the task that awaits this, so it sees that task's context. To let the
 * awaitable run on after the timeout, {@linkcode shield} it. Counterpart of Python's
 * `asyncio.wait_for()`.
 *
 * @typeParam T The type of the result.
 * @param awaitable A future, a coroutine, or a promise.
 * @param timeout Seconds; null for no limit. With zero or less, a coroutine is not even started.
 * @param options A signal that ends the waiting, as the timeout does.
 * @returns An awaitable of the result.
 * @throws {TimeoutError} If the time is up first.
 * @throws {RangeError} If `timeout` is not a number.
 *
 * @example
 * ```ts
 * import { run, sleep, TimeoutError, waitFor } from "@aio/asyncio";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * await run(async () => {
 *   assertEquals(await waitFor(() => sleep(0.01, "in time"), 10), "in time");
 *   await assertRejects(async () => await waitFor(() => sleep(10), 0.01), TimeoutError);
 * });
 * ```
 */
export function waitFor<T>(
  awaitable: Awaitable<T> | PromiseLike<T> | Coroutine<T>,
  timeout: number | null,
  options: AbortableOptions = {},
): Awaitable<T> {
  const { signal } = options;
  const start = (): Steps<T> => waitForSteps(awaitable, timeout);
  return new Operation(signal === undefined ? start : () => cancelledBy(signal, start));
}

function waitForSteps<T>(
  awaitable: Awaitable<T> | PromiseLike<T> | Coroutine<T>,
  timeout: number | null,
): Steps<T> {
  if (timeout !== null && timeout <= 0) return expireAtOnce(awaitable);
  // A promise can't be stopped, but waiting for it can.
  const canBeStopped = isCoroutine(awaitable) || Symbol.iterator in awaitable;
  return timeoutAfter(timeout)._run(canBeStopped ? awaitable : wrapFuture(awaitable));
}

function* expireAtOnce<T>(awaitable: Awaitable<T> | PromiseLike<T> | Coroutine<T>): Steps<T> {
  const future = ensureFuture(awaitable);
  if (future.done()) return future.result();
  future.cancel();
  yield* wait([future]);
  const cancellation = future._cancellation();
  if (cancellation !== null) throw new TimeoutError("", { cause: cancellation });
  return future.result();
}
