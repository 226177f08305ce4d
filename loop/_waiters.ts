/**
 * Those who wait for a lock, a semaphore, an event, a queue: first come, first served.
 *
 * A linked list of futures, so that a waiter who is cancelled leaves at once from anywhere in it.
 *
 * @module
 */

import type { BaseEventLoop } from "./base_events.ts";
import { Future } from "./futures.ts";

/** A future in a list of them. */
export class Waiter extends Future<void> {
  before: Waiter | null = null;
  after: Waiter | null = null;
  isListed = false;

  /** Ends the waiting, unless it has ended. */
  wake(): boolean {
    if (this.done()) return false;
    this.setResult();
    return true;
  }
}

/** See the module's description. */
export class Waiters {
  #first: Waiter | null = null;
  #last: Waiter | null = null;

  /** Whoever has waited longest, or null. */
  get first(): Waiter | null {
    return this.#first;
  }

  /** Adds a new waiter at the end. */
  add(loop: BaseEventLoop): Waiter {
    const waiter = new Waiter({ loop });
    waiter.isListed = true;
    waiter.before = this.#last;
    if (this.#last === null) this.#first = waiter;
    else this.#last.after = waiter;
    this.#last = waiter;
    return waiter;
  }

  /** Removes a waiter; harmless if that has happened already. */
  remove(waiter: Waiter): void {
    if (!waiter.isListed) return;
    const { before, after } = waiter;
    if (before === null) this.#first = after;
    else before.after = after;
    if (after === null) this.#last = before;
    else after.before = before;
    waiter.before = waiter.after = null;
    waiter.isListed = false;
  }

  /** Wakes the first who is not awake, and tells whether there was one. The list stays as it is. */
  wakeNext(): boolean {
    for (let waiter = this.#first; waiter !== null; waiter = waiter.after) {
      if (waiter.wake()) return true;
    }
    return false;
  }

  /** Takes the first off the list until one was there to be woken. */
  takeNext(): void {
    for (let waiter = this.#first; waiter !== null; waiter = this.#first) {
      this.remove(waiter);
      if (waiter.wake()) return;
    }
  }

  /** Tells whether anybody waits who has not been cancelled. */
  hasLive(): boolean {
    for (let waiter = this.#first; waiter !== null; waiter = waiter.after) {
      if (!waiter.cancelled()) return true;
    }
    return false;
  }
}
