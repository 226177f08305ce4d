/**
 * A loop for those who call `app.fetch()` while none runs, such as `deno serve`.
 *
 * The default loop runs as long as somebody holds it or it has tasks, and no longer, so that a test
 * that has asked an application something leaves nothing behind.
 *
 * @module
 */

import { allTasks, getEventLoop } from "../loop/mod.ts";
import type { EventLoop, Task } from "../loop/mod.ts";

let holders = 0;
let running: Promise<void> | null = null;

/** A task that the loop has to run; one that was cancelled and does not end is none. */
function findWork(loop: EventLoop): Task<unknown> | undefined {
  return allTasks(loop).values().find((task) => task.cancelling() === 0);
}

/** Runs the loop until nobody needs it; also those who came when it was about to stop. */
function keepRunning(loop: EventLoop): void {
  if (running !== null) return;
  running = loop.runForever().then(() => {
    running = null;
    if (holders === 0 && findWork(loop) === undefined) return;
    keepRunning(loop);
    stopIfIdle(loop);
  });
  // An interrupt, or an error of the loop itself: those who wait for their task never hear of it.
  running.catch((error) => {
    running = null;
    console.error("The loop in the background has failed:", error);
  });
}

/** Stops the loop if nobody needs it; else sees to it that it will be. */
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

  /** Whether the loop that runs, if one does, runs in the background. */
  static get isRunning(): boolean {
    return running !== null;
  }

  /** Lets go of the loop; waits for its end if nobody else needs it. Twice is harmless. */
  async release(): Promise<void> {
    if (!this.#held) return;
    this.#held = false;
    holders--;
    if (stopIfIdle(this.loop)) await running;
  }
}
