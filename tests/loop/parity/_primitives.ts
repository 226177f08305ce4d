/**
 * What the scenarios of locks, queues, timeouts and task groups have in common; see `_helpers.ts`.
 *
 * @module
 */

import {
  CancelledError,
  currentTask,
  ExceptionGroup,
  getRunningLoop,
  sleep,
  TimeoutError,
} from "@aio/asyncio/loop";
import { described, passTurns, repr } from "./_helpers.ts";
import type { Log } from "./_helpers.ts";

/** The time of the loop in whole seconds. */
export function now(): number {
  return Math.trunc(getRunningLoop().time());
}

/** How many cancellations of the running task are asked for. */
export function cancelling(): number {
  return currentTask()!.cancelling();
}

/** Logs what the exception handler is told. */
export function logErrors(log: Log): void {
  getRunningLoop().setExceptionHandler((_loop, context) => log("handler:", context.message));
}

/** Whether a TimeoutError is in the chain of causes of an error, or is the error. */
export function hasTimeoutInChain(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof TimeoutError) return true;
  }
  return false;
}

/** An error, with those in it if it is a group, sorted. */
export function grouped(error: unknown): string {
  if (!(error instanceof ExceptionGroup)) return described(error);
  return `group(${error.exceptions.map(grouped).sort().join(", ")})`;
}

/** Runs a coroutine, and logs what it returns or throws, with the errors in it. */
export async function ended(
  log: Log,
  label: string,
  coroutine: () => PromiseLike<unknown>,
): Promise<void> {
  try {
    log(`${label}:`, repr(await coroutine()));
  } catch (error) {
    log(`${label}:`, grouped(error));
  }
}

/** Waits to be cancelled, and cleans up for some turns. */
export async function untilCancelled(log: Log, name: string, cleanup = 0): Promise<void> {
  log(name, "starts");
  try {
    await sleep(3600);
  } catch (error) {
    if (!(error instanceof CancelledError)) throw error;
    await passTurns(cleanup);
    log(name, "cancelled");
    throw error;
  }
}

/** Fails after some turns. */
export async function failing(turns: number, error: unknown): Promise<void> {
  await passTurns(turns);
  throw error;
}
