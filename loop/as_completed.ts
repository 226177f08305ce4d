/**
 * Results in the order in which they arrive.
 *
 * Counterpart of `as_completed()` in Python's `asyncio.tasks`.
 *
 * @module
 */

import { repr } from "./_repr.ts";
import { isCoroutine, Operation } from "./coroutines.ts";
import type { Steps } from "./coroutines.ts";
import { getRunningLoop } from "./events.ts";
import { TimeoutError } from "./exceptions.ts";
import { isFuture } from "./futures.ts";
import type { Awaitable, Future } from "./futures.ts";
import type { Gatherable, Gathered } from "./gather.ts";
import type { Handle } from "./handles.ts";
import { Queue } from "./queues.ts";

/** Options for {@linkcode asCompleted}. */
export interface AsCompletedOptions {
  /**
   * Seconds until the awaitables that are not done count as failed; null or absent for no limit.
   */
  timeout?: number | null;
}

/**
 * A future that is done, as `for await` yields it: `result()` returns its result or throws its
 * exception.
 *
 * It lacks `then()`, as TypeScript treats what `for await` yields as awaited.
 *
 * @typeParam T The type of the result.
 */
export type CompletedFuture<T> = Omit<Future<T>, "then">;

/**
 * The futures of {@linkcode asCompleted}, in the order in which they are done.
 *
 * @typeParam T The type of the results.
 */
export class AsCompleted<T> implements Iterable<Awaitable<T>>, AsyncIterable<CompletedFuture<T>> {
  /** Futures that are done and not taken; null for each that was not done in time. */
  readonly #done = new Queue<Future<T> | null>();
  readonly #pending: Set<Future<T>>;
  #left: number;
  #timer: Handle | null = null;

  /** @ignore Use {@linkcode asCompleted}. */
  constructor(futures: Set<Future<T>>, timeout: number | null) {
    this.#pending = futures;
    this.#left = futures.size;
    for (const future of futures) future.addDoneCallback(this.#onDone);
    if (timeout !== null && futures.size > 0) {
      this.#timer = getRunningLoop().callLater(timeout, () => this.#onTimeout());
    }
  }

  readonly #onDone = (future: Future<T>): void => {
    if (!this.#pending.delete(future)) return; // too late
    this.#done.putNowait(future);
    if (this.#pending.size === 0) this.#timer?.cancel();
  };

  #onTimeout(): void {
    for (const future of this.#pending) {
      future.removeDoneCallback(this.#onDone);
      this.#done.putNowait(null);
    }
    this.#pending.clear();
  }

  *#next(): Steps<Future<T>> {
    const future = yield* this.#done.get();
    if (future === null) {
      throw new TimeoutError("Cannot get the next result: not all were done in time");
    }
    return future;
  }

  *#nextResult(): Steps<T> {
    return (yield* this.#next()).result();
  }

  /**
   * Returns as many awaitables as there are futures; each returns the next result that arrives.
   *
   * @returns The awaitables.
   */
  *[Symbol.iterator](): Generator<Awaitable<T>, void, void> {
    while (this.#left > 0) {
      this.#left--;
      yield new Operation(() => this.#nextResult());
    }
  }

  /**
   * Yields the futures themselves, as they are done.
   *
   * @returns An iterator. After a `break`, another iterator goes on with the rest.
   */
  [Symbol.asyncIterator](): AsyncIterator<CompletedFuture<T>> {
    // Not an async generator: that would await what it yields, and so yield the results.
    return { next: () => this.#nextInBox() };
  }

  async #nextInBox(): Promise<IteratorResult<CompletedFuture<T>>> {
    if (this.#left === 0) return { done: true, value: undefined };
    this.#left--;
    const box = await new Operation(() => this.#box());
    return { done: false, value: box.future };
  }

  *#box(): Steps<{ future: Future<T> }> {
    return { future: yield* this.#next() };
  }
}

/**
 * Returns the results of several awaitables in the order in which they arrive.
 *
 * A `for await` loop gets the futures themselves, each one done. A `for` loop gets awaitables, to
 * be awaited one after another. Counterpart of Python's `asyncio.as_completed()`.
 *
 * @typeParam A The types of the awaitables.
 * @param awaitables Futures, coroutines, which become tasks, and promises. One that is given twice
 * counts once.
 * @param options A time limit.
 * @returns An iterable, which throws a TimeoutError for each awaitable that is not done in time.
 * @throws {TypeError} If one of them can't be awaited, or if a single one is given instead of an
 * iterable.
 *
 * @example
 * ```ts
 * import { asCompleted, run, sleep } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * const seen: string[] = [];
 * await run(async () => {
 *   const work = [() => sleep(0.02, "slow"), () => sleep(0.01, "fast")];
 *   for (const next of asCompleted(work)) seen.push(await next);
 *   for await (const task of asCompleted(work)) seen.push(task.result());
 * });
 * assertEquals(seen, ["fast", "slow", "fast", "slow"]);
 * ```
 */
export function asCompleted<A extends Gatherable>(
  awaitables: Iterable<A>,
  options: AsCompletedOptions = {},
): AsCompleted<Gathered<A>> {
  if (isFuture(awaitables) || isCoroutine(awaitables)) {
    throw new TypeError(
      `Cannot wait: an iterable of futures was expected, not ${repr(awaitables)}`,
    );
  }
  const loop = getRunningLoop();
  const futures = new Set([...new Set(awaitables)].map((one) => loop._ensureFuture(one)));
  return new AsCompleted(futures as Set<Future<Gathered<A>>>, options.timeout ?? null);
}
