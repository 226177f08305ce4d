/**
 * waitFor(), as in CPython: see parity_primitives.py.
 *
 * @module
 */

import {
  ContextVar,
  createTask,
  currentTask,
  gather,
  getRunningLoop,
  shield,
  sleep,
  waitFor,
} from "@aio/asyncio/loop";
import type { Task } from "@aio/asyncio/loop";
import { parityTests } from "../_support/parity.ts";
import { newFuture, outcome, ValueError } from "./parity/_helpers.ts";
import type { Log, Scenarios } from "./parity/_helpers.ts";
import { cancelling, ended, now } from "./parity/_primitives.ts";

export const scenarios: Scenarios = {
  group: "wait_for",
  source: import.meta.url,
  inTask: {
    "26 waits for the cleanup before it raises": async function (log: Log): Promise<void> {
      async function work(): Promise<void> {
        try {
          await sleep(100);
        } finally {
          await sleep(5);
          log("cleaned up at", now());
        }
      }

      await outcome(log, "wait_for", waitFor(work, 1));
      log("at", now(), "cancelling", cancelling());
    },

    "27 a cancellation that is swallowed gives the value": async function (
      log: Log,
    ): Promise<void> {
      async function work(): Promise<unknown> {
        try {
          return await sleep(100);
        } catch {
          return "value";
        }
      }

      await outcome(log, "wait_for", waitFor(work, 1));
      log("at", now(), "cancelling", cancelling());
    },

    "27 a cancelled task that returns gives its value": async function (log: Log): Promise<void> {
      async function work(): Promise<unknown> {
        try {
          return await sleep(100);
        } catch {
          return "value";
        }
      }

      await outcome(log, "wait_for", waitFor(createTask(work), 1));
      log("at", now(), "cancelling", cancelling());
    },

    "28 another error of the cleanup is raised": async function (log: Log): Promise<void> {
      async function work(): Promise<void> {
        try {
          await sleep(100);
        } catch {
          throw new ValueError("cleanup");
        }
      }

      await outcome(log, "coroutine", waitFor(work, 1));
      await outcome(log, "task", waitFor(createTask(work), 1));
    },

    "29 zero and less do not start a coroutine": async function (log: Log): Promise<void> {
      async function work(): Promise<void> {
        log("never");
      }

      await outcome(log, "0", waitFor(work, 0));
      await outcome(log, "-1", waitFor(work, -1));
      log("cancelling", cancelling());
    },

    "29 zero and less give the value of a done future, and cancel another": async function (
      log: Log,
    ): Promise<void> {
      const [done, pending] = [newFuture<string>(), newFuture<void>()];
      done.setResult("value");
      for (const delay of [0, -1]) await outcome(log, String(delay), waitFor(done, delay));
      await outcome(log, "pending", waitFor(pending, 0));
      log("cancelled:", pending.cancelled());
    },

    "29 zero and a gathering, which ends with a CancelledError, not cancelled": async function (
      log: Log,
    ): Promise<void> {
      const gathering = gather([newFuture<void>(), newFuture<void>()]);
      await outcome(log, "wait_for", waitFor(gathering, 0));
      log("cancelled:", gathering.cancelled());
    },

    "29 zero waits for the cleanup of a task that has started": async function (
      log: Log,
    ): Promise<void> {
      async function work(): Promise<void> {
        try {
          await sleep(100);
        } finally {
          await sleep(5);
        }
      }

      const task = createTask(work);
      await sleep(1);
      await outcome(log, "wait_for", waitFor(task, 0));
      log("at", now(), "cancelled:", task.cancelled());
    },

    "30 a cancellation in the turn of the completion is not swallowed": async function (
      log: Log,
    ): Promise<void> {
      async function inner(): Promise<void> {
        await future;
      }

      async function outer(): Promise<void> {
        await waitFor(inner, 100);
        log("never");
      }

      const future = newFuture<void>();
      const task = createTask(outer);
      await sleep(1);
      future.setResult();
      log("cancel:", task.cancel());
      await outcome(log, "task", task);
    },

    "30 a cancellation in the turn of the completion of a task is not swallowed": async function (
      log: Log,
    ): Promise<void> {
      async function inner(): Promise<string> {
        await future;
        getRunningLoop().callSoon(() => log("cancel:", task.cancel()));
        return "value";
      }

      async function outer(): Promise<string> {
        return await waitFor(createTask(inner), 100);
      }

      const future = newFuture<void>();
      const task: Task<string> = createTask(outer);
      await sleep(1);
      future.setResult();
      await outcome(log, "task", task);
    },

    "31 a coroutine runs in the same task and context": async function (log: Log): Promise<void> {
      async function work(): Promise<boolean> {
        variable.set("changed");
        return currentTask() === main;
      }

      const main = currentTask();
      const variable = new ContextVar("var", { defaultValue: "unchanged" });
      await outcome(log, "same task", waitFor(work, 1));
      log(variable.get());
    },

    "31 without a limit": async function (log: Log): Promise<void> {
      const future = newFuture<string>();
      getRunningLoop().callLater(1000, () => future.setResult("value"));
      await outcome(log, "future", waitFor(future, null));
      await outcome(log, "coroutine", waitFor(() => sleep(1000, "value"), null));
      log("at", now());
    },

    "31 a future is cancelled when the time is over, a shielded one is not": async function (
      log: Log,
    ): Promise<void> {
      const [future, shielded] = [newFuture<void>(), newFuture<void>()];
      await ended(log, "future", () => waitFor(future, 1));
      await ended(log, "shielded", () => waitFor(shield(shielded), 1));
      log("cancelled:", future.cancelled(), shielded.cancelled());
    },
  },
};

await parityTests(scenarios);
