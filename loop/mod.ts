/**
 * The scheduling half of asyncio: the event loop, futures, tasks, and what coordinates them. It
 * opens no sockets and no files, and runs on any JavaScript runtime.
 *
 * @example Two tasks take turns
 * ```ts
 * import { gather, run, sleep } from "@aio/asyncio/loop";
 * import { assertEquals } from "@std/assert";
 *
 * const seen: string[] = [];
 * async function worker(name: string) {
 *   for (let i = 0; i < 2; i++) {
 *     seen.push(`${name}${i}`);
 *     await sleep(0);
 *   }
 * }
 * await run(() => gather([() => worker("a"), () => worker("b")]));
 * assertEquals(seen, ["a0", "b0", "a1", "b1"]);
 * ```
 *
 * @module
 */

export type { AbortableOptions } from "./_abortable.ts";
export * from "./as_completed.ts";
export * from "./barrier.ts";
export * from "./base_events.ts";
export * from "./clocks.ts";
export { Context, ContextVar, copyContext } from "./contextvars.ts";
export type { ContextVarOptions, Token } from "./contextvars.ts";
export { isCoroutine, isCoroutineFunction } from "./coroutines.ts";
export type { Coroutine, Suspension } from "./coroutines.ts";
export * from "./event.ts";
export * from "./events.ts";
export * from "./exceptions.ts";
export * from "./executors.ts";
export * from "./functools.ts";
export * from "./futures.ts";
export * from "./gather.ts";
export * from "./graph.ts";
export * from "./handles.ts";
export * from "./locks.ts";
export { moduleFunctions, transfer } from "./module_functions.ts";
export type {
  ModuleFunction,
  ModuleFunctions,
  ThreadArguments,
  Transfer,
} from "./module_functions.ts";
export * from "./queues.ts";
export * from "./runners.ts";
export * from "./semaphore.ts";
export * from "./shield.ts";
export * from "./sleep.ts";
export * from "./taskgroups.ts";
export * from "./tasks.ts";
export * from "./threads.ts";
export * from "./timeouts.ts";
export * from "./wait.ts";
export * from "./wait_for.ts";
export * from "./wrap_future.ts";
