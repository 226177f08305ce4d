/**
 * The task that runs, where a loop may run or not.
 *
 * @module
 */

import { currentTask, RuntimeError } from "../loop/mod.ts";

/** The task that runs; null if there is none, or no loop runs. */
export function runningTask(): unknown {
  try {
    return currentTask();
  } catch (error) {
    if (error instanceof RuntimeError) return null; // no loop runs
    throw error;
  }
}
