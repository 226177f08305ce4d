/**
 * Queues, as in CPython: see parity_primitives.py.
 *
 * @module
 */

import {
  createTask,
  getRunningLoop,
  LifoQueue,
  PriorityQueue,
  Queue,
  sleep,
} from "@aio/asyncio/loop";
import { parityTests } from "../_support/parity.ts";
import { attempt, outcome, passTurns } from "./parity/_helpers.ts";
import type { Log, Scenarios } from "./parity/_helpers.ts";
import { ended } from "./parity/_primitives.ts";

async function getting<T>(log: Log, queue: Queue<T>, name: string): Promise<void> {
  log(name, "got", await queue.get());
}

async function putting<T>(log: Log, queue: Queue<T>, item: T): Promise<void> {
  await queue.put(item);
  log("put", item);
}

export const scenarios: Scenarios = {
  group: "queues",
  source: import.meta.url,
  inTask: {
    "65 a getter cancelled after the put leaves the item to the next": async function (
      log: Log,
    ): Promise<void> {
      const queue = new Queue<string>();
      const a = createTask(() => getting(log, queue, "a"));
      const b = createTask(() => getting(log, queue, "b"));
      await sleep(0);
      queue.putNowait("item");
      a.cancel();
      await outcome(log, "a", a);
      await outcome(log, "b", b);
      log(queue.qsize());
    },

    "65 many getters cancelled after the puts": async function (log: Log): Promise<void> {
      const queue = new Queue<number>();
      const tasks = [..."abcdef"].map((name) => createTask(() => getting(log, queue, name)));
      await sleep(0);
      for (const item of [1, 2]) queue.putNowait(item);
      for (const task of tasks.slice(0, 4)) task.cancel();
      await passTurns(6);
      log(tasks.map((task) => task.cancelled()), queue.qsize());
    },

    "65 the only getter cancelled after the put leaves the item there": async function (
      log: Log,
    ): Promise<void> {
      const queue = new Queue<string>();
      const task = createTask(() => getting(log, queue, "never"));
      await sleep(0);
      queue.putNowait("item");
      task.cancel();
      await outcome(log, "task", task);
      log(queue.qsize(), queue.getNowait());
    },

    "65 a getter that comes before the woken one runs takes the item": async function (
      log: Log,
    ): Promise<void> {
      const queue = new Queue<number>();
      const first = createTask(() => getting(log, queue, "first"));
      await sleep(0);
      queue.putNowait(1);
      await getting(log, queue, "overtaker");
      await passTurns(2);
      log("first done:", first.done());
      queue.putNowait(2);
      await first;
    },

    "66 a putter cancelled after the get lets the next one put": async function (
      log: Log,
    ): Promise<void> {
      const queue = new Queue<number>(1);
      queue.putNowait(0);
      const a = createTask(() => putting(log, queue, 1));
      const b = createTask(() => putting(log, queue, 2));
      await sleep(0);
      log("got", queue.getNowait());
      a.cancel();
      await outcome(log, "a", a);
      await outcome(log, "b", b);
      log("got", queue.getNowait(), "left", queue.qsize());
    },

    "67 cancelled getters and putters are forgotten": async function (log: Log): Promise<void> {
      const queue = new Queue<number>(1);
      const getters = [1, 2, 3].map(() => createTask(() => queue.get()));
      await sleep(0);
      for (const task of getters) task.cancel();
      await sleep(0);
      queue.putNowait(1);
      const putters = [2, 3].map((item) => createTask(() => queue.put(item)));
      await sleep(0);
      for (const task of putters) task.cancel();
      await sleep(0);
      log("got", queue.getNowait(), "left", queue.qsize());
    },

    "68 one putter for each free place, and none forgotten": async function (
      log: Log,
    ): Promise<void> {
      const queue = new Queue<number>(2);
      const tasks = [0, 1, 2, 3, 4].map((item) => createTask(() => putting(log, queue, item)));
      await sleep(0);
      while (!tasks.every((task) => task.done())) {
        log("got", queue.getNowait());
        await passTurns(1);
      }
      log("left", queue.qsize());
    },

    "68 two places become free in one turn": async function (log: Log): Promise<void> {
      const queue = new Queue<number>(2);
      const tasks = [0, 1, 2, 3, 4].map((item) => createTask(() => putting(log, queue, item)));
      await sleep(0);
      log("got", queue.getNowait(), queue.getNowait());
      await passTurns(2);
      log(tasks.map((task) => task.done()), "size", queue.qsize());
      for (const task of tasks.slice(0, 4)) await task;
      log("got", await queue.get(), await queue.get(), await queue.get());
    },

    "68 producers and consumers": async function (log: Log): Promise<void> {
      async function produce(name: string): Promise<void> {
        for (let number = 0; number < 3; number++) await queue.put(`${name}${number}`);
      }

      async function consume(name: string): Promise<void> {
        for (;;) {
          const item = await queue.get();
          log(name, item);
          await sleep(0);
          queue.taskDone();
        }
      }

      const queue = new Queue<string>(2);
      const consumers = ["x", "y"].map((name) => createTask(() => consume(name)));
      const producers = ["a", "b"].map((name) => createTask(() => produce(name)));
      for (const task of producers) await task;
      await queue.join();
      log("joined", queue.empty());
      for (const task of consumers) task.cancel();
    },

    "95 a shutdown releases those who wait": async function (log: Log): Promise<void> {
      const [empty, full] = [new Queue<unknown>(), new Queue<unknown>(1)];
      full.putNowait("item");
      const tasks = ["a", "b"].map((name) => createTask(() => getting(log, empty, name)));
      tasks.push(createTask(() => putting(log, full, "more")));
      await sleep(0);
      empty.shutdown();
      full.shutdown();
      for (const task of tasks) await outcome(log, "waiting", task);
      await ended(log, "get", () => empty.get());
      await ended(log, "put", () => empty.put(1));
      attempt(log, "get_nowait", () => empty.getNowait());
      attempt(log, "put_nowait", () => full.putNowait(1));
    },

    "95 after a shutdown items can be taken, and joined": async function (
      log: Log,
    ): Promise<void> {
      const queue = new Queue<number>();
      for (const item of [1, 2]) queue.putNowait(item);
      const joining = createTask(() => queue.join());
      queue.shutdown();
      log(await queue.get(), await queue.get());
      await ended(log, "get", () => queue.get());
      await sleep(0);
      log("joined:", joining.done());
      queue.taskDone();
      queue.taskDone();
      await joining;
      log("joined");
    },

    "96 an immediate shutdown drops what is there, not what was taken": async function (
      log: Log,
    ): Promise<void> {
      const queue = new Queue<number>();
      for (const item of [1, 2, 3]) queue.putNowait(item);
      log("got", queue.getNowait());
      const joining = createTask(() => queue.join());
      await sleep(0);
      queue.shutdown(true);
      log("size", queue.qsize());
      await passTurns(2);
      log("joined:", joining.done());
      attempt(log, "get_nowait", () => queue.getNowait());
      queue.taskDone();
      await joining;
      attempt(log, "task_done", () => queue.taskDone());
    },

    "97 taskDone too often, and join of nothing": async function (log: Log): Promise<void> {
      const queue = new Queue<number>();
      getRunningLoop().callSoon(log, "turn 1");
      await queue.join();
      log("joined");
      queue.putNowait(1);
      queue.taskDone();
      attempt(log, "task_done", () => queue.taskDone());
      log("got", queue.getNowait());
      await sleep(0);
    },

    "97 nothing there, or no room": async function (log: Log): Promise<void> {
      const queue = new Queue<number>(1);
      attempt(log, "get_nowait", () => queue.getNowait());
      queue.putNowait(1);
      attempt(log, "put_nowait", () => queue.putNowait(2));
      log(queue.full(), queue.empty(), queue.qsize(), queue.maxsize);
    },

    "98 the order of the kinds of queue": async function (log: Log): Promise<void> {
      const all = [new Queue<number>(), new LifoQueue<number>(), new PriorityQueue<number>()];
      for (const queue of all) {
        for (const item of [3, 1, 2, 5, 4]) queue.putNowait(item);
        log(...[1, 2, 3, 4, 5].map(() => queue.getNowait()));
      }
    },

    "98 entries of several parts, and a size with a fraction": async function (
      log: Log,
    ): Promise<void> {
      const entries = new PriorityQueue<unknown[]>();
      for (const item of [[2, "a"], [1, "b"], [1, "a"], [1], [2, "a", 0]]) entries.putNowait(item);
      for (let i = 0; i < 5; i++) log(entries.getNowait());
      const queue = new Queue<number>(1.5);
      queue.putNowait(1);
      log(queue.full());
      queue.putNowait(2);
      log(queue.full());
    },
  },
};

await parityTests(scenarios);
