/**
 * wait(), as in CPython: see parity_primitives.py.
 *
 * @module
 */

import {
  createTask,
  FIRST_COMPLETED,
  FIRST_EXCEPTION,
  getRunningLoop,
  sleep,
  wait,
} from "@aio/asyncio/loop";
import type { Future } from "@aio/asyncio/loop";
import { parityTests } from "../_support/parity.ts";
import { described, newFuture, outcome, passTurns, ValueError } from "./parity/_helpers.ts";
import type { Log, Scenarios } from "./parity/_helpers.ts";
import { ended, now } from "./parity/_primitives.ts";

export const scenarios: Scenarios = {
  group: "wait",
  source: import.meta.url,
  inTask: {
    "42 when it is cancelled the tasks go on": async function (log: Log): Promise<void> {
      const tasks = [1, 2].map((delay) => createTask(() => sleep(delay, delay)));
      const task = createTask(() => wait(tasks));
      await sleep(0);
      task.cancel("msg");
      await outcome(log, "wait", task);
      log(tasks.map((task) => task.done()));
      log([await tasks[0]!, await tasks[1]!], "at", now());
    },

    "43 a timeout returns what is done": async function (log: Log): Promise<void> {
      async function fail(): Promise<string> {
        await sleep(1);
        throw new ValueError("no");
      }

      const tasks = [
        createTask(() => sleep(2, "b")),
        createTask(fail),
        createTask(() => sleep(9, "c")),
      ];
      const [done, pending] = await wait(tasks, { timeout: 5 });
      const inDone = tasks.map((task) => done.has(task));
      log(inDone, tasks.map((task) => pending.has(task)), "at", now());
      log("cancelling", tasks[2]!.cancelling(), described(tasks[1]!.exception()));
      const [doneAtOnce, left] = await wait(tasks, { timeout: 0 });
      log(doneAtOnce.size, left.size, "at", now());
    },

    "43 turns until it returns what was done": async function (log: Log): Promise<void> {
      const task = createTask(() => sleep(0, "x"));
      await task;
      const loop = getRunningLoop();
      loop.callSoon(() => {
        log("turn 1");
        loop.callSoon(log, "turn 2");
      });
      const [done, pending] = await wait([task]);
      log(done.size, pending.size);
      await passTurns(2);
    },

    "85 what it refuses": async function (log: Log): Promise<void> {
      await ended(log, "none", () => wait([]));
      await ended(log, "a future", () => wait(newFuture() as unknown as Future<void>[]));
      const returnWhen = "LATER" as typeof FIRST_COMPLETED;
      await ended(log, "unknown", () => wait([newFuture()], { returnWhen }));
    },

    "86 the first exception": async function (log: Log): Promise<void> {
      async function fail(delay: number): Promise<undefined> {
        await sleep(delay);
        throw new ValueError("no");
      }

      const work = [() => sleep(1), () => fail(2), () => sleep(3)];
      const tasks = work.map((each) => createTask(each));
      const [done] = await wait(tasks, { returnWhen: FIRST_EXCEPTION });
      for (const task of done) task.exception(); // else it is reported
      log(tasks.map((task) => done.has(task)), "at", now());
    },

    "86 a cancellation is no exception, and all is enough": async function (
      log: Log,
    ): Promise<void> {
      const tasks = [1, 9, 3].map((delay) => createTask(() => sleep(delay)));
      getRunningLoop().callLater(2, () => tasks[1]!.cancel());
      const [done, pending] = await wait(tasks, { returnWhen: FIRST_EXCEPTION });
      log(tasks.map((task) => done.has(task)), pending.size, "at", now());
    },

    "86 the first that is done": async function (log: Log): Promise<void> {
      const tasks = [3, 1, 2].map((delay) => createTask(() => sleep(delay)));
      const [done, pending] = await wait(tasks, { returnWhen: FIRST_COMPLETED });
      log(tasks.map((task) => done.has(task)), pending.size, "at", now());
    },

    "87 any iterable will do, and the same one counts once": async function (
      log: Log,
    ): Promise<void> {
      const [task, other] = [createTask(() => sleep(1)), createTask(() => sleep(2))];
      const [done, pending] = await wait([task, other, task].values());
      log(done.size, pending.size, "at", now());
    },
  },
};

await parityTests(scenarios, {
  differences: {
    "85 what it refuses": {
      reason: "the words of the texts are other ones",
      log: [
        "none: RangeError: Cannot wait: the set of futures is empty",
        "a future: TypeError: Cannot wait: an iterable of futures was expected, not <Future pending>",
        "unknown: RangeError: Cannot wait: invalid returnWhen: LATER",
      ],
    },
  },
});
