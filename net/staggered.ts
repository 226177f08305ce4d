/**
 * A race of several attempts, each started a little after the one before.
 *
 * Counterpart of Python's `asyncio.staggered`; the basis of "Happy Eyeballs" (RFC 8305).
 *
 * @module
 */

import { createTask, getRunningLoop, wait } from "../loop/mod.ts";
import type { Awaitable, Coroutine, Future, Handle, Task } from "../loop/mod.ts";
import { Operation, runInTask } from "../loop/coroutines.ts";
import type { Steps } from "../loop/coroutines.ts";

/** How a race ended: the winner's result, its index, and what each attempt threw. */
export type RaceResult<T> = [
  result: T | null,
  winner: number | null,
  exceptions: unknown[],
];

/**
 * Starts coroutines one after another until one succeeds, and cancels the others.
 *
 * The next one starts when the one before has failed, or after `delay`. When the race ends, however
 * it ends, all of them have ended. Counterpart of Python's `asyncio.staggered.staggered_race()`.
 *
 * @typeParam T What the coroutines return.
 * @param coroutines The coroutines, in the order in which to try them.
 * @param delay Seconds until the next one starts; null to start it only if the one before fails.
 * @returns An awaitable of the winner's result, its index (both null if none succeeded), and, for
 * each coroutine that was started, what it threw, or null.
 *
 * @example
 * ```ts
 * import { run, sleep, staggeredRace } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * const [result, winner] = await run(() =>
 *   staggeredRace([() => sleep(3600, "slow"), () => sleep(0.01, "fast")], 0.01)
 * );
 * assertEquals([result, winner], ["fast", 1]);
 * ```
 */
export function staggeredRace<T>(
  coroutines: Iterable<Coroutine<T>>,
  delay: number | null,
): Awaitable<RaceResult<T>> {
  return new Operation(() => race([...coroutines], delay, () => {}));
}

/**
 * The steps of a race; results other than the one returned are discarded, and that one, too, if the
 * loop is closed before the race returns it.
 */
export function* race<T>(
  coroutines: readonly Coroutine<T>[],
  delay: number | null,
  discard: (result: T) => void,
): Steps<RaceResult<T>> {
  const runners = new Race<T>(coroutines, delay);
  const resident = { _endWithLoop: () => runners.discardLosers(discard, true) };
  const { _residents } = getRunningLoop();
  _residents.add(resident);
  try {
    return yield* outcomeOf(runners, discard);
  } finally {
    _residents.delete(resident);
  }
}

function* outcomeOf<T>(runners: Race<T>, discard: (result: T) => void): Steps<RaceResult<T>> {
  let failure: { error: unknown } | null = null;
  try {
    yield* runners.finished;
  } catch (error) {
    failure = { error }; // a cancellation; it is thrown once all attempts have ended
  }
  const later = yield* runners.end();
  failure ??= later;
  runners.discardLosers(discard, failure !== null);
  if (failure !== null) throw failure.error;
  return runners.result();
}

/** The attempts of a race. */
class Race<T> {
  /** Done when one attempt has succeeded, or all have failed. */
  readonly finished: Future<void> = getRunningLoop().createFuture<void>();
  readonly #coroutines: readonly Coroutine<T>[];
  readonly #delay: number | null;
  readonly #tasks: Task<T>[] = [];
  #winner: number | null = null;
  #timer: Handle | null = null;

  constructor(coroutines: readonly Coroutine<T>[], delay: number | null) {
    this.#coroutines = coroutines;
    this.#delay = delay;
    if (coroutines.length === 0) this.finished.setResult();
    else this.#startNext();
  }

  #startNext(): void {
    this.#timer?.cancel();
    this.#timer = null;
    const index = this.#tasks.length;
    if (index === this.#coroutines.length || this.finished.done()) return;
    const task = createTask(() => this.#attempt(index));
    this.#tasks.push(task);
    task.addDoneCallback(() => this.#onDone(index));
    if (this.#delay === null || this.#tasks.length === this.#coroutines.length) return;
    this.#timer = getRunningLoop().callLater(this.#delay, () => this.#startNext());
  }

  /** A success cancels the others at once, so that none of them goes on in the same turn. */
  *#attempt(index: number): Steps<T> {
    const result = yield* runInTask(this.#coroutines[index]!);
    for (const [other, task] of this.#tasks.entries()) if (other !== index) task.cancel();
    return result;
  }

  #onDone(index: number): void {
    const task = this.#tasks[index]!;
    const hasFailed = task.cancelled() || task.exception() !== null;
    if (this.finished.done()) return;
    if (!hasFailed) {
      this.#winner = index;
      this.finished.setResult();
    } else if (index === this.#tasks.length - 1 && index < this.#coroutines.length - 1) {
      this.#startNext();
    } else if (
      this.#tasks.length === this.#coroutines.length && this.#tasks.every((task) => task.done())
    ) {
      this.finished.setResult();
    }
  }

  /** Cancels the pending attempts and awaits their end; returns a cancellation of that, if any. */
  *end(): Steps<{ error: unknown } | null> {
    this.#timer?.cancel();
    let cancellation: { error: unknown } | null = null;
    for (;;) {
      const running = this.#tasks.filter((task) => !task.done());
      if (running.length === 0) return cancellation;
      for (const task of running) task.cancel();
      try {
        yield* wait(running);
      } catch (error) {
        cancellation = { error }; // of the task that waits here
      }
    }
  }

  discardLosers(discard: (result: T) => void, winnerToo: boolean): void {
    for (const [index, task] of this.#tasks.entries()) {
      if (index === this.#winner && !winnerToo) continue;
      if (task.done() && !task.cancelled() && task.exception() === null) {
        discard(task.result());
      }
    }
  }

  result(): RaceResult<T> {
    const winner = this.#winner;
    const exceptions = this.#tasks.map((task, index) => {
      if (index === winner) return null;
      return task.cancelled() ? task._cancelledError() : task.exception();
    });
    return [winner === null ? null : this.#tasks[winner]!.result(), winner, exceptions];
  }
}
