/**
 * Cancelling a task that waits for other tasks.
 *
 * @module
 */

import { createTask, currentTask, gather, shield, sleep } from "@aio/asyncio/loop";
import { argumentsOf, countTurns, flags, newFuture, outcome, passTurns } from "./_helpers.ts";
import type { Log, Scenarios } from "./_helpers.ts";

export const scenarios: Scenarios = {
  group: "cancellation",
  source: import.meta.url,
  inTask: {
    "18 through a nested task": async function (log: Log): Promise<void> {
      async function inner(): Promise<void> {
        try {
          await newFuture();
        } catch (error) {
          log("inner:", argumentsOf(error));
          throw error;
        }
      }

      async function outer(): Promise<void> {
        try {
          await innerTask;
        } catch (error) {
          log("outer:", argumentsOf(error));
          throw error;
        }
      }

      const innerTask = createTask(inner);
      const outerTask = createTask(outer);
      await sleep(0);
      countTurns(log, 4);
      log("cancel:", outerTask.cancel("msg"));
      log("inner:", flags(innerTask));
      log("outer:", flags(outerTask));
      await outcome(log, "task", outerTask);
      log("inner:", flags(innerTask));
      log("outer:", flags(outerTask));
    },

    "a nested task that swallows it": async function (log: Log): Promise<void> {
      async function inner(): Promise<unknown> {
        try {
          return await newFuture();
        } catch {
          return "swallowed";
        }
      }

      async function outer(): Promise<unknown> {
        return await innerTask;
      }

      const innerTask = createTask(inner);
      const outerTask = createTask(outer);
      await sleep(0);
      outerTask.cancel();
      await outcome(log, "outer", outerTask);
      log(flags(outerTask));
    },

    "a nested task cancelled from outside": async function (log: Log): Promise<void> {
      async function inner(): Promise<void> {
        await newFuture();
      }

      async function outer(): Promise<string> {
        try {
          await innerTask;
        } catch {
          log("outer sees it, cancelling:", currentTask()!.cancelling());
        }
        return "outer goes on";
      }

      const innerTask = createTask(inner);
      const outerTask = createTask(outer);
      await sleep(0);
      innerTask.cancel();
      await outcome(log, "outer", outerTask);
    },

    "36 while awaiting gather": async function (log: Log): Promise<void> {
      async function child(name: string): Promise<void> {
        try {
          await newFuture();
        } catch (error) {
          log(name, argumentsOf(error));
          throw error;
        }
      }

      async function parent(): Promise<void> {
        try {
          await gather([() => child("a"), () => child("b")]);
        } catch (error) {
          log("parent", argumentsOf(error));
          throw error;
        }
      }

      const task = createTask(parent);
      await passTurns(2);
      countTurns(log, 4);
      task.cancel("msg");
      await outcome(log, "task", task);
      log(flags(task));
    },

    "36 while awaiting gather with return exceptions": async function (log: Log): Promise<void> {
      async function child(): Promise<void> {
        await newFuture();
      }

      async function parent(): Promise<unknown> {
        return await gather([child, child], { returnExceptions: true });
      }

      const task = createTask(parent);
      await passTurns(2);
      task.cancel("msg");
      await outcome(log, "task", task);
      log(flags(task));
    },

    "40 while awaiting shield": async function (log: Log): Promise<void> {
      async function inner(): Promise<string> {
        await sleep(0);
        await sleep(0);
        log("inner ends");
        return "kept";
      }

      async function outer(): Promise<void> {
        await shield(innerTask);
      }

      const innerTask = createTask(inner);
      const outerTask = createTask(outer);
      await sleep(0);
      outerTask.cancel();
      await outcome(log, "outer", outerTask);
      await outcome(log, "inner", innerTask);
    },

    "several tasks end in the order of their cancels": async function (log: Log): Promise<void> {
      async function work(name: string): Promise<void> {
        try {
          await newFuture();
        } finally {
          log("cleanup", name);
        }
      }

      const names = ["a", "b", "c"];
      const tasks = new Map(names.map((name) => [name, createTask(() => work(name))]));
      await sleep(0);
      for (const name of ["c", "a", "b"]) tasks.get(name)!.cancel();
      await gather(tasks.values(), { returnExceptions: true });
    },
  },
};
