/**
 * Transports, streams and servers do what CPython's do. parity.json holds what CPython logs in each
 * scenario of parity.py; parity/ holds the twins, which must log the same, written with async
 * functions and with generators.
 *
 * @module
 */

import { run, timeout } from "@aio/asyncio";
import { assertEquals } from "../_support/assert.ts";
import { withGenerators } from "../loop/parity/_generators.ts";
import { str } from "./parity/_helpers.ts";
import type { Log, Scenarios } from "./parity/_helpers.ts";
import { scenarios as endings } from "./parity/endings.ts";
import { scenarios as reading } from "./parity/reading.ts";
import { scenarios as streams } from "./parity/streams.ts";
import { scenarios as transports } from "./parity/transports.ts";

const all: readonly Scenarios[] = [transports, reading, streams, endings];

const record = JSON.parse(Deno.readTextFileSync(new URL("parity.json", import.meta.url)));
const expected = record["scenarios"] as Record<string, string[]>;

/** Runs a scenario, and returns what it logs; warnings count. */
async function observe(body: (log: Log) => Promise<void>): Promise<string[]> {
  const entries: string[] = [];
  const warn = console.warn;
  console.warn = (...words: unknown[]) => void entries.push(`warning: ${words.join(" ")}`);
  try {
    const log: Log = (...words) => void entries.push(words.map(str).join(" "));
    await run(() => timeout(20).run(() => body(log)));
  } finally {
    console.warn = warn;
  }
  return entries;
}

/** Returns a line with its names spelled as they are here. */
function camelCase(line: string): string {
  return line.replaceAll(/(?<=[a-z])_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

for (const asyncFunctions of all) {
  const generators = await withGenerators({ ...asyncFunctions, group: "" });
  for (const [name, body] of Object.entries(asyncFunctions.inTask)) {
    const lines = expected[name]!.map(camelCase);
    Deno.test({
      name: `parity: ${name}`,
      sanitizeOps: true,
      sanitizeResources: true,
      fn: async () => {
        assertEquals(await observe(body), lines, "with async functions");
        assertEquals(await observe(generators.inTask![name]!), lines, "with generators");
      },
    });
  }
}

Deno.test("parity: every scenario of parity.json has a twin", () => {
  const names = all.flatMap(({ inTask }) => Object.keys(inTask));
  assertEquals(names.sort(), Object.keys(expected).sort());
});
