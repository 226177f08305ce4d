/**
 * Event, as in CPython: see parity_primitives.py.
 *
 * @module
 */

import { createTask, Event, getRunningLoop, sleep } from "@aio/asyncio/loop";
import { parityTests } from "../_support/parity.ts";
import { outcome, passTurns } from "./parity/_helpers.ts";
import type { Log, Scenarios } from "./parity/_helpers.ts";

export const scenarios: Scenarios = {
  group: "event",
  source: import.meta.url,
  inTask: {
    "99 all waiters go on, even if it is cleared in the same turn": async function (
      log: Log,
    ): Promise<void> {
      async function waiting(name: string): Promise<void> {
        log(name, await event.wait());
      }

      const event = new Event();
      const tasks = ["a", "b", "c"].map((name) => createTask(() => waiting(name)));
      await sleep(0);
      event.set();
      event.clear();
      const late = createTask(() => waiting("late"));
      await passTurns(3);
      log(tasks.map((task) => task.done()), late.done());
    },

    "99 a set event is not waited for": async function (log: Log): Promise<void> {
      const event = new Event();
      event.set();
      getRunningLoop().callSoon(log, "turn 1");
      log(await event.wait(), event.isSet());
      await sleep(0);
    },

    "99 a waiter cancelled after the set is cancelled": async function (
      log: Log,
    ): Promise<void> {
      const event = new Event();
      const [a, b] = [createTask(() => event.wait()), createTask(() => event.wait())];
      await sleep(0);
      event.set();
      a.cancel();
      await outcome(log, "a", a);
      await outcome(log, "b", b);
    },
  },
};

await parityTests(scenarios);
