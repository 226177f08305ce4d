/**
 * The order of events is CPython's. parity.json holds what real CPython logs in each scenario of
 * parity.py (3.11, and 3.14 where it differs: the newer wins); parity/ holds the twins, which must
 * log the same, written with async functions and with generators.
 *
 * @module
 */

import { assertEquals } from "../_support/assert.ts";
import { all, compared, namesOf, observe, older, recordedLog } from "./parity/_all.ts";
import { withGenerators } from "./parity/_generators.ts";
import { differences } from "./parity/differences.ts";

for (const asyncFunctions of all) {
  const { group } = asyncFunctions;
  const generators = await withGenerators(asyncFunctions);
  for (const name of namesOf(asyncFunctions)) {
    Deno.test(`parity: ${name} (${group})`, async () => {
      for (const scenarios of [asyncFunctions, generators]) {
        const { actual, expected } = compared(await observe(scenarios, name), group, name);
        assertEquals(actual, expected, scenarios === generators ? "generators" : "async functions");
      }
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

Deno.test("parity: every difference has a reason, is one of a scenario, and really differs", () => {
  for (const [group, byName] of Object.entries(differences)) {
    for (const [name, { log, reason }] of Object.entries(byName)) {
      const isSame = JSON.stringify(recordedLog(group, name)) === JSON.stringify(log);
      assertEquals([isSame, reason === ""], [false, false], `${group}: ${name}`);
    }
  }
});

Deno.test("parity: the twins of async functions are generators", async () => {
  for (const asyncFunctions of all) {
    const generators = await withGenerators(asyncFunctions);
    assertEquals(namesOf(generators), namesOf(asyncFunctions));
    for (const scenario of Object.values(generators.inTask ?? {})) {
      assertEquals(scenario.constructor.name, "GeneratorFunction", asyncFunctions.group);
    }
  }
});
