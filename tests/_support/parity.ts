/**
 * Tests that compare the logs of scenarios with those of CPython, which parity_primitives.json
 * records. Each scenario runs with async functions, as it is written, and with generators.
 *
 * @module
 */

import { getRunningLoop, newEventLoop, run, VirtualClock } from "@aio/asyncio/loop";
import type { BaseEventLoop } from "@aio/asyncio/loop";
import { withGenerators } from "../loop/parity/_generators.ts";
import { str } from "../loop/parity/_helpers.ts";
import type { Log, Scenarios } from "../loop/parity/_helpers.ts";
import { assert, assertEquals } from "./assert.ts";

/** What some scenarios log here instead, and why. */
export type Differences = Readonly<Record<string, { reason: string; log: readonly string[] }>>;

type Logs = Record<string, Record<string, string[]>>;
type NewerLogs = Record<string, Record<string, { log: string[] } | undefined> | undefined>;

const url = new URL("../loop/parity_primitives.json", import.meta.url);
const record = JSON.parse(Deno.readTextFileSync(url)) as { scenarios: Logs; newer: NewerLogs };

const clocks = new WeakMap<BaseEventLoop, VirtualClock>();

/** Makes time pass without a turn of the loop. */
export function busy(seconds: number): void {
  const loop = getRunningLoop();
  clocks.get(loop)!.jumpTo(loop.time() + seconds);
}

/** Returns what a scenario logs. */
async function observe(scenario: (log: Log) => Promise<void>): Promise<string[]> {
  const entries: string[] = [];
  const log: Log = (...words) => void entries.push(words.map(str).join(" "));
  const clock = new VirtualClock();
  const loop = newEventLoop({ clock });
  clocks.set(loop, clock);
  await run(() => scenario(log), { loopFactory: () => loop });
  return entries;
}

const ERROR =
  /^(.*?)\b(RuntimeError|TypeError|RangeError|TimeoutError|ValueError|Queue[A-Z]\w+)(?:: (.*))?$/;

/** Translates names into ours: `task_done` into `taskDone`, ValueError into RangeError. */
function translated(text: string | undefined): string {
  return (text ?? "").replace("ValueError", "RangeError")
    .replace(/(?<=[a-z])_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/**
 * Our error messages say more than CPython's, such as what can't be done. A line that ends with the
 * message of an error becomes CPython's line if the error is the same and its message contains
 * CPython's.
 */
function likeExpected(line: string, expected: string | undefined): string {
  const [, head, name, text] = ERROR.exec(line) ?? [];
  const [, expectedHead, expectedName, expectedText] = ERROR.exec(expected ?? "") ?? [];
  const same = head !== undefined && head === expectedHead &&
    translated(name) === translated(expectedName);
  return same && (text ?? "").includes(translated(expectedText)) ? expected! : line;
}

function recorded(group: string, name: string): string[] | undefined {
  return record.newer[group]?.[name]?.log ?? record.scenarios[group]?.[name];
}

function register(scenarios: Scenarios, kind: string, differences: Differences): void {
  for (const [name, scenario] of Object.entries(scenarios.inTask!)) {
    Deno.test(`parity: ${name} (${kind})`, async () => {
      const expected = differences[name]?.log ?? recorded(scenarios.group, name);
      assert(expected !== undefined, `the record has no scenario "${name}"`);
      const seen = await observe(scenario);
      assertEquals(seen.map((line, i) => likeExpected(line, expected[i])), [...expected]);
    });
  }
}

/** What a file of scenarios has beside them. */
export interface ParityOptions {
  differences?: Differences;
  /** Scenarios that are written with `for await`, which generators can't use. */
  asyncOnly?: Record<string, (log: Log) => Promise<void>>;
}

/** Registers the tests of a file of scenarios. */
export async function parityTests(
  scenarios: Scenarios,
  { differences = {}, asyncOnly = {} }: ParityOptions = {},
): Promise<void> {
  // The generated twin of such a file, with generators, has nothing to register.
  if (scenarios.source.startsWith("data:")) return;
  const { group, inTask = {} } = scenarios;
  register({ ...scenarios, inTask: { ...inTask, ...asyncOnly } }, "async functions", differences);
  register(await withGenerators(scenarios), "generators", differences);

  Deno.test(`parity: ${group} has all scenarios of the record, and differs where it says so`, () => {
    const names = new Set([
      ...Object.keys(record.scenarios[group] ?? {}),
      ...Object.keys(record.newer[group] ?? {}),
    ]);
    assertEquals(new Set([...Object.keys(inTask), ...Object.keys(asyncOnly)]), names);
    for (const [name, { log }] of Object.entries(differences)) {
      assert(String(log) !== String(recorded(group, name)), `${name} does not differ`);
    }
  });
}
