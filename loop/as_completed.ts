/**
 * Results in the order in which they come.
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
  /** Seconds until those that are not done count as failed; null or absent for no limit. */
  timeout?: number | null;
}

/**
 * A future that is done, as `for await` gives it: `result()` gives or throws what it ended with.
 *
 * It is without `then()`, as TypeScript takes what `for await` gives for something that was awaited.
 *
 * @typeParam T What it gave.
 */
export type CompletedFuture<T> = Omit<Future<T>, "then">;

/**
 * The futures of {@linkcode asCompleted}, the one that is done first coming first.
 *
 * @typeParam T What they give.
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
    if (future === null) throw new TimeoutError("Cannot go on: not all were done in time");
    return future;
  }

  *#nextResult(): Steps<T> {
    return (yield* this.#next()).result();
  }

  /**
   * Returns as many awaitables as there are futures; each gives the next result that comes.
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
   * Gives the futures themselves, as they are done.
   *
   * @returns An iterator. After a `break`, another one goes on with the rest.
   */
  [Symbol.asyncIterator](): AsyncIterator<CompletedFuture<T>> {
    // No async generator: those await what they yield, and would give the results.
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
 * Gives the results of several things in the order in which they come.
 *
 * Iterated with `for await`, it gives the futures themselves, each one done. Iterated with `for`, it
 * gives awaitables, to be awaited one after another. Counterpart of Python's
 * `asyncio.as_completed()`.
 *
 * @typeParam A The types of what is waited for, which may be several.
 * @param awaitables Futures, coroutines, which become tasks, and promises. The same one twice counts
 * once.
 * @param options A limit of time.
 * @returns What to iterate over. It throws TimeoutError for those that are not done in time.
 * @throws {TypeError} If one of them can't be awaited, or a single one is given.
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
