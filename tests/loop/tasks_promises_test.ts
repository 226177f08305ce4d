/**
 * Async functions as tasks: foreign promises, several awaits at once, helpers side by side.
 *
 * @module
 */

import {
  CancelledError,
  createTask,
  currentTask,
  gather,
  getRunningLoop,
  run,
  sleep,
} from "@aio/asyncio/loop";
import type { Future } from "@aio/asyncio/loop";
import { assertEquals, assertRejects, assertStrictEquals } from "../_support/assert.ts";
import { runVirtual } from "../_support/run.ts";

const hostTimer = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

Deno.test("An async function awaits promises of others: a timer, a fetch, an immediate", async () => {
  const seen: unknown[] = [];
  await run(async () => {
    await hostTimer(1);
    seen.push("timer");
    const response = await fetch("data:text/plain,hello");
    seen.push(await response.text());
    await new Promise<void>((resolve) => setImmediate(resolve));
    seen.push("immediate");
    await sleep(0);
    seen.push("future");
    await assertRejects(() => fetch("data:"), TypeError);
    seen.push(currentTask() !== null);
  });
  assertEquals(seen, ["timer", "hello", "immediate", "future", true]);
});

Deno.test("Other tasks go on while one awaits a promise of others", async () => {
  const seen: string[] = [];
  await run(async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiter = createTask(async () => {
      seen.push("waits");
      await promise;
      seen.push("goes on");
    });
    const worker = createTask(async () => {
      for (let i = 0; i < 3; i++) {
        seen.push(`works ${i}`);
        await sleep(0);
      }
      resolve();
    });
    await waiter;
    await worker;
  });
  assertEquals(seen, ["waits", "works 0", "works 1", "works 2", "goes on"]);
});

Deno.test("Microtasks between two awaits do not cost the task its place", async () => {
  const seen: string[] = [];
  await runVirtual(async () => {
    async function work(name: string, microtasks: number): Promise<void> {
      for (let i = 0; i < 3; i++) {
        for (let j = 0; j < microtasks; j++) await Promise.resolve();
        seen.push(`${name}${i}`);
        await sleep(0);
      }
    }
    await gather([() => work("a", 50), () => work("b", 0), () => work("c", 7)]);
  });
  assertEquals(seen, ["a0", "b0", "c0", "a1", "b1", "c1", "a2", "b2", "c2"]);
});

Deno.test("Promise.all() over futures awaits them all", async () => {
  await runVirtual(async () => {
    const loop = getRunningLoop();
    const results = await Promise.all([sleep(3, "a"), sleep(1, "b"), sleep(2, "c"), 4]);
    assertEquals([results, loop.time()], [["a", "b", "c", 4], 3]);
  });
});

Deno.test("Promise.all() over futures is cancelled in each of them", async () => {
  await runVirtual(async () => {
    const loop = getRunningLoop();
    const futures = [loop.createFuture<null>(), loop.createFuture<null>()];
    const task = createTask(async () => await Promise.all(futures));
    await sleep(0);
    task.cancel("msg");
    assertEquals(futures.map((future) => future.cancelled()), [true, true]);
    await assertRejects(async () => await task, CancelledError, "msg");
    assertEquals(task.cancelled(), true);
  });
});

Deno.test("Promise.all() over a future that fails throws at once", async () => {
  await runVirtual(async () => {
    const failing = createTask(async () => {
      await sleep(1);
      throw new RangeError("no");
    });
    const slow = createTask(() => sleep(10, "slow"));
    await assertRejects(() => Promise.all([slow, failing]), RangeError, "no");
    assertEquals(getRunningLoop().time(), 1);
    assertEquals(await slow, "slow");
  });
});

Deno.test("Promise.race() over futures gives the first", async () => {
  await runVirtual(async () => {
    const loop = getRunningLoop();
    assertEquals(await Promise.race([sleep(2, "slow"), sleep(1, "fast")]), "fast");
    assertEquals(loop.time(), 1);
    await sleep(5);
    assertEquals(loop.time(), 6);
  });
});

Deno.test("Promise.race() over futures is cancelled in each of them", async () => {
  await runVirtual(async () => {
    const loop = getRunningLoop();
    const futures = [loop.createFuture<null>(), loop.createFuture<null>()];
    const task = createTask(async () => await Promise.race(futures));
    await sleep(0);
    task.cancel("msg");
    await assertRejects(async () => await task, CancelledError, "msg");
    assertEquals(futures.map((future) => future.cancelled()), [true, true]);
  });
});

Deno.test("Promise.race() of a future and a promise of others can be cancelled", async () => {
  await runVirtual(async () => {
    const never = new Promise<null>(() => {});
    const task = createTask(async () => await Promise.race([never, sleep(3600)]));
    await sleep(0);
    task.cancel("msg");
    await assertRejects(async () => await task, CancelledError, "msg");
    assertEquals(getRunningLoop().time(), 0);
  });
});

Deno.test("Helpers that run side by side within one task are all of that task", async () => {
  await runVirtual(async () => {
    const task = createTask(async () => {
      const me = currentTask();
      const seen: string[] = [];
      const helper = async (name: string, delay: number): Promise<string> => {
        await sleep(delay);
        assertStrictEquals(currentTask(), me);
        seen.push(name);
        await sleep(delay);
        return name;
      };
      const results = await Promise.all([helper("a", 3), helper("b", 1), helper("c", 2)]);
      return [results, seen, getRunningLoop().time()];
    });
    assertEquals(await task, [["a", "b", "c"], ["b", "c", "a"], 6]);
  });
});

Deno.test("Helpers that run side by side within one task are all cancelled with it", async () => {
  await runVirtual(async () => {
    const seen: string[] = [];
    const helper = async (name: string): Promise<void> => {
      try {
        await sleep(3600);
      } catch (error) {
        seen.push(`${name}: ${(error as Error).message}`);
        throw error;
      }
    };
    const task = createTask(() => Promise.all([helper("a"), helper("b")]));
    await sleep(0);
    task.cancel("msg");
    await assertRejects(async () => await task, CancelledError, "msg");
    assertEquals(seen.toSorted(), ["a: msg", "b: msg"]);
  });
});

Deno.test("One future may be awaited several times at once by one task", async () => {
  await runVirtual(async () => {
    const future: Future<string> = getRunningLoop().createFuture();
    const task = createTask(() => Promise.all([future, future, future]));
    await sleep(0);
    future.setResult("x");
    assertEquals(await task, ["x", "x", "x"]);
  });
});

Deno.test("A helper that is not awaited goes on within its task, and ends after it", async () => {
  const seen: string[] = [];
  await runVirtual(async () => {
    const task = createTask(async () => {
      const helper = async (): Promise<void> => {
        await sleep(1);
        seen.push("helper");
      };
      void helper();
      await sleep(0);
      seen.push("task");
    });
    await task;
    await sleep(2);
  });
  assertEquals(seen, ["task", "helper"]);
});

Deno.test("future.then() in a task calls in the task, and its result can be awaited", async () => {
  await runVirtual(async () => {
    const other = createTask(() => sleep(1)); // it runs just before
    const task = createTask(async () => {
      const me = currentTask();
      const next = sleep(1, 20).then((value) => {
        assertStrictEquals(currentTask(), me);
        return value + 1;
      });
      return await next.then((value) => value * 2);
    });
    assertEquals([await other, await task], [undefined, 42]);
  });
});

Deno.test("future.then() in a callback calls outside of any task", async () => {
  const seen: unknown[] = [];
  await runVirtual(async () => {
    const loop = getRunningLoop();
    const [first, second] = [loop.createFuture<null>(), loop.createFuture<null>()];
    loop.callSoon(() => second.then(() => seen.push(currentTask())));
    const task = createTask(async () => {
      await first;
      seen.push("the task that runs just before");
      await sleep(0);
    });
    await sleep(0);
    first.setResult(null);
    second.setResult(null);
    await task;
  });
  assertEquals(seen, ["the task that runs just before", null]);
});

Deno.test("A promise that wakes a task while the loop waits goes on at once", async () => {
  const seen: string[] = [];
  await run(async () => {
    const task = createTask(async () => {
      await hostTimer(1);
      seen.push("after the host's timer");
      await sleep(0);
      seen.push("after a turn");
    });
    await task; // without a timer of the loop, which is parked meanwhile
  });
  assertEquals(seen, ["after the host's timer", "after a turn"]);
});

Deno.test("A promise that is settled by the loop wakes its task", async () => {
  await run(async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    getRunningLoop().callLater(0.001, resolve, "x");
    assertEquals(await promise, "x");
  });
});
