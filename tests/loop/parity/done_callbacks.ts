/**
 * Done callbacks of futures and tasks.
 *
 * @module
 */

import { createTask, gather, getRunningLoop, sleep } from "@aio/asyncio/loop";
import type { Future } from "@aio/asyncio/loop";
import { countTurns, described, newFuture, passTurns, ValueError } from "./_helpers.ts";
import type { Log, Scenarios } from "./_helpers.ts";

export const scenarios: Scenarios = {
  group: "done callbacks",
  source: import.meta.url,
  inTask: {
    "6 on a pending future": async function (log: Log): Promise<void> {
      const loop = getRunningLoop();
      const future = loop.createFuture<string>();
      future.addDoneCallback((f) => log("first", f.result()));
      future.addDoneCallback(() => log("second"));
      loop.callSoon(log, "call_soon before");
      future.setResult("x");
      loop.callSoon(log, "call_soon after");
      log("set");
      await sleep(0);
    },

    "7 on a done future": async function (log: Log): Promise<void> {
      const loop = getRunningLoop();
      const future = loop.createFuture<string>();
      future.setResult("x");
      loop.callSoon(log, "call_soon before");
      future.addDoneCallback(() => log("callback"));
      loop.callSoon(log, "call_soon after");
      log("added");
      await sleep(0);
    },

    "6, 7 before and after the result": async function (log: Log): Promise<void> {
      const loop = getRunningLoop();
      const future = loop.createFuture<string>();
      countTurns(log, 3);
      future.addDoneCallback(() => log("added while pending"));
      future.setResult("x");
      loop.callSoon(log, "call_soon");
      future.addDoneCallback(() => log("added when done"));
      future.addDoneCallback((f) => f.addDoneCallback(() => log("added in a callback")));
      await passTurns(3);
    },

    "6 callbacks and awaiting tasks share one queue": async function (log: Log): Promise<void> {
      async function waiter(name: string): Promise<void> {
        await future;
        log(name);
      }

      const future = newFuture<null>();
      future.addDoneCallback(() => log("callback 1"));
      const tasks = [createTask(() => waiter("task 1"))];
      await sleep(0);
      future.addDoneCallback(() => log("callback 2"));
      tasks.push(createTask(() => waiter("task 2")));
      await sleep(0);
      future.setResult(null);
      await gather(tasks);
    },

    "75 removing": async function (log: Log): Promise<void> {
      const callback = (): void => log("removed one");
      const other = (): void => log("other");
      const future = newFuture<null>();
      for (const each of [callback, other, callback, callback]) future.addDoneCallback(each);
      log(future.removeDoneCallback(callback), future.removeDoneCallback(callback));
      future.addDoneCallback(callback);
      future.setResult(null);
      log("after set:", future.removeDoneCallback(callback));
      await sleep(0);
    },

    "110 a callback that raises": async function (log: Log): Promise<void> {
      function bad(_future: Future<null>): void {
        throw new ValueError("bad callback");
      }

      getRunningLoop().setExceptionHandler((_loop, context) => {
        log("handler:", context.message, described(context.exception));
      });
      const future = newFuture<null>();
      future.addDoneCallback(bad);
      future.addDoneCallback(() => log("next callback"));
      future.setResult(null);
      await sleep(0);
    },

    "9 of a cancelled task": async function (log: Log): Promise<void> {
      async function work(): Promise<void> {
        try {
          await newFuture();
        } finally {
          log("cleanup");
        }
      }

      const task = createTask(work);
      task.addDoneCallback((t) => log("callback, cancelled:", t.cancelled()));
      await sleep(0);
      task.cancel();
      log("cancel called, done:", task.done());
      await sleep(0);
      log("one turn later, done:", task.done());
      await sleep(0);
    },
  },
};
