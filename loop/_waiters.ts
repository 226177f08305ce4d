/**
 * Those who wait for a lock, a semaphore, an event, a queue: first come, first served.
 *
 * @module
 */

import { abortable } from "./_abortable.ts";
import type { AbortableOptions } from "./_abortable.ts";
import { suspendOn } from "./_frame.ts";
import type { Frame, Waitable } from "./_frame.ts";
import { LinkedList } from "./_linked_list.ts";
import type { Linked } from "./_linked_list.ts";
import type { BaseEventLoop } from "./base_events.ts";
import { awaitedTwice, frameOfAwait, notRunning } from "./coroutines.ts";
import type { Steps, Suspension } from "./coroutines.ts";
import { RuntimeError } from "./exceptions.ts";
import type { CancelledError } from "./exceptions.ts";
import { Future } from "./futures.ts";
import type { Awaitable } from "./futures.ts";

/** A future in a list of them. */
export class Waiter extends Future<void> implements Linked<Waiter> {
  _before: Waiter | null = null;
  _after: Waiter | null = null;
  _isListed = false;
  /** Who goes on when it is done, if that is a claim. */
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

  /** Whoever has waited longest, or null. */
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

  /** Wakes the first so many who are not awake, and tells how many. The list stays as it is. */
  wake(count: number): number {
    let woken = 0;
    for (let waiter = this.first; waiter !== null && woken < count; waiter = waiter._after) {
      if (waiter.wake()) woken++;
    }
    return woken;
  }

  /** Takes the first off the list until one was there to be woken. */
  takeNext(): void {
    for (let waiter = this.first; waiter !== null; waiter = this.first) {
      this.remove(waiter);
      if (waiter.wake()) return;
    }
  }

  /** Tells whether anybody waits who has not been cancelled. */
  hasLive(): boolean {
    for (let waiter = this.first; waiter !== null; waiter = waiter._after) {
      if (!waiter.cancelled()) return true;
    }
    return false;
  }

  /** Counts them, awake or not. */
  count(): number {
    let count = 0;
    for (let waiter = this.first; waiter !== null; waiter = waiter._after) count++;
    return count;
  }

  /** A part of the text of what they wait for. */
  describe(): string {
    return this.first === null ? "" : `, waiters:${this.count()}`;
  }
}

/** The two halves of claiming something, which its owner writes; neither of them waits. */
export interface Claimable<T, Arg = void> {
  /** Returns what is claimed, or a waiter if it is not to be had at once. */
  begin(arg: Arg): T | Waiter;
  /**
   * Goes on when the waiter is done; or with an error that was thrown where it was waited for, which
   * is to be thrown again. Returns what is claimed, or a waiter if it is still not to be had.
   */
  goOn(waiter: Waiter, error: unknown | null, arg: Arg): T | Waiter;
}

/**
 * Waiting for one's turn at something: what `lock.acquire()` and `queue.get()` return. It starts when
 * it is awaited, and only once.
 *
 * A generator could say the same; but everybody waits this way, and for an `await` these two halves
 * take half the time. As an iterator, a claim is its own steps.
 */
export class Claim<T, Arg = void> implements Awaitable<T> {
  readonly #claimable: Claimable<T, Arg>;
  readonly #arg: Arg;
  #hasBegun = false;
  /** What it waits for, or waited for last. */
  #waiter: Waiter | null = null;

  constructor(claimable: Claimable<T, Arg>, arg: Arg) {
    this.#claimable = claimable;
    this.#arg = arg;
  }

  then<R1 = T, R2 = never>(
    onFulfilled?: ((value: T) => R1 | PromiseLike<R1>) | null,
    onRejected?: ((reason: unknown) => R2 | PromiseLike<R2>) | null,
  ): PromiseLike<R1 | R2> {
    const frame = frameOfAwait(onFulfilled, onRejected);
    if (frame === null) return notRunning.then(onFulfilled, onRejected);
    if (this.#hasBegun) frame._fail(awaitedTwice());
    else this.#advance(frame, null);
    return frame;
  }

  /** Goes on for an `await` whose waiter is done, or where `error` goes before that. */
  _deliverTo(frame: Frame, error: CancelledError | null): void {
    this.#advance(frame, error ?? this.#waiter!._cancellation());
  }

  #advance(frame: Frame, error: unknown | null): void {
    let outcome: T | Waiter;
    try {
      outcome = this.#step(error);
    } catch (thrown) {
      // Whatever it is, a CancelledError too, it is how the claim ends.
      return frame._fail(thrown);
    }
    if (outcome instanceof Waiter) frame.suspendOnFuture(outcome);
    else frame._finish(outcome);
  }

  #step(error: unknown | null): T | Waiter {
    const waiter = this.#waiter;
    this.#hasBegun = true;
    const outcome = waiter === null
      ? this.#claimable.begin(this.#arg)
      : this.#claimable.goOn(waiter, error, this.#arg);
    if (outcome instanceof Waiter) {
      outcome.claim = this;
      this.#waiter = outcome;
    }
    return outcome;
  }

  // -- Its own steps --

  [Symbol.iterator](): Steps<T> {
    if (this.#hasBegun) throw awaitedTwice();
    return this as unknown as Steps<T>;
  }

  next(): IteratorResult<Suspension, T> {
    const waiter = this.#waiter;
    if (waiter !== null && !waiter.done()) {
      throw new RuntimeError("Cannot go on: await wasn't used with future");
    }
    return this.#resultOf(this.#step(waiter === null ? null : waiter._cancellation()));
  }

  throw(error: unknown): IteratorResult<Suspension, T> {
    return this.#resultOf(this.#step(error));
  }

  #resultOf(outcome: T | Waiter): IteratorResult<Suspension, T> {
    if (outcome instanceof Waiter) return { done: false, value: suspendOn(outcome) };
    return { done: true, value: outcome };
  }
}

/** A claim that a signal can end. */
export function claim<T, Arg>(
  options: AbortableOptions | undefined,
  claimable: Claimable<T, Arg>,
  arg: Arg,
): Awaitable<T> {
  const claim = new Claim(claimable, arg);
  if (options?.signal === undefined) return claim;
  return abortable(options, () => claim[Symbol.iterator]());
}
