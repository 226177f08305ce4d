/**
 * Protecting an awaitable from cancellation.
 *
 * Counterpart of `shield()` in Python's `asyncio.tasks`.
 *
 * @module
 */

import type { Coroutine } from "./coroutines.ts";
import { ensureFuture } from "./events.ts";
import { JointFuture } from "./_joint_future.ts";
import type { Awaitable, Future } from "./futures.ts";

/**
 * Waits for an awaitable, and lets it run on if the waiting is cancelled.
 *
 * An error that it throws after that goes to the loop's exception handler. Counterpart of Python's
 * `asyncio.shield()`.
 *
 * @typeParam T The type of the result.
 * @param awaitable A future, a coroutine, which becomes a task, or a promise.
 * @returns A future with the same outcome, whose cancellation does not reach the awaitable.
 *
 * @example
 * ```ts
 * import { createTask, run, shield, sleep } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * await run(async () => {
 *   const saving = createTask(() => sleep(0.01, "saved"));
 *   const waiting = createTask(() => shield(saving));
 *   await sleep(0);
 *   waiting.cancel();
 *   assertEquals(await saving, "saved");
 * });
 * ```
 */
export function shield<T>(awaitable: Awaitable<T> | PromiseLike<T> | Coroutine<T>): Future<T> {
  const inner = ensureFuture(awaitable);
  if (inner.done()) return inner;
  const loop = inner._loop;
  const outer = new JointFuture<T>([inner], { loop });
  const onInnerDone = (): void => {
    if (outer.cancelled()) return;
    if (inner.cancelled()) outer.cancel();
    else if (inner._failed()) outer.setException(inner.exception());
    else outer.setResult(inner.result());
  };
  inner.addDoneCallback(onInnerDone);
  outer.addDoneCallback(() => {
    if (inner.done()) return;
    inner.removeDoneCallback(onInnerDone);
    // Nobody else gets its error. However often it is shielded, the error is reported once, and
    // last.
    inner.removeDoneCallback(report);
    inner.addDoneCallback(report);
  });
  return outer;
}

function report(inner: Future<unknown>): void {
  if (inner.cancelled() || !inner._failed()) return;
  const exception = inner.exception();
  const name = exception instanceof Error ? exception.name : typeof exception;
  const message = `${name} exception in shielded future`;
  inner._loop.callExceptionHandler({ message, exception, future: inner });
}
