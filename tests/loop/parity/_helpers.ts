/**
 * What the scenarios have in common: they log what happens as Python prints it. Each scenario is
 * written with async functions; `_generators.ts` makes the same of it with generators.
 *
 * @module
 */

import { getRunningLoop, sleep } from "@aio/asyncio/loop";
import type { EventLoop, Future, Task } from "@aio/asyncio/loop";

/** Logs one line: its words with spaces between, values as Python prints them. */
export type Log = (...words: unknown[]) => void;

/** The scenarios of one group, or of a part of it. */
export interface Scenarios {
  /** The group's name in parity.json. */
  readonly group: string;
  /** The file they are in. */
  readonly source: string;
  /** Those that run as the main coroutine of `run()`. */
  readonly inTask?: Readonly<Record<string, (log: Log) => Promise<void>>>;
  /** Those that are given a new loop, which does not run yet. */
  readonly onLoop?: Readonly<Record<string, (log: Log, loop: EventLoop) => Promise<void> | void>>;
}

/** Python's ValueError. */
export class ValueError extends Error {
  override name = "ValueError";
}

/** A value as Python's `repr()` shows it. */
export function repr(value: unknown): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string") return `'${value}'`;
  if (Array.isArray(value)) return `[${value.map(repr).join(", ")}]`;
  if (value instanceof Error) return `${value.name}(${value.message && repr(value.message)})`;
  return String(value);
}

/** A value as Python's `str()` shows it. */
export function str(value: unknown): string {
  return typeof value === "string" ? value : repr(value);
}

/** Text of ours with Python's names of constants. */
export function pythonic(value: unknown): string {
  const names: Record<string, string> = { true: "True", false: "False", null: "None" };
  const text = String(value).replace(/\b(true|false|null)\b/g, (name) => names[name]!);
  return text.replace(/\bwhen=-?[\d.]+/g, "when=…");
}

/** An error, for a log. */
export function described(error: unknown): string {
  const { name, message } = error as Error;
  return message ? `${name}: ${message}` : name;
}

/** An error and its arguments, as Python prints them one after the other. */
export function argumentsOf(error: unknown): string {
  const { name, message } = error as Error;
  return `${name}(${message && `'${message}',`})`;
}

export function flags(task: Task<unknown>): string {
  const ended = `done ${repr(task.done())}, cancelled ${repr(task.cancelled())}`;
  return `${ended}, cancelling ${task.cancelling()}`;
}

/** Logs what a call returns or throws. */
export function attempt(log: Log, label: string, call: () => unknown): void {
  try {
    log(`${label}:`, repr(call()));
  } catch (error) {
    log(`${label}:`, described(error));
  }
}

/** The same for a call that returns a promise, outside of any task. */
export const attemptRun = async (log: Log, label: string, call: () => unknown): Promise<void> => {
  try {
    log(`${label}:`, repr(await call()));
  } catch (error) {
    log(`${label}:`, described(error));
  }
};

/** Awaits, and logs the result or the exception. */
export async function outcome(
  log: Log,
  label: string,
  awaitable: PromiseLike<unknown>,
): Promise<void> {
  try {
    log(`${label}:`, repr(await awaitable));
  } catch (error) {
    log(`${label}:`, described(error));
  }
}

/** Logs a line as the first thing of each of the next turns of the running loop. */
export function countTurns(log: Log, turns: number): void {
  const loop = getRunningLoop();
  const tick = (turn: number): void => {
    log("turn", turn);
    if (turn < turns) loop.callSoon(tick, turn + 1);
  };
  loop.callSoon(tick, 1);
}

export function newFuture<T>(): Future<T> {
  return getRunningLoop().createFuture<T>();
}

export async function passTurns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await sleep(0);
}

/** Awaits `innermost()` through `depth` coroutines. */
export async function nested<T>(depth: number, innermost: () => PromiseLike<T>): Promise<T> {
  if (depth > 0) return await nested(depth - 1, innermost);
  return await innermost();
}

/** A coroutine that gives or throws `value`, some turns later. */
export async function after(turns: number, value: unknown, log?: Log): Promise<unknown> {
  await passTurns(turns);
  log?.("ends", value);
  if (value instanceof Error) throw value;
  return value;
}
