/**
 * asCompleted(), beyond what the parity scenarios show.
 *
 * @module
 */

import {
  asCompleted,
  CancelledError,
  createTask,
  getRunningLoop,
  RuntimeError,
  sleep,
  TimeoutError,
} from "@aio/asyncio/loop";
import type { Awaitable } from "@aio/asyncio/loop";
import { assertEquals, assertRejects, assertThrows } from "../_support/assert.ts";
import { bothKinds, runVirtual } from "../_support/run.ts";
import type { Steps } from "../_support/run.ts";
import { watchTimers } from "../_support/timers.ts";

bothKinds("asCompleted() gives results as they come", {
  logs: ["fast", 1, "promise", 2, "slow", 3],
  async: async (log) => {
    const { promise, resolve } = Promise.withResolvers<string>();
    getRunningLoop().callLater(2, () => resolve("promise"));
    const work = [() => sleep(3, "slow"), promise, createTask(() => sleep(1, "fast"))];
    for (const next of asCompleted(work)) {
      log(await next);
      log(getRunningLoop().time());
    }
  },
  generator: function* (log): Steps<void> {
    const { promise, resolve } = Promise.withResolvers<string>();
    getRunningLoop().callLater(2, () => resolve("promise"));
    const work = [() => sleep(3, "slow"), promise, createTask(() => sleep(1, "fast"))];
    for (const next of asCompleted(work)) {
      log(yield* next);
      log(getRunningLoop().time());
    }
  },
});

Deno.test("asCompleted() of nothing gives nothing, in both ways", async () => {
  await runVirtual(async () => {
    assertEquals([...asCompleted([])], []);
    for await (const _future of asCompleted([], { timeout: 1 })) throw new Error("never");
    assertEquals(getRunningLoop().time(), 0);
  });
});

Deno.test("asCompleted() gives futures that are done, whatever they ended with", async () => {
  await runVirtual(async () => {
    const failed = createTask(async () => {
      throw new RangeError("no");
    });
    const cancelled = createTask(() => sleep(3600));
    const good = createTask(() => sleep(1, "good"));
    getRunningLoop().callSoon(() => cancelled.cancel());
    const seen: string[] = [];
    for await (const future of asCompleted([good, cancelled, failed])) {
      assertEquals(future.done(), true);
      if (future.cancelled()) seen.push("cancelled");
      else seen.push(String(future.exception() ?? future.result()));
    }
    assertEquals(seen, ["RangeError: no", "cancelled", "good"]);
  });
});

Deno.test("asCompleted() takes things that give different types, and knows which", async () => {
  await runVirtual(async () => {
    const seen: (number | string | boolean)[] = [];
    const all = [async () => 1, () => sleep(1, "x"), Promise.resolve(true)];
    for await (const future of asCompleted(all)) {
      const result: number | string | boolean = future.result();
      // @ts-expect-error -- it may be another of them
      const wrong: number = result;
      seen.push(wrong);
    }
    for (const next of asCompleted([async () => 2, () => sleep(1, "y")])) {
      const result: number | string = await next;
      seen.push(result);
    }
    assertEquals(new Set(seen), new Set([1, "x", true, 2, "y"]));
  });
});

Deno.test("asCompleted() gives awaitables that can be awaited all at once", async () => {
  await runVirtual(async () => {
    const work = [3, 1, 2].map((delay) => () => sleep(delay, delay));
    const nexts = [...asCompleted(work)].map((next) => createTask(() => next));
    const results: number[] = [];
    for (const task of nexts) results.push(await task);
    assertEquals(results, [1, 2, 3]);
  });
});

Deno.test("asCompleted() counts what is given twice once, but a function as often as it runs", async () => {
  await runVirtual(async () => {
    const work = (): Awaitable<string> => sleep(1, "x");
    const task = createTask(work);
    assertEquals([...asCompleted([task, work, task])].length, 2);
    await sleep(2);
  });
});

Deno.test("asCompleted() throws TimeoutError for each that is not done in time", async () => {
  await runVirtual(async () => {
    const tasks = [9, 1, 8].map((delay) => createTask(() => sleep(delay, delay)));
    const seen: unknown[] = [];
    const iterate = async (): Promise<void> => {
      for await (const future of asCompleted(tasks, { timeout: 5 })) seen.push(future.result());
    };
    const error = await assertRejects(iterate, TimeoutError);
    assertEquals(error.message, "Cannot get the next result: not all were done in time");
    assertEquals([seen, getRunningLoop().time()], [[1], 5]);
    assertEquals(tasks.map((task) => task.done()), [false, true, false]);
    assertEquals(await tasks[0]!, 9);
  });
});

Deno.test("asCompleted() throws once for what is done in the turn in which the time is over", async () => {
  await runVirtual(async () => {
    const loop = getRunningLoop();
    const future = loop.createFuture<string>();
    loop.callAt(5, () => future.setResult("too late"));
    const completed = asCompleted([future], { timeout: 5 });
    const iterate = async (): Promise<void> => {
      for await (const _future of completed);
    };
    await assertRejects(iterate, TimeoutError);
    await iterate();
    assertEquals(future.result(), "too late");
  });
});

Deno.test("asCompleted() leaves no timer behind when all are done", async () => {
  await runVirtual(async () => {
    const timers = watchTimers(getRunningLoop());
    for await (const _future of asCompleted([() => sleep(1)], { timeout: 3600 }));
    const limits = timers.filter((timer) => timer.when() > 100);
    assertEquals(limits.map((timer) => timer.cancelled()), [true]);
  });
});

Deno.test("asCompleted() with a limit of null waits for ever", async () => {
  await runVirtual(async () => {
    for (const next of asCompleted([() => sleep(1e9, "late")], { timeout: null })) {
      assertEquals(await next, "late");
    }
  });
});

Deno.test("asCompleted() can be left, and gone on with, in both ways", async () => {
  await runVirtual(async () => {
    const work = [4, 1, 3, 2].map((delay) => () => sleep(delay, delay));
    const completed = asCompleted(work);
    for await (const future of completed) {
      assertEquals(future.result(), 1);
      break;
    }
    for (const next of completed) {
      assertEquals(await next, 2);
      break;
    }
    const rest: number[] = [];
    for await (const future of completed) rest.push(future.result());
    assertEquals(rest, [3, 4]);
    for await (const _future of completed) throw new Error("never");
  });
});

Deno.test("asCompleted() whose iteration is cancelled leaves the work alone", async () => {
  await runVirtual(async () => {
    const work = createTask(() => sleep(5, "done"));
    const iterating = createTask(async () => {
      for await (const _future of asCompleted([work]));
    });
    await sleep(1);
    iterating.cancel("msg");
    await assertRejects(async () => await iterating, CancelledError, "msg");
    assertEquals(await work, "done");
  });
});

Deno.test("asCompleted() refuses what it can't wait for", async () => {
  await runVirtual(async () => {
    const future = getRunningLoop().createFuture<void>();
    for (const single of [future, async () => {}]) {
      const given = single as unknown as Awaitable<void>[];
      assertThrows(() => asCompleted(given), TypeError, "an iterable of futures was expected");
    }
    assertThrows(() => asCompleted([42 as unknown as Promise<void>]), TypeError, "Cannot await");
  });
  assertThrows(() => asCompleted([]), RuntimeError, "no running event loop");
});
