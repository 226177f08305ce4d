/**
 * What a session has under way, with one timer for the limits of time of all of it.
 *
 * Nearly all limits are lifted long before they end, so there is not a timer for each, but one, for
 * the earliest; when it is due, everybody is asked for the next one. Limits that end later, or that are
 * lifted, leave it as it is.
 *
 * Invariant: while a limit runs, the timer is due then or before.
 *
 * @module
 */

import type { EventLoop, TimerHandle } from "../loop/mod.ts";

/** What has limits of time. */
interface Timed {
  readonly loop: EventLoop;
  /** Its place among the others. */
  _index: number;
  /** Does what is due; returns when the next of its limits ends, or Infinity. */
  expire(now: number): number;
}

/** See the module's description. */
export class Deadlines<T extends Timed> implements Iterable<T> {
  /** In no order: where one leaves, the last one moves to. A set would take several times as long. */
  readonly #all: T[] = [];
  #loop: EventLoop | null = null;
  #timer: TimerHandle | null = null;

  /** Takes in what has begun. */
  add(one: T): void {
    one._index = this.#all.push(one) - 1;
  }

  /** Has `one` asked at a time of its loop's clock. */
  watch(one: T, deadline: number): void {
    const { loop } = one;
    // A session can be used in one loop after another.
    if (this.#timer !== null && this.#loop === loop && this.#timer.when() <= deadline) return;
    this.#stop();
    this.#loop = loop;
    this.#timer = loop.callAt(deadline, onTimer, this as Deadlines<Timed>);
  }

  /** Lets go of what has ended. */
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
