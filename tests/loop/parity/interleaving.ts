/**
 * Workers that take turns, through any number of nested coroutines.
 *
 * @module
 */

import { createTask, getRunningLoop, sleep } from "@aio/asyncio/loop";
import type { Future } from "@aio/asyncio/loop";
import { nested, newFuture, outcome, ValueError } from "./_helpers.ts";
import type { Log, Scenarios } from "./_helpers.ts";

function interleaving(depths: Record<string, number>): (log: Log) => Promise<void> {
  return async function (log: Log): Promise<void> {
    async function worker(name: string, depth: number): Promise<void> {
      for (let step = 0; step < 3; step++) {
        log(`${name}${step}`);
        await nested(depth, () => sleep(0));
      }
      log(`${name} done`);
    }

    const entries = Object.entries(depths);
    const tasks = entries.map(([name, depth]) => createTask(() => worker(name, depth)));
    for (const task of tasks) await task;
    log("all done");
  };
}

async function wokenThroughDepths(log: Log): Promise<void> {
  async function waiter(name: string, depth: number, future: Future<number>): Promise<void> {
    log(name, "waits");
    log(name, "got", await nested(depth, () => future));
  }

  const futures = [newFuture<number>(), newFuture<number>(), newFuture<number>()];
  const depths = [7, 0, 3];
  const tasks = futures.map((future, i) =>
    createTask(() => waiter("abc".charAt(i), depths[i]!, future))
  );
  await sleep(0);
  for (const number of [2, 0, 1]) {
    log("set", number);
    futures[number]!.setResult(number);
  }
  for (const task of tasks) await task;
}

async function raisedThroughDepths(log: Log): Promise<void> {
  async function waiter(name: string, depth: number, future: Future<number>): Promise<void> {
    await outcome(log, name, nested(depth, () => future));
    await sleep(0);
    log(name, "done");
  }

  const futures = [newFuture<number>(), newFuture<number>(), newFuture<number>()];
  const depths = [7, 0, 3];
  const tasks = futures.map((future, i) =>
    createTask(() => waiter("abc".charAt(i), depths[i]!, future))
  );
  await sleep(0);
  for (const number of [2, 0, 1]) futures[number]!.setException(new ValueError(String(number)));
  for (const task of tasks) await task;
}

async function oneFutureWakesItsWaitersInOrder(log: Log): Promise<void> {
  async function waiter(name: string, depth: number): Promise<void> {
    log(name, "got", await nested(depth, () => future));
  }

  const loop = getRunningLoop();
  const future = loop.createFuture<string>();
  const depths = Object.entries({ a: 3, b: 0, c: 1 });
  const tasks = depths.map(([name, depth]) => createTask(() => waiter(name, depth)));
  await sleep(0);
  loop.callSoon(log, "call_soon before set");
  future.setResult("x");
  loop.callSoon(log, "call_soon after set");
  for (const task of tasks) await task;
}

async function twoTasksHandOverFutures(log: Log): Promise<void> {
  type Futures = Future<null>[];
  async function player(name: string, mine: Futures, other: Futures): Promise<void> {
    for (let step = 0; step < 3; step++) {
      await mine[step]!;
      log(name, step);
      other[step]!.setResult(null);
    }
  }

  const three = (): Futures => [newFuture<null>(), newFuture<null>(), newFuture<null>()];
  const left = three();
  const right = three();
  const end = three();
  const tasks = [
    createTask(() => player("left", left, right)),
    createTask(() => player("right", right, end)),
  ];
  for (let step = 0; step < 3; step++) {
    log("serve", step);
    left[step]!.setResult(null);
    await end[step]!;
  }
  for (const task of tasks) await task;
}

export const scenarios: Scenarios = {
  group: "interleaving",
  source: import.meta.url,
  inTask: {
    "depth 0": interleaving({ a: 0, b: 0, c: 0 }),
    "depth 1": interleaving({ a: 1, b: 1, c: 1 }),
    "depth 3": interleaving({ a: 3, b: 3, c: 3 }),
    "depth 7": interleaving({ a: 7, b: 7, c: 7 }),
    "mixed depths a:0 b:3 c:7": interleaving({ a: 0, b: 3, c: 7 }),
    "woken through depths a:7 b:0 c:3": wokenThroughDepths,
    "raised through depths a:7 b:0 c:3": raisedThroughDepths,
    "one future wakes its waiters in order": oneFutureWakesItsWaitersInOrder,
    "two tasks hand over futures": twoTasksHandOverFutures,
  },
};
