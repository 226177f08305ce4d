/**
 * A loop for callers of `app.fetch()` that run none, such as `deno serve`.
 *
 * The default loop runs only as long as it is held or has tasks, so that a test that has called an
 * application leaves nothing behind.
 *
 * @module
 */

import { allTasks, getEventLoop } from "../loop/mod.ts";
import type { EventLoop, Task } from "../loop/mod.ts";

let holders = 0;
let running: Promise<void> | null = null;

/** A task that the loop has to run; tasks that were cancelled but do not end don't count. */
function findWork(loop: EventLoop): Task<unknown> | undefined {
  return allTasks(loop).values().find((task) => task.cancelling() === 0);
}

/** Runs the loop until nobody needs it, even if it is needed again while it is stopping. */
function keepRunning(loop: EventLoop): void {
  if (running !== null) return;
  running = loop.runForever().then(() => {
    running = null;
    if (holders === 0 && findWork(loop) === undefined) return;
    keepRunning(loop);
    stopIfIdle(loop);
  });
  // An interrupt, or an error of the loop itself, which never reaches those who wait for a task.
  running.catch((error) => {
    running = null;
    console.error("The loop in the background has failed:", error);
  });
}

/** Stops the loop if nobody needs it; otherwise tries again when one of its tasks is done. */
function stopIfIdle(loop: EventLoop): boolean {
  if (holders > 0 || running === null) return false;
  const task = findWork(loop);
  if (task === undefined) loop.stop();
  else task.addDoneCallback(() => void stopIfIdle(loop));
  return task === undefined;
}

/** The default loop while it runs in the background. */
export class BackgroundLoop {
  readonly loop: EventLoop;
  #held = true;

  /** Starts the loop, unless it runs in the background already. */
  constructor() {
    this.loop = getEventLoop();
    holders++;
    keepRunning(this.loop);
  }

  /** Whether the loop is running in the background. */
  static get isRunning(): boolean {
    return running !== null;
  }

  /** Releases the loop; waits for its end if nobody else needs it. Calling it twice is harmless. */
  async release(): Promise<void> {
    if (!this.#held) return;
    this.#held = false;
    holders--;
    if (stopIfIdle(this.loop)) await running;
  }
}
