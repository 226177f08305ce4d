/**
 * TaskGroup when it is cancelled, from outside and by itself, as in CPython: see
 * parity_primitives.py.
 *
 * @module
 */

import { createTask, sleep, TaskGroup } from "@aio/asyncio/loop";
import { parityTests } from "../_support/parity.ts";
import { attempt, outcome, passTurns, ValueError } from "./parity/_helpers.ts";
import type { Log, Scenarios } from "./parity/_helpers.ts";
import { cancelling, ended, failing, untilCancelled } from "./parity/_primitives.ts";

export const scenarios: Scenarios = {
  group: "taskgroups that are cancelled",
  source: import.meta.url,
  inTask: {
    "46 a cancellation from outside while waiting for the children": async function (
      log: Log,
    ): Promise<void> {
      async function body(group: TaskGroup): Promise<void> {
        group.createTask(() => untilCancelled(log, "a", 1));
        group.createTask(() => untilCancelled(log, "b", 3));
      }

      const task = createTask(() => new TaskGroup().run(body));
      await sleep(1);
      task.cancel("msg");
      await ended(log, "task", () => task);
      log("cancelling", task.cancelling());
    },

    "46 a cancellation from outside in the body": async function (log: Log): Promise<void> {
      async function body(group: TaskGroup): Promise<void> {
        group.createTask(() => untilCancelled(log, "a", 1));
        try {
          await sleep(100);
        } finally {
          log("body ends");
        }
      }

      const task = createTask(() => new TaskGroup().run(body));
      await sleep(1);
      task.cancel("msg");
      await ended(log, "task", () => task);
      log("cancelling", task.cancelling());
    },

    "47 a cancellation from outside, and a child that fails in its cleanup": async function (
      log: Log,
    ): Promise<void> {
      async function child(): Promise<void> {
        try {
          await sleep(100);
        } catch {
          throw new ValueError("cleanup");
        }
      }

      async function main(): Promise<void> {
        await ended(log, "group", () => new TaskGroup().run(body));
        log("cancelling", cancelling());
        await ended(log, "next wait", () => sleep(100));
      }

      async function body(group: TaskGroup): Promise<void> {
        group.createTask(child);
      }

      const task = createTask(main);
      await sleep(1);
      task.cancel();
      await ended(log, "task", () => task);
    },

    "49 the count of cancellations is kept": async function (log: Log): Promise<void> {
      async function body(group: TaskGroup): Promise<void> {
        group.createTask(() => failing(1, new ValueError("child")));
      }

      async function main(): Promise<void> {
        try {
          await sleep(100);
        } catch {
          log("cancelling", cancelling());
        }
        await ended(log, "group", () => new TaskGroup().run(body));
        log("cancelling", cancelling());
      }

      await ended(log, "group", () => new TaskGroup().run(body));
      log("cancelling", cancelling());
      await sleep(1);
      const task = createTask(main);
      await sleep(1);
      task.cancel();
      await ended(log, "task", () => task);
    },

    "49 nothing leaks when the body ends with the turn of the error": async function (
      log: Log,
    ): Promise<void> {
      async function main(): Promise<void> {
        await new TaskGroup().run(async function (group: TaskGroup): Promise<void> {
          group.createTask(() => failing(0, new ValueError("child")));
          await sleep(0);
        });
        log("never");
      }

      await ended(log, "group", main);
      log("cancelling", cancelling());
      await ended(log, "next wait", () => sleep(1, "undisturbed"));
    },

    "50 two nested groups fail in one turn": async function (log: Log): Promise<void> {
      async function inner(group: TaskGroup): Promise<void> {
        group.createTask(() => failing(1, new ValueError("inner")));
        await sleep(100);
      }

      async function outer(group: TaskGroup): Promise<void> {
        group.createTask(() => failing(2, new ValueError("outer")));
        await ended(log, "inner", () => new TaskGroup().run(inner));
        log("cancelling", cancelling());
        await ended(log, "next wait", () => sleep(100));
      }

      await ended(log, "outer", () => new TaskGroup().run(outer));
      log("cancelling", cancelling());
    },

    "55 the group waits for the last child, and its error wins over a cancellation":
      async function (log: Log): Promise<void> {
        async function child(): Promise<void> {
          try {
            await sleep(100);
          } catch {
            await passTurns(5);
            log("child ends");
            throw new ValueError("cleanup");
          }
        }

        async function body(group: TaskGroup): Promise<void> {
          group.createTask(child);
          try {
            await sleep(100);
          } finally {
            await ended(log, "body", () => passTurns(2));
          }
        }

        const task = createTask(() => new TaskGroup().run(body));
        await sleep(1);
        task.cancel();
        await ended(log, "task", () => task);
      },

    "55 cancelled again and again while the last child cleans up": async function (
      log: Log,
    ): Promise<void> {
      async function body(group: TaskGroup): Promise<void> {
        group.createTask(() => untilCancelled(log, "child", 9));
      }

      const task = createTask(() => new TaskGroup().run(body));
      await sleep(1);
      for (let i = 0; i < 3; i++) {
        task.cancel();
        await passTurns(2);
      }
      await ended(log, "task", () => task);
      log("cancelling", task.cancelling());
    },

    "cancel() ends the body and the children without an error": async function (
      log: Log,
    ): Promise<void> {
      async function body(group: TaskGroup): Promise<void> {
        group.createTask(() => untilCancelled(log, "child", 2));
        await sleep(1);
        group.cancel();
        group.cancel();
        log("cancel returned");
        await outcome(log, "body", sleep(100));
      }

      async function main(): Promise<void> {
        await new TaskGroup().run(body);
        log("after, cancelling", cancelling());
      }

      await ended(log, "group", main);
    },

    "cancel() of a child, while the group waits for its tasks": async function (
      log: Log,
    ): Promise<void> {
      async function child(group: TaskGroup): Promise<void> {
        await sleep(1);
        group.cancel();
        log("next wait");
        await sleep(100);
      }

      async function main(): Promise<void> {
        await new TaskGroup().run(async function (group: TaskGroup): Promise<void> {
          group.createTask(() => child(group));
          group.createTask(() => untilCancelled(log, "sibling", 2));
        });
        log("after, cancelling", cancelling());
      }

      await ended(log, "group", main);
    },

    "cancel() before the group is entered": async function (log: Log): Promise<void> {
      async function body(group: TaskGroup): Promise<void> {
        log(group, "cancelling", cancelling());
        attempt(log, "create_task", () => group.createTask(() => sleep(1)));
        await outcome(log, "body", sleep(100));
      }

      async function main(): Promise<void> {
        const group = new TaskGroup();
        group.cancel();
        log(group);
        await group.run(body);
        log("after, cancelling", cancelling());
        group.cancel();
        await sleep(1);
      }

      await ended(log, "group", main);
    },

    "cancel() and an error in the cleanup": async function (log: Log): Promise<void> {
      async function child(): Promise<void> {
        try {
          await sleep(100);
        } catch {
          throw new ValueError("cleanup");
        }
      }

      async function body(group: TaskGroup): Promise<void> {
        group.createTask(child);
        await sleep(1);
        group.cancel();
      }

      await ended(log, "group", () => new TaskGroup().run(body));
      log("cancelling", cancelling());
    },

    "cancel() and a cancellation from outside": async function (log: Log): Promise<void> {
      async function body(group: TaskGroup): Promise<void> {
        group.createTask(() => untilCancelled(log, "child", 4));
      }

      for (const turns of [0, 1, 2]) {
        const group = new TaskGroup();
        const task = createTask(() => group.run(body));
        await sleep(1);
        group.cancel();
        await passTurns(turns);
        task.cancel("msg");
        await ended(log, "task", () => task);
        log("cancelling", task.cancelling());
      }
    },
  },
};

await parityTests(scenarios, {
  differences: {
    "cancel() before the group is entered": {
      reason: "the text begins with what can't be done",
      log: [
        "<TaskGroup>",
        "<TaskGroup cancelling> cancelling 1",
        "create_task: RuntimeError: Cannot create task: <TaskGroup cancelling> is shutting down",
        "body: CancelledError",
        "after, cancelling 0",
        "group: None",
      ],
    },
  },
});
