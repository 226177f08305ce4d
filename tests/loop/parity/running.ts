/**
 * `run()`: its result, and what becomes of the tasks it leaves.
 *
 * @module
 */

import {
  ContextVar,
  createTask,
  currentTask,
  getRunningLoop,
  KeyboardInterrupt,
  run,
  Runner,
  sleep,
} from "@aio/asyncio/loop";
import type { EventLoop, Task } from "@aio/asyncio/loop";
import { argumentsOf, attemptRun, described, newFuture, outcome } from "./_helpers.ts";
import { passTurns, ValueError } from "./_helpers.ts";
import type { Scenarios } from "./_helpers.ts";

export const scenarios: Scenarios = {
  group: "run",
  source: import.meta.url,
  onLoop: {
    "returns the result": async (log) => {
      async function main(): Promise<string> {
        await sleep(0);
        return "result";
      }

      log(await run(main));
    },

    "an exception in main": async (log) => {
      async function main(): Promise<void> {
        await sleep(0);
        throw new ValueError("main failed");
      }

      await attemptRun(log, "run", () => run(main));
    },

    "102 a leftover task is cancelled": async (log) => {
      async function leftover(): Promise<void> {
        try {
          await newFuture();
        } catch (error) {
          log("leftover:", argumentsOf(error));
          await sleep(0);
          log("leftover: cleanup ends");
          throw error;
        }
      }

      async function main(): Promise<string> {
        createTask(leftover);
        await sleep(0);
        log("main ends");
        return "result";
      }

      log("run:", await run(main));
    },

    "102 leftover tasks clean up side by side": async (log) => {
      const stages: string[][] = [[], [], []];

      async function leftover(name: string): Promise<void> {
        try {
          await newFuture();
        } finally {
          for (const stage of stages) {
            stage.push(name);
            await sleep(0);
          }
        }
      }

      async function main(): Promise<void> {
        for (const name of ["a", "b", "c"]) createTask(() => leftover(name));
        await sleep(0);
      }

      await run(main);
      stages.forEach((names, stage) => log("cleanup stage", stage, ...names));
    },

    "102 a task created as main ends still starts": async (log) => {
      async function leftover(): Promise<void> {
        log("leftover starts");
        await outcome(log, "leftover", sleep(0));
      }

      async function main(): Promise<void> {
        createTask(leftover);
      }

      await run(main);
      log("returned");
    },

    "102 a leftover task of an exception in main": async (log) => {
      async function leftover(): Promise<void> {
        try {
          await newFuture();
        } finally {
          log("leftover: cleanup");
        }
      }

      async function main(): Promise<void> {
        createTask(leftover);
        await sleep(0);
        throw new ValueError("main failed");
      }

      await attemptRun(log, "run", () => run(main));
    },

    "102 a leftover task that fails in its cleanup": async (log) => {
      async function leftover(): Promise<void> {
        try {
          await newFuture();
        } catch {
          throw new ValueError("cleanup failed");
        }
      }

      async function main(): Promise<string> {
        getRunningLoop().setExceptionHandler((_loop, context) => {
          log("handler:", context.message, "|", described(context.exception));
          log("task:", (context["task"] as Task<unknown>).getName());
          log("keys:", ...Object.keys(context).sort());
        });
        createTask(leftover, { name: "leftover" });
        await sleep(0);
        return "result";
      }

      log("run:", await run(main));
    },

    "102 a leftover task that swallows the cancellation": async (log) => {
      async function leftover(): Promise<void> {
        try {
          await newFuture();
        } catch {
          log("leftover: swallowed");
        }
        await passTurns(2);
        log("leftover: runs to its end");
      }

      async function main(): Promise<void> {
        createTask(leftover);
        await sleep(0);
      }

      await run(main);
      log("returned");
    },

    "102 a leftover task starts another": async (log) => {
      const started: Task<void>[] = [];

      async function second(): Promise<void> {
        log("second starts");
        await newFuture();
        log("never");
      }

      async function first(): Promise<void> {
        try {
          await newFuture();
        } finally {
          log("first: cleanup");
          started.push(createTask(second));
          await sleep(0);
        }
      }

      async function main(): Promise<void> {
        getRunningLoop().setExceptionHandler(() => {}); // it says that second is never done
        createTask(first);
        await sleep(0);
      }

      await run(main);
      log("returned; second is not cancelled, done:", started[0]!.done());
    },

    "main is cancelled from within": async (log) => {
      async function main(): Promise<void> {
        currentTask()!.cancel("msg");
        await sleep(0);
      }

      await attemptRun(log, "run", () => run(main));
    },

    "call soon of the last turn": async (log) => {
      async function main(): Promise<void> {
        getRunningLoop().callSoon(log, "call_soon runs");
        getRunningLoop().callLater(3600, log, "a timer does not");
      }

      await run(main);
      log("returned");
    },

    "a runner keeps its loop": async (log) => {
      async function step(number: number): Promise<EventLoop> {
        log("step", number);
        return getRunningLoop();
      }

      const runner = new Runner();
      const loops = [await runner.run(() => step(1)), await runner.run(() => step(2))];
      log("same loop:", loops[0] === loops[1] && loops[1] === runner.getLoop());
      await runner.close();
      log("closed:", loops[0]!.isClosed());
    },

    "103 a runner keeps its context": async (log) => {
      const variable = new ContextVar("variable", { defaultValue: 0 });
      async function count(): Promise<number> {
        variable.set(variable.get() + 1);
        return variable.get();
      }

      const runner = new Runner();
      log(await runner.run(count), await runner.run(count), await runner.run(count));
      await runner.close();
      log("outside:", variable.get());
    },

    "83 a keyboard interrupt of a task": async (log, loop) => {
      const future = loop.createFuture<void>();
      async function work(): Promise<void> {
        try {
          await future;
        } catch {
          throw new KeyboardInterrupt("in the cleanup");
        }
      }

      async function main(): Promise<void> {
        await sleep(0);
        task.cancel();
        await sleep(0);
        log("main goes on");
      }

      const task = loop.createTask(work);
      const mainTask = loop.createTask(main);
      try {
        await loop.runUntilComplete(mainTask);
      } catch (error) {
        log("raised:", described(error));
      }
      log("done:", task.done(), "cancelled:", task.cancelled(), described(task.exception()));
      await loop.runUntilComplete(mainTask);
    },
  },
};
