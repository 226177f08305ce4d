/**
 * What runs now: which loop, which task, in which context.
 *
 * Invariants:
 * - `loop` is the loop whose `runForever()` is in progress; there is at most one in a thread.
 * - While a callback or a step of a generator runs, `context` is not null, and `task` and `context`
 *   tell which task is running and what holds its context. Otherwise (an async function went on
 *   after an `await`) the host's asynchronous context tells that; where the host has none,
 *   `resumed` does.
 * - `resumed` is the task whose async function was resumed by the loop and has not yet suspended.
 *
 * @module
 */

import { getOwner, hasAsyncContext } from "./_host.ts";
import type { Linked } from "./_linked_list.ts";

/** A task, as far as this file needs to know it. */
export interface Owner extends Linked<Owner> {
  /** The loop that the task runs on. */
  readonly _loop: object;
  /**
   * Whether its async function awaits a promise that is not ours, as far as the loop could tell.
   */
  _awaitsHost: boolean;
}

/** See the invariants above. */
export const current: {
  loop: object | null;
  task: Owner | null;
  context: object | null;
  resumed: Owner | null;
} = { loop: null, task: null, context: null, resumed: null };

/** The end of error messages where a loop is needed and none is running. */
export const NO_LOOP = "no running event loop; run() starts one";

/** The running task, or null. */
export function currentOwner(): Owner | null {
  if (current.context !== null) return current.task;
  if (!hasAsyncContext) return current.resumed;
  return (getOwner() as Owner | undefined) ?? null;
}
