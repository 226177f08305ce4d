/**
 * Letting one task in at a time, and waiting until something has changed.
 *
 * Counterpart of `Lock` and `Condition` in Python's `asyncio.locks`. Tasks that wait are served in
 * order, none overtakes another, and one that is cancelled after it was woken wakes the next.
 *
 * @module
 */

import { abortable } from "./_abortable.ts";
import type { AbortableOptions } from "./_abortable.ts";
import { suspendOn } from "./_frame.ts";
import { boundLoop } from "./_loop_bound.ts";
import { printable } from "./_repr.ts";
import { Waiters } from "./_waiters.ts";
import { claim } from "./claims.ts";
import type { Claimable } from "./claims.ts";
import { Operation, runInTask } from "./coroutines.ts";
import type { Coroutine, Steps } from "./coroutines.ts";
import type { EventLoop } from "./events.ts";
import { CancelledError, RuntimeError } from "./exceptions.ts";
import type { Awaitable } from "./futures.ts";

/**
 * Lets one task at a time through.
 *
 * Counterpart of Python's `asyncio.Lock`.
 *
 * @example Three ways to hold it
 * ```ts
 * import { Lock, run } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * const lock = new Lock();
 * await run(async () => {
 *   await lock.run(async () => {
 *     assertEquals(lock.locked(), true);
 *   });
 *   {
 *     using _guard = await lock.acquire();
 *     assertEquals(lock.locked(), true);
 *   }
 *   await lock.acquire();
 *   lock.release();
 *   assertEquals(lock.locked(), false);
 * });
 * ```
 */
export class Lock {
  #locked = false;
  readonly #waiters = new Waiters();
  #loop: EventLoop | null = null;
  /** What `acquire()` gives; one is enough, as there is one holder. */
  readonly #guard: Disposable = { [Symbol.dispose]: () => this.release() };

  static {
    printable(this.prototype);
  }

  /**
   * Tells whether a task holds the lock.
   *
   * @returns Whether it is held.
   */
  locked(): boolean {
    return this.#locked;
  }

  /**
   * Waits until the lock is free, and takes it.
   *
   * @param options A signal that ends the waiting.
   * @returns An awaitable of a guard, whose disposal releases the lock.
   */
  acquire(options?: AbortableOptions): Awaitable<Disposable> {
    return claim(options, this.#acquiring, undefined);
  }

  readonly #acquiring: Claimable<Disposable> = {
    begin: () => {
      if (this.#locked || this.#waiters.hasLive()) {
        return this.#waiters.add(this.#loop = boundLoop(this, this.#loop));
      }
      this.#locked = true;
      return this.#guard;
    },
    goOn: (waiter, error) => {
      this.#waiters.remove(waiter);
      if (error !== null) {
        // It may have been our turn: then it is the next waiter's.
        if (error instanceof CancelledError && !this.#locked) this.#wakeFirst();
        throw error;
      }
      this.#locked = true;
      return this.#guard;
    },
  };

  /**
   * Releases the lock, and wakes the task that has waited longest for it.
   *
   * @throws {RuntimeError} If the lock is not held.
   */
  release(): void {
    if (!this.#locked) throw new RuntimeError("Cannot release lock: Lock is not acquired.");
    this.#locked = false;
    this.#wakeFirst();
  }

  #wakeFirst(): void {
    this.#waiters.first?.wake();
  }

  /**
   * Holds the lock while a coroutine runs. Counterpart of Python's `async with lock`.
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

  /**
   * Returns the lock as Python prints it.
   *
   * @returns Such as `<Lock [locked, waiters:1]>`.
   */
  toString(): string {
    return `<Lock [${this.#locked ? "locked" : "unlocked"}${this.#waiters.describe()}]>`;
  }
}

/**
 * A lock whose holder can wait until another task notifies it.
 *
 * Counterpart of Python's `asyncio.Condition`.
 *
 * @example
 * ```ts
 * import { Condition, createTask, run, sleep } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * const news: string[] = [];
 * const condition = new Condition();
 * await run(async () => {
 *   const reader = createTask(() =>
 *     condition.run(async () => {
 *       await condition.waitFor(() => news.length > 0);
 *       return news.shift();
 *     })
 *   );
 *   await sleep(0);
 *   await condition.run(async () => {
 *     news.push("rain");
 *     condition.notify();
 *   });
 *   assertEquals(await reader, "rain");
 * });
 * ```
 */
export class Condition {
  readonly #lock: Lock;
  readonly #waiters = new Waiters();
  #loop: EventLoop | null = null;

  /**
   * Creates a condition.
   *
   * @param lock The lock to use; by default a new one. Several conditions may share one.
   */
  constructor(lock: Lock | null = null) {
    this.#lock = lock ?? new Lock();
  }

  static {
    printable(this.prototype);
  }

  /**
   * Tells whether a task holds the lock.
   *
   * @returns Whether it is held.
   */
  locked(): boolean {
    return this.#lock.locked();
  }

  /**
   * Waits until the lock is free, and takes it.
   *
   * @param options A signal that ends the waiting.
   * @returns An awaitable of a guard, whose disposal releases the lock.
   */
  acquire(options?: AbortableOptions): Awaitable<Disposable> {
    return this.#lock.acquire(options);
  }

  /**
   * Releases the lock, and wakes the task that has waited longest for it.
   *
   * @throws {RuntimeError} If the lock is not held.
   */
  release(): void {
    this.#lock.release();
  }

  /**
   * Releases the lock, waits to be notified, and takes the lock again, even if the waiting is
   * cancelled.
   *
   * @param options A signal that ends the waiting; the lock is taken again before its reason is
   * thrown.
   * @returns An awaitable of true.
   * @throws {RuntimeError} If the lock is not held.
   */
  wait(options: AbortableOptions = {}): Awaitable<true> {
    return abortable(options, () => this.#wait());
  }

  *#wait(): Steps<true> {
    if (!this.locked()) throw new RuntimeError("Cannot wait: cannot wait on un-acquired lock");
    this.#loop = boundLoop(this, this.#loop);
    const waiter = this.#waiters.add(this.#loop);
    this.release();
    try {
      try {
        yield suspendOn(waiter);
        waiter.result();
        return true;
      } finally {
        this.#waiters.remove(waiter);
        yield* this.#acquireAtLast();
      }
    } catch (error) {
      // Whatever the error is, this waiter may have been notified: then another one has to be.
      this.#waiters.wake(1);
      throw error;
    }
  }

  /**
   * Takes the lock, however often the waiting is cancelled, and then throws the last cancellation.
   */
  *#acquireAtLast(): Steps<void> {
    let cancellation: CancelledError | null = null;
    for (;;) {
      try {
        yield* this.#lock.acquire();
        break;
      } catch (error) {
        if (!(error instanceof CancelledError)) throw error;
        cancellation = error;
      }
    }
    if (cancellation !== null) throw cancellation;
  }

  /**
   * Waits until a condition is true. Counterpart of Python's `Condition.wait_for()`.
   *
   * @typeParam T What `predicate` returns.
   * @param predicate Called with the lock held, first at once, then after each notification.
   * @returns An awaitable of the first truthy value of `predicate`.
   * @throws {RuntimeError} If the lock is not held.
   */
  waitFor<T>(predicate: () => T): Awaitable<T> {
    return new Operation(() => this._waitFor(predicate));
  }

  /** @ignore */
  *_waitFor<T>(predicate: () => T): Steps<T> {
    let result = predicate();
    while (!result) {
      yield* this.#wait();
      result = predicate();
    }
    return result;
  }

  /**
   * Wakes tasks that wait, those that have waited longest first. They go on once the lock is
   * released.
   *
   * @param n How many to wake.
   * @throws {RuntimeError} If the lock is not held.
   */
  notify(n = 1): void {
    if (!this.locked()) throw new RuntimeError("Cannot notify: cannot notify on un-acquired lock");
    this.#notify(n);
  }

  #notify(n: number): void {
    this.#waiters.wake(n);
  }

  /**
   * Wakes all tasks that wait. Counterpart of Python's `notify_all()`.
   *
   * @throws {RuntimeError} If the lock is not held.
   */
  notifyAll(): void {
    this.notify(Infinity);
  }

  /**
   * Holds the lock while a coroutine runs. Counterpart of Python's `async with condition`.
   *
   * @typeParam T What the coroutine returns.
   * @param body The coroutine; it runs in the task that awaits this.
   * @returns An awaitable of what the coroutine returns.
   */
  run<T>(body: Coroutine<T>): Awaitable<T> {
    return this.#lock.run(body);
  }

  /**
   * Returns the condition as Python prints it.
   *
   * @returns Such as `<Condition [unlocked, waiters:1]>`.
   */
  toString(): string {
    const state = this.locked() ? "locked" : "unlocked";
    return `<Condition [${state}${this.#waiters.describe()}]>`;
  }
}
