/**
 * The timers of a loop, earliest first; those due at the same time in the order they were added.
 *
 * A binary heap in which each timer knows its index, so that a cancelled one is removed at once
 * instead of when it is due: a program that sets and cancels long timeouts keeps none of them.
 *
 * @module
 */

import type { Timer } from "./handles.ts";

function isBefore(a: Timer, b: Timer): boolean {
  return a._when < b._when || (a._when === b._when && a._sequence < b._sequence);
}

/** See the module's description. */
export class TimerHeap {
  readonly #timers: Timer[] = [];
  #added = 0;

  /** The timer that is due first, or `undefined`. */
  get first(): Timer | undefined {
    return this.#timers[0];
  }

  /** How many timers there are. */
  get size(): number {
    return this.#timers.length;
  }

  /** Adds a timer. */
  add(timer: Timer): void {
    timer._sequence = this.#added++;
    this.#timers.push(timer);
    this.#rise(timer, this.#timers.length - 1);
  }

  /** Removes a timer that is in the heap. */
  remove(timer: Timer): void {
    const index = timer._index;
    const last = this.#timers.pop()!;
    timer._index = -1;
    if (last === timer) return;
    if (index > 0 && isBefore(last, this.#timers[(index - 1) >> 1]!)) this.#rise(last, index);
    else this.#sink(last, index);
  }

  /** Removes all timers. */
  clear(): void {
    for (const timer of this.#timers) timer._index = -1;
    this.#timers.length = 0;
  }

  #rise(timer: Timer, index: number): void {
    const timers = this.#timers;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = timers[parentIndex]!;
      if (!isBefore(timer, parent)) break;
      timers[index] = parent;
      parent._index = index;
      index = parentIndex;
    }
    timers[index] = timer;
    timer._index = index;
  }

  #sink(timer: Timer, index: number): void {
    const timers = this.#timers;
    const size = timers.length;
    for (let child = 2 * index + 1; child < size; child = 2 * index + 1) {
      if (child + 1 < size && isBefore(timers[child + 1]!, timers[child]!)) child++;
      const next = timers[child]!;
      if (!isBefore(next, timer)) break;
      timers[index] = next;
      next._index = index;
      index = child;
    }
    timers[index] = timer;
    timer._index = index;
  }
}
