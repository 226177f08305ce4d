/**
 * asCompleted(), as in CPython: see parity_primitives.py.
 *
 * @module
 */

import { asCompleted, createTask, sleep } from "@aio/asyncio/loop";
import { parityTests } from "../_support/parity.ts";
import { outcome, ValueError } from "./parity/_helpers.ts";
import type { Log, Scenarios } from "./parity/_helpers.ts";
import { failing, now } from "./parity/_primitives.ts";

export const scenarios: Scenarios = {
  group: "as_completed",
  source: import.meta.url,
  inTask: {
    "84 in the order in which they are done": async function (log: Log): Promise<void> {
      const work = [3, 1, 2].map((delay) => () => sleep(delay, delay));
      for (const next of asCompleted(work)) log(await next, "at", now());
    },

    "84 those not done in time": async function (log: Log): Promise<void> {
      const tasks = [1, 7, 2, 8].map((delay) => createTask(() => sleep(delay, delay)));
      for (const next of asCompleted(tasks, { timeout: 5 })) await outcome(log, "next", next);
      log("at", now(), tasks.map((task) => task.done()));
    },

    "84 the same one counts once": async function (log: Log): Promise<void> {
      const task = createTask(() => sleep(1, "x"));
      for (const next of asCompleted([task, task, () => sleep(2, "y")])) log(await next);
    },

    "84 errors": async function (log: Log): Promise<void> {
      const work = [
        () => failing(2, new ValueError("no")),
        () => failing(1, new ValueError("neither")),
        () => sleep(1, "yes"),
      ];
      for (const next of asCompleted(work)) await outcome(log, "next", next);
    },
  },
};

await parityTests(scenarios, {
  asyncOnly: {
    "84 asynchronously, the tasks themselves": async (log) => {
      const tasks = [3, 1, 2].map((delay) => createTask(() => sleep(delay, delay)));
      for await (const task of asCompleted(tasks)) {
        log(tasks.findIndex((each) => each === task), task.result());
      }
    },

    "84 it can be resumed after a break": async (log) => {
      const completed = asCompleted([3, 1, 2].map((delay) => () => sleep(delay, delay)));
      for await (const task of completed) {
        log("first", task.result());
        break;
      }
      for await (const task of completed) log("second", task.result());
    },
  },
});
