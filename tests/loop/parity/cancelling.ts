/**
 * Cancelling a task: when it is delivered, and what the coroutine makes of it.
 *
 * @module
 */

import { CancelledError, createTask, currentTask, getRunningLoop, sleep } from "@aio/asyncio/loop";
import { argumentsOf, countTurns, flags, newFuture } from "./_helpers.ts";
import { outcome, passTurns, ValueError } from "./_helpers.ts";
import type { Log, Scenarios } from "./_helpers.ts";

/** Awaits up to four times, each time going on when it is cancelled. */
async function countCancellations(
  log: Log,
  waiting: () => PromiseLike<unknown>,
): Promise<string> {
  let seen = 0;
  for (let i = 0; i < 4; i++) {
    try {
      await waiting();
    } catch (error) {
      seen++;
      log("cancelled:", argumentsOf(error), "cancelling", currentTask()!.cancelling());
    }
  }
  return `${seen} seen`;
}

export const scenarios: Scenarios = {
  group: "cancellation",
  source: import.meta.url,
  inTask: {
    "8 before the start": async function (log: Log): Promise<void> {
      async function work(): Promise<void> {
        log("never");
      }

      const task = createTask(work);
      log("cancel:", task.cancel("msg"));
      log(flags(task));
      try {
        await task;
      } catch (error) {
        log(argumentsOf(error));
      }
      log(flags(task));
    },

    "9, 18 while waiting": async function (log: Log): Promise<void> {
      async function work(): Promise<void> {
        try {
          await future;
        } catch (error) {
          log("in work:", argumentsOf(error), "future cancelled:", future.cancelled());
          throw error;
        }
      }

      const future = newFuture<null>();
      const task = createTask(work);
      await sleep(0);
      log("cancel:", task.cancel("msg"), "future cancelled:", future.cancelled());
      log(flags(task));
      try {
        await task;
      } catch (error) {
        log("in main:", argumentsOf(error));
      }
      log(flags(task), "| cancel again:", task.cancel());
    },

    "18 through nested coroutines": async function (log: Log): Promise<void> {
      async function level(depth: number): Promise<void> {
        try {
          if (depth > 0) await level(depth - 1);
          else await newFuture();
        } finally {
          log("finally", depth);
        }
      }

      const task = createTask(() => level(3));
      await sleep(0);
      task.cancel();
      await outcome(log, "task", task);
    },

    "9 turns from cancel to the awaiting task": async function (log: Log): Promise<void> {
      async function work(): Promise<void> {
        try {
          await newFuture();
        } finally {
          log("cleanup");
        }
      }

      const task = createTask(work);
      await sleep(0);
      countTurns(log, 4);
      task.cancel();
      await outcome(log, "task", task);
      await passTurns(2);
    },

    "10 caught and a value returned": async function (log: Log): Promise<void> {
      async function work(): Promise<unknown> {
        try {
          return await newFuture();
        } catch {
          return "value";
        }
      }

      const task = createTask(work);
      await sleep(0);
      task.cancel();
      await outcome(log, "task", task);
      log(flags(task));
    },

    "11 caught and going on": async function (log: Log): Promise<void> {
      async function work(): Promise<string> {
        try {
          await newFuture();
        } catch {
          log("caught, cancelling:", currentTask()!.cancelling());
        }
        await sleep(0);
        log("goes on");
        await sleep(0);
        return "value";
      }

      const task = createTask(work);
      await sleep(0);
      task.cancel();
      await outcome(log, "task", task);
      log(flags(task));
    },

    "caught and another exception raised": async function (log: Log): Promise<void> {
      async function work(): Promise<void> {
        try {
          await newFuture();
        } catch {
          throw new ValueError("instead");
        }
      }

      const task = createTask(work);
      await sleep(0);
      task.cancel();
      await outcome(log, "task", task);
      log(flags(task));
    },

    "cleanup that awaits": async function (log: Log): Promise<void> {
      async function work(): Promise<void> {
        try {
          await newFuture();
        } finally {
          log("cleanup starts");
          await sleep(0);
          log("cleanup ends");
        }
      }

      const task = createTask(work);
      await sleep(0);
      task.cancel();
      await outcome(log, "task", task);
      log(flags(task));
    },

    "12 two cancels in one turn while waiting": async function (log: Log): Promise<void> {
      const futures = [1, 2, 3, 4].map(() => newFuture<null>());
      const waiting = futures.values();
      const task = createTask(() => countCancellations(log, () => waiting.next().value!));
      await sleep(0);
      log(task.cancel("one"), task.cancel("two"), flags(task));
      await passTurns(2);
      for (const future of futures) if (!future.done()) future.setResult(null);
      await outcome(log, "task", task);
      log(flags(task));
    },

    "12 two cancels in one turn while in sleep zero": async function (log: Log): Promise<void> {
      const task = createTask(() => countCancellations(log, () => sleep(0)));
      await sleep(0);
      log(task.cancel("one"), task.cancel("two"), flags(task));
      await outcome(log, "task", task);
      log(flags(task));
    },

    "12 two cancels before the start": async function (log: Log): Promise<void> {
      const task = createTask(() => countCancellations(log, () => sleep(0)));
      log(task.cancel("one"), task.cancel("two"), flags(task));
      await outcome(log, "task", task);
      log(flags(task));
    },

    "two cancels in two turns": async function (log: Log): Promise<void> {
      const task = createTask(() => countCancellations(log, () => sleep(0)));
      await sleep(0);
      task.cancel("one");
      await sleep(0);
      task.cancel("two");
      await outcome(log, "task", task);
      log(flags(task));
    },

    "13 cancelling itself and then awaiting": async function (log: Log): Promise<void> {
      async function work(): Promise<void> {
        const task = currentTask()!;
        log("cancel:", task.cancel("self"), flags(task));
        loop.callSoon(log, "a turn passed");
        try {
          await newFuture();
        } catch (error) {
          log("caught", argumentsOf(error));
          throw error;
        }
      }

      const loop = getRunningLoop();
      const task = createTask(work);
      await outcome(log, "task", task);
      log(flags(task));
    },

    "13 cancelling itself and then awaiting what is done": async function (
      log: Log,
    ): Promise<void> {
      async function work(): Promise<void> {
        const done = newFuture<string>();
        done.setResult("x");
        currentTask()!.cancel("self");
        log("a done future does not deliver it:", await done);
        await outcome(log, "sleep(0) does", sleep(0));
      }

      await outcome(log, "task", createTask(work));
    },

    "14 cancelling itself and then returning": async function (log: Log): Promise<void> {
      async function work(): Promise<string> {
        currentTask()!.cancel("self");
        return "value";
      }

      const task = createTask(work);
      try {
        log("task:", await task);
      } catch (error) {
        log("task:", argumentsOf(error));
      }
      log(flags(task));
    },

    "cancelling itself and then raising": async function (log: Log): Promise<void> {
      async function work(): Promise<void> {
        currentTask()!.cancel("self");
        throw new ValueError("raised");
      }

      const task = createTask(work);
      await outcome(log, "task", task);
      log(flags(task));
    },

    "16 with the wake up already queued": async function (log: Log): Promise<void> {
      async function work(): Promise<void> {
        await outcome(log, "in work", future);
        log("going on");
      }

      const future = newFuture<string>();
      const task = createTask(work);
      await sleep(0);
      future.setResult("lost");
      log("cancel:", task.cancel("msg"), "future cancelled:", future.cancelled());
      await outcome(log, "task", task);
      log(flags(task));
    },

    "82 the future itself is cancelled": async function (log: Log): Promise<void> {
      async function work(): Promise<void> {
        await future;
      }

      const future = newFuture<null>();
      const task = createTask(work);
      await sleep(0);
      future.cancel("by its owner");
      await outcome(log, "task", task);
      log(flags(task));
    },

    "a cancelled error raised by hand": async function (log: Log): Promise<void> {
      async function work(): Promise<void> {
        throw new CancelledError("by hand");
      }

      const task = createTask(work);
      await outcome(log, "task", task);
      log(flags(task));
    },

    "uncancel after catching": async function (log: Log): Promise<void> {
      async function work(): Promise<string> {
        const task = currentTask()!;
        try {
          await newFuture();
        } catch {
          log("cancelling", task.cancelling(), "uncancel", task.uncancel(), task.uncancel());
        }
        await sleep(0);
        return "value";
      }

      const task = createTask(work);
      await sleep(0);
      task.cancel();
      await outcome(log, "task", task);
      log(flags(task));
    },

    "uncancel before delivery while waiting": async function (log: Log): Promise<void> {
      async function work(): Promise<void> {
        await outcome(log, "in work", future);
      }

      const future = newFuture<null>();
      const task = createTask(work);
      await sleep(0);
      task.cancel();
      log("uncancel:", task.uncancel());
      await outcome(log, "task", task);
      log(flags(task));
    },

    "17 uncancel before delivery in sleep zero": async function (log: Log): Promise<void> {
      async function work(): Promise<void> {
        await outcome(log, "in work", sleep(0));
      }

      const task = createTask(work);
      await sleep(0);
      task.cancel();
      log("uncancel:", task.uncancel());
      await outcome(log, "task", task);
      log(flags(task));
    },

    "17 uncancel before the start": async function (log: Log): Promise<void> {
      async function work(): Promise<void> {
        log("work runs");
      }

      const task = createTask(work);
      task.cancel();
      log("uncancel:", task.uncancel());
      await outcome(log, "task", task);
      log(flags(task));
    },
  },
};
