/**
 * What a task can run.
 *
 * Counterpart of Python's `asyncio.coroutines`. Calling an async function starts it, so the
 * counterpart of a coroutine object, which has not started, is a function: one that returns a
 * promise (`async`) or a generator (`function*`). A generator object will do too, as it has not
 * started either.
 *
 * @module
 */

import { current, currentOwner, NO_LOOP } from "./_current.ts";
import { AwaitFrame, StepFrame } from "./_frame.ts";
import type { FrameOwner, Steps, Suspension } from "./_frame.ts";
import { getOwner, runOwned } from "./_host.ts";
import type { Instrument } from "./_instrument.ts";
import { repr } from "./_repr.ts";
import type { BaseEventLoop } from "./base_events.ts";
import { RuntimeError } from "./exceptions.ts";
import type { Awaitable } from "./futures.ts";

export type { Steps, Suspension };

/**
 * A coroutine that has not started: a function that returns a promise or a generator, or a
 * generator object.
 *
 * A function can be run any number of times, a generator object once.
 *
 * @typeParam T What it returns.
 */
export type Coroutine<T> =
  | (() => PromiseLike<T> | Generator<Suspension, T, unknown>)
  | Generator<Suspension, T, unknown>;

/** Whether `value` is a generator object. */
export function isGenerator(value: unknown): value is Steps<unknown> {
  const generator = value as Partial<Steps<unknown>> | null | undefined;
  return typeof generator?.next === "function" && typeof generator.throw === "function" &&
    !(Symbol.asyncIterator in generator);
}

/**
 * Tells whether a task could run `value`.
 *
 * Counterpart of Python's `asyncio.iscoroutine()`.
 *
 * @param value Anything.
 * @returns Whether it is a function or a generator object. What a function returns can be known
 * only by calling it.
 *
 * @example
 * ```ts
 * import { isCoroutine, sleep } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(isCoroutine(() => sleep(1)), true);
 * assertEquals(isCoroutine(Promise.resolve()), false);
 * ```
 */
export function isCoroutine(value: unknown): value is Coroutine<unknown> {
  return typeof value === "function" || isGenerator(value);
}

const AsyncFunction = (async (): Promise<void> => {}).constructor;
const GeneratorFunction = (function* (): Generator {}).constructor;

/**
 * Tells whether `value` was written as `async function` or `function*`.
 *
 * Counterpart of Python's `asyncio.iscoroutinefunction()`.
 *
 * @param value Anything.
 * @returns Whether it is one of these. An ordinary function that returns a promise is not.
 *
 * @example
 * ```ts
 * import { isCoroutineFunction } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(isCoroutineFunction(async () => {}), true);
 * assertEquals(isCoroutineFunction(() => Promise.resolve()), false);
 * ```
 */
export function isCoroutineFunction(value: unknown): boolean {
  return value instanceof AsyncFunction || isGeneratorFunction(value);
}

/** Whether `value` was written as `function*`. */
export function isGeneratorFunction(value: unknown): boolean {
  return value instanceof GeneratorFunction;
}

/** The instrument of the running loop, or null. */
export function watcher(): Instrument | null {
  const loop = current.loop as BaseEventLoop | null;
  return loop === null ? null : loop._instrument;
}

/**
 * A coroutine of this package, such as `sleep(1)`: written once, as a generator, for both kinds of
 * callers. It starts when it is awaited, runs within the task that awaits it, and can be awaited
 * only once.
 */
export class Operation<T> implements Awaitable<T> {
  #start: (() => Steps<T>) | null;

  constructor(start: () => Steps<T>) {
    this.#start = start;
    watcher()?.awaitableMade(this);
  }

  then<R1 = T, R2 = never>(
    onFulfilled?: ((value: T) => R1 | PromiseLike<R1>) | null,
    onRejected?: ((reason: unknown) => R2 | PromiseLike<R2>) | null,
  ): PromiseLike<R1 | R2> {
    const frame = frameOfAwait(onFulfilled, onRejected);
    if (frame === null) return notRunning.then(onFulfilled, onRejected);
    let steps: Steps<T>;
    try {
      steps = this[Symbol.iterator]();
    } catch (error) {
      // Any error is what the operation throws.
      frame._fail(error);
      return frame;
    }
    new StepFrame(frame.owner, frame.loop, steps, frame).step();
    return frame;
  }

  [Symbol.iterator](): Steps<T> {
    const start = this.#start;
    if (start === null) throw awaitedTwice();
    this.#start = null;
    watcher()?.awaitableStarts(this);
    return start();
  }
}

/**
 * Runs a coroutine within the running task, as Python's `await coroutine` does.
 *
 * What an async function awaits in the meantime belongs to that task, even if the task is a
 * generator.
 */
export function* runInTask<T, Args extends unknown[]>(
  coroutine: ((...args: Args) => PromiseLike<T> | Steps<T>) | Steps<T> | PromiseLike<T>,
  ...args: Args
): Steps<T> {
  const started = typeof coroutine === "function" ? callOwned(coroutine, args) : coroutine;
  if (typeof started !== "object" || started === null) throw notAwaitable(started);
  if (Symbol.iterator in started) return yield* started as Iterable<Suspension> & Steps<T>;
  if (typeof (started as PromiseLike<T>).then !== "function") throw notAwaitable(started);
  return (yield started as PromiseLike<T>) as T;
}

function notAwaitable(value: unknown): TypeError {
  return new TypeError(`Cannot await: a coroutine or a promise was expected, not ${repr(value)}`);
}

/** Calls a coroutine function so that what it awaits belongs to the running task. */
function callOwned<T, Args extends unknown[]>(
  fn: (...args: Args) => PromiseLike<T> | Steps<T>,
  args: Args,
): PromiseLike<T> | Steps<T> {
  const owner = currentOwner();
  if (owner === null || isGeneratorFunction(fn) || getOwner() === owner) return fn(...args);
  return runOwned(owner, () => fn(...args));
}

/** The frame of an `await` of something that belongs to no loop; null if no loop is running. */
export function frameOfAwait<T, R1, R2>(
  onFulfilled: ((value: T) => R1 | PromiseLike<R1>) | null | undefined,
  onRejected: ((reason: unknown) => R2 | PromiseLike<R2>) | null | undefined,
): AwaitFrame<T, R1, R2> | null {
  const owner = currentOwner() as FrameOwner | null;
  const loop = owner?._loop ?? current.loop as BaseEventLoop | null;
  return loop === null ? null : new AwaitFrame(owner, loop, onFulfilled, onRejected);
}

/** Rejects: it stands for what is awaited where no loop is running. */
export const notRunning: PromiseLike<never> = {
  then: (onFulfilled, onRejected) =>
    Promise.reject<never>(new RuntimeError(`Cannot await: ${NO_LOOP}`))
      .then(onFulfilled, onRejected),
};

/** The error of a second `await` of something that can be awaited only once. */
export function awaitedTwice(): RuntimeError {
  return new RuntimeError("Cannot await twice: the coroutine was awaited already");
}

/** Lets one turn of the loop pass, as a bare `yield` does in Python. There is only one instance. */
class NextTurn implements Awaitable<undefined> {
  then<R1 = undefined, R2 = never>(
    onFulfilled?: ((value: undefined) => R1 | PromiseLike<R1>) | null,
    onRejected?: ((reason: unknown) => R2 | PromiseLike<R2>) | null,
  ): PromiseLike<R1 | R2> {
    const frame = frameOfAwait(onFulfilled, onRejected);
    if (frame === null) return notRunning.then(onFulfilled, onRejected);
    frame.suspendForTurn();
    return frame;
  }

  [Symbol.iterator](): Steps<undefined> {
    return new TurnSteps() as unknown as Steps<undefined>;
  }
}

const PASSING: IteratorResult<Suspension, undefined> = { done: false, value: undefined };
const PASSED: IteratorResult<Suspension, undefined> = { done: true, value: undefined };

/** The steps of {@linkcode NextTurn}, by hand: a generator would take twice the time. */
class TurnSteps {
  #hasYielded = false;

  next(): IteratorResult<Suspension, undefined> {
    if (this.#hasYielded) return PASSED;
    this.#hasYielded = true;
    return PASSING;
  }

  throw(error: unknown): never {
    throw error;
  }

  return(value: undefined): IteratorResult<Suspension, undefined> {
    return { done: true, value };
  }

  [Symbol.iterator](): this {
    return this;
  }
}

/** What `sleep(0)` returns. */
export const nextTurn: Awaitable<undefined> = new NextTurn();
