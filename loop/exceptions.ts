/**
 * The errors of the event loop, its futures and its tasks.
 *
 * Counterpart of Python's `asyncio.exceptions`. JavaScript has no `BaseException`: a bare `catch`
 * also catches {@linkcode CancelledError} and {@linkcode KeyboardInterrupt}, so whoever catches
 * everything rethrows these two, or says why not.
 *
 * @module
 */

/**
 * Thrown inside a task that was asked to stop, and by the result of a cancelled future.
 *
 * Counterpart of Python's `asyncio.CancelledError`.
 *
 * @example Clean up, then let the cancellation go on
 * ```ts
 * import { CancelledError, createTask, run, sleep } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * const seen: string[] = [];
 * await run(async () => {
 *   const task = createTask(async () => {
 *     try {
 *       await sleep(3600);
 *     } finally {
 *       seen.push("cleaned up");
 *     }
 *   });
 *   await sleep(0);
 *   task.cancel();
 *   try {
 *     await task;
 *   } catch (error) {
 *     if (!(error instanceof CancelledError)) throw error;
 *     seen.push("cancelled");
 *   }
 * });
 * assertEquals(seen, ["cleaned up", "cancelled"]);
 * ```
 */
export class CancelledError extends Error {
  /** Always `"CancelledError"`. */
  override name = "CancelledError";
}

/**
 * Thrown when an operation does not fit the state of a future: a result that is not there yet, or
 * one that is there already.
 *
 * Counterpart of Python's `asyncio.InvalidStateError`.
 */
export class InvalidStateError extends Error {
  /** Always `"InvalidStateError"`. */
  override name = "InvalidStateError";
}

/**
 * Thrown when the time given to an operation is over.
 *
 * Counterpart of Python's `TimeoutError`.
 */
export class TimeoutError extends Error {
  /** Always `"TimeoutError"`. */
  override name = "TimeoutError";
}

/**
 * Thrown when something is used in a way that its state forbids: a closed loop, a second run, an
 * await on itself.
 *
 * Counterpart of Python's `RuntimeError`.
 */
export class RuntimeError extends Error {
  /** Always `"RuntimeError"`. */
  override name = "RuntimeError";
}

/**
 * Thrown by {@linkcode run} and {@linkcode Runner} when Ctrl-C ended the program.
 *
 * Counterpart of Python's `KeyboardInterrupt`. Like there, no task and no callback keeps it: it
 * ends the loop at once and leaves it through `runForever()`.
 */
export class KeyboardInterrupt extends Error {
  /** Always `"KeyboardInterrupt"`. */
  override name = "KeyboardInterrupt";
}
