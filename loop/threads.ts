/**
 * A call in another thread, as a coroutine.
 *
 * Counterpart of Python's `asyncio.threads`.
 *
 * @module
 */

import { Operation } from "./coroutines.ts";
import { getRunningLoop } from "./events.ts";
import type { Awaitable, Future } from "./futures.ts";
import type { ModuleFunction, ThreadArguments } from "./module_functions.ts";

/**
 * Calls a function in another thread, one of the running loop's default executor.
 *
 * The call is submitted when it is awaited; cancelling the task that waits ends the thread, see
 * {@linkcode WorkerPoolExecutor}. Unlike in Python, the thread does not see the caller's context:
 * `ContextVar`s have their defaults there. Counterpart of Python's `asyncio.to_thread()`.
 *
 * @typeParam Args The types of the arguments.
 * @typeParam Result The type of the result.
 * @param fn The function, from `moduleFunctions()`.
 * @param args The arguments; they are copied, unless `transfer()` marks them.
 * @returns An awaitable of its result.
 * @throws {TypeError} When it is awaited, if `fn` is not a function of a module.
 * @throws {RuntimeError} When it is awaited, if the default executor is shut down.
 *
 * @example
 * ```ts
 * import { moduleFunctions, run, toThread } from "@aio/asyncio";
 * import { assert } from "@std/assert";
 *
 * const { checkPrimeSync } = moduleFunctions<typeof import("node:crypto")>("node:crypto");
 * assert(await run(() => toThread(checkPrimeSync, 2n ** 127n - 1n)));
 * ```
 */
export function toThread<Args extends unknown[], Result>(
  fn: ModuleFunction<Args, Result>,
  ...args: ThreadArguments<NoInfer<Args>>
): Awaitable<Result> {
  return new Operation(() => {
    const future: Future<Result> = getRunningLoop().runInExecutor(null, fn, ...args);
    return future[Symbol.iterator]();
  });
}
