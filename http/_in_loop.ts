/**
 * Running a coroutine on the loop that runs, or else on the default loop in the background.
 *
 * @module
 */

import { getEventLoop } from "../loop/mod.ts";
import { BackgroundLoop } from "./_background.ts";

/** Has a loop run, if none does: the default one, in the background. */
export function holdLoop(): BackgroundLoop | null {
  const isForeign = getEventLoop().isRunning() && !BackgroundLoop.isRunning;
  return isForeign ? null : new BackgroundLoop();
}

/** Runs a coroutine as a task of its own on the loop that runs. */
export function asTask<T>(coroutine: () => Promise<T>): Promise<T> {
  const task = getEventLoop().createTask(coroutine);
  return new Promise((resolve, reject) => {
    task.addDoneCallback(() => {
      try {
        resolve(task.result());
      } catch (error) {
        reject(error); // for whoever waits, a CancelledError too
      }
    });
  });
}
