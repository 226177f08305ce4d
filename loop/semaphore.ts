/**
 * Letting a limited number of tasks in at a time.
 *
 * Counterpart of `Semaphore` and `BoundedSemaphore` in Python's `asyncio.locks`. Tasks that wait
 * are served in order, and none overtakes another.
 *
 * @module
 */

import type { AbortableOptions } from "./_abortable.ts";
import { boundLoop } from "./_loop_bound.ts";
import { printable, repr } from "./_repr.ts";
import { Waiters } from "./_waiters.ts";
import { claim } from "./claims.ts";
import type { Claimable } from "./claims.ts";
import { Operation, runInTask } from "./coroutines.ts";
import type { Coroutine, Steps } from "./coroutines.ts";
import type { EventLoop } from "./events.ts";
import type { Awaitable } from "./futures.ts";

/**
 * Lets a limited number of tasks through at a time.
 *
 * Counterpart of Python's `asyncio.Semaphore`.
 *
 * @example
 * ```ts
 * import { gather, run, Semaphore, sleep } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * let most = 0;
 * let inside = 0;
 * await run(async () => {
 *   const twoAtATime = new Semaphore(2);
 *   const worker = () =>
 *     twoAtATime.run(async () => {
 *       most = Math.max(most, ++inside);
 *       await sleep(0);
 *       inside--;
 *     });
 *   await gather([worker, worker, worker, worker]);
 * });
 * assertEquals(most, 2);
 * ```
 */
export class Semaphore {
  #value: number;
  readonly #waiters = new Waiters();
  #loop: EventLoop | null = null;
  readonly #guard: Disposable = { [Symbol.dispose]: () => this.release() };

  /**
   * Creates a semaphore.
   *
   * @param value How many tasks are let through at a time.
   * @throws {RangeError} If it is less than 0, or has a fraction.
   */
  constructor(value = 1) {
    if (!(value >= 0 && (Number.isInteger(value) || value === Infinity))) {
      throw new RangeError(
        `Cannot create semaphore: value must be a whole number >= 0, not ${repr(value)}`,
      );
    }
    this.#value = value;
  }

  static {
    printable(this.prototype);
  }

  /**
   * Tells whether `acquire()` would wait.
   *
   * @returns True if no place is free, or if other tasks wait already.
   */
  locked(): boolean {
    return this.#value === 0 || this.#waiters.hasLive();
  }

  /**
   * Waits for a free place, and takes it.
   *
   * @param options A signal that ends the waiting.
   * @returns An awaitable of a guard, whose disposal calls `release()`.
   */
  acquire(options?: AbortableOptions): Awaitable<Disposable> {
    return claim(options, this.#acquiring, undefined);
  }

  readonly #acquiring: Claimable<Disposable> = {
    begin: () => {
      if (this.locked()) return this.#waiters.add(this.#loop = boundLoop(this, this.#loop));
      this.#value--;
      return this.#guard;
    },
    goOn: (waiter, error) => {
      // Cancelled after it was our turn: the place is given back.
      if (error !== null && waiter.done() && !waiter.cancelled()) this.#value++;
      this.#waiters.remove(waiter);
      this.#letThrough();
      if (error !== null) throw error;
      return this.#guard;
    },
  };

  /** Frees a place, and lets the next task through. */
  release(): void {
    // One at most, as in CPython: the task that goes on lets others through, if there is room.
    this.#value += 1 - this.#waiters.wake(1);
  }

  /** Gives the free places to tasks that wait. */
  #letThrough(): void {
    if (this.#value > 0) this.#value -= this.#waiters.wake(this.#value);
  }

  /**
   * Holds a place while a coroutine runs. Counterpart of Python's `async with semaphore`.
   *
   * @typeParam T What the coroutine returns.
   * @param body The coroutine; it runs in the task that awaits this.
   * @returns An awaitable of what the coroutine returns.
   */
  run<T>(body: Coroutine<T>): Awaitable<T> {
    return new Operation(() => this.#run(body));
  }

  *#run<T>(body: Coroutine<T>): Steps<T> {
    yield* this.acquire();
    try {
      return yield* runInTask(body);
    } finally {
      this.release();
    }
  }

  /** The number of free places. */
  protected get value(): number {
    return this.#value;
  }

  /**
   * Returns the semaphore as Python prints it.
   *
   * @returns Such as `<Semaphore [unlocked, value:2]>`.
   */
  toString(): string {
    const state = this.locked() ? "locked" : `unlocked, value:${this.#value}`;
    return `<${this.constructor.name} [${state}${this.#waiters.describe()}]>`;
  }
}

/**
 * A semaphore that can't be released more often than it was acquired.
 *
 * Counterpart of Python's `asyncio.BoundedSemaphore`.
 *
 * @example
 * ```ts
 * import { BoundedSemaphore } from "@aio/asyncio";
 * import { assertThrows } from "@std/assert";
 *
 * assertThrows(() => new BoundedSemaphore(1).release(), RangeError);
 * ```
 */
export class BoundedSemaphore extends Semaphore {
  readonly #bound: number;

  /**
   * Creates a semaphore.
   *
   * @param value How many tasks are let through at a time.
   * @throws {RangeError} If it is less than 0, or has a fraction.
   */
  constructor(value = 1) {
    super(value);
    this.#bound = value;
  }

  /**
   * Frees a place, and lets the next task through.
   *
   * @throws {RangeError} If all places are free.
   */
  override release(): void {
    if (this.value >= this.#bound) {
      throw new RangeError("Cannot release semaphore: BoundedSemaphore released too many times");
    }
    super.release();
  }
}
