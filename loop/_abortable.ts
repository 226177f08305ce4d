/**
 * Steps that an `AbortSignal` can end.
 *
 * @module
 */

import { Operation } from "./coroutines.ts";
import type { Steps } from "./coroutines.ts";
import { CancelledError } from "./exceptions.ts";
import { isFuture } from "./futures.ts";
import type { Awaitable } from "./futures.ts";
import { currentTask } from "./tasks.ts";

/** Options of what can be waited for. */
export interface AbortableOptions {
  /** Ends the waiting when it aborts: its reason is thrown, and nothing has been taken. */
  signal?: AbortSignal;
}

/** The coroutine with these steps; it ends with the signal's reason when that aborts. */
export function abortable<T>(start: () => Steps<T>, options: AbortableOptions): Awaitable<T> {
  const { signal } = options;
  return new Operation(signal === undefined ? start : () => untilAborted(start, signal));
}

function* untilAborted<T>(start: () => Steps<T>, signal: AbortSignal): Steps<T> {
  signal.throwIfAborted();
  const steps = start();
  let waitsFor: unknown = null;
  const onAbort = (): void => {
    if (isFuture(waitsFor)) waitsFor.cancel();
  };
  signal.addEventListener("abort", onAbort);
  try {
    let result = steps.next();
    while (!result.done) {
      waitsFor = result.value;
      try {
        yield result.value;
      } catch (error) {
        result = steps.throw(error); // a cancellation of the task: for the steps to see
        continue;
      }
      result = steps.next();
    }
    return result.value;
  } catch (error) {
    const isOurs = error instanceof CancelledError && signal.aborted;
    throw isOurs && !currentTask()?.cancelling() ? signal.reason : error;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
