/**
 * Debug mode: warnings about slow callbacks, about swallowed cancellations and about what was never
 * awaited, and records of where tasks were created and where they wait.
 *
 * Counterpart of the debug mode of Python's asyncio, from which it differs in the cancellations:
 * JavaScript's `catch` also catches a CancelledError, so the task that does not rethrow it is
 * named.
 *
 * @module
 */

import type { Owner } from "./_current.ts";
import { nowMs } from "./_host.ts";
import type { Instrument } from "./_instrument.ts";
import { forgetUnawaited, watchUnawaited } from "./_unawaited.ts";
import type { Runnable } from "./handles.ts";

/** The loop, as far as this file needs to know it. */
interface DebuggedLoop {
  readonly slowCallbackDuration: number;
  time(): number;
}

/** What is known of a task. */
interface TaskRecord {
  /** Where it was created: the lines of a stack. */
  readonly createdAt: readonly string[];
  /** Where it waits, or last waited; empty if that is not known. */
  waitsAt: readonly string[];
  /** The entry of the ready queue during which `waitsAt` was noted. */
  notedDuring: Runnable | null;
  /** Since when it has waited, on the loop's clock. */
  waitsSince: number;
  /** Where a CancelledError was thrown into it that it has not thrown on yet. */
  cancelledAt: readonly string[] | null;
}

/** How many lines of a stack are kept. */
const STACK_DEPTH = 20;
const OWN_FOLDER = new URL(".", import.meta.url).href;

/** The folders of this package, all of which call functions of this one. */
const OWN_FOLDERS = ["loop", "net", "http"].map((name) => new URL(`../${name}/`, OWN_FOLDER).href);

/** The lines of the current stack, innermost first, without those of this folder. */
export function captureStack(): string[] {
  return captureAll().filter((line) => !line.includes(OWN_FOLDER));
}

function captureAll(): string[] {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = STACK_DEPTH;
  const { stack = "" } = new Error();
  Error.stackTraceLimit = limit;
  return stack.split("\n").slice(1).map((line) => line.trim().replace(/^at /, ""))
    .filter((line) => !/\bext:|\bnode:|<anonymous>/.test(line));
}

/** Which function of this package the program called, and where. */
function describeCall(): string {
  const stack = captureAll();
  const isOwn = (line: string): boolean => OWN_FOLDERS.some((folder) => line.includes(folder));
  const caller = stack.findIndex((line) => !isOwn(line));
  const name = /^([\w.]+) \(/.exec(stack[caller - 1] ?? "")?.[1];
  return `${name === undefined ? "Something" : `${name}()`} at ${placeOf(stack.slice(caller))}`;
}

/** The place in the first line of a stack: its file, line and column. */
function placeOf(stack: readonly string[]): string {
  const line = stack[0] ?? "an unknown place";
  return /\((.*)\)$/.exec(line)?.[1] ?? line.replace(/^async /, "");
}

/** What debug mode knows of each task; shared by all loops. */
const records = new WeakMap<Owner, TaskRecord>();

/** See the module's description. */
export class DebugInstrument implements Instrument {
  readonly #loop: DebuggedLoop;
  #running: { entry: Runnable; start: number } | null = null;

  constructor(loop: DebuggedLoop) {
    this.#loop = loop;
  }

  taskCreated(task: Owner): void {
    records.set(task, {
      createdAt: captureStack(),
      waitsAt: [],
      notedDuring: null,
      waitsSince: this.#loop.time(),
      cancelledAt: null,
    });
  }

  awaitableMade(awaitable: object): void {
    watchUnawaited(awaitable, `${describeCall()} was never awaited, and did nothing`);
  }

  awaitableStarts(awaitable: object): void {
    forgetUnawaited(awaitable);
  }

  entryStarts(entry: Runnable): void {
    this.#running = { entry, start: nowMs() };
  }

  entryEnded(): void {
    const running = this.#running;
    this.#running = null;
    if (running === null) return;
    const seconds = (nowMs() - running.start) / 1000;
    if (seconds < this.#loop.slowCallbackDuration) return;
    console.warn(`Executing ${running.entry} took ${seconds.toFixed(3)} seconds`);
  }

  suspending(task: Owner | null): void {
    const record = task === null ? undefined : records.get(task);
    if (record === undefined) return;
    const stack = captureStack();
    const running = this.#running?.entry ?? null;
    // A generator noted where it suspends before it yielded; now only the loop is on the stack.
    if (stack.length > 0 || record.notedDuring !== running) record.waitsAt = stack;
    record.notedDuring = running;
    record.waitsSince = this.#loop.time();
  }

  cancelling(task: Owner): void {
    const record = records.get(task);
    if (record === undefined) return;
    if (record.cancelledAt !== null) this.#reportSwallowed(task, record.cancelledAt);
    record.cancelledAt = record.waitsAt;
  }

  taskDone(task: Owner, wasCancelled: boolean, isCancelling: boolean): void {
    const cancelledAt = records.get(task)?.cancelledAt ?? null;
    if (cancelledAt !== null && isCancelling && !wasCancelled) {
      this.#reportSwallowed(task, cancelledAt);
    }
  }

  #reportSwallowed(task: Owner, cancelledAt: readonly string[]): void {
    console.warn(`${task} caught a CancelledError at ${placeOf(cancelledAt)} and went on`);
  }
}

/** Where a task was created, or null if debug mode was off. */
export function creationPlace(task: Owner): string | null {
  const record = records.get(task);
  return record === undefined ? null : placeOf(record.createdAt);
}

/**
 * The stack of a waiting task, innermost first, and since when it has waited; null without debug
 * mode.
 */
export function waitingRecord(task: Owner): { stack: readonly string[]; since: number } | null {
  const record = records.get(task);
  return record === undefined ? null : { stack: record.waitsAt, since: record.waitsSince };
}
