/**
 * A suite of scenarios for any runtime. Its arguments are the address of the package's loop/mod.ts,
 * compiled, and perhaps "browser", for a runtime that carries no context through `await`. It prints
 * what each scenario logs, and what it is to log, with async functions and with generators.
 *
 * @module
 */

import type { EventLoop } from "@aio/asyncio/loop";
import { asyncio } from "./asyncio.ts";
import type { Scenario, Steps } from "./asyncio.ts";
import { coroutines } from "./coroutines.ts";
import { withHost } from "./host.ts";

const { getRunningLoop, KeyboardInterrupt, newEventLoop, run, Runner, VirtualClock } = asyncio;

/** What a scenario logs with one kind of coroutine; what ends it comes last. */
async function observe(
  scenario: Scenario,
  kind: "async" | "generator",
  loopFactory: () => EventLoop,
): Promise<unknown[]> {
  const seen: unknown[] = [];
  const runner = new Runner({ loopFactory });
  try {
    await runner.run(() => scenario[kind]((entry) => seen.push(entry)) as Steps<unknown>);
  } catch (error) {
    seen.push(error instanceof KeyboardInterrupt ? error.name : String(error));
  } finally {
    await runner.close();
  }
  return seen;
}

const results: { title: string; actual: unknown[]; expected: readonly unknown[] }[] = [];
const suites = [
  { scenarios: coroutines, loopFactory: () => newEventLoop({ clock: new VirtualClock() }) },
  { scenarios: withHost, loopFactory: newEventLoop },
];
for (const { scenarios, loopFactory } of suites) {
  for (const [name, scenario] of Object.entries(scenarios)) {
    for (const kind of ["async", "generator"] as const) {
      const actual = await observe(scenario, kind, loopFactory);
      results.push({ title: `${name} (${kind})`, actual, expected: scenario.logs });
    }
  }
}
console.log(JSON.stringify(results));

// Nobody looks at this exception before the program ends.
await run(async () => {
  getRunningLoop().createFuture().setException(new RangeError("lost"));
});
