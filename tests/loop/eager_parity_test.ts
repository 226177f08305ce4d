/**
 * Tasks that start at once, as in CPython: see parity_primitives.py.
 *
 * @module
 */

import {
  allTasks,
  createTask,
  currentTask,
  eagerTaskFactory,
  gather,
  getRunningLoop,
  sleep,
} from "@aio/asyncio/loop";
import { parityTests } from "../_support/parity.ts";
import type { Steps } from "../_support/run.ts";
import { newFuture, outcome, ValueError } from "./parity/_helpers.ts";
import type { Log, Scenarios } from "./parity/_helpers.ts";

export const scenarios: Scenarios = {
  group: "eager tasks",
  source: import.meta.url,
  inTask: {
    "114 it runs to its first wait, as the current task": async function (
      log: Log,
    ): Promise<void> {
      const main = currentTask();
      async function work(): Promise<string> {
        log("is current:", currentTask() !== main);
        await sleep(0);
        log("is current:", currentTask() === task);
        return "value";
      }

      getRunningLoop().callSoon(log, "call_soon");
      const task = createTask(work, { eagerStart: true });
      log("created, main is current:", currentTask() === main);
      log("in all_tasks:", allTasks().has(task));
      await outcome(log, "task", task);
    },

    "115 it can be cancelled where it waits": async function (log: Log): Promise<void> {
      const future = newFuture<void>();
      async function work(): Promise<void> {
        try {
          await future;
        } finally {
          log("cleanup");
        }
      }

      const task = createTask(work, { eagerStart: true });
      log("cancel:", task.cancel("msg"));
      await outcome(log, "task", task);
      log(task.cancelled(), future.cancelled());
    },

    "114 one that does not wait is done at once, and never in all_tasks": async function (
      log: Log,
    ): Promise<void> {
      // A generator, since a task learns of an async function's end only in a microtask.
      function* work(): Steps<string> {
        log("in all_tasks:", allTasks().has(currentTask()!));
        return "value";
      }

      const task = createTask(work, { eagerStart: true });
      log("done:", task.done(), allTasks().has(task));
      log(await task);
      log("cancel:", task.cancel(), task.result());
    },

    "114 gather watches what it has before the next one starts": async function (
      log: Log,
    ): Promise<void> {
      const future = newFuture<void>();
      async function work(): Promise<void> {
        future.setException(new ValueError("future"));
        await sleep(0);
        log("work");
      }

      getRunningLoop().setTaskFactory(eagerTaskFactory);
      const gathering = gather([future, work]);
      getRunningLoop().setTaskFactory(null);
      log("done:", future.done(), gathering.done());
      await outcome(log, "gather", gathering);
    },
  },
};

await parityTests(scenarios);
