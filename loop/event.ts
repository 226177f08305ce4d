/**
 * A flag that can be waited for.
 *
 * Counterpart of `Event` in Python's `asyncio.locks`.
 *
 * @module
 */

import type { AbortableOptions } from "./_abortable.ts";
import { boundLoop } from "./_loop_bound.ts";
import { printable } from "./_repr.ts";
import { Waiters } from "./_waiters.ts";
import { claim } from "./claims.ts";
import type { Claimable } from "./claims.ts";
import type { EventLoop } from "./events.ts";
import type { Awaitable } from "./futures.ts";

/**
 * Tells any number of tasks that something has happened.
 *
 * Counterpart of Python's `asyncio.Event`.
 *
 * @example
 * ```ts
 * import { createTask, Event, run } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * await run(async () => {
 *   const started = new Event();
 *   const waiting = createTask(() => started.wait());
 *   started.set();
 *   assertEquals(await waiting, true);
 * });
 * ```
 */
export class Event {
  #isSet = false;
  readonly #waiters = new Waiters();
  #loop: EventLoop | null = null;

  static {
    printable(this.prototype);
  }

  /**
   * Tells whether the flag is set. Counterpart of Python's `is_set()`.
   *
   * @returns Whether the flag is set.
   */
  isSet(): boolean {
    return this.#isSet;
  }

  /** Sets the flag: all tasks that wait go on, even if it is cleared before they do. */
  set(): void {
    if (this.#isSet) return;
    this.#isSet = true;
    this.#waiters.wake(Infinity);
  }

  /** Clears the flag: tasks that wait from now on wait for the next `set()`. */
  clear(): void {
    this.#isSet = false;
  }

  /**
   * Waits until the flag is set; does not wait if it is set already.
   *
   * @param options A signal that ends the waiting.
   * @returns An awaitable of true.
   */
  wait(options?: AbortableOptions): Awaitable<true> {
    return claim(options, this.#waiting, undefined);
  }

  readonly #waiting: Claimable<true> = {
    begin: () => this.#isSet || this.#waiters.add(this.#loop = boundLoop(this, this.#loop)),
    goOn: (waiter, error) => {
      this.#waiters.remove(waiter);
      if (error !== null) throw error;
      return true;
    },
  };

  /**
   * Returns the event as Python prints it.
   *
   * @returns Such as `<Event [unset, waiters:1]>`.
   */
  toString(): string {
    return `<Event [${this.#isSet ? "set" : "unset"}${this.#waiters.describe()}]>`;
  }
}
