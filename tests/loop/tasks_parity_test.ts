/**
 * Tasks and futures, as in CPython: see parity_primitives.py.
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
  sleep,
  Task,
  wait,
} from "@aio/asyncio/loop";
import type { Awaitable, TaskFactory } from "@aio/asyncio/loop";
import { parityTests } from "../_support/parity.ts";
import { countTimers } from "../_support/timers.ts";
import { attempt, described, newFuture, outcome, passTurns } from "./parity/_helpers.ts";
import type { Log, Scenarios } from "./parity/_helpers.ts";

/** An awaitable that is of no class of this package. */
class Custom implements Awaitable<string> {
  readonly then: Awaitable<string>["then"];

  constructor() {
    const inner = sleep(0, "custom");
    this.then = inner.then.bind(inner);
  }

  [Symbol.iterator](): ReturnType<Awaitable<string>[typeof Symbol.iterator]> {
    return sleep(0, "custom")[Symbol.iterator]();
  }
}

class Own<T> extends Task<T> {}

export const scenarios: Scenarios = {
  group: "tasks",
  source: import.meta.url,
  inTask: {
    "15 a task that cancels itself and awaits another cancels that, and what it awaits":
      async function (log: Log): Promise<void> {
        const future = newFuture<void>();
        async function inner(): Promise<void> {
          try {
            await future;
          } catch (error) {
            log("inner:", described(error));
            throw error;
          }
        }
        async function outer(): Promise<void> {
          log("cancel:", currentTask()!.cancel("self"));
          await innerTask;
        }

        const innerTask = createTask(inner);
        await sleep(0);
        await outcome(log, "outer", createTask(outer));
        log(innerTask.cancelled(), future.cancelled());
      },

    "38 gather runs what is given three times once": async function (log: Log): Promise<void> {
      async function work(): Promise<string> {
        await sleep(0);
        log("work");
        return "x";
      }

      const once = work();
      await outcome(log, "gather", gather([once, once, once]));
    },

    "76 a done callback that removes others changes nothing any more": async function (
      log: Log,
    ): Promise<void> {
      const future = newFuture<null>();
      const third = (): void => log("third");
      future.addDoneCallback(() =>
        log("first, removed:", String(future.removeDoneCallback(third)))
      );
      future.addDoneCallback(() => log("second"));
      future.addDoneCallback(third);
      future.setResult(null);
      await sleep(0);
    },

    "81 a future of another loop is refused within the task": async function (
      log: Log,
    ): Promise<void> {
      const other = newEventLoop();
      const foreign = other.createFuture<void>();
      async function work(): Promise<string> {
        try {
          await foreign;
        } catch (error) {
          log("in the task:", (error as Error).name);
        }
        return "goes on";
      }

      const task = createTask(work);
      log("created");
      await outcome(log, "task", task);
      other.close();
    },

    "80 a task that awaits itself is told a turn later, if it is not cancelled before":
      async function (log: Log): Promise<void> {
        async function work(name: string): Promise<void> {
          before[name]!();
          try {
            await tasks[name];
          } catch (error) {
            log(`${name}:`, (error as Error).constructor.name);
          }
        }
        const loop = getRunningLoop();
        const tasks: Record<string, Task<void>> = {};
        const cancel = (name: string): unknown => tasks[name]!.cancel();
        const before: Record<string, () => unknown> = {
          "nothing": () => loop.callSoon(log, "a turn"),
          "cancelled before": () => cancel("cancelled before"),
          "cancelled in that turn": () => loop.callSoon(cancel, "cancelled in that turn"),
        };
        for (const name of Object.keys(before)) {
          tasks[name] = createTask(() => work(name));
          await wait([tasks[name]]);
        }
      },

    "88 a sleep that is not a number is refused": async function (log: Log): Promise<void> {
      attempt(log, "nan", () => sleep(NaN));
      await sleep(0);
    },

    "88 a sleep that is cancelled leaves no timer": async function (log: Log): Promise<void> {
      const timers = countTimers(getRunningLoop());
      async function work(): Promise<void> {
        await sleep(3600);
      }

      const task = createTask(work);
      await sleep(0);
      log("timers:", timers());
      task.cancel();
      await outcome(log, "task", task);
      log("timers:", timers());
    },

    "89 ensure_future wraps what can be awaited, and refuses the rest": async function (
      log: Log,
    ): Promise<void> {
      const task = ensureFuture(new Custom());
      log("a task:", task instanceof Task, await task);
      log("the same:", ensureFuture(task) === task);
      try {
        ensureFuture("text" as never);
      } catch (error) {
        log("text:", (error as Error).name);
      }
    },

    "90 names count up, and can be anything": async function (log: Log): Promise<void> {
      const tasks = [0, 1, 2].map(() => createTask(() => sleep(0)));
      const [a, b, c] = tasks.map((task) => Number(task.getName().replace("Task-", "")));
      log(b! - a!, c! - b!);
      tasks[0]!.setName(1n << 70n);
      log(tasks[0]!.getName());
      log(createTask(() => sleep(0), { name: "named" }).getName());
      await sleep(0);
    },

    "108 timers that are cancelled are forgotten": async function (log: Log): Promise<void> {
      const timers = countTimers(getRunningLoop());
      async function work(): Promise<void> {
        await sleep(3600);
      }

      const tasks = Array.from({ length: 300 }, () => createTask(work));
      await sleep(0);
      for (const task of tasks) task.cancel();
      for (let i = 0; i < 300; i++) getRunningLoop().callLater(3600, log).cancel();
      await passTurns(3);
      log("at most 100 are left:", timers() <= 100);
    },

    "113 a task factory makes the tasks, until it is taken away": async function (
      log: Log,
    ): Promise<void> {
      const factory: TaskFactory = (loop, coroutine, options) => {
        log("factory");
        return new Own(coroutine, { ...options, loop });
      };
      async function work(): Promise<string> {
        return currentTask()!.getName();
      }

      const loop = getRunningLoop();
      loop.setTaskFactory(factory);
      const task = createTask(work, { name: "named" });
      log(task instanceof Own, await task);
      log(ensureFuture(work) instanceof Own);
      loop.setTaskFactory(null);
      log(createTask(work) instanceof Own, loop.getTaskFactory());
      await sleep(0);
    },
  },
};

await parityTests(scenarios, {
  differences: {
    "88 a sleep that is not a number is refused": {
      reason: "a bad number is a RangeError, whose text says what can't be done",
      log: ["nan: RangeError: Cannot sleep: delay must be a number, not NaN"],
    },
  },
});
