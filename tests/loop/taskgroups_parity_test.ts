/**
 * TaskGroup, as in CPython: see parity_primitives.py.
 *
 * @module
 */

import { CancelledError, createTask, KeyboardInterrupt, sleep, TaskGroup } from "@aio/asyncio/loop";
import type { Task } from "@aio/asyncio/loop";
import { parityTests } from "../_support/parity.ts";
import { attempt, outcome, passTurns, ValueError } from "./parity/_helpers.ts";
import type { Log, Scenarios } from "./parity/_helpers.ts";
import { cancelling, ended, failing, now, untilCancelled } from "./parity/_primitives.ts";

export const scenarios: Scenarios = {
  group: "taskgroups",
  source: import.meta.url,
  inTask: {
    "44 a child's error cancels the siblings and the body": async function (
      log: Log,
    ): Promise<void> {
      async function body(group: TaskGroup): Promise<void> {
        group.createTask(() => untilCancelled(log, "sibling"));
        group.createTask(() => failing(2, new ValueError("child")));
        try {
          await sleep(100);
        } catch (error) {
          log("body cancelled, cancelling", cancelling());
          throw error;
        }
      }

      await ended(log, "group", () => new TaskGroup().run(body));
      log("cancelling", cancelling());
      await sleep(1);
    },

    "44 the errors of several children": async function (log: Log): Promise<void> {
      async function failsInCleanup(): Promise<void> {
        try {
          await sleep(100);
        } catch {
          throw new ValueError("cleanup");
        }
      }

      async function body(group: TaskGroup): Promise<void> {
        group.createTask(failsInCleanup);
        group.createTask(() => failing(1, new ValueError("child")));
        group.createTask(() => untilCancelled(log, "sibling", 2));
      }

      await ended(log, "group", () => new TaskGroup().run(body));
      log("cancelling", cancelling());
    },

    "45 a child that is cancelled does not cancel the group": async function (
      log: Log,
    ): Promise<void> {
      async function main(): Promise<string> {
        const tasks: Task<unknown>[] = [];
        await new TaskGroup().run(async function (group: TaskGroup): Promise<void> {
          tasks.push(group.createTask(() => untilCancelled(log, "child")));
          tasks.push(group.createTask(() => sleep(5, "sibling")));
          await sleep(1);
          tasks[0]!.cancel();
        });
        log(tasks[0]!.cancelled(), tasks[1]!.result(), "at", now());
        return "fine";
      }

      await ended(log, "group", main);
    },

    "48 an error of the body cancels the children, also those not started": async function (
      log: Log,
    ): Promise<void> {
      async function body(group: TaskGroup): Promise<void> {
        tasks.push(group.createTask(() => untilCancelled(log, "started")));
        await sleep(1);
        tasks.push(group.createTask(() => untilCancelled(log, "fresh")));
        throw new ValueError("body");
      }

      const tasks: Task<unknown>[] = [];
      await ended(log, "group", () => new TaskGroup().run(body));
      log(tasks.map((task) => task.cancelled()), "cancelling", cancelling());
    },

    "51 an error of the outer group while the inner one runs": async function (
      log: Log,
    ): Promise<void> {
      async function inner(group: TaskGroup): Promise<void> {
        group.createTask(() => untilCancelled(log, "inner child"));
        await sleep(100);
      }

      async function outer(group: TaskGroup): Promise<void> {
        group.createTask(() => failing(2, new ValueError("outer")));
        await new TaskGroup().run(inner);
      }

      await ended(log, "outer", () => new TaskGroup().run(outer));
      log("cancelling", cancelling());
    },

    "51 an error of the inner group": async function (log: Log): Promise<void> {
      async function inner(group: TaskGroup): Promise<void> {
        group.createTask(() => failing(1, new ValueError("inner")));
        await sleep(100);
      }

      async function outer(group: TaskGroup): Promise<void> {
        group.createTask(() => untilCancelled(log, "outer child"));
        await new TaskGroup().run(inner);
      }

      await ended(log, "outer", () => new TaskGroup().run(outer));
      log("cancelling", cancelling());
    },

    "52 children may create tasks while the group exits": async function (
      log: Log,
    ): Promise<void> {
      async function child(group: TaskGroup, generation: number): Promise<void> {
        await sleep(1);
        log("generation", generation, "at", now());
        if (generation < 3) group.createTask(() => child(group, generation + 1));
      }

      async function main(): Promise<void> {
        await new TaskGroup().run(async function (group: TaskGroup): Promise<void> {
          group.createTask(() => child(group, 1));
        });
        log("over at", now());
      }

      await ended(log, "group", main);
    },

    "52 endless creators are stopped by an error": async function (log: Log): Promise<void> {
      async function creator(group: TaskGroup): Promise<void> {
        for (;;) {
          group.createTask(() => sleep(1));
          await sleep(1);
        }
      }

      async function body(group: TaskGroup): Promise<void> {
        group.createTask(() => creator(group));
        await sleep(3.5);
        throw new ValueError("enough");
      }

      await ended(log, "group", () => new TaskGroup().run(body));
      log("at", now());
    },

    "53 create_task when the group does not run": async function (log: Log): Promise<void> {
      const create = (label: string): void =>
        attempt(log, label, () => group.createTask(() => sleep(1)));
      const nothing = async function (): Promise<void> {};

      const group = new TaskGroup();
      create("not entered");
      await group.run(nothing);
      create("finished");
      await ended(log, "entered again", () => group.run(nothing));
    },

    "53 create_task while the group is shutting down": async function (log: Log): Promise<void> {
      async function waiting(group: TaskGroup, name: string): Promise<void> {
        try {
          await sleep(100);
        } finally {
          attempt(log, name, () => group.createTask(() => sleep(1)));
        }
      }

      async function body(group: TaskGroup): Promise<void> {
        group.createTask(() => waiting(group, "child"));
        group.createTask(() => failing(0, new ValueError("child")));
        await waiting(group, "body");
      }

      await ended(log, "group", () => new TaskGroup().run(body));
    },

    "54 KeyboardInterrupt of the body goes through bare": async function (
      log: Log,
    ): Promise<void> {
      async function body(group: TaskGroup): Promise<void> {
        group.createTask(() => untilCancelled(log, "child", 1));
        await sleep(1);
        throw new KeyboardInterrupt();
      }

      await ended(log, "group", () => new TaskGroup().run(body));
    },

    "56 an error of the body's cleanup and one of a child": async function (
      log: Log,
    ): Promise<void> {
      async function body(group: TaskGroup): Promise<void> {
        group.createTask(() => failing(1, new ValueError("child")));
        try {
          await sleep(100);
        } catch {
          throw new ValueError("body");
        }
      }

      await ended(log, "group", () => new TaskGroup().run(body));
      log("cancelling", cancelling());
      await outcome(log, "next wait", sleep(1, "undisturbed"));
    },

    "116 a child that creates a failing one is cancelled at its next wait": async function (
      log: Log,
    ): Promise<void> {
      async function second(group: TaskGroup): Promise<void> {
        group.createTask(() => failing(0, new ValueError("third")));
        try {
          await passTurns(1);
          log("after one turn");
          await sleep(0);
          log("never");
        } catch (error) {
          if (error instanceof CancelledError) log("cancelled");
          throw error;
        }
      }

      async function body(group: TaskGroup): Promise<void> {
        group.createTask(() => second(group));
      }

      await ended(log, "group", () => new TaskGroup().run(body));
    },

    "116 its texts": async function (log: Log): Promise<void> {
      async function body(group: TaskGroup): Promise<void> {
        log(group);
        const child = group.createTask(() => untilCancelled(log, "child"));
        log(group);
        group.createTask(() => failing(0, new ValueError("no")));
        try {
          await sleep(100);
        } finally {
          log(group);
          child.addDoneCallback(() => log(group));
        }
      }

      const group = new TaskGroup();
      log(group);
      await ended(log, "group", () => createTask(() => group.run(body)));
    },
  },
};

await parityTests(scenarios, {
  differences: {
    "53 create_task when the group does not run": {
      reason: "the texts begin with what can't be done, and a group that has ended is not entered",
      log: [
        "not entered: RuntimeError: Cannot create task: <TaskGroup> has not been entered",
        "finished: RuntimeError: Cannot create task: <TaskGroup> is finished",
        "entered again: RuntimeError: Cannot enter <TaskGroup>: it has already been entered",
      ],
    },
    "53 create_task while the group is shutting down": {
      reason: "the texts begin with what can't be done",
      log: [
        "child: RuntimeError: Cannot create task: <TaskGroup tasks=1 errors=1 cancelling> is shutting down",
        "body: RuntimeError: Cannot create task: <TaskGroup tasks=1 errors=1 cancelling> is shutting down",
        "group: group(ValueError: child)",
      ],
    },
  },
});
