/**
 * Barrier, as in CPython: see parity_primitives.py.
 *
 * @module
 */

import { Barrier, BrokenBarrierError, createTask } from "@aio/asyncio/loop";
import { parityTests } from "../_support/parity.ts";
import { described, outcome, passTurns } from "./parity/_helpers.ts";
import type { Log, Scenarios } from "./parity/_helpers.ts";

async function arriving(log: Log, barrier: Barrier, name: string): Promise<void> {
  try {
    log(name, "is number", await barrier.wait());
  } catch (error) {
    if (!(error instanceof BrokenBarrierError)) throw error;
    log(name, described(error).replace("Cannot wait: ", ""));
  }
}

export const scenarios: Scenarios = {
  group: "barrier",
  source: import.meta.url,
  inTask: {
    "101 a task's place, and a second round": async function (log: Log): Promise<void> {
      const barrier = new Barrier(3);
      for (const names of ["abc", "def"]) {
        const tasks = [...names].map((name) => createTask(() => arriving(log, barrier, name)));
        for (const task of tasks) await task;
        log(barrier.nWaiting, barrier.broken);
      }
    },

    "101 a cancelled waiter is not counted": async function (log: Log): Promise<void> {
      const barrier = new Barrier(3);
      const a = createTask(() => arriving(log, barrier, "a"));
      const b = createTask(() => arriving(log, barrier, "b"));
      await passTurns(2);
      log(barrier.nWaiting);
      a.cancel();
      await outcome(log, "a", a);
      log(barrier.nWaiting);
      const c = createTask(() => arriving(log, barrier, "c"));
      await passTurns(3);
      log(barrier.nWaiting, b.done());
      await arriving(log, barrier, "d");
      await b;
      await c;
    },

    "101 a waiter cancelled after the last one has arrived": async function (
      log: Log,
    ): Promise<void> {
      const barrier = new Barrier(3);
      const a = createTask(() => arriving(log, barrier, "a"));
      const b = createTask(() => arriving(log, barrier, "b"));
      await passTurns(2);
      await arriving(log, barrier, "c");
      a.cancel();
      await outcome(log, "a", a);
      await outcome(log, "b", b);
      log(barrier.nWaiting, barrier.broken);
    },

    "101 a reset breaks those who wait": async function (log: Log): Promise<void> {
      const barrier = new Barrier(3);
      const start = (name: string) => createTask(() => arriving(log, barrier, name));
      const tasks = ["a", "b"].map(start);
      await passTurns(2);
      await barrier.reset();
      log(barrier.nWaiting, barrier.broken);
      tasks.push(start("c"));
      await passTurns(6);
      log(tasks.map((task) => task.done()), barrier.nWaiting);
      tasks.push(...["d", "e"].map(start));
      for (const task of tasks) await task;
    },

    "101 aborted until it is reset": async function (log: Log): Promise<void> {
      const barrier = new Barrier(2);
      const first = createTask(() => arriving(log, barrier, "a"));
      await passTurns(2);
      await barrier.abort();
      log(barrier.broken, barrier.nWaiting);
      await first;
      await arriving(log, barrier, "b");
      await barrier.reset();
      log(barrier.broken);
      const second = createTask(() => arriving(log, barrier, "c"));
      await arriving(log, barrier, "d");
      await second;
    },

    "101 reset, and aborted, while it drains": async function (log: Log): Promise<void> {
      for (const end of ["reset", "abort"] as const) {
        const barrier = new Barrier(3);
        const start = (name: string) => createTask(() => arriving(log, barrier, name));
        const tasks = ["a", "b"].map(start);
        await passTurns(2);
        await arriving(log, barrier, "c");
        await barrier[end]();
        const late = start("late");
        for (const task of tasks) await task;
        await passTurns(3);
        log(barrier.nWaiting, barrier.broken, late.done());
        late.cancel();
      }
    },

    "101 nobody enters while it drains": async function (log: Log): Promise<void> {
      async function again(name: string): Promise<void> {
        await arriving(log, barrier, name);
        await arriving(log, barrier, name.toUpperCase());
      }

      const barrier = new Barrier(2);
      const tasks = [..."abcd"].map((name) => createTask(() => again(name)));
      for (const task of tasks) await task;
      log(barrier.nWaiting);
    },
  },
};

await parityTests(scenarios);
