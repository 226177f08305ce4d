/**
 * Awaiting what is done, awaiting coroutines, and what a `sleep(0)` is.
 *
 * @module
 */

import { createTask, currentTask, getRunningLoop, sleep } from "@aio/asyncio/loop";
import type { Task } from "@aio/asyncio/loop";
import type { Steps } from "../../_support/run.ts";
import { countTurns, nested, newFuture, outcome, ValueError } from "./_helpers.ts";
import type { Log, Scenarios } from "./_helpers.ts";

export const scenarios: Scenarios = {
  group: "awaiting",
  source: import.meta.url,
  inTask: {
    "2 a done future does not yield": async function (log: Log): Promise<void> {
      const future = newFuture<string>();
      future.setResult("x");
      getRunningLoop().callSoon(log, "call_soon");
      log("got", await future);
      await sleep(0);
      log("after sleep(0)");
    },

    "2 a done task does not yield": async function (log: Log): Promise<void> {
      async function work(): Promise<string> {
        return "x";
      }

      const task = createTask(work);
      await sleep(0);
      getRunningLoop().callSoon(log, "call_soon");
      log("got", await task);
      log("again", await task);
      await sleep(0);
    },

    "2 a failed future does not yield": async function (log: Log): Promise<void> {
      const future = newFuture<string>();
      future.setException(new ValueError("no"));
      getRunningLoop().callSoon(log, "call_soon");
      await outcome(log, "future", future);
      await sleep(0);
    },

    "2 a cancelled future does not yield": async function (log: Log): Promise<void> {
      const future = newFuture<string>();
      future.cancel("msg");
      getRunningLoop().callSoon(log, "call_soon");
      await outcome(log, "future", future);
      log("cancelling", currentTask()!.cancelling());
      await sleep(0);
    },

    "2 a coroutine is a call": async function (log: Log): Promise<void> {
      async function quick(): Promise<string> {
        log("in the coroutine");
        return "x";
      }

      getRunningLoop().callSoon(log, "call_soon");
      log("got", await quick());
      log("got", await nested(7, quick));
      await sleep(0);
      log("after sleep(0)");
    },

    "2 a coroutine that waits": async function (log: Log): Promise<void> {
      async function slow(): Promise<void> {
        log("starts");
        await sleep(0);
        log("ends");
      }

      getRunningLoop().callSoon(log, "call_soon before");
      await slow();
      log("awaited");
    },

    "3 sleep zero is one turn": async function (log: Log): Promise<void> {
      countTurns(log, 3);
      await sleep(0);
      log("after one");
      await sleep(0);
      log("after two");
      await sleep(-1);
      log("after sleep(-1)");
    },

    "a future set by call soon": async function (log: Log): Promise<void> {
      const loop = getRunningLoop();
      const future = loop.createFuture<null>();
      countTurns(log, 3);
      loop.callSoon(() => future.setResult(null));
      await future;
      log("awake");
      await sleep(0);
    },

    "a wake up takes its place in the queue": async function (log: Log): Promise<void> {
      async function waiter(): Promise<void> {
        await future;
        log("waiter");
      }

      const loop = getRunningLoop();
      const future = loop.createFuture<null>();
      const task = createTask(waiter);
      await sleep(0);
      loop.callSoon(log, "before");
      future.setResult(null);
      loop.callSoon(log, "after");
      log("still running");
      await task;
    },

    "80 awaiting itself": async function (log: Log): Promise<void> {
      async function work(): Promise<void> {
        await outcome(log, "self", task);
      }

      const task: Task<void> = createTask(work, { name: "me" });
      await task;
    },

    "awaiting a coroutine twice": async function (log: Log): Promise<void> {
      const coroutine = sleep(0, "x");
      await outcome(log, "first", coroutine);
      await outcome(log, "second", coroutine);
    },
  },
  onLoop: {
    // Here is no second flavour: what `await` takes is anything.
    "awaiting what is not a future": async (log, loop) => {
      await loop.runUntilComplete(function* (): Steps<void> {
        try {
          yield 42 as unknown as undefined;
        } catch (error) {
          log(`odd: ${error}`);
        }
      });
    },
  },
};
