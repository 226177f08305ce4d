/**
 * What is left of a task: an async function that it has called without `await`, a stream that it has
 * returned. Such code goes on after the end of its task, which nothing can cancel any more; so whoever
 * has to cancel, as a timeout does, runs it in a task of its own.
 *
 * @module
 */

import type { Steps } from "./coroutines.ts";
import { getRunningLoop } from "./events.ts";
import { currentTask } from "./tasks.ts";

/** The steps, for the task that runs now; in a task of their own if that one has ended. */
export function cancellable<T>(start: () => Steps<T>): Steps<T> {
  return currentTask()?.done() ? inOwnTask(start) : start();
}

function* inOwnTask<T>(start: () => Steps<T>): Steps<T> {
  return yield* getRunningLoop().createTask(start);
}
