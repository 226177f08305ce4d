/**
 * Reports of awaitables that were never awaited: `sleep(1)` without an `await` silently does
 * nothing.
 *
 * Debug mode only: watching an awaitable takes longer than most of them run. Counterpart of
 * Python's "coroutine was never awaited".
 *
 * @module
 */

import { LostObjects } from "./lost_objects.ts";

/** What to report of an awaitable. */
interface Unawaited {
  readonly text: string;
}

const unawaited = new LostObjects<Unawaited>(({ text }) => console.warn(text));
const recordOf = new WeakMap<object, Unawaited>();

/** Watches an awaitable; `text` is what to report if it is never awaited. */
export function watchUnawaited(awaitable: object, text: string): void {
  recordOf.set(awaitable, unawaited.watch(awaitable, { text }));
}

/** Stops watching an awaitable, as it is awaited. */
export function forgetUnawaited(awaitable: object): void {
  const record = recordOf.get(awaitable);
  if (record !== undefined) unawaited.forget(record);
}
