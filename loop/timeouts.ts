/**
 * Time limits for what a task does.
 *
 * Counterpart of Python's `asyncio.timeouts`. A timeout is in one of these states:
 *
 * 1. CREATED: not entered.
 * 2. ACTIVE: the body runs, and the timer too, if there is a limit.
 * 3. EXPIRING: the time is up; the task was cancelled and the body is ending.
 * 4. EXPIRED: the body has ended after that.
 * 5. FINISHED: the body has ended in time.
 *
 * @module
 */

import { cancellable } from "./_left_over.ts";
import { Operation, runInTask } from "./coroutines.ts";
import type { Steps, Suspension } from "./coroutines.ts";
import { getRunningLoop } from "./events.ts";
import { CancelledError, ExceptionGroup, RuntimeError, TimeoutError } from "./exceptions.ts";
import type { Awaitable } from "./futures.ts";
import type { Handle } from "./handles.ts";
import { printable, repr } from "./_repr.ts";
import { currentTask } from "./tasks.ts";
import type { Task } from "./tasks.ts";

const CREATED = "created";
const ACTIVE = "active";
const EXPIRING = "expiring";
const EXPIRED = "expired";
const FINISHED = "finished";

/**
 * Cancels the coroutine that runs in it when its time is up.
 *
 * {@linkcode timeout} and {@linkcode timeoutAt} make one. Counterpart of Python's
 * `asyncio.Timeout`.
 */
export class Timeout {
  #state = CREATED;
  #when: number | null;
  #timer: Handle | null = null;
  #task: Task<unknown> | null = null;
  /** How many cancellations of the task there were before this one's. */
  #cancelling = 0;

  /** @ignore Timeouts come from `timeout()` and `timeoutAt()`. */
  constructor(when: number | null) {
    this.#when = when;
  }

  static {
    printable(this.prototype);
  }

  /**
   * Returns the deadline.
   *
   * @returns Seconds on the loop's clock, or null if there is no limit.
   */
  when(): number | null {
    return this.#when;
  }

  /**
   * Tells whether the time is up, and the body was or is being cancelled.
   *
   * @returns Whether the timeout has expired.
   */
  expired(): boolean {
    return this.#state === EXPIRING || this.#state === EXPIRED;
  }

  /**
   * Sets another deadline.
   *
   * @param when Seconds on the loop's clock, or null for no limit.
   * @throws {RuntimeError} If the body is not running, or is being cancelled.
   */
  reschedule(when: number | null): void {
    if (this.#state === CREATED) {
      throw new RuntimeError("Cannot reschedule: Timeout has not been entered");
    }
    if (this.#state !== ACTIVE) {
      throw new RuntimeError(`Cannot change state of ${this.#state} Timeout`);
    }
    this.#when = when;
    this.#timer?.cancel();
    this.#timer = null;
    if (when === null) return;
    const loop = getRunningLoop();
    const expire = (): void => this.#expire();
    this.#timer = when <= loop.time() ? loop.callSoon(expire) : loop.callAt(when, expire);
  }

  #expire(): void {
    this.#state = EXPIRING;
    this.#timer = null;
    this.#task!.cancel();
  }

  /**
   * Runs a coroutine within the time limit. Counterpart of Python's `async with timeout(…)`.
   *
   * When the time is up, the coroutine is cancelled; once it has ended, a {@linkcode TimeoutError}
   * is thrown. Any other error of the coroutine is passed on.
   *
   * @typeParam T What the coroutine returns.
   * @param body The coroutine; it gets the timeout, and runs in the task that awaits this.
   * @returns An awaitable of what the coroutine returns.
   * @throws {TimeoutError} If the time is up before the coroutine has ended.
   * @throws {RuntimeError} If used twice, or outside of a task.
   */
  run<T>(
    body: (timeout: Timeout) => PromiseLike<T> | Generator<Suspension, T, unknown>,
  ): Awaitable<T> {
    return new Operation(() => this._run(body, this));
  }

  /** @ignore */
  _run<T, Args extends unknown[]>(
    body: Parameters<typeof runInTask<T, Args>>[0],
    ...args: Args
  ): Steps<T> {
    return cancellable(() => this.#steps(body, args));
  }

  *#steps<T, Args extends unknown[]>(
    body: Parameters<typeof runInTask<T, Args>>[0],
    args: Args,
  ): Steps<T> {
    this.#enter();
    let result: T;
    try {
      result = yield* runInTask(body, ...args);
    } catch (error) {
      throw this.#exit() ? translate(error) : error;
    }
    const task = this.#task!;
    const isDue = task._mustCancel; // it came while the body awaited promises that are not ours
    if (this.#exit() && isDue) throw translate(task._takeCancellation());
    return result;
  }

  #enter(): void {
    if (this.#state !== CREATED) {
      throw new RuntimeError("Cannot enter timeout: Timeout has already been entered");
    }
    const task = currentTask();
    if (task === null) {
      throw new RuntimeError(
        "Cannot enter timeout: it should be used inside a task, such as one made by createTask()",
      );
    }
    this.#state = ACTIVE;
    this.#task = task;
    this.#cancelling = task.cancelling();
    this.reschedule(this.#when);
  }

  /**
   * Stops the timer, and tells whether a cancellation thrown by the body comes from this timeout.
   */
  #exit(): boolean {
    const task = this.#task!;
    this.#task = null; // the stack of an error may lead here, and must not lead on to the task
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#state === ACTIVE) {
      this.#state = FINISHED;
      return false;
    }
    this.#state = EXPIRED;
    return task.uncancel() <= this.#cancelling;
  }

  /**
   * Returns the timeout as Python prints it.
   *
   * @returns Such as `<Timeout [active] when=12.5>`.
   */
  toString(): string {
    if (this.#state !== ACTIVE) return `<Timeout [${this.#state}]>`;
    const when = this.#when === null ? null : Math.round(this.#when * 1000) / 1000;
    return `<Timeout [${this.#state}] when=${when}>`;
  }
}

/** Returns what to throw for an error of a body that ran out of time. */
function translate(error: unknown): unknown {
  if (error instanceof CancelledError) return new TimeoutError("", { cause: error });
  if (!(error instanceof Error)) return error;
  insertTimeoutError(error);
  if (error instanceof ExceptionGroup) {
    for (const inner of error.exceptions) if (inner instanceof Error) insertTimeoutError(inner);
  }
  return error;
}

/** Adds a TimeoutError to the causes of an error, which arose because the time was up. */
function insertTimeoutError(error: Error): void {
  let last = error;
  const seen = new Set([error]);
  while (last.cause instanceof Error && !(last.cause instanceof CancelledError)) {
    last = last.cause;
    if (seen.has(last)) return; // a circular chain
    seen.add(last);
  }
  if (last.cause === undefined) last.cause = new TimeoutError();
  else if (last.cause instanceof Error) last.cause = new TimeoutError("", { cause: last.cause });
}

/**
 * Limits the time of a coroutine.
 *
 * Counterpart of Python's `asyncio.timeout()`.
 *
 * @param delay Seconds from now; zero or less cancels the coroutine at its first wait; null for no
 * limit.
 * @returns A timeout, to be used once.
 * @throws {RangeError} If `delay` is not a number.
 * @throws {RuntimeError} If no loop is running.
 *
 * @example
 * ```ts
 * import { run, sleep, timeout, TimeoutError } from "@aio/asyncio";
 * import { assertRejects } from "@std/assert";
 *
 * await run(async () => {
 *   await assertRejects(
 *     async () => await timeout(0.01).run(async () => await sleep(3600)),
 *     TimeoutError,
 *   );
 * });
 * ```
 */
export function timeout(delay: number | null): Timeout {
  if (delay !== null && (typeof delay !== "number" || Number.isNaN(delay))) {
    throw new RangeError(`Cannot set timeout: delay must be a number or null, not ${repr(delay)}`);
  }
  return new Timeout(delay === null ? null : getRunningLoop().time() + delay);
}

/**
 * Limits the time of a coroutine by a deadline. Counterpart of Python's `asyncio.timeout_at()`.
 *
 * @param when Seconds on the loop's clock; null for no limit.
 * @returns A timeout, to be used once.
 *
 * @example
 * ```ts
 * import { getRunningLoop, run, sleep, timeoutAt } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * await run(async () => {
 *   const deadline = getRunningLoop().time() + 10;
 *   assertEquals(await timeoutAt(deadline).run(() => sleep(0, "in time")), "in time");
 * });
 * ```
 */
export function timeoutAt(when: number | null): Timeout {
  return new Timeout(when);
}
