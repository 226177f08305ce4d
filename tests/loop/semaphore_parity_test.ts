/**
 * Semaphore, as in CPython: see parity_primitives.py.
 *
 * @module
 */

import { BoundedSemaphore, createTask, getRunningLoop, Semaphore, sleep } from "@aio/asyncio/loop";
import { parityTests } from "../_support/parity.ts";
import { attempt, outcome, passTurns } from "./parity/_helpers.ts";
import type { Log, Scenarios } from "./parity/_helpers.ts";

async function acquiring(log: Log, semaphore: Semaphore, name: unknown): Promise<void> {
  await semaphore.acquire();
  log(name);
}

export const scenarios: Scenarios = {
  group: "semaphore",
  source: import.meta.url,
  inTask: {
    "59 a release wakes the first who was not cancelled": async function (
      log: Log,
    ): Promise<void> {
      const semaphore = new Semaphore(0);
      const tasks = ["a", "b", "c"].map((name) =>
        createTask(() => acquiring(log, semaphore, name))
      );
      await sleep(0);
      tasks[0]!.cancel();
      semaphore.release();
      await passTurns(3);
      log(tasks.map((task) => task.done()), "locked:", semaphore.locked());
    },

    "59 a waiter cancelled after the release gives the place back": async function (
      log: Log,
    ): Promise<void> {
      const semaphore = new Semaphore(0);
      const tasks = ["a", "b", "c"].map((name) =>
        createTask(() => acquiring(log, semaphore, name))
      );
      await sleep(0);
      semaphore.release();
      tasks[0]!.cancel();
      await outcome(log, "a", tasks[0]!);
      await outcome(log, "b", tasks[1]!);
      log(tasks.map((task) => task.done()), "locked:", semaphore.locked());
    },

    "59 waiters cancelled in the turn of several releases": async function (
      log: Log,
    ): Promise<void> {
      const semaphore = new Semaphore(1);
      await semaphore.acquire();
      const tasks = ["a", "b", "c"].map((name) =>
        createTask(() => acquiring(log, semaphore, name))
      );
      await sleep(0);
      tasks[1]!.cancel();
      semaphore.release();
      tasks[2]!.cancel();
      semaphore.release();
      await outcome(log, "a", tasks[0]!);
      await passTurns(2);
      log(tasks.map((task) => task.cancelled()), "locked:", semaphore.locked());
    },

    "60 a newcomer does not overtake": async function (log: Log): Promise<void> {
      async function twice(): Promise<void> {
        await acquiring(log, semaphore, 2);
        semaphore.release();
        await acquiring(log, semaphore, 4);
      }

      const semaphore = new Semaphore(1);
      const tasks = [
        createTask(() => acquiring(log, semaphore, 1)),
        createTask(twice),
        createTask(() => acquiring(log, semaphore, 3)),
      ];
      await sleep(0);
      semaphore.release();
      semaphore.release();
      for (const task of tasks) await task;
      log("locked:", semaphore.locked());
    },

    "60 a cancelled head is skipped": async function (log: Log): Promise<void> {
      const semaphore = new Semaphore(0);
      const tasks = [1, 2, 3].map((number) => createTask(() => acquiring(log, semaphore, number)));
      await sleep(0);
      tasks[0]!.cancel();
      await sleep(0);
      semaphore.release();
      semaphore.release();
      for (const task of tasks.slice(1)) await task;
      log("locked:", semaphore.locked());
    },

    "60 somebody comes between the release and the wake-up": async function (
      log: Log,
    ): Promise<void> {
      const semaphore = new Semaphore(0);
      const first = createTask(() => acquiring(log, semaphore, "first"));
      await sleep(0);
      semaphore.release();
      log("locked:", semaphore.locked());
      const late = createTask(() => acquiring(log, semaphore, "late"));
      await passTurns(3);
      log(first.done(), late.done());
      semaphore.release();
      await late;
    },

    "60 a release lets one through, also when there is room for more": async function (
      log: Log,
    ): Promise<void> {
      const loop = getRunningLoop();
      const release = (): void => {
        semaphore.release();
        loop.callSoon(log, "between");
      };
      const semaphore = new Semaphore(0);
      const acquire = (name: string) => createTask(() => acquiring(log, semaphore, name));
      const first = acquire("first");
      await sleep(0);
      const others = ["second", "third"].map(acquire);
      loop.callSoon(release);
      semaphore.release();
      semaphore.release();
      for (const task of [first, ...others]) await task;
    },

    "60 two places for five tasks": async function (log: Log): Promise<void> {
      async function work(number: number): Promise<void> {
        await semaphore.run(async function (): Promise<void> {
          log(number, "in");
          await passTurns(number);
          log(number, "out");
        });
      }

      const semaphore = new Semaphore(2);
      const tasks = [4, 2, 5, 1, 3].map((number) => createTask(() => work(number)));
      for (const task of tasks) await task;
    },

    "100 what is refused": async function (log: Log): Promise<void> {
      attempt(log, "released too often", () => new BoundedSemaphore(1).release());
      const semaphore = new Semaphore(0);
      semaphore.release();
      log("locked:", semaphore.locked());
    },
  },
};

await parityTests(scenarios);
