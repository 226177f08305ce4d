/**
 * A loop for those who call `app.fetch()` while none runs, such as `deno serve`.
 *
 * The default loop runs as long as somebody holds it or it has tasks, and no longer, so that a test
 * that has asked an application something leaves nothing behind.
 *
 * @module
 */

import { allTasks, getEventLoop } from "../loop/mod.ts";
import type { EventLoop } from "../loop/mod.ts";

let holders = 0;
let running: Promise<void> | null = null;

/** The default loop while it runs in the background. */
export class BackgroundLoop {
  readonly loop: EventLoop;
  #held = true;

  /** Starts the loop, unless it runs in the background already. */
  constructor() {
    this.loop = getEventLoop();
    holders++;
    running ??= this.loop.runForever().finally(() => {
      running = null;
    });
    // An interrupt, or an error of the loop itself: those who wait for their task never hear of it.
    running.catch((error) => console.error("The loop in the background has failed:", error));
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
    if (this.#stopIfIdle()) await running;
  }

  /** Stops the loop if nobody needs it. A task that was cancelled and does not end is nobody. */
  #stopIfIdle(): boolean {
    if (holders > 0 || running === null) return false;
    for (const task of allTasks(this.loop)) {
      if (task.cancelling() > 0) continue;
      task.addDoneCallback(() => void this.#stopIfIdle());
      return false;
    }
    this.loop.stop();
    return true;
  }
}
