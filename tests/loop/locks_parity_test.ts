/**
 * Lock and Condition, as in CPython: see parity_primitives.py.
 *
 * @module
 */

import {
  CancelledError,
  Condition,
  createTask,
  getRunningLoop,
  Lock,
  sleep,
  waitFor,
} from "@aio/asyncio/loop";
import { parityTests } from "../_support/parity.ts";
import { attempt, described, outcome, passTurns } from "./parity/_helpers.ts";
import type { Log, Scenarios } from "./parity/_helpers.ts";
import { now } from "./parity/_primitives.ts";

/** Acquires, logs, holds for some turns, releases. */
async function holding(log: Log, lock: Lock, name: string, turns = 0): Promise<void> {
  await lock.run(async function (): Promise<void> {
    log(name);
    await passTurns(turns);
  });
}

async function waiting(log: Log, condition: Condition, name: string): Promise<void> {
  await condition.run(async function (): Promise<void> {
    await condition.wait();
    log(name);
  });
}

async function notifying(condition: Condition, count: number): Promise<void> {
  await condition.run(async function (): Promise<void> {
    condition.notify(count);
  });
}

export const scenarios: Scenarios = {
  group: "locks",
  source: import.meta.url,
  inTask: {
    "57 first come, first served": async function (log: Log): Promise<void> {
      const lock = new Lock();
      const tasks = ["a", "b", "c"].map((name) => createTask(() => holding(log, lock, name, 2)));
      await passTurns(1);
      const late = createTask(() => holding(log, lock, "late"));
      for (const task of [...tasks, late]) await task;
      log("locked:", lock.locked());
    },

    "57 whoever comes while the next one is being served waits": async function (
      log: Log,
    ): Promise<void> {
      const lock = new Lock();
      await lock.acquire();
      const first = createTask(() => holding(log, lock, "first"));
      await sleep(0);
      lock.release();
      log("locked:", lock.locked());
      await holding(log, lock, "overtaker");
      await first;
    },

    "57 a waiter cancelled before the release": async function (log: Log): Promise<void> {
      const lock = new Lock();
      await lock.acquire();
      const a = createTask(() => holding(log, lock, "a"));
      const b = createTask(() => holding(log, lock, "b"));
      await sleep(0);
      a.cancel();
      lock.release();
      await outcome(log, "a", a);
      await outcome(log, "b", b);
    },

    "57 all waiters are cancelled, and somebody comes": async function (
      log: Log,
    ): Promise<void> {
      const lock = new Lock();
      await lock.acquire();
      const tasks = ["a", "b"].map((name) => createTask(() => holding(log, lock, name)));
      await sleep(0);
      for (const task of tasks) task.cancel();
      lock.release();
      getRunningLoop().callSoon(log, "turn 1");
      await holding(log, lock, "newcomer");
      await sleep(0);
      log(tasks.map((task) => task.cancelled()), "locked:", lock.locked());
    },

    "58 a waiter cancelled after the release passes its turn on": async function (
      log: Log,
    ): Promise<void> {
      const lock = new Lock();
      await lock.acquire();
      const tasks = ["a", "b", "c"].map((name) => createTask(() => holding(log, lock, name)));
      await sleep(0);
      lock.release();
      tasks[0]!.cancel();
      await outcome(log, "a", tasks[0]!);
      await outcome(log, "b", tasks[1]!);
      await outcome(log, "c", tasks[2]!);
      log("locked:", lock.locked());
    },

    "58 the only waiter cancelled after the release": async function (log: Log): Promise<void> {
      const lock = new Lock();
      await lock.acquire();
      const task = createTask(() => holding(log, lock, "never"));
      await sleep(0);
      lock.release();
      task.cancel();
      await outcome(log, "task", task);
      log("locked:", lock.locked());
      await holding(log, lock, "free");
    },

    "61 a cancelled wait holds the lock again": async function (log: Log): Promise<void> {
      async function work(): Promise<void> {
        await condition.acquire();
        try {
          await condition.wait();
        } catch (error) {
          log(described(error), "locked:", condition.locked());
          throw error;
        } finally {
          condition.release();
        }
      }

      const condition = new Condition();
      const task = createTask(work);
      await sleep(0);
      log("locked:", condition.locked());
      task.cancel("msg");
      await outcome(log, "task", task);
      log("locked:", condition.locked());
    },

    "61 a wait that is cancelled while another holds the lock": async function (
      log: Log,
    ): Promise<void> {
      async function body(): Promise<void> {
        try {
          await condition.wait();
        } finally {
          log("locked:", condition.locked());
        }
      }

      const condition = new Condition();
      const task = createTask(() => condition.run(body));
      await sleep(0);
      await condition.acquire();
      task.cancel();
      await passTurns(3);
      log("done:", task.done());
      task.cancel();
      await passTurns(3);
      log("done:", task.done());
      condition.release();
      await outcome(log, "task", task);
      log("locked:", condition.locked());
    },

    "62 a waiter cancelled after the notification passes it on": async function (
      log: Log,
    ): Promise<void> {
      const condition = new Condition();
      const tasks = ["a", "b", "c"].map((name) => createTask(() => waiting(log, condition, name)));
      await passTurns(2);
      await notifying(condition, 1);
      tasks[0]!.cancel();
      await outcome(log, "a", tasks[0]!);
      await outcome(log, "b", tasks[1]!);
      log("c done:", tasks[2]!.done());
      tasks[2]!.cancel();
    },

    "62 a waiter cancelled while it takes the lock again passes it on": async function (
      log: Log,
    ): Promise<void> {
      const condition = new Condition();
      const tasks = ["a", "b", "c"].map((name) => createTask(() => waiting(log, condition, name)));
      await passTurns(2);
      await condition.run(async function (): Promise<void> {
        condition.notify();
        await passTurns(2);
        tasks[0]!.cancel();
        await passTurns(2);
      });
      await outcome(log, "a", tasks[0]!);
      await outcome(log, "b", tasks[1]!);
      log("c done:", tasks[2]!.done());
      tasks[2]!.cancel();
    },

    "62 notify wakes the longest waiting, notify_all all": async function (
      log: Log,
    ): Promise<void> {
      const condition = new Condition();
      const tasks = ["a", "b", "c", "d", "e"].map((name) =>
        createTask(() => waiting(log, condition, name))
      );
      await passTurns(2);
      await notifying(condition, 2);
      await passTurns(6);
      log("notified 2");
      await condition.run(async function (): Promise<void> {
        condition.notifyAll();
      });
      for (const task of tasks) await task;
    },

    "62 waiting for a predicate": async function (log: Log): Promise<void> {
      const isThere = (): string | boolean => {
        log("is it", value);
        return value > 1 && "yes";
      };

      let value = 0;
      const condition = new Condition();
      const task = createTask(() => condition.run(() => condition.waitFor(isThere)));
      for (value of [1, 2]) {
        await passTurns(2);
        await notifying(condition, 1);
      }
      await outcome(log, "task", task);
    },

    "63 the message of the cancellation is kept": async function (log: Log): Promise<void> {
      const condition = new Condition();
      const task = createTask(() => waiting(log, condition, "never"));
      await sleep(0);
      await condition.acquire();
      task.cancel("first");
      await passTurns(2);
      task.cancel("second");
      await passTurns(2);
      condition.release();
      await outcome(log, "task", task);
    },

    "64 a limited wait in the block": async function (log: Log): Promise<void> {
      const condition = new Condition();
      await condition.run(async function (): Promise<void> {
        await outcome(log, "wait", waitFor(() => condition.wait(), 1));
        log("locked:", condition.locked());
      });
      log("locked:", condition.locked(), "at", now());
    },

    "100 what nobody holds can't be released, notified or waited for": async function (
      log: Log,
    ): Promise<void> {
      attempt(log, "Lock", () => new Lock().release());
      const condition = new Condition();
      attempt(log, "release", () => condition.release());
      attempt(log, "notify", () => condition.notify());
      attempt(log, "notify_all", () => condition.notifyAll());
      try {
        await condition.wait();
      } catch (error) {
        if (!(error instanceof CancelledError)) log("wait:", described(error));
      }
    },
  },
};

await parityTests(scenarios);
