/**
 * The clocks that a loop can go by: the machine's, and one that jumps.
 *
 * @module
 */

import { nowMs } from "./_host.ts";

/**
 * Where a loop takes its time from. `loop.time()` is its `time()`.
 *
 * Any object of this shape will do; a program needs one of its own only to control time.
 */
export interface Clock {
  /**
   * Tells the time.
   *
   * @returns Seconds since some moment; they never go back.
   */
  time(): number;
  /**
   * Moves to `when`, if this clock can. A loop calls it when nothing is left to do before then,
   * instead of waiting; a clock without it makes the loop wait.
   *
   * @param when The time to show, in seconds.
   */
  jumpTo?(when: number): void;
}

/** The machine's clock: seconds since the program started. */
export const monotonicClock: Clock = { time: () => nowMs() / 1000 };

/**
 * A clock that stands still while there is work, and jumps to the next deadline when there is none.
 *
 * A program that waits an hour ends in milliseconds, with every callback in the order and at the
 * `loop.time()` it would have had. When nothing can ever happen again the run ends with an error that
 * names who waits. Time does not wait for the host: it jumps to the next deadline although a promise, a
 * worker or a reply of the network is still on its way; only without a deadline are they waited for.
 *
 * @example
 * ```ts
 * import { getRunningLoop, newEventLoop, run, sleep, VirtualClock } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * const took = await run(async () => {
 *   const loop = getRunningLoop();
 *   const start = loop.time();
 *   await sleep(3600);
 *   return loop.time() - start;
 * }, { loopFactory: () => newEventLoop({ clock: new VirtualClock() }) });
 * assertEquals(took, 3600);
 * ```
 */
export class VirtualClock implements Clock {
  #now: number;

  /**
   * Creates a clock.
   *
   * @param start What it shows at first, in seconds.
   */
  constructor(start = 0) {
    this.#now = start;
  }

  /**
   * Returns the time.
   *
   * @returns Seconds.
   */
  time(): number {
    return this.#now;
  }

  /**
   * Moves forward to a time; does nothing if that is in the past.
   *
   * @param when The time to show, in seconds.
   */
  jumpTo(when: number): void {
    if (when > this.#now) this.#now = when;
  }
}
