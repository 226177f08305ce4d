/**
 * Who waits for whom.
 *
 * Counterpart of Python's `asyncio.graph`. The graph is read off the tasks when somebody asks for it;
 * nothing is kept for it meanwhile. In debug mode it also has the stacks of the suspended coroutines
 * and the time since they suspended.
 *
 * @module
 */

import { waitingRecord } from "./_debug.ts";
import type { Future } from "./futures.ts";
import { allTasks, currentTask, Task } from "./tasks.ts";

/** A suspended coroutine: a line of a stack. Counterpart of Python's `asyncio.FrameCallGraphEntry`. */
export interface FrameCallGraphEntry {
  /** The function and its place, as JavaScript writes them: `async work (file:///….ts:3:9)`. */
  readonly frame: string;
}

/** A future or task, and who waits for it. Counterpart of Python's `asyncio.FutureCallGraph`. */
export interface FutureCallGraph {
  /** The future or task. */
  readonly future: Future<unknown>;
  /** Its suspended coroutines, innermost first; none outside of debug mode. */
  readonly callStack: readonly FrameCallGraphEntry[];
  /** What it waits for; null if it does not, or if that is no future. */
  readonly waitsFor: Future<unknown> | null;
  /** How long it has been waiting, in seconds; null outside of debug mode. */
  readonly waitingTime: number | null;
  /** Who waits for it. */
  readonly awaitedBy: readonly FutureCallGraph[];
}

/** Options for {@linkcode captureCallGraph} and its relatives. */
export interface CallGraphOptions {
  /** How many lines of each stack to take: the innermost ones; by default all. */
  limit?: number;
}

/**
 * Returns who waits for a future, who for them, and so on.
 *
 * Counterpart of Python's `asyncio.capture_call_graph()`.
 *
 * @param future The future or task; by default the task that runs.
 * @param options How much of the stacks to take.
 * @returns The graph, or null if no future is given and no task runs.
 * @throws {RuntimeError} If no future is given and no loop runs.
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
  return start === null ? null : graphOf(start, options.limit ?? Infinity, new Set());
}

/** The graph from a future on; one that is on the way here already is a cycle, and ends it. */
function graphOf(
  future: Future<unknown>,
  limit: number,
  path: ReadonlySet<Future<unknown>>,
): FutureCallGraph {
  const waitsFor = future instanceof Task ? future._frames?.waitsFor ?? null : null;
  const record = future instanceof Task ? waitingRecord(future) : null;
  const isWaiting = record !== null && !future.done();
  const pathOn = new Set([...path, future]);
  const awaiting = path.has(future) ? [] : awaitersOf(future);
  return {
    future,
    callStack: isWaiting ? record.stack.slice(0, limit).map((frame) => ({ frame })) : [],
    waitsFor: waitsFor as Future<unknown> | null,
    waitingTime: isWaiting ? future._loop.time() - record.since : null,
    awaitedBy: awaiting.map((task) => graphOf(task, limit, pathOn)),
  };
}

/** The tasks that wait for a future, by themselves or as part of something. */
function awaitersOf(future: Future<unknown>): Task<unknown>[] {
  return [...allTasks(future._loop)].filter((task) => {
    for (let frame = task._frames; frame !== null; frame = frame.next) {
      if (standsFor(frame.waitsFor as unknown as Future<unknown>, future)) return true;
    }
    return false;
  });
}

function standsFor(whole: Future<unknown>, part: Future<unknown>): boolean {
  if (whole === part) return true;
  // A task is waited for as itself, not for what it waits for.
  for (const inner of whole._parts()) if (inner === part || standsFor(inner, part)) return true;
  return false;
}

/**
 * Returns the graph of {@linkcode captureCallGraph} as text.
 *
 * Counterpart of Python's `asyncio.format_call_graph()`.
 *
 * @param future The future or task; by default the task that runs.
 * @param options How much of the stacks to take.
 * @returns The text, or "" if there is nothing to show.
 * @throws {RuntimeError} If no future is given and no loop runs.
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

function describe({ future, waitsFor, waitingTime }: FutureCallGraph): string {
  const name = future instanceof Task ? `Task(name='${future.getName()}')` : String(future);
  if (waitsFor === null && waitingTime === null) return name;
  const time = waitingTime === null ? "" : ` ${waitingTime.toFixed(3)} s`;
  const what = waitsFor instanceof Task ? waitsFor.getName() : waitsFor;
  return `${name}, waiting${time}${what === null ? "" : ` for ${what}`}`;
}

/**
 * Prints the graph of {@linkcode captureCallGraph}.
 *
 * Counterpart of Python's `asyncio.print_call_graph()`.
 *
 * @param future The future or task; by default the task that runs.
 * @param options How much of the stacks to take.
 * @throws {RuntimeError} If no future is given and no loop runs.
 *
 * @example
 * ```ts
 * import { printCallGraph, run } from "@aio/asyncio";
 *
 * await run(async () => printCallGraph()); // * Task(name='Task-1')
 * ```
 */
export function printCallGraph(
  future: Future<unknown> | null = null,
  options: CallGraphOptions = {},
): void {
  console.log(formatCallGraph(future, options));
}
