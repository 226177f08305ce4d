/**
 * A place where tasks wait for each other.
 *
 * Counterpart of `Barrier` in Python's `asyncio.locks`. It is in one of these states:
 *
 * 1. FILLING: tasks arrive and wait.
 * 2. DRAINING: the last task has arrived, all go on; tasks that arrive now wait for state 1.
 * 3. RESETTING: as 2, but the tasks that waited get a BrokenBarrierError.
 * 4. BROKEN: every task gets a BrokenBarrierError, until the barrier is reset.
 *
 * @module
 */

import { printable, repr } from "./_repr.ts";
import { Operation, runInTask } from "./coroutines.ts";
import type { Steps, Suspension } from "./coroutines.ts";
import { RuntimeError } from "./exceptions.ts";
import type { Awaitable } from "./futures.ts";
import { Condition } from "./locks.ts";

const FILLING = "filling";
const DRAINING = "draining";
const RESETTING = "resetting";
const BROKEN = "broken";

/**
 * Thrown in the tasks that wait at a barrier when it is reset or aborted.
 *
 * Counterpart of Python's `asyncio.BrokenBarrierError`.
 */
export class BrokenBarrierError extends RuntimeError {
  /** Always `"BrokenBarrierError"`. */
  override name = "BrokenBarrierError";
}

/**
 * Lets tasks wait until there are enough of them, then lets all of them go on; again and again.
 *
 * Counterpart of Python's `asyncio.Barrier`.
 *
 * @example
 * ```ts
 * import { Barrier, gather, run } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * await run(async () => {
 *   const barrier = new Barrier(3);
 *   const arrive = () => barrier.wait();
 *   assertEquals((await gather([arrive, arrive, arrive])).sort(), [0, 1, 2]);
 * });
 * ```
 */
export class Barrier {
  readonly #parties: number;
  readonly #condition = new Condition();
  #state: typeof FILLING | typeof DRAINING | typeof RESETTING | typeof BROKEN = FILLING;
  #count = 0;

  /**
   * Creates a barrier.
   *
   * @param parties How many tasks it waits for.
   * @throws {RangeError} If that is less than 1, or has a fraction.
   */
  constructor(parties: number) {
    if (!(parties >= 1 && Number.isInteger(parties))) {
      throw new RangeError(
        `Cannot create barrier: parties must be a whole number >= 1, not ${repr(parties)}`,
      );
    }
    this.#parties = parties;
  }

  static {
    printable(this.prototype);
  }

  /** How many tasks it waits for. */
  get parties(): number {
    return this.#parties;
  }

  /** How many tasks are waiting. Counterpart of Python's `n_waiting`. */
  get nWaiting(): number {
    return this.#state === FILLING ? this.#count : 0;
  }

  /** Whether it was aborted. */
  get broken(): boolean {
    return this.#state === BROKEN;
  }

  /**
   * Waits until `parties` tasks wait at the barrier.
   *
   * @returns An awaitable of this task's place in the order of arrival, from 0.
   * @throws {BrokenBarrierError} If the barrier is broken, or is reset while this task waits.
   */
  wait(): Awaitable<number> {
    return this.#condition.run(() => this.#wait());
  }

  *#wait(): Steps<number> {
    yield* this.#condition._waitFor(() => this.#state !== DRAINING && this.#state !== RESETTING);
    if (this.#state === BROKEN) throw new BrokenBarrierError("Cannot wait: Barrier aborted");
    const index = this.#count++;
    try {
      if (this.#count === this.#parties) this.#change(DRAINING);
      else yield* this.#waitForOthers();
      return index;
    } finally {
      if (--this.#count === 0 && (this.#state === DRAINING || this.#state === RESETTING)) {
        this.#change(FILLING);
      } else if (this.#count === 0) {
        this.#condition.notifyAll();
      }
    }
  }

  *#waitForOthers(): Steps<void> {
    yield* this.#condition._waitFor(() => this.#state !== FILLING);
    if (this.#state !== DRAINING) {
      throw new BrokenBarrierError("Cannot wait: Abort or reset of barrier");
    }
  }

  #change(state: typeof FILLING | typeof DRAINING | typeof RESETTING | typeof BROKEN): void {
    this.#state = state;
    this.#condition.notifyAll();
  }

  /**
   * Waits at the barrier, then runs a coroutine. Counterpart of Python's `async with barrier`.
   *
   * @typeParam T What the coroutine returns.
   * @param body Called with the place in the order of arrival.
   * @returns An awaitable of what the coroutine returns.
   * @throws {BrokenBarrierError} If the barrier is broken, or is reset while this task waits.
   */
  run<T>(
    body: (index: number) => PromiseLike<T> | Generator<Suspension, T, unknown>,
  ): Awaitable<T> {
    return new Operation(() => this.#run(body));
  }

  *#run<T>(body: (index: number) => PromiseLike<T> | Steps<T>): Steps<T> {
    const index = yield* this.wait();
    return yield* runInTask(body, index);
  }

  /**
   * Returns the barrier to its initial state; the tasks that wait get a
   * {@linkcode BrokenBarrierError}.
   *
   * @returns An awaitable.
   */
  reset(): Awaitable<void> {
    return this.#condition.run(function* (this: Barrier): Steps<void> {
      this.#change(this.#count > 0 ? RESETTING : FILLING);
    }.bind(this));
  }

  /**
   * Breaks the barrier until it is reset: tasks that wait now or later get a
   * {@linkcode BrokenBarrierError}.
   *
   * @returns An awaitable.
   */
  abort(): Awaitable<void> {
    return this.#condition.run(function* (this: Barrier): Steps<void> {
      this.#change(BROKEN);
    }.bind(this));
  }

  /**
   * Returns the barrier as Python prints it.
   *
   * @returns Such as `<Barrier [filling, waiters:1/3]>`.
   */
  toString(): string {
    const waiters = this.#state === BROKEN ? "" : `, waiters:${this.nWaiting}/${this.#parties}`;
    return `<Barrier [${this.#state}${waiters}]>`;
  }
}
