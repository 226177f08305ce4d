/**
 * The calls that a session has in progress, with one timer for all their timeouts.
 *
 * Nearly all timeouts are cancelled long before their deadline, so they don't have a timer each.
 * There is one, for the earliest deadline; when it fires, every call is asked for its next
 * deadline. A later deadline, or one that is cancelled, leaves the timer as it is.
 *
 * Invariant: while there are deadlines, the timer fires at the earliest one, or before.
 *
 * @module
 */

import type { EventLoop, TimerHandle } from "../loop/mod.ts";

/** An object with deadlines. */
interface Timed {
  readonly loop: EventLoop;
  /** Its index among the others. */
  _index: number;
  /** Fails what is overdue; returns its next deadline, or Infinity. */
  expire(now: number): number;
}

/** See the module's description. */
export class Deadlines<T extends Timed> implements Iterable<T> {
  /** In no order: the last one takes the place of one that leaves. A set would be much slower. */
  readonly #all: T[] = [];
  #loop: EventLoop | null = null;
  #timer: TimerHandle | null = null;

  /** Adds an object. */
  add(one: T): void {
    one._index = this.#all.push(one) - 1;
  }

  /** Arranges for `one.expire()` to be called at a time of its loop's clock. */
  watch(one: T, deadline: number): void {
    const { loop } = one;
    // A session can be used in one loop after another.
    if (this.#timer !== null && this.#loop === loop && this.#timer.when() <= deadline) return;
    this.#stop();
    this.#loop = loop;
    this.#timer = loop.callAt(deadline, onTimer, this as Deadlines<Timed>);
  }

  /** Removes an object that has ended. */
  delete(one: T): void {
    const last = this.#all.pop()!;
    if (last !== one) {
      this.#all[one._index] = last;
      last._index = one._index;
    }
    if (this.#all.length === 0) this.#stop();
  }

  #stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  /** @ignore */
  _onTimer(): void {
    this.#timer = null;
    for (const one of this) {
      if (one.loop !== this.#loop) continue;
      const deadline = one.expire(one.loop.time());
      if (deadline < Infinity) this.watch(one, deadline);
    }
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#all.slice().values();
  }
}

function onTimer(deadlines: Deadlines<Timed>): void {
  deadlines._onTimer();
}
