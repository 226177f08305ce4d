/**
 * Reports of what was never awaited: `sleep(1)` without an `await` does nothing, and says nothing.
 *
 * Debug mode only: to watch something like this takes longer than most of them do. Counterpart of
 * Python's "coroutine was never awaited".
 *
 * @module
 */

import { LostObjects } from "./lost_objects.ts";

/** What there is to say of something. */
interface Unawaited {
  readonly text: string;
}

const unawaited = new LostObjects<Unawaited>(({ text }) => console.warn(text));
const recordOf = new WeakMap<object, Unawaited>();

/** Watches something that has to be awaited; `text` is what to say if it never is. */
export function watchUnawaited(awaitable: object, text: string): void {
  recordOf.set(awaitable, unawaited.watch(awaitable, { text }));
}

/** It is awaited. */
export function forgetUnawaited(awaitable: object): void {
  const record = recordOf.get(awaitable);
  if (record !== undefined) unawaited.forget(record);
}
