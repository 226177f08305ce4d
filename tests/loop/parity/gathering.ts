/**
 * Gathering, and what becomes of it when a child fails or is cancelled.
 *
 * @module
 */

import { createTask, gather, getRunningLoop, sleep } from "@aio/asyncio/loop";
import { after, countTurns, newFuture, outcome, passTurns, ValueError } from "./_helpers.ts";
import type { Log, Scenarios } from "./_helpers.ts";

export const scenarios: Scenarios = {
  group: "gather",
  source: import.meta.url,
  inTask: {
    "39 results in the order of the arguments": async function (log: Log): Promise<void> {
      const children = [() => after(3, "a", log), () => after(1, "b", log)];
      await outcome(log, "gather", gather([...children, () => after(2, "c", log)]));
    },

    "1 children start in order not at once": async function (log: Log): Promise<void> {
      async function child(name: string): Promise<void> {
        log(name, "starts");
      }

      countTurns(log, 3);
      const gathered = gather([() => child("a"), () => child("b")]);
      log("gather called");
      await gathered;
      log("awaited");
    },

    "32 the first exception comes at once and siblings go on": async function (
      log: Log,
    ): Promise<void> {
      const slow = createTask(() => after(4, "slow", log));
      const first = (): Promise<unknown> => after(1, new ValueError("first"), quoted);
      const second = (): Promise<unknown> => after(2, new ValueError("second"), quoted);
      // Python's str() of an exception is its message.
      const quoted = (word: unknown, error: unknown): void => log(word, (error as Error).message);
      await outcome(log, "gather", gather([slow, first, second]));
      log("slow done:", slow.done(), "cancelled:", slow.cancelled());
      await outcome(log, "slow", slow);
    },

    "return exceptions": async function (log: Log): Promise<void> {
      const error = new ValueError("b");
      const children = [() => after(2, "a"), () => after(1, error), () => after(0, "c")];
      await outcome(log, "gather", gather(children, { returnExceptions: true }));
    },

    "34 a child is cancelled": async function (log: Log): Promise<void> {
      const child = createTask(() => after(9, "never"));
      const sibling = createTask(() => after(6, "sibling", log));
      const gathered = gather([child, sibling]);
      await sleep(0);
      child.cancel("msg");
      await outcome(log, "gather", gathered);
      log("sibling done:", sibling.done(), "| gather cancelled:", gathered.cancelled());
      await sibling;
    },

    "35 a child is cancelled with return exceptions": async function (log: Log): Promise<void> {
      const child = createTask(() => after(9, "never"));
      const sibling = (): Promise<unknown> => after(2, "sibling");
      const gathered = gather([child, sibling], { returnExceptions: true });
      await sleep(0);
      child.cancel("msg");
      await outcome(log, "gather", gathered);
    },

    "36 gather is cancelled": async function (log: Log): Promise<void> {
      async function child(name: string): Promise<void> {
        try {
          await newFuture();
        } finally {
          log("cleanup", name);
        }
      }

      const children = ["a", "b"].map((name) => createTask(() => child(name)));
      const gathered = gather(children);
      await sleep(0);
      log("cancel:", gathered.cancel("msg"), "done:", gathered.done());
      await outcome(log, "gather", gathered);
      log(children.map((task) => task.cancelled()), "gather cancelled:", gathered.cancelled());
    },

    "36 gather is cancelled and a child swallows it": async function (log: Log): Promise<void> {
      async function child(): Promise<unknown> {
        try {
          return await newFuture();
        } catch {
          return "swallowed";
        }
      }

      const gathered = gather([child, () => after(1, "other")]);
      await passTurns(3);
      log("cancel:", gathered.cancel("msg"));
      await outcome(log, "gather", gathered);
    },

    "36 gather with return exceptions is cancelled": async function (log: Log): Promise<void> {
      const children = [() => after(9, "never"), () => after(9, "never")];
      const gathered = gather(children, { returnExceptions: true });
      await sleep(0);
      log("cancel:", gathered.cancel("msg"));
      await outcome(log, "gather", gathered);
    },

    "empty": async function (log: Log): Promise<void> {
      const gathered = gather([]);
      log("done at once:", gathered.done());
      countTurns(log, 2);
      log(await gathered);
      await passTurns(2);
    },

    "of done futures": async function (log: Log): Promise<void> {
      const futures = [newFuture<number>(), newFuture<number>()];
      futures.forEach((future, number) => future.setResult(number));
      countTurns(log, 3);
      const gathered = gather(futures);
      log("done at once:", gathered.done());
      log(await gathered);
      await passTurns(3);
    },

    "37 cancel after the children are done": async function (log: Log): Promise<void> {
      const futures = [newFuture<number>(), newFuture<number>()];
      const gathered = gather(futures);
      futures.forEach((future, number) => future.setResult(number));
      log("done:", gathered.done(), "cancel:", gathered.cancel());
      await outcome(log, "gather", gathered);
    },

    "a task is cancelled after the children are done": async function (log: Log): Promise<void> {
      async function parent(): Promise<unknown> {
        return await gather(futures);
      }

      const futures = [newFuture<number>(), newFuture<number>()];
      const task = createTask(parent);
      await sleep(0);
      futures.forEach((future, number) => future.setResult(number));
      log("cancel:", task.cancel());
      await outcome(log, "task", task);
    },

    "38 the same awaitable twice": async function (log: Log): Promise<void> {
      const task = createTask(() => after(1, "x", log));
      await outcome(log, "gather", gather([task, () => after(0, "y"), task]));
    },

    "nested gathers": async function (log: Log): Promise<void> {
      const inner = gather([() => after(1, "a", log), () => after(0, "b", log)]);
      await outcome(log, "gather", gather([inner, () => after(3, "c", log)]));
    },

    "turns from the last child to the awaiting task": async function (log: Log): Promise<void> {
      const future = newFuture<string>();
      getRunningLoop().callSoon(() => future.setResult("x"));
      countTurns(log, 4);
      log(await gather([future]));
      await passTurns(2);
    },

    "33 all children fail": async function (log: Log): Promise<void> {
      getRunningLoop().setExceptionHandler((_loop, context) => log("handler:", context.message));
      const names = ["a", "b", "c"];
      const tasks = names.map((name) => createTask(() => after(1, new ValueError(name))));
      await outcome(log, "gather", gather(tasks));
      log("exceptions retrieved, nothing reported:", tasks.map((task) => task.exception()));
    },
  },
};
