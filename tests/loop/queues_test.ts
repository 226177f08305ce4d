/**
 * Queue and LifoQueue, beyond what the parity scenarios show.
 *
 * @module
 */

import {
  CancelledError,
  createTask,
  gather,
  LifoQueue,
  PriorityQueue,
  Queue,
  QueueEmpty,
  QueueFull,
  QueueShutDown,
  RuntimeError,
  sleep,
} from "@aio/asyncio/loop";
import { assertEquals, assertRejects, assertThrows } from "../_support/assert.ts";
import { bothKinds, newVirtualLoop, runVirtual } from "../_support/run.ts";
import type { Steps } from "../_support/run.ts";

async function passTurns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await sleep(0);
}

bothKinds("Queue.put() waits for room, and Queue.get() for an item", {
  logs: ["put 0", "put 1", "got 0", "put 2", "got 1", "got 2", 3],
  async: async (log) => {
    const queue = new Queue<number>(2);
    const producer = createTask(async () => {
      for (let i = 0; i < 3; i++) {
        await queue.put(i);
        log(`put ${i}`);
      }
    });
    await sleep(1);
    log(`got ${await queue.get()}`);
    await sleep(1);
    for (let i = 0; i < 2; i++) log(`got ${await queue.get()}`);
    await producer;
    const consumer = createTask(async () => await queue.get());
    await sleep(1);
    await queue.put(3);
    log(await consumer);
  },
  generator: function* (log): Steps<void> {
    const queue = new Queue<number>(2);
    const producer = createTask(function* (): Steps<void> {
      for (let i = 0; i < 3; i++) {
        yield* queue.put(i);
        log(`put ${i}`);
      }
    });
    yield* sleep(1);
    log(`got ${yield* queue.get()}`);
    yield* sleep(1);
    for (let i = 0; i < 2; i++) log(`got ${yield* queue.get()}`);
    yield* producer;
    const consumer = createTask(() => queue.get());
    yield* sleep(1);
    yield* queue.put(3);
    log(yield* consumer);
  },
});

Deno.test("Queue tells its size, and whether it is empty or full", () => {
  const queue = new Queue<number>(2);
  assertEquals([queue.maxsize, queue.qsize(), queue.empty(), queue.full()], [2, 0, true, false]);
  queue.putNowait(1);
  assertEquals([queue.qsize(), queue.empty(), queue.full()], [1, false, false]);
  queue.putNowait(2);
  assertEquals([queue.qsize(), queue.empty(), queue.full()], [2, false, true]);
});

Deno.test("Queue without a size, or with one of zero or less, is never full", () => {
  for (const queue of [new Queue<number>(), new Queue<number>(0), new Queue<number>(-1)]) {
    for (let i = 0; i < 100; i++) queue.putNowait(i);
    assertEquals([queue.qsize(), queue.full()], [100, false]);
  }
});

Deno.test("Queue throws when its size is no number", () => {
  const shown: [unknown, string][] = [["2", "'2'"], [{ maxsize: 2 }, "{...}"], [NaN, "NaN"]];
  for (const [maxsize, text] of shown) {
    for (const kind of [Queue, LifoQueue, PriorityQueue]) {
      const error = assertThrows(() => new kind(maxsize as number), RangeError);
      assertEquals(error.message, `Cannot create queue: maxsize must be a number, not ${text}`);
    }
  }
});

Deno.test("Queue keeps undefined, null and functions as they are", async () => {
  await runVirtual(async () => {
    const queue = new Queue<unknown>();
    const items = [undefined, null, 0, "", runVirtual];
    for (const item of items) await queue.put(item);
    for (const item of items) assertEquals(await queue.get(), item);
    assertEquals(queue.empty(), true);
  });
});

Deno.test("Queue.getNowait() and putNowait() throw when they would have to wait", () => {
  const queue = new Queue<number>(1);
  const empty = assertThrows(() => queue.getNowait(), QueueEmpty);
  assertEquals([empty.name, empty.message], ["QueueEmpty", "Cannot get: the queue is empty"]);
  queue.putNowait(1);
  const full = assertThrows(() => queue.putNowait(2), QueueFull);
  assertEquals([full.name, full.message], ["QueueFull", "Cannot put: the queue is full"]);
  assertEquals(queue.getNowait(), 1);
});

Deno.test("Queue.taskDone() throws when it is said too often", () => {
  const queue = new Queue<number>();
  queue.putNowait(1);
  queue.taskDone();
  const error = assertThrows(() => queue.taskDone(), RangeError);
  assertEquals(error.message, "Cannot finish task: taskDone() called too many times");
});

Deno.test("Queue.join() waits until all work is done, again and again", async () => {
  await runVirtual(async () => {
    const queue = new Queue<number>();
    await queue.join();
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 3; i++) queue.putNowait(i);
      const joining = [1, 2].map(() => createTask(() => queue.join()));
      for (let i = 0; i < 3; i++) {
        await queue.get();
        await passTurns(2);
        assertEquals(joining.some((task) => task.done()), false);
        queue.taskDone();
      }
      await gather(joining);
    }
  });
});

Deno.test("Queue.shutdown() throws at those who wait and who come", async () => {
  await runVirtual(async () => {
    const queue = new Queue<number>(1);
    const getting = createTask(() => queue.get());
    await passTurns(1);
    queue.shutdown();
    for (const task of [async () => await getting, async () => await queue.get()]) {
      const error = await assertRejects(task, QueueShutDown);
      assertEquals(error.message, "Cannot get: the queue is shut down");
      assertEquals(error.name, "QueueShutDown");
    }
    assertThrows(() => queue.getNowait(), QueueShutDown);
    const error = assertThrows(() => queue.putNowait(1), QueueShutDown);
    assertEquals(error.message, "Cannot put: the queue is shut down");
    await assertRejects(async () => await queue.put(1), QueueShutDown);
    queue.shutdown();
    queue.shutdown(true);
    await queue.join();
  });
});

Deno.test("Queue.shutdown() with room to come throws at those who wait to put", async () => {
  await runVirtual(async () => {
    const queue = new Queue<number>(1);
    queue.putNowait(0);
    const putting = [1, 2].map((item) => createTask(() => queue.put(item)));
    await passTurns(1);
    queue.shutdown();
    assertEquals(queue.getNowait(), 0);
    for (const task of putting) await assertRejects(async () => await task, QueueShutDown);
    assertEquals(queue.qsize(), 0);
  });
});

Deno.test("Queue.shutdown(true) lets those who join go on, if nothing was taken", async () => {
  await runVirtual(async () => {
    const queue = new Queue<number>();
    for (let i = 0; i < 3; i++) queue.putNowait(i);
    const joining = createTask(() => queue.join());
    await passTurns(1);
    queue.shutdown(true);
    await joining;
    assertEquals(String(queue), "<Queue maxsize=0 size=0 shutdown>");
    assertThrows(() => queue.taskDone(), RangeError);
  });
});

Deno.test("Queue can be iterated by several tasks, until it is shut down", async () => {
  await runVirtual(async () => {
    const queue = new Queue<number>(3);
    const seen: number[] = [];
    const consumer = async (): Promise<number> => {
      let count = 0;
      for await (const item of queue) {
        seen.push(item);
        count++;
        await passTurns(1);
      }
      return count;
    };
    const consumers = [1, 2, 3].map(() => createTask(consumer));
    for (let i = 0; i < 30; i++) await queue.put(i);
    queue.shutdown();
    const counts = await gather(consumers);
    assertEquals(counts.reduce((a, b) => a + b), 30);
    assertEquals(seen, Array.from({ length: 30 }, (_, i) => i));
  });
});

Deno.test("Queue's iteration gives what is left after a shutdown, and can be left", async () => {
  await runVirtual(async () => {
    const queue = new Queue<string>();
    for (const item of ["a", "b", "c"]) queue.putNowait(item);
    for await (const item of queue) {
      assertEquals(item, "a");
      break;
    }
    queue.shutdown();
    const rest: string[] = [];
    for await (const item of queue) rest.push(item);
    assertEquals(rest, ["b", "c"]);
  });
});

Deno.test("Queue's iteration is cancelled with its task, and loses no item", async () => {
  await runVirtual(async () => {
    const queue = new Queue<number>();
    const seen: number[] = [];
    const consumer = createTask(async () => {
      for await (const item of queue) seen.push(item);
    });
    await passTurns(2);
    queue.putNowait(1);
    await passTurns(2);
    queue.putNowait(2);
    consumer.cancel("msg");
    await assertRejects(async () => await consumer, CancelledError, "msg");
    assertEquals([seen, queue.qsize()], [[1], 1]);
  });
});

Deno.test("Queue's iteration throws errors of the items' loop as they are", async () => {
  await runVirtual(async () => {
    const queue = new Queue<number>();
    const iterate = async (): Promise<void> => {
      for await (const _item of queue) throw new QueueShutDown("of the body");
    };
    queue.putNowait(1);
    await assertRejects(iterate, QueueShutDown, "of the body");
  });
});

Deno.test("Queue.toString() tells who waits, and how much is to be done", async () => {
  await runVirtual(async () => {
    const queue = new Queue<number>(1);
    assertEquals(String(queue), "<Queue maxsize=1 size=0>");
    const getting = [1, 2].map(() => createTask(() => queue.get()));
    await passTurns(1);
    assertEquals(Deno.inspect(queue), "<Queue maxsize=1 size=0 getters=2>");
    for (const task of getting) {
      await queue.put(0);
      await task;
    }
    const putting = [1, 2].map((item) => createTask(() => queue.put(item)));
    await passTurns(1);
    assertEquals(String(queue), "<Queue maxsize=1 size=1 putters=1 tasks=3>");
    queue.shutdown();
    assertEquals(String(queue), "<Queue maxsize=1 size=1 tasks=3 shutdown>");
    await gather(putting, { returnExceptions: true });
    assertEquals(String(new LifoQueue()), "<LifoQueue maxsize=0 size=0>");
    assertEquals(String(new PriorityQueue(2)), "<PriorityQueue maxsize=2 size=0>");
  });
});

Deno.test("Queue throws on another loop than the one where somebody waited", async () => {
  const queue = new Queue<number>();
  await runVirtual(async () => {
    const waiting = createTask(() => queue.get());
    await passTurns(1);
    waiting.cancel();
  });
  const loop = newVirtualLoop();
  await loop.runUntilComplete(async () => {
    const error = await assertRejects(async () => await queue.get(), RuntimeError);
    assertEquals(
      error.message,
      "Cannot wait: <Queue maxsize=0 size=0> is bound to a different event loop",
    );
    await queue.put(1); // does not have to wait
  });
  loop.close();
});

Deno.test("LifoQueue gives the last item first, also to those who wait", async () => {
  await runVirtual(async () => {
    const queue = new LifoQueue<number>(3);
    const putting = [1, 2, 3, 4, 5].map((item) => createTask(() => queue.put(item)));
    await passTurns(1);
    assertEquals([queue.full(), queue.qsize()], [true, 3]);
    const order: number[] = [];
    for (let i = 0; i < 5; i++) {
      order.push(await queue.get());
      await passTurns(2);
    }
    assertEquals(order, [3, 4, 5, 2, 1]);
    await gather(putting);
  });
});

// -- Cancelled in the turn in which it is served --

for (const order of ["cancel, then put", "put, then cancel"]) {
  Deno.test(`Queue.get() loses no item in the turn of a cancellation: ${order}`, async () => {
    await runVirtual(async () => {
      const queue = new Queue<string>();
      const tasks = [1, 2, 3].map(() => createTask(() => queue.get()));
      await passTurns(1);
      if (order.startsWith("cancel")) tasks[0]!.cancel();
      queue.putNowait("a");
      queue.putNowait("b");
      if (order.startsWith("put")) tasks[0]!.cancel();
      await assertRejects(async () => await tasks[0]!, CancelledError);
      assertEquals([await tasks[1]!, await tasks[2]!], ["a", "b"]);
      assertEquals(String(queue), "<Queue maxsize=0 size=0 tasks=2>");
    });
  });
}

for (const order of ["cancel, then get", "get, then cancel"]) {
  Deno.test(`Queue.put() leaves its room to others in the turn: ${order}`, async () => {
    await runVirtual(async () => {
      const queue = new Queue<number>(1);
      queue.putNowait(0);
      const tasks = [1, 2, 3].map((item) => createTask(() => queue.put(item)));
      await passTurns(1);
      if (order.startsWith("cancel")) tasks[0]!.cancel();
      assertEquals(queue.getNowait(), 0);
      if (order.startsWith("get")) tasks[0]!.cancel();
      await assertRejects(async () => await tasks[0]!, CancelledError);
      await tasks[1]!;
      assertEquals(await queue.get(), 2);
      await tasks[2]!;
      assertEquals(String(queue), "<Queue maxsize=1 size=1 tasks=3>");
    });
  });
}

Deno.test("Queue.get() that is woken for an item that is gone waits on, and can be aborted", async () => {
  await runVirtual(async () => {
    const queue = new Queue<number>();
    const controller = new AbortController();
    const task = createTask(() => queue.get({ signal: controller.signal }));
    await passTurns(1);
    queue.putNowait(1);
    assertEquals(queue.getNowait(), 1);
    controller.abort(new RangeError("enough")); // the task is woken, but not resumed
    await assertRejects(async () => await task, RangeError, "enough");
    queue.putNowait(2);
    assertEquals(await queue.get(), 2);
  });
});
