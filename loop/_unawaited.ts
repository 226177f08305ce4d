/**
 * Reports of what was never awaited: `sleep(1)` without an `await` does nothing, and says nothing.
 *
 * Debug mode only: to watch something like this takes longer than most of them do. Counterpart of
 * Python's "coroutine was never awaited".
 *
 * @module
 */

import { onExit } from "./_host.ts";

/** Reports that were not made so far. */
const reports = new Set<{ readonly text: string }>();
const reportOf = new WeakMap<object, { readonly text: string }>();

/** Reports what is gone; nobody can await it any more. */
const registry = new FinalizationRegistry<{ readonly text: string }>((report) => {
  if (reports.delete(report)) console.warn(report.text);
});

let reportsAtExit = false;

/** Watches something that has to be awaited; `text` is what to say if it never is. */
export function watchUnawaited(awaitable: object, text: string): void {
  const report = { text };
  reports.add(report);
  reportOf.set(awaitable, report);
  registry.register(awaitable, report);
  if (reportsAtExit) return;
  reportsAtExit = true;
  onExit(() => reports.forEach(({ text }) => console.warn(text)));
}

/** It is awaited. */
export function forgetUnawaited(awaitable: object): void {
  const report = reportOf.get(awaitable);
  if (report !== undefined) reports.delete(report);
}
