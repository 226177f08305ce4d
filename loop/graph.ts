/**
 * The call graph: which tasks wait for what.
 *
 * Counterpart of Python's `asyncio.graph`. The graph is read from the tasks when it is asked for;
 * nothing is stored for it before. In debug mode it also has the stacks of the suspended coroutines
 * and the time since they suspended.
 *
 * As in Python, a task is shown to wait for the futures that it awaits, for the futures that those
 * stand for (the children of a `gather()`, the future in a `shield()`, the futures given to
 * `wait()`), and for the tasks of its groups, from their creation on.
 *
 * @module
 */

import { currentOwner } from "./_current.ts";
import { captureStack, waitingRecord } from "./_debug.ts";
import { quote } from "./_repr.ts";
import { isFuture } from "./futures.ts";
import type { Future } from "./futures.ts";
import { allTasks, currentTask, Task } from "./tasks.ts";

/**
 * A suspended coroutine: a line of a stack. Counterpart of Python's `asyncio.FrameCallGraphEntry`.
 */
export interface FrameCallGraphEntry {
  /** The function and its place, as JavaScript writes them: `async work (file:///….ts:3:9)`. */
  readonly frame: string;
}

/**
 * A future or task, and the tasks that wait for it. Counterpart of Python's
 * `asyncio.FutureCallGraph`.
 */
export interface FutureCallGraph {
  /** The future or task. */
  readonly future: Future<unknown>;
  /**
   * Where it is: its functions, innermost first. They are known for the running task; for a
   * suspended one only in debug mode, and not while it awaits a promise that is not ours.
   */
  readonly callStack: readonly FrameCallGraphEntry[];
  /**
   * What it awaits: usually one future; several under a `Promise.all()`, or if some are left over
   * from a `Promise.race()`; none if it does not wait, or not for a future.
   */
  readonly waitsFor: readonly Future<unknown>[];
  /**
   * How long it has been waiting, in seconds; null if it does not wait, or outside of debug mode.
   */
  readonly waitingTime: number | null;
  /** The tasks that wait for it. */
  readonly awaitedBy: readonly FutureCallGraph[];
  /**
   * Whether it waits for itself, by way of others; then `awaitedBy` is filled only the first time.
   */
  readonly isCycle: boolean;
}

/** Options for {@linkcode captureCallGraph} and its relatives. */
export interface CallGraphOptions {
  /**
   * How many lines of each stack to take: the innermost ones or, if it is negative, the outermost
   * ones; by default all.
   */
  limit?: number;
}

/**
 * Returns the tasks that wait for a future, those that wait for them, and so on.
 *
 * Counterpart of Python's `asyncio.capture_call_graph()`.
 *
 * @param future The future or task; by default the running task.
 * @param options How much of the stacks to take.
 * @returns The graph, or null if no future is given and no task is running.
 * @throws {TypeError} If `future` is not a future.
 * @throws {RuntimeError} If no future is given and no loop is running.
 *
 * @example
 * ```ts
 * import { captureCallGraph, createTask, gather, run, sleep } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * await run(async () => {
 *   const work = createTask(() => sleep(0.01), { name: "work" });
 *   const boss = createTask(() => gather([work]), { name: "boss" });
 *   await sleep(0);
 *   const graph = captureCallGraph(work);
 *   assertEquals(graph?.awaitedBy.map(({ future }) => future), [boss]);
 *   await boss;
 * });
 * ```
 */
export function captureCallGraph(
  future: Future<unknown> | null = null,
  options: CallGraphOptions = {},
): FutureCallGraph | null {
  const start = future ?? currentTask();
  if (start === null) return null;
  if (!isFuture(start)) throw new TypeError(`Cannot capture call graph: ${start} is not a future`);
  return new Capture(start, options.limit ?? Infinity).graphOf(start);
}

/** Which task waits for what, at one moment. */
class Capture {
  readonly #limit: number;
  readonly #awaiters = new Map<Future<unknown>, Set<Task<unknown>>>();
  /** The futures on the path from the start to the one that is looked at. */
  readonly #path = new Set<Future<unknown>>();

  constructor({ _loop }: Future<unknown>, limit: number) {
    this.#limit = limit;
    for (const task of allTasks(_loop)) {
      for (const future of futuresOf(task)) this.#addAwaiter(future, task);
      for (const { _parent } of task._entries()) {
        if (_parent instanceof Task && !_parent.done()) this.#addAwaiter(task, _parent);
      }
    }
  }

  /** Records that a task waits for a future, and for the futures that it stands for. */
  #addAwaiter(future: Future<unknown>, task: Task<unknown>): void {
    const tasks = this.#awaiters.get(future) ?? new Set();
    this.#awaiters.set(future, tasks.add(task));
    for (const part of future._parts()) this.#addAwaiter(part, task);
  }

  graphOf(future: Future<unknown>): FutureCallGraph {
    const isCycle = this.#path.has(future);
    const waitsFor = isWaiting(future) ? futuresOf(future) : [];
    const awaiting = isCycle ? [] : [...this.#awaiters.get(future) ?? []];
    this.#path.add(future);
    const awaiters = awaiting.map((task) => this.graphOf(task));
    if (!isCycle) this.#path.delete(future);
    return { future, ...this.#suspensionOf(future), waitsFor, awaitedBy: awaiters, isCycle };
  }

  #suspensionOf(future: Future<unknown>): Pick<FutureCallGraph, "callStack" | "waitingTime"> {
    if (future instanceof Task && future === currentOwner()) {
      return { callStack: this.#entriesOf(captureStack()), waitingTime: null };
    }
    const isKnown = isWaiting(future) && future._loop.getDebug();
    const record = isKnown ? waitingRecord(future) : null;
    if (record === null) return { callStack: [], waitingTime: null };
    const waitingTime = future._loop.time() - record.since;
    return { callStack: this.#entriesOf(record.stack), waitingTime };
  }

  #entriesOf(stack: readonly string[]): FrameCallGraphEntry[] {
    const limit = this.#limit;
    return (limit < 0 ? stack.slice(limit) : stack.slice(0, limit)).map((frame) => ({ frame }));
  }
}

function isWaiting(future: Future<unknown>): future is Task<unknown> {
  return future instanceof Task && !future.done() && future !== currentOwner();
}

/**
 * What a task awaits, in the order in which it began to; nothing while it awaits a promise, as its
 * futures are then left over from a race.
 */
function futuresOf(task: Task<unknown>): Future<unknown>[] {
  const futures: Future<unknown>[] = [];
  if (task._awaitsHost) return futures;
  for (let frame = task._frames; frame !== null; frame = frame.next) {
    if (isFuture(frame.waitsFor)) futures.unshift(frame.waitsFor);
  }
  return futures;
}

/**
 * Returns the graph of {@linkcode captureCallGraph} as text.
 *
 * Counterpart of Python's `asyncio.format_call_graph()`.
 *
 * @param future The future or task; by default the running task.
 * @param options How much of the stacks to take.
 * @returns The text, or "" if there is nothing to show.
 * @throws {TypeError} If `future` is not a future.
 * @throws {RuntimeError} If no future is given and no loop is running.
 *
 * @example
 * ```ts
 * import { createTask, formatCallGraph, run, sleep } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * await run(async () => {
 *   const work = createTask(() => sleep(0.01), { name: "work" });
 *   const boss = createTask(() => work, { name: "boss" });
 *   await sleep(0);
 *   const lines = formatCallGraph(work).split("\n");
 *   assertEquals(lines, [
 *     "* Task(name='work'), waiting for <SleepFuture pending>",
 *     "  + Awaited by:",
 *     "    * Task(name='boss'), waiting for work",
 *   ]);
 *   await boss;
 * });
 * ```
 */
export function formatCallGraph(
  future: Future<unknown> | null = null,
  options: CallGraphOptions = {},
): string {
  const graph = captureCallGraph(future, options);
  return graph === null ? "" : linesOf(graph, "").join("\n");
}

function linesOf(graph: FutureCallGraph, indent: string): string[] {
  const lines = [`${indent}* ${describe(graph)}`];
  if (graph.callStack.length > 0) lines.push(`${indent}  + Call stack:`);
  for (const { frame } of graph.callStack) lines.push(`${indent}  |   ${frame}`);
  if (graph.awaitedBy.length > 0) lines.push(`${indent}  + Awaited by:`);
  return [...lines, ...graph.awaitedBy.flatMap((awaiter) => linesOf(awaiter, `${indent}    `))];
}

function describe({ future, waitsFor, waitingTime, isCycle }: FutureCallGraph): string {
  if (!(future instanceof Task)) return String(future);
  const what = isWaiting(future) && future._awaitsHost ? "a promise" : listOf(waitsFor);
  const time = waitingTime === null ? "" : ` ${waitingTime.toFixed(3)} s`;
  const waiting = time === "" && what === "" ? "" : `, waiting${time}${what && ` for ${what}`}`;
  return `Task(name=${quote(future.getName())})${waiting}${isCycle ? " (a cycle)" : ""}`;
}

/** How many of the futures that a task waits for are named. */
const MAX_NAMED = 3;

/**
 * The names of the futures that a task waits for: for one that stands for others, those of the
 * others.
 */
function listOf(futures: readonly Future<unknown>[]): string {
  const names: string[] = [];
  for (const future of singlesOf(futures)) {
    if (names.length === MAX_NAMED) return `${names.join(", ")}, …`;
    names.push(future instanceof Task ? future.getName() : String(future));
  }
  return names.join(", ");
}

function* singlesOf(futures: Iterable<Future<unknown>>): Generator<Future<unknown>, void> {
  for (const future of futures) {
    let isSingle = true;
    for (const single of singlesOf(future._parts())) {
      isSingle = false;
      yield single;
    }
    if (isSingle) yield future;
  }
}

/**
 * Prints the graph of {@linkcode captureCallGraph}.
 *
 * Counterpart of Python's `asyncio.print_call_graph()`.
 *
 * @param future The future or task; by default the running task.
 * @param options How much of the stacks to take.
 * @throws {TypeError} If `future` is not a future.
 * @throws {RuntimeError} If no future is given and no loop is running.
 *
 * @example
 * ```ts
 * import { printCallGraph, run } from "@aio/asyncio";
 *
 * await run(async () => printCallGraph()); // * Task(name='Task-1') and where it is
 * ```
 */
export function printCallGraph(
  future: Future<unknown> | null = null,
  options: CallGraphOptions = {},
): void {
  console.log(formatCallGraph(future, options));
}
