/**
 * The clocks that a loop can use: the machine's, and one that jumps.
 *
 * @module
 */

import { nowMs } from "./_host.ts";

/**
 * The source of a loop's time: `loop.time()` is its `time()`.
 *
 * Any object of this shape will do; a program needs one of its own only to control time.
 */
export interface Clock {
  /**
   * Returns the time.
   *
   * @returns Seconds since some moment; they never go back.
   */
  time(): number;
  /**
   * Moves the clock to `when`, if it can. A loop calls this instead of waiting, when there is
   * nothing to do before then; if the clock has no such method, the loop waits.
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
 * `loop.time()` it would have had. When nothing can ever happen again, the run ends with an error
 * that lists the waiting tasks. Time does not wait for the host: it jumps to the next deadline even
 * if a promise, a worker or a network reply is still pending; only without a deadline does the loop
 * wait for them.
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
   * @param start The time it shows at first, in seconds.
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
