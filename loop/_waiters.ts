/**
 * The waiters for a lock, a semaphore, an event, a queue: first come, first served.
 *
 * @module
 */

import type { Frame, Waitable } from "./_frame.ts";
import { LinkedList } from "./_linked_list.ts";
import type { Linked } from "./_linked_list.ts";
import type { BaseEventLoop } from "./base_events.ts";
import type { CancelledError } from "./exceptions.ts";
import { Future } from "./futures.ts";

/** A future in a list of waiters. */
export class Waiter extends Future<void> implements Linked<Waiter> {
  _before: Waiter | null = null;
  _after: Waiter | null = null;
  _isListed = false;
  /** The claim that goes on when this is done, if there is one. */
  claim: Pick<Waitable, "_deliverTo"> | null = null;

  override _deliverTo(frame: Frame, error: CancelledError | null): void {
    if (this.claim === null) super._deliverTo(frame, error);
    else this.claim._deliverTo(frame, error);
  }

  /** Ends the waiting, unless it has ended. */
  wake(): boolean {
    if (this.done()) return false;
    this.setResult();
    return true;
  }
}

/** See the module's description. */
export class Waiters {
  readonly #list = new LinkedList<Waiter>();

  /** The one that has waited longest, or null. */
  get first(): Waiter | null {
    return this.#list.first;
  }

  /** Adds a new waiter at the end. */
  add(loop: BaseEventLoop): Waiter {
    const waiter = new Waiter({ loop });
    this.#list.add(waiter);
    return waiter;
  }

  /** Removes a waiter; harmless if that has happened already. */
  remove(waiter: Waiter): void {
    this.#list.remove(waiter);
  }

  /**
   * Wakes the first `count` waiters that are not awake, and returns how many. The list stays as it
   * is.
   */
  wake(count: number): number {
    let woken = 0;
    for (let waiter = this.first; waiter !== null && woken < count; waiter = waiter._after) {
      if (waiter.wake()) woken++;
    }
    return woken;
  }

  /** Removes waiters from the start of the list until one could be woken. */
  takeNext(): void {
    for (let waiter = this.first; waiter !== null; waiter = this.first) {
      this.remove(waiter);
      if (waiter.wake()) return;
    }
  }

  /** Tells whether there is a waiter that was not cancelled. */
  hasLive(): boolean {
    for (let waiter = this.first; waiter !== null; waiter = waiter._after) {
      if (!waiter.cancelled()) return true;
    }
    return false;
  }

  /** Counts the waiters, awake or not. */
  count(): number {
    let count = 0;
    for (let waiter = this.first; waiter !== null; waiter = waiter._after) count++;
    return count;
  }

  /** The part on waiters in the text of what they wait for. */
  describe(): string {
    return this.first === null ? "" : `, waiters:${this.count()}`;
  }
}
