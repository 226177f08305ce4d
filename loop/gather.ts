/**
 * Running several awaitables at once, and collecting their results in order.
 *
 * Counterpart of `gather()` in Python's `asyncio.tasks`.
 *
 * @module
 */

import { repr } from "./_repr.ts";
import type { BaseEventLoop } from "./base_events.ts";
import type { Coroutine, Suspension } from "./coroutines.ts";
import { getEventLoop, getRunningLoop } from "./events.ts";
import { CancelledError } from "./exceptions.ts";
import { Future, isFuture } from "./futures.ts";
import type { Awaitable } from "./futures.ts";
import type { Runnable } from "./handles.ts";

/** What {@linkcode gather} takes: futures, coroutines, promises. */
export type Gatherable = Awaitable<unknown> | PromiseLike<unknown> | Coroutine<unknown>;

/** The type of the result of a {@linkcode Gatherable}. */
export type Gathered<A> = A extends () => infer R ? Gathered<R>
  : A extends PromiseLike<infer T> ? T
  : A extends Generator<Suspension, infer T, never> ? T
  : never;

/**
 * The results of several {@linkcode Gatherable}s, each of which may be `Thrown` instead: a tuple
 * for a tuple, an array for any other iterable.
 */
export type GatheredAll<All extends Iterable<Gatherable>, Thrown = never> = All extends
  readonly unknown[] ? { -readonly [K in keyof All]: Gathered<All[K]> | Thrown }
  : All extends Iterable<infer A> ? (Gathered<A> | Thrown)[]
  : never;

/** Options for {@linkcode gather}. */
export interface GatherOptions {
  /**
   * Whether exceptions are returned among the results, instead of ending the gathering.
   *
   * @default {false}
   */
  returnExceptions?: boolean;
}

/** Tells a gathering that one of its children is done. */
class ChildDone implements Runnable {
  readonly #gathering: GatheringFuture;
  readonly #child: Future<unknown>;

  constructor(gathering: GatheringFuture, child: Future<unknown>) {
    this.#gathering = gathering;
    this.#child = child;
  }

  _run(): void {
    this.#gathering._onChildDone(this.#child);
  }
}

/** The future of all results. Cancelling it cancels the children, and it ends when they do. */
class GatheringFuture extends Future<unknown[]> {
  /** One for each argument; a future that is given twice is here twice. */
  readonly #children: Future<unknown>[] = [];
  readonly #doneBefore: Future<unknown>[] = [];
  readonly #returnExceptions: boolean;
  #pending = 0;
  #isComplete = false;
  #cancelRequested = false;

  constructor(loop: BaseEventLoop, returnExceptions: boolean) {
    super({ loop });
    this.#returnExceptions = returnExceptions;
  }

  /** Adds a child, and watches it at once: the next child may start eagerly, and end this one. */
  _add(child: Future<unknown>): void {
    this.#children.push(child);
    this.#pending++;
    if (child.done()) this.#doneBefore.push(child);
    else child._subscribe(new ChildDone(this, child));
  }

  /** Called when all children have been added. */
  _complete(): void {
    this.#isComplete = true;
    for (const child of this.#doneBefore) this._onChildDone(child);
    if (this.#children.length === 0) this.setResult([]);
  }

  override cancel(message?: string): boolean {
    if (this.done()) return false;
    let passedOn = false;
    for (const child of this.#children) if (child.cancel(message)) passedOn = true;
    if (passedOn) {
      this.#cancelRequested = true;
      this._cancelMessage = message;
    }
    return passedOn;
  }

  override _parts(): Iterable<Future<unknown>> {
    return this.#children;
  }

  _onChildDone(child: Future<unknown>): void {
    this.#pending--;
    // If a later argument was refused, this is not complete, and nobody has this future.
    if (this.done() || !this.#isComplete) return child._silence();
    if (!this.#returnExceptions) {
      // A cancelled child is a failure of the gathering, not its cancellation.
      if (child.cancelled()) return this.setException(child._cancelledError());
      if (child._failed()) return this.setException(child.exception());
    }
    if (this.#pending > 0) return;
    if (this.#cancelRequested) this.setException(new CancelledError(this._cancelMessage));
    else this.setResult(this.#children.map(outcomeOf));
  }
}

function outcomeOf(child: Future<unknown>): unknown {
  if (child.cancelled()) return child._cancelledError();
  return child._failed() ? child.exception() : child.result();
}

/**
 * Runs several awaitables at once, and returns their results in the order of the arguments.
 *
 * The first exception is passed at once to the code that awaits the gathering; the other awaitables
 * go on running. Cancelling the gathering cancels them all. A future or a generator object that is
 * given twice runs once; a function is run as often as it is given. Counterpart of Python's
 * `asyncio.gather()`.
 *
 * @typeParam All The types of the awaitables.
 * @param awaitables Futures, coroutines and promises; coroutines become tasks.
 * @param options Whether to return exceptions as results.
 * @returns A future of the results.
 * @throws {TypeError} If one of them can't be awaited, or if a single one is given instead of an
 * iterable.
 * @throws {RangeError} If the futures belong to different loops.
 * @throws {RuntimeError} If a coroutine is given and no loop is running.
 *
 * @example
 * ```ts
 * import { gather, run, sleep } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * const results = await run(() =>
 *   gather([() => sleep(0.02, "slow"), () => sleep(0.01, "fast")])
 * );
 * assertEquals(results, ["slow", "fast"]);
 * ```
 */
export function gather<const All extends Iterable<Gatherable>>(
  awaitables: All,
  options?: GatherOptions & { returnExceptions?: false },
): Future<GatheredAll<All>>;
/**
 * Runs several awaitables at once, and returns what each returned or threw, in the order of the
 * arguments.
 *
 * @typeParam All The types of the awaitables.
 * @param awaitables Futures, coroutines and promises; coroutines become tasks.
 * @param options Whether to return exceptions as results.
 * @returns A future of the results. Whatever is thrown is typed as an Error.
 * @throws {TypeError} If one of them can't be awaited.
 */
export function gather<const All extends Iterable<Gatherable>>(
  awaitables: All,
  options: GatherOptions,
): Future<GatheredAll<All, Error>>;
export function gather<const All extends Iterable<Gatherable>>(
  awaitables: All,
  options: GatherOptions = {},
): Future<GatheredAll<All, Error>> {
  if (
    typeof awaitables === "function" || "then" in awaitables || !(Symbol.iterator in awaitables)
  ) {
    const text = "an iterable was expected, such as [() => work()]";
    throw new TypeError(`Cannot gather: ${text}, not ${repr(awaitables)}`);
  }
  const returnExceptions = options.returnExceptions ?? false;
  let gathering: GatheringFuture | null = null;
  /** The tasks of the awaitables that can run only once. */
  const started = new Map<unknown, Future<unknown>>();
  for (const awaitable of awaitables) {
    let child = isFuture(awaitable) ? awaitable : started.get(awaitable);
    if (child === undefined) {
      child = getRunningLoop()._ensureFuture(awaitable);
      if (typeof awaitable !== "function") started.set(awaitable, child);
    }
    gathering ??= new GatheringFuture(child._loop, returnExceptions);
    if (child._loop !== gathering._loop) {
      throw new RangeError("Cannot gather: the futures belong to different loops");
    }
    gathering._add(child);
  }
  gathering ??= new GatheringFuture(getEventLoop(), returnExceptions);
  gathering._complete();
  return gathering as Future<unknown> as Future<GatheredAll<All, Error>>;
}
