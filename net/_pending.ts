/**
 * Waiting for a promise of the runtime that gives something to be closed.
 *
 * @module
 */

import { wrapFuture } from "../loop/mod.ts";
import type { Steps } from "../loop/coroutines.ts";

/**
 * Waits for what `start` promises. If the waiting is cancelled, the signal aborts, and what comes
 * all the same is discarded.
 */
export function* obtain<T>(
  start: (signal: AbortSignal) => Promise<T>,
  discard: (value: T) => void,
): Steps<T> {
  const aborter = new AbortController();
  const promise = start(aborter.signal);
  try {
    return yield* wrapFuture(promise);
  } catch (error) {
    aborter.abort(error);
    promise.then(discard, () => {}); // why it failed was thrown, or is of no interest any more
    throw error;
  }
}

/** Discards what can be closed. */
export function closeIt(value: { close(): void }): void {
  value.close();
}
