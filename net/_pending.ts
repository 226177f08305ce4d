/**
 * Waiting for a promise of Deno's whose result has to be closed.
 *
 * @module
 */

import { getRunningLoop, wrapFuture } from "../loop/mod.ts";
import type { Steps } from "../loop/coroutines.ts";

/**
 * Waits for the promise of `start`. If the wait is cancelled, or the loop is closed meanwhile, the
 * signal is aborted, and a result that still arrives is discarded.
 */
export function* obtain<T>(
  start: (signal: AbortSignal) => Promise<T>,
  discard: (value: T) => void,
): Steps<T> {
  const aborter = new AbortController();
  const promise = start(aborter.signal);
  const giveUp = (): void => {
    aborter.abort();
    promise.then(discard, () => {}); // its error was thrown, or no longer matters
  };
  const resident = { _endWithLoop: giveUp };
  const { _residents } = getRunningLoop();
  _residents.add(resident);
  try {
    return yield* wrapFuture(promise);
  } catch (error) {
    giveUp();
    throw error;
  } finally {
    _residents.delete(resident);
  }
}

/** Discards a result by closing it. */
export function closeIt(value: { close(): void }): void {
  value.close();
}
