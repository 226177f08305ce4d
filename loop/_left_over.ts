/**
 * Code that outlives its task: an async function that the task called without `await`, a stream
 * that it returned. A task that has ended can't be cancelled any more; so code that has to cancel,
 * such as a timeout, then runs in a task of its own.
 *
 * @module
 */

import type { Steps } from "./coroutines.ts";
import { getRunningLoop } from "./events.ts";
import { currentTask } from "./tasks.ts";

/** Returns steps for the running task; if that has ended, they run in a task of their own. */
export function cancellable<T>(start: () => Steps<T>): Steps<T> {
  return currentTask()?.done() ? inOwnTask(start) : start();
}

function* inOwnTask<T>(start: () => Steps<T>): Steps<T> {
  return yield* getRunningLoop().createTask(start);
}
