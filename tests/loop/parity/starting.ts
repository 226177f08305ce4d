/**
 * When a task starts.
 *
 * @module
 */

import { createTask, getRunningLoop, sleep } from "@aio/asyncio/loop";
import { countTurns, passTurns } from "./_helpers.ts";
import type { Log, Scenarios } from "./_helpers.ts";

export const scenarios: Scenarios = {
  group: "starting",
  source: import.meta.url,
  inTask: {
    "1 create task does not run at once": async function (log: Log): Promise<void> {
      async function work(): Promise<void> {
        log("work");
      }

      const loop = getRunningLoop();
      loop.callSoon(log, "call_soon before");
      const task = createTask(work);
      loop.callSoon(log, "call_soon after");
      log("created, done:", task.done());
      await task;
      log("awaited, done:", task.done());
    },

    "1 tasks start in the order of their creation": async function (log: Log): Promise<void> {
      async function work(name: string): Promise<void> {
        log(name, "starts");
      }

      const tasks = ["a", "b", "c"].map((name) => createTask(() => work(name)));
      await tasks[2]!;
      log(tasks.map((task) => task.done()));
    },

    "1 turns from creation to the awaiting task": async function (log: Log): Promise<void> {
      async function work(): Promise<number> {
        log("work");
        return 1;
      }

      countTurns(log, 4);
      const task = createTask(work);
      task.addDoneCallback(() => log("done callback"));
      log("result", await task);
      await passTurns(2);
    },

    "1 a task creates a task": async function (log: Log): Promise<void> {
      async function inner(): Promise<void> {
        log("inner starts");
        await sleep(0);
        log("inner ends");
      }

      async function outer(): Promise<void> {
        log("outer starts");
        const task = createTask(inner);
        await sleep(0);
        log("outer goes on");
        await task;
        log("outer ends");
      }

      countTurns(log, 5);
      await createTask(outer);
    },
  },
  onLoop: {
    "1 create task before the loop runs": async (log, loop) => {
      async function work(name: string): Promise<void> {
        log(name);
      }

      loop.callSoon(log, "first");
      const task = loop.createTask(() => work("task"));
      loop.callSoon(log, "last");
      log("not running yet");
      await loop.runUntilComplete(task);
    },

    "run until complete starts after what was ready": async (log, loop) => {
      async function main(): Promise<string> {
        log("main");
        return "result";
      }

      loop.callSoon(log, "ready before");
      log(await loop.runUntilComplete(main));
    },

    "run until complete ends with the turn": async (log, loop) => {
      async function main(): Promise<void> {
        loop.callSoon(log, "scheduled before the end: same turn as the loop's stop");
        loop.callSoon(() => loop.callSoon(log, "one turn later: left over"));
        log("main");
      }

      await loop.runUntilComplete(main);
      log("returned");
      await loop.runUntilComplete(sleep(0));
    },
  },
};
