/**
 * Running a coroutine on the running loop, or else on the default loop in the background.
 *
 * @module
 */

import { getEventLoop } from "../loop/mod.ts";
import { BackgroundLoop } from "./_background.ts";

/** Makes sure that a loop runs: if none does, the default one, in the background. */
export function holdLoop(): BackgroundLoop | null {
  const isForeign = getEventLoop().isRunning() && !BackgroundLoop.isRunning;
  return isForeign ? null : new BackgroundLoop();
}

/** Runs a coroutine as a task of its own on the running loop. */
export function asTask<T>(coroutine: () => Promise<T>): Promise<T> {
  const task = getEventLoop().createTask(coroutine);
  return new Promise((resolve, reject) => {
    task.addDoneCallback(() => {
      try {
        resolve(task.result());
      } catch (error) {
        reject(error); // for the caller, even a CancelledError
      }
    });
  });
}
