/**
 * PriorityQueue against sorted arrays.
 *
 * @module
 */

import { createTask, PriorityQueue, run, sleep } from "@aio/asyncio/loop";
import { assertEquals, assertThrows } from "../_support/assert.ts";
import { seededRandom } from "../_support/random.ts";
import { newVirtualLoop } from "../_support/run.ts";

function drain<T>(queue: PriorityQueue<T>): T[] {
  const items: T[] = [];
  while (!queue.empty()) items.push(queue.getNowait());
  return items;
}

Deno.test("PriorityQueue gives the smallest item first, whatever the order they came in", () => {
  const random = seededRandom(1);
  for (let size = 0; size < 200; size++) {
    const items = Array.from({ length: size }, () => random(size + 1));
    const queue = new PriorityQueue<number>();
    for (const item of items) queue.putNowait(item);
    assertEquals(drain(queue), items.toSorted((a, b) => a - b));
  }
});

Deno.test("PriorityQueue gives the smallest of what is there, as items come and go", () => {
  const random = seededRandom(2);
  const queue = new PriorityQueue<number>();
  let there: number[] = [];
  for (let step = 0; step < 5000; step++) {
    if (there.length === 0 || random(100) < 52) {
      const item = random(1000);
      queue.putNowait(item);
      there.push(item);
      there.sort((a, b) => a - b);
    } else {
      assertEquals(queue.getNowait(), there[0]!);
      there = there.slice(1);
    }
    assertEquals(queue.qsize(), there.length);
  }
});

Deno.test("PriorityQueue compares arrays at the first place where they differ", () => {
  const queue = new PriorityQueue<unknown[]>();
  const sorted = [[], [1], [1, "a"], [1, "a", 0], [1, "b"], [2, [1, 2]], [2, [1, 3]], [10, "a"]];
  for (const item of sorted.toReversed()) queue.putNowait(item);
  assertEquals(drain(queue), sorted);
});

Deno.test("PriorityQueue compares strings, big integers and dates", () => {
  for (const sorted of [["B", "a", "b"], [-3n, 1n, 10n], [new Date(1), new Date(2)]]) {
    const queue = new PriorityQueue<unknown>();
    for (const item of sorted.toReversed()) queue.putNowait(item);
    assertEquals(drain(queue), sorted);
  }
});

Deno.test("PriorityQueue compares as it is told", () => {
  interface Job {
    name: string;
    urgency: number;
  }
  const queue = new PriorityQueue<Job>(0, { compare: (a, b) => b.urgency - a.urgency });
  for (const [name, urgency] of [["low", 1], ["high", 9], ["middle", 5]] as const) {
    queue.putNowait({ name, urgency });
  }
  assertEquals(drain(queue).map((job) => job.name), ["high", "middle", "low"]);
});

Deno.test("PriorityQueue refuses a second item when it can't tell which is the smaller", () => {
  const queue = new PriorityQueue<unknown>();
  queue.putNowait({ priority: 2 });
  const error = assertThrows(() => queue.putNowait({ priority: 1 }), TypeError);
  const text = "{...} and {...} have no order; the option `compare` can give one";
  assertEquals(error.message, `Cannot compare items: ${text}`);
  assertEquals([queue.getNowait(), queue.empty()], [{ priority: 2 }, true]);
});

Deno.test("PriorityQueue takes data that has no order, beside a priority", () => {
  const queue = new PriorityQueue<[number, { name: string }]>();
  for (const name of ["a", "b"]) queue.putNowait([1, { name }]);
  queue.putNowait([0, { name: "c" }]);
  assertEquals(queue.getNowait(), [0, { name: "c" }]);
  assertEquals(queue.qsize(), 2);
});

Deno.test("PriorityQueue compares objects that have an order", () => {
  const dates = [new Date(2), new Date(1), new Date(2)];
  const named = ["b", "a"].map((name) => ({ toString: () => name }));
  const valued = [2, 1].map((value) => ({ valueOf: () => value }));
  for (const items of [dates, named, valued]) {
    const queue = new PriorityQueue<unknown>();
    for (const item of items) queue.putNowait(item);
    assertEquals(queue.getNowait(), items[1]);
  }
});

Deno.test("PriorityQueue keeps what it has when a comparison throws", () => {
  const compare = (a: number, b: number): number => {
    if (a === 13 && b < 5) throw new RangeError("unlucky");
    return a - b;
  };
  const queue = new PriorityQueue<number>(0, { compare });
  for (const item of [1, 20, 3, 30, 40, 5]) queue.putNowait(item);
  assertThrows(() => queue.putNowait(13), RangeError, "unlucky");
  assertEquals(drain(queue), [1, 3, 5, 20, 30, 40]);
});

Deno.test("PriorityQueue with a bound makes those who put wait", async () => {
  const order: number[] = [];
  await run(async () => {
    const queue = new PriorityQueue<number>(2);
    const producer = createTask(async () => {
      for (const item of [5, 3, 4, 1, 2]) await queue.put(item);
    });
    for (let i = 0; i < 5; i++) {
      await sleep(1);
      order.push(await queue.get());
    }
    await producer;
  }, { loopFactory: newVirtualLoop });
  assertEquals(order, [3, 4, 1, 2, 5]);
});
