/**
 * Waiting for one's turn: for a lock, a semaphore, an item of a queue, a notification, bytes.
 *
 * A claim is written as two functions, neither of which waits: one begins, and one goes on when the
 * waiter is done. A generator could do both; but claims are used everywhere, and for an `await` two
 * functions take half the time.
 *
 * @module
 */

import { abortable } from "./_abortable.ts";
import type { AbortableOptions } from "./_abortable.ts";
import { suspendOn } from "./_frame.ts";
import type { Frame } from "./_frame.ts";
import { Waiter } from "./_waiters.ts";
import { awaitedTwice, frameOfAwait, notRunning, watcher } from "./coroutines.ts";
import type { Steps, Suspension } from "./coroutines.ts";
import { CancelledError, RuntimeError } from "./exceptions.ts";
import type { Awaitable } from "./futures.ts";

export { Waiter };

/** A waiter for something that comes from the host: a connection, bytes, the end of a process. */
export class HostWaiter extends Waiter {
  override get _isUpToHost(): boolean {
    return true;
  }
}

/** The two halves of a claim, written by the owner of what is claimed; neither of them waits. */
export interface Claimable<T, Arg = void> {
  /** Returns what is claimed, or a waiter if it is not available at once. */
  begin(arg: Arg): T | Waiter;
  /**
   * Goes on when the waiter is done; or with an error that was thrown into the task that waits,
   * which has to be rethrown. Returns what is claimed, or a waiter if it is still not available.
   */
  goOn(waiter: Waiter, error: unknown | null, arg: Arg): T | Waiter;
}

/**
 * What `lock.acquire()` and `queue.get()` return. It starts when it is awaited, and can be awaited
 * only once. As an iterator, it is its own steps.
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
    watcher()?.awaitableMade(this);
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

  /** Goes on for an `await` whose waiter is done; with `error`, if there is one. */
  _deliverTo(frame: Frame, error: CancelledError | null): void {
    this.#advance(frame, error ?? this.#waiter!._cancellation());
  }

  #advance(frame: Frame, error: unknown | null): void {
    let outcome: T | Waiter;
    try {
      outcome = this.#step(error);
    } catch (thrown) {
      // Any error, a CancelledError too, is the outcome of the claim.
      return frame._fail(thrown);
    }
    if (outcome instanceof Waiter) frame.suspendOnFuture(outcome);
    else frame._finish(outcome);
  }

  #step(error: unknown | null): T | Waiter {
    const waiter = this.#waiter;
    if (!this.#hasBegun) watcher()?.awaitableStarts(this);
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

  /** Ends the steps early, as when the generator around them is closed. */
  return(value: T): IteratorResult<Suspension, T> {
    this.#hasBegun = true;
    if (this.#waiter !== null) this.#abandon(this.#waiter);
    return { done: true, value };
  }

  #abandon(waiter: Waiter): void {
    try {
      this.#claimable.goOn(waiter, new CancelledError(), this.#arg);
    } catch (error) {
      if (!(error instanceof CancelledError)) throw error; // rethrown, for nobody to catch
    }
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
  if (options?.signal === undefined) return new Claim(claimable, arg);
  return abortable(options, () => new Claim(claimable, arg)[Symbol.iterator]());
}
