/**
 * What is refused, and with which error.
 *
 * @module
 */

import {
  createTask,
  currentTask,
  ensureFuture,
  gather,
  getRunningLoop,
  newEventLoop,
  run,
  Runner,
  sleep,
} from "@aio/asyncio/loop";
import type { EventLoop, ExceptionHandler } from "@aio/asyncio/loop";
import { attempt, attemptRun, newFuture, outcome, pythonic, ValueError } from "./_helpers.ts";
import type { Log, Scenarios } from "./_helpers.ts";

const callback = (): void => {};
const never = callback as unknown as () => Promise<void>;
/** What no type allows. */
// deno-lint-ignore no-explicit-any -- that is what these scenarios are about
const fortyTwo = 42 as any;

export const scenarios: Scenarios = {
  group: "errors",
  source: import.meta.url,
  inTask: {
    "89 not a coroutine": async function (log: Log): Promise<void> {
      const loop = getRunningLoop();
      attempt(log, "create_task", () => createTask(fortyTwo));
      attempt(log, "create_task of a future", () => createTask(newFuture() as never));
      attempt(log, "ensure_future", () => ensureFuture(fortyTwo));
      attempt(log, "gather", () => gather([fortyTwo]));
      attempt(log, "set_exception_handler", () => {
        loop.setExceptionHandler(fortyTwo as ExceptionHandler);
      });
    },

    "71 a pending future": async function (log: Log): Promise<void> {
      const future = newFuture<number>();
      attempt(log, "result", () => future.result());
      attempt(log, "exception", () => future.exception());
      log(future.done(), future.cancelled());
    },

    "72 a future with a result": async function (log: Log): Promise<void> {
      const future = newFuture<number>();
      attempt(log, "set_result", () => future.setResult(1));
      attempt(log, "set_result again", () => future.setResult(2));
      attempt(log, "set_exception", () => future.setException(new ValueError()));
      attempt(log, "cancel", () => future.cancel());
      attempt(log, "result", () => future.result());
      attempt(log, "exception", () => future.exception());
      log(future.done(), future.cancelled());
    },

    "72 a future with an exception": async function (log: Log): Promise<void> {
      const future = newFuture<number>();
      attempt(log, "set_exception", () => future.setException(new ValueError("no")));
      attempt(log, "set_result", () => future.setResult(2));
      attempt(log, "set_exception again", () => future.setException(new ValueError("again")));
      attempt(log, "result", () => future.result());
      attempt(log, "result again", () => future.result());
      attempt(log, "exception", () => future.exception());
      log(future.done(), future.cancelled());
    },

    "71, 72 a cancelled future": async function (log: Log): Promise<void> {
      const future = newFuture<number>();
      attempt(log, "cancel", () => future.cancel("msg"));
      attempt(log, "cancel again", () => future.cancel());
      attempt(log, "set_result", () => future.setResult(2));
      attempt(log, "result", () => future.result());
      attempt(log, "result again", () => future.result());
      attempt(log, "exception", () => future.exception());
      log(future.done(), future.cancelled());
    },

    "73, 74 what set exception takes": async function (log: Log): Promise<void> {
      const settled = (exception: unknown): unknown => {
        const future = newFuture<null>();
        future.setException(exception);
        return future.exception();
      };
      attempt(log, "a class", () => settled(TypeError));
      attempt(log, "a string", () => settled("text"));
    },

    "79 a task is not set from outside": async function (log: Log): Promise<void> {
      const task = createTask(() => sleep(0));
      attempt(log, "set_result", () => task.setResult(undefined));
      attempt(log, "set_exception", () => task.setException(new ValueError()));
      attempt(log, "result", () => task.result());
      attempt(log, "exception", () => task.exception());
      await task;
    },
  },
  onLoop: {
    "105 stop inside run until complete": async (log, loop) => {
      async function main(): Promise<void> {
        loop.stop();
        await newFuture();
      }

      const task = loop.createTask(main);
      await attemptRun(log, "run_until_complete", () => loop.runUntilComplete(task));
      log("done:", task.done());
      task.cancel();
      await attemptRun(log, "again", () => loop.runUntilComplete(task));
    },

    "105 stop inside run": async (log) => {
      async function main(): Promise<void> {
        getRunningLoop().stop();
        try {
          await newFuture();
        } catch (error) {
          log("main is cancelled afterwards");
          throw error;
        }
      }

      await attemptRun(log, "run", () => run(main));
    },

    "103, 106 nested runs": async (log, loop) => {
      const runner = new Runner();

      async function refused(label: string, call: () => Promise<void>): Promise<void> {
        await outcome(log, label, ensureFuture(call()));
      }

      async function main(): Promise<void> {
        const other: EventLoop = newEventLoop();
        const own = "of the running loop";
        await refused(`run_until_complete ${own}`, () => loop.runUntilComplete(never));
        await refused(`run_forever ${own}`, () => loop.runForever());
        await refused("run_until_complete of another loop", () => other.runUntilComplete(never));
        await refused("run_forever of another loop", () => other.runForever());
        other.close();
        await refused("run", () => run(never));
        await refused("Runner.run", () => runner.run(never));
      }

      await loop.runUntilComplete(main);
      await runner.close();
    },

    "closing": async (log, loop) => {
      async function main(): Promise<void> {
        attempt(log, "close while running", () => loop.close());
      }

      await loop.runUntilComplete(main);
      attempt(log, "close", () => loop.close());
      attempt(log, "close again", () => loop.close());
      log("is_closed:", loop.isClosed());
      attempt(log, "call_soon", () => loop.callSoon(callback));
      attempt(log, "call_later", () => loop.callLater(1, callback));
      attempt(log, "call_at", () => loop.callAt(1, callback));
      attempt(log, "call_soon_threadsafe", () => loop.callSoonThreadsafe(callback));
      await attemptRun(log, "run_forever", () => loop.runForever());
      await attemptRun(log, "run_until_complete", () => loop.runUntilComplete(never));
      attempt(log, "create_task", () => loop.createTask(never));
      attempt(log, "stop", () => loop.stop());
      log(pythonic(loop).split(" ").slice(1));
    },

    "103 run twice over a closed runner": async (log) => {
      async function main(): Promise<string> {
        return "result";
      }

      const runner = new Runner();
      log(await runner.run(main));
      await runner.close();
      await attemptRun(log, "Runner.run", () => runner.run(never));
      attempt(log, "get_loop", () => runner.getLoop());
    },

    "no running loop": (log) => {
      attempt(log, "get_running_loop", getRunningLoop);
      attempt(log, "current_task", currentTask);
      attempt(log, "create_task", () => createTask(never));
    },

    "run of what is not a coroutine": async (log, loop) => {
      await attemptRun(log, "run", () => run(fortyTwo));
      await attemptRun(log, "run_until_complete", () => loop.runUntilComplete(fortyTwo));
    },
  },
};
