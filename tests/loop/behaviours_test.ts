/**
 * Each numbered behaviour of CPython's asyncio that concerns scheduling is shown by a test whose
 * name has its number: `parity: 57 first come, first served`, or several: `parity: 6, 7 …`. Most of
 * the names are those of scenarios that were recorded on CPython, the others are in the tests
 * themselves.
 *
 * @module
 */

import { assertEquals } from "../_support/assert.ts";
import { differences } from "./parity/differences.ts";

const HERE = new URL("./", import.meta.url);

/** Cancellation, futures, tasks and what coordinates them; signals and the call graph. */
const NUMBERS = [...Array.from({ length: 117 }, (_, i) => i + 1), 148, 149, 150];

type Logs = Record<string, Record<string, unknown>>;

async function read(path: string): Promise<string> {
  return await Deno.readTextFile(new URL(path, HERE));
}

/** The names of the recorded scenarios that have a twin, which parity_test.ts and others run. */
async function scenarioNames(): Promise<string[]> {
  const all = JSON.parse(await read("parity.json"));
  const primitives = JSON.parse(await read("parity_primitives.json"));
  const logs: Logs[] = [all.scenarios, primitives.scenarios, primitives.newer];
  return logs.flatMap((groups) =>
    Object.entries(groups).flatMap(([group, scenarios]) =>
      Object.keys(scenarios).filter((name) => hasTwin(group, name))
    )
  );
}

/** Whether a scenario is run here; one that differs and has no log is not. */
function hasTwin(group: string, name: string): boolean {
  const difference = differences[group]?.[name];
  return difference === undefined || difference.log !== undefined;
}

/** The names written in the tests of this folder. */
async function testNames(): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(HERE)) {
    if (!name.endsWith("_test.ts")) continue;
    const calls = (await read(name)).matchAll(/Deno\.test\(\s*["`]parity: ([^"`]*)["`]/g);
    names.push(...[...calls].map(([, rest]) => rest!));
  }
  return names;
}

/** The numbers that a name begins with. */
function numbersOf(name: string): number[] {
  const [, list = ""] = /^(\d+(?:, \d+)*) \S/.exec(name) ?? [];
  return list === "" ? [] : list.split(", ").map(Number);
}

Deno.test("numbersOf() takes the numbers that a name begins with, and no others", () => {
  assertEquals(numbersOf("6, 7 before and after"), [6, 7]);
  assertEquals(numbersOf("12 two"), [12]);
  assertEquals(numbersOf("two equal deadlines, 2 of them"), []);
});

Deno.test("Every behaviour that concerns scheduling has a parity test that names its number", async () => {
  const names = [...await scenarioNames(), ...await testNames()];
  const shown = new Set(names.flatMap(numbersOf));
  assertEquals(NUMBERS.filter((number) => !shown.has(number)), []);
  assertEquals([...shown].filter((number) => !NUMBERS.includes(number)), []);
});
