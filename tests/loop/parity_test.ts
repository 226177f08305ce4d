/**
 * The order of events is CPython's. parity.json holds what real CPython logs in each scenario of
 * parity.py (3.11, and 3.14 where it differs: the newer wins); parity/ holds the twins, which must
 * log the same, written with async functions and with generators.
 *
 * @module
 */

import { run } from "@aio/asyncio/loop";
import { assert, assertEquals } from "../_support/assert.ts";
import { newVirtualLoop } from "../_support/run.ts";
import { withGenerators } from "./parity/_generators.ts";
import { str } from "./parity/_helpers.ts";
import type { Log, Scenarios } from "./parity/_helpers.ts";
import { scenarios as awaiting } from "./parity/awaiting.ts";
import { scenarios as cancelling } from "./parity/cancelling.ts";
import { scenarios as cancellingNested } from "./parity/cancelling_nested.ts";
import { differences } from "./parity/differences.ts";
import { scenarios as doneCallbacks } from "./parity/done_callbacks.ts";
import { scenarios as errors } from "./parity/errors.ts";
import { scenarios as gathering } from "./parity/gathering.ts";
import { scenarios as interleaving } from "./parity/interleaving.ts";
import { scenarios as printing } from "./parity/printing.ts";
import { scenarios as running } from "./parity/running.ts";
import { scenarios as starting } from "./parity/starting.ts";
import { scenarios as stopping } from "./parity/stopping.ts";
import { scenarios as timers } from "./parity/timers.ts";
import { scenarios as turns } from "./parity/turns.ts";

type Logs = Record<string, Record<string, string[]>>;

const all: Scenarios[] = [
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

const record = JSON.parse(Deno.readTextFileSync(new URL("parity.json", import.meta.url)));
const older = record["scenarios"] as Logs;
const newer = record["scenarios on 3.14 where they differ"] as Logs;

function expectedLog(group: string, name: string): readonly string[] {
  const expected = differences[group]?.[name]?.log ?? newer[group]?.[name] ?? older[group]?.[name];
  assert(expected !== undefined, `parity.json has no scenario "${group}: ${name}"`);
  return expected;
}

/** Runs a scenario, and returns what it logs. */
async function observe(scenarios: Scenarios, name: string): Promise<string[]> {
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

function assertLog(log: string[], expected: readonly string[], flavour: string): void {
  assertEquals(log.map((line, i) => likeExpected(line, expected[i])), [...expected], flavour);
}

const namesOf = (scenarios: Scenarios): string[] => [
  ...Object.keys(scenarios.inTask ?? {}),
  ...Object.keys(scenarios.onLoop ?? {}),
];

for (const asyncFunctions of all) {
  const generators = await withGenerators(asyncFunctions);
  for (const name of namesOf(asyncFunctions)) {
    Deno.test(`parity: ${asyncFunctions.group}: ${name}`, async () => {
      const expected = expectedLog(asyncFunctions.group, name);
      assertLog(await observe(asyncFunctions, name), expected, "with async functions");
      assertLog(await observe(generators, name), expected, "with generators");
    });
  }
}

Deno.test("parity: every scenario of parity.json has a twin, or a reason to have none", () => {
  const missing: string[] = [];
  for (const [group, logs] of Object.entries(older)) {
    const parts = all.filter((scenarios) => scenarios.group === group);
    const twins = new Set(parts.flatMap(namesOf));
    for (const name of Object.keys(logs)) {
      const difference = differences[group]?.[name];
      const isExcused = difference !== undefined && difference.log === undefined;
      if (twins.has(name) === isExcused) missing.push(`${group}: ${name}`);
    }
  }
  assertEquals(missing, []);
});

Deno.test("parity: every difference is one of a scenario, and really differs", () => {
  const stale: string[] = [];
  for (const [group, byName] of Object.entries(differences)) {
    for (const [name, { log }] of Object.entries(byName)) {
      const recorded = newer[group]?.[name] ?? older[group]?.[name];
      if (recorded === undefined) stale.push(`${group}: ${name}`);
      else if (String(recorded) === String(log)) stale.push(`${group}: ${name}`);
    }
  }
  assertEquals(stale, []);
});

Deno.test("parity: the twins of async functions are generators", async () => {
  for (const { source, group } of all) {
    const generators = await withGenerators({ source, group });
    for (const scenario of Object.values(generators.inTask ?? {})) {
      assertEquals(scenario.constructor.name, "GeneratorFunction", group);
    }
  }
});
