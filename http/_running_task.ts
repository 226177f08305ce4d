/**
 * The current task, whether a loop is running or not.
 *
 * @module
 */

import { currentTask, RuntimeError } from "../loop/mod.ts";

/** The current task; null if there is none, or no loop runs. */
export function runningTask(): unknown {
  try {
    return currentTask();
  } catch (error) {
    if (error instanceof RuntimeError) return null; // no loop runs
    throw error;
  }
}
