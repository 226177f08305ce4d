/**
 * All scenarios with their twins, what they log, and what they are to log.
 *
 * @module
 */

import { run } from "@aio/asyncio/loop";
import { assert } from "../../_support/assert.ts";
import { newVirtualLoop } from "../../_support/run.ts";
import { str } from "./_helpers.ts";
import type { Log, Scenarios } from "./_helpers.ts";
import { scenarios as awaiting } from "./awaiting.ts";
import { scenarios as cancelling } from "./cancelling.ts";
import { scenarios as cancellingNested } from "./cancelling_nested.ts";
import { differences } from "./differences.ts";
import { scenarios as doneCallbacks } from "./done_callbacks.ts";
import { scenarios as errors } from "./errors.ts";
import { scenarios as gathering } from "./gathering.ts";
import { scenarios as interleaving } from "./interleaving.ts";
import { scenarios as printing } from "./printing.ts";
import { scenarios as running } from "./running.ts";
import { scenarios as starting } from "./starting.ts";
import { scenarios as stopping } from "./stopping.ts";
import { scenarios as timers } from "./timers.ts";
import { scenarios as turns } from "./turns.ts";

/** Those written with async functions. */
export const all: readonly Scenarios[] = [
  interleaving,
  starting,
  awaiting,
  doneCallbacks,
  turns,
  stopping,
  cancelling,
  cancellingNested,
  gathering,
  running,
  errors,
  timers,
  printing,
];

type Logs = Record<string, Record<string, string[]>>;

const record = JSON.parse(Deno.readTextFileSync(new URL("../parity.json", import.meta.url)));
const newer = record["scenarios on 3.14 where they differ"] as Logs;
/** What CPython 3.11 logs. */
export const older = record["scenarios"] as Logs;

/** What CPython logs: the newest one that is on record. */
export function recordedLog(group: string, name: string): readonly string[] {
  const recorded = newer[group]?.[name] ?? older[group]?.[name];
  assert(recorded !== undefined, `parity.json has no scenario "${group}: ${name}"`);
  return recorded;
}

/** The names of some scenarios. */
export function namesOf(scenarios: Scenarios): string[] {
  return [...Object.keys(scenarios.inTask ?? {}), ...Object.keys(scenarios.onLoop ?? {})];
}

/** Runs a scenario, and returns what it logs. */
export async function observe(scenarios: Scenarios, name: string): Promise<string[]> {
  const entries: string[] = [];
  const log: Log = (...words) => void entries.push(words.map(str).join(" "));
  const inTask = scenarios.inTask?.[name];
  if (inTask !== undefined) {
    await run(() => inTask(log), { loopFactory: newVirtualLoop });
  } else {
    const loop = newVirtualLoop();
    await scenarios.onLoop![name]!(log, loop);
    loop.close();
  }
  return entries;
}

const ERROR = /^(.*?)\b(RuntimeError|InvalidStateError|TypeError): (.*)$/;

/**
 * The texts of ours say more than CPython's, such as what can't be done: a line that ends with the
 * text of an error becomes CPython's line if it is the same error and contains CPython's text.
 */
function likeExpected(line: string, expected: string | undefined): string {
  const [, head, name, text] = ERROR.exec(line) ?? [];
  const [, expectedHead, expectedName, expectedText] = ERROR.exec(expected ?? "") ?? [];
  const same = head !== undefined && head === expectedHead && name === expectedName;
  return same && text!.includes(expectedText!) ? expected! : line;
}

/** A log beside the one that it is to equal. */
export function compared(
  log: readonly string[],
  group: string,
  name: string,
): { actual: readonly string[]; expected: readonly string[] } {
  const expected = differences[group]?.[name]?.log ?? recordedLog(group, name);
  return { actual: log.map((line, i) => likeExpected(line, expected[i])), expected };
}
