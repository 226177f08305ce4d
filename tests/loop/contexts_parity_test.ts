/**
 * Context variables of tasks, callbacks and exception handlers, as in CPython: see
 * parity_primitives.py.
 *
 * @module
 */

import { ContextVar, copyContext, createTask, getRunningLoop, sleep } from "@aio/asyncio/loop";
import { parityTests } from "../_support/parity.ts";
import { newFuture, passTurns, ValueError } from "./parity/_helpers.ts";
import type { Log, Scenarios } from "./parity/_helpers.ts";

export const scenarios: Scenarios = {
  group: "contexts",
  source: import.meta.url,
  inTask: {
    "69 a task has a copy of the context in which it was created": async function (
      log: Log,
    ): Promise<void> {
      const variable = new ContextVar("variable", { defaultValue: "default" });
      async function child(name: string): Promise<void> {
        log(name, "sees", variable.get());
        variable.set(name);
        await sleep(0);
        log(name, "sees", variable.get());
      }

      variable.set("before");
      const tasks = [..."ab"].map((name) => createTask(() => child(name)));
      variable.set("after");
      for (const task of tasks) await task;
      log("parent sees", variable.get());
    },

    "70 a callback has the context in which it was added": async function (
      log: Log,
    ): Promise<void> {
      const variable = new ContextVar<string>("variable");
      const loop = getRunningLoop();
      const future = newFuture<null>();
      variable.set("when added");
      future.addDoneCallback(() => log("done callback:", variable.get()));
      loop.callSoon(() => log("call_soon:", variable.get()));
      loop.callLater(0, () => log("call_later:", variable.get()));
      variable.set("when done");
      future.setResult(null);
      future.addDoneCallback(() => log("added later:", variable.get()));
      await passTurns(2);
    },

    "111 the exception handler runs in the context of the callback that failed": async function (
      log: Log,
    ): Promise<void> {
      const variable = new ContextVar<string>("variable");
      const fail = (): void => {
        variable.set("of the callback");
        throw new ValueError("failed");
      };
      variable.set("of main");
      const loop = getRunningLoop();
      loop.setExceptionHandler(() => log("handler sees", variable.get()));
      loop.callSoon(fail);
      loop.callLater(0, fail);
      await passTurns(2);
      log("main sees", variable.get());
    },

    "111 the exception handler runs in the context of the task that is reported": async function (
      log: Log,
    ): Promise<void> {
      const variable = new ContextVar<string>("variable");
      async function work(): Promise<void> {
        variable.set("of the task");
      }

      variable.set("of main");
      const loop = getRunningLoop();
      loop.setExceptionHandler(() => log("handler sees", variable.get()));
      const task = createTask(work);
      await task;
      loop.callExceptionHandler({ message: "about a task", task });
      loop.callExceptionHandler({ message: "about a future", future: task });
      loop.callExceptionHandler({ message: "about nothing" });
    },

    "a context in which something runs can't be entered once more": async function (
      log: Log,
    ): Promise<void> {
      const enter = (label: string): void => {
        try {
          context.run(log, label, "entered");
        } catch (error) {
          log(label, (error as Error).name);
        }
      };
      async function work(): Promise<void> {
        enter("by its task");
        copyContext().run(enter, "by its task, elsewhere");
        await sleep(0);
        enter("by its task, later");
      }

      const context = copyContext();
      const future = newFuture<null>();
      future.addDoneCallback(() => enter("by its callback"), { context });
      future.setResult(null);
      await sleep(0);
      const task = createTask(work, { context });
      await sleep(0);
      enter("while its task waits");
      await task;
      context.run(() => copyContext().run(enter, "within"));
      enter("afterwards");
    },
  },
};

await parityTests(scenarios);
