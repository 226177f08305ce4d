/**
 * Steps that an `AbortSignal` can end.
 *
 * @module
 */

import { cancellable } from "./_left_over.ts";
import { Operation } from "./coroutines.ts";
import type { Steps } from "./coroutines.ts";
import { CancelledError, RuntimeError } from "./exceptions.ts";
import { isFuture } from "./futures.ts";
import type { Awaitable } from "./futures.ts";
import { currentTask } from "./tasks.ts";

/** Options for functions that wait. */
export interface AbortableOptions {
  /**
   * A signal that ends the waiting when it aborts: its reason is thrown, and nothing has been
   * taken.
   */
  signal?: AbortSignal;
}

/**
 * Returns an operation of these steps; when the signal aborts, it throws the signal's reason.
 *
 * Only the future that the steps wait for is cancelled, not the task, which may await other things
 * as well. So the steps must wait for futures of their own, and for nothing else.
 */
export function abortable<T>(options: AbortableOptions, start: () => Steps<T>): Awaitable<T> {
  const { signal } = options;
  return new Operation(signal === undefined ? start : () => untilAborted(start, signal));
}

function* untilAborted<T>(start: () => Steps<T>, signal: AbortSignal): Steps<T> {
  signal.throwIfAborted();
  const task = currentTask();
  const before = task?.cancelling() ?? 0;
  const steps = start();
  let waitsFor: unknown = null;
  let isDelivered = false;
  const deliver = (): void => {
    // Once its loop is closed, nothing waits for it any more.
    isDelivered ||= isFuture(waitsFor) && !waitsFor._loop.isClosed() && waitsFor.cancel();
  };
  signal.addEventListener("abort", deliver);
  try {
    let result = steps.next();
    while (!result.done) {
      waitsFor = result.value;
      // The abort may have come too late for the future that the steps waited for before.
      if (signal.aborted) deliver();
      try {
        yield result.value;
      } catch (error) {
        result = steps.throw(error); // a cancellation of the task: the steps may handle it
        continue;
      }
      result = steps.next();
    }
    return result.value;
  } catch (error) {
    const isOurs = isDelivered && (task?.cancelling() ?? 0) <= before;
    throw isOurs && error instanceof CancelledError ? signal.reason : error;
  } finally {
    signal.removeEventListener("abort", deliver);
  }
}

/** Runs any steps; when the signal aborts, cancels the task and throws the signal's reason. */
export function cancelledBy<T>(signal: AbortSignal, start: () => Steps<T>): Steps<T> {
  return cancellable(() => untilCancelled(signal, start));
}

function* untilCancelled<T>(signal: AbortSignal, start: () => Steps<T>): Steps<T> {
  signal.throwIfAborted();
  const task = currentTask();
  if (task === null) {
    throw new RuntimeError("Cannot wait with a signal: no task is running");
  }
  const before = task.cancelling();
  let isAborted = false;
  const cancel = (): void => {
    if (task._loop.isClosed()) return; // nothing waits any more
    isAborted = true;
    task.cancel();
  };
  signal.addEventListener("abort", cancel);
  let result: T;
  try {
    result = yield* start();
  } catch (error) {
    const isOurs = isAborted && task.uncancel() <= before;
    throw isOurs && error instanceof CancelledError ? signal.reason : error;
  } finally {
    signal.removeEventListener("abort", cancel);
  }
  if (!isAborted) return result;
  const isDue = task._mustCancel; // it came while the steps awaited promises that are not ours
  if (task.uncancel() > before || !isDue) return result;
  task._takeCancellation();
  throw signal.reason;
}
