/**
 * wait(), beyond what the parity scenarios show.
 *
 * @module
 */

import {
  ALL_COMPLETED,
  CancelledError,
  createTask,
  FIRST_COMPLETED,
  FIRST_EXCEPTION,
  getRunningLoop,
  sleep,
  wait,
} from "@aio/asyncio/loop";
import type { Future, ReturnWhen } from "@aio/asyncio/loop";
import { assertEquals, assertRejects, assertThrows } from "../_support/assert.ts";
import { bothKinds, runVirtual } from "../_support/run.ts";
import type { Steps } from "../_support/run.ts";
import { watchTimers } from "../_support/timers.ts";

bothKinds("wait() gives those that are done and those that are not", {
  logs: [1, 1, 2, 2, 0, 3],
  async: async (log) => {
    const tasks = [2, 3].map((delay) => createTask(() => sleep(delay)));
    const [done, pending] = await wait(tasks, { returnWhen: FIRST_COMPLETED });
    log(done.size);
    log(pending.size);
    log(getRunningLoop().time());
    const [all, none] = await wait(tasks, { returnWhen: ALL_COMPLETED });
    log(all.size);
    log(none.size);
    log(getRunningLoop().time());
  },
  generator: function* (log): Steps<void> {
    const tasks = [2, 3].map((delay) => createTask(() => sleep(delay)));
    const [done, pending] = yield* wait(tasks, { returnWhen: FIRST_COMPLETED });
    log(done.size);
    log(pending.size);
    log(getRunningLoop().time());
    const [all, none] = yield* wait(tasks, { returnWhen: ALL_COMPLETED });
    log(all.size);
    log(none.size);
    log(getRunningLoop().time());
  },
});

Deno.test("wait() gives sets of what it was given, in that order", async () => {
  await runVirtual(async () => {
    const future = getRunningLoop().createFuture<number>();
    const task = createTask(() => sleep(1, 1));
    const slow = createTask(() => sleep(9, 2));
    const [done, pending] = await wait(new Set([slow, future, task]), { timeout: 5 });
    assertEquals([[...done], [...pending]], [[task], [slow, future]]);
    future.cancel();
  });
});

Deno.test("wait() refuses what it can't wait for", async () => {
  await runVirtual(async () => {
    const future = getRunningLoop().createFuture<void>();
    const coroutine = async (): Promise<void> => {};
    const refusals: [unknown, new () => Error, string][] = [
      [[], RangeError, "Cannot wait: the set of futures is empty"],
      [future, TypeError, "an iterable of futures was expected, not <Future pending>"],
      [coroutine, TypeError, "an iterable of futures was expected, not <function coroutine>"],
      [[future, coroutine], TypeError, "is not a future; createTask() makes one from a coroutine"],
      [[Promise.resolve()], TypeError, "<Promise> is not a future"],
    ];
    for (const [given, errorClass, text] of refusals) {
      const waiting = async (): Promise<unknown> => await wait(given as Future<void>[]);
      await assertRejects(waiting, errorClass, text);
    }
    for (const returnWhen of ["LATER", null] as unknown as ReturnWhen[]) {
      const error = assertThrows(() => wait([future], { returnWhen }), RangeError);
      assertEquals(error.message, `Cannot wait: invalid returnWhen: ${returnWhen}`);
    }
  });
});

Deno.test("wait() with FIRST_EXCEPTION returns at once when one has failed before", async () => {
  await runVirtual(async () => {
    const loop = getRunningLoop();
    const failed = loop.createFuture<void>();
    failed.setException(new RangeError("no"));
    const slow = createTask(() => sleep(9));
    const [done, pending] = await wait([slow, failed], { returnWhen: FIRST_EXCEPTION });
    assertEquals([[...done], [...pending], loop.time()], [[failed], [slow], 0]);
    assertThrows(() => failed.result(), RangeError);
  });
});

Deno.test("wait() does not throw what its futures throw, nor count it as seen", async () => {
  await runVirtual(async () => {
    const fail = async (): Promise<void> => {
      throw new RangeError("no");
    };
    const [done] = await wait([createTask(fail)]);
    const [task] = done;
    await assertRejects(async () => await task!, RangeError);
  });
});

Deno.test("wait() that is cancelled leaves its futures alone, and no callback on them", async () => {
  await runVirtual(async () => {
    const future = getRunningLoop().createFuture<string>();
    const waiting = createTask(() => wait([future], { timeout: 100 }));
    await sleep(1);
    waiting.cancel("msg");
    await assertRejects(async () => await waiting, CancelledError, "msg");
    assertEquals([future.done(), getRunningLoop().time()], [false, 1]);
    future.setResult("later");
    assertEquals(await future, "later");
  });
});

Deno.test("wait() is cancelled also in the turn in which all are done", async () => {
  await runVirtual(async () => {
    const future = getRunningLoop().createFuture<void>();
    const waiting = createTask(() => wait([future]));
    await sleep(1);
    future.setResult();
    await sleep(0);
    waiting.cancel();
    await assertRejects(async () => await waiting, CancelledError);
  });
});

Deno.test("wait() with a timeout of null or none waits for ever", async () => {
  await runVirtual(async () => {
    for (const options of [{ timeout: null }, {}]) {
      const [done] = await wait([createTask(() => sleep(1e9))], options);
      assertEquals(done.size, 1);
    }
  });
});

Deno.test("wait() leaves no timer behind, whether all are done or it is cancelled", async () => {
  await runVirtual(async () => {
    const timers = watchTimers(getRunningLoop());
    await wait([createTask(() => sleep(1))], { timeout: 3600 });
    const waiting = createTask(() => wait([getRunningLoop().createFuture()], { timeout: 7200 }));
    await sleep(1);
    waiting.cancel();
    await assertRejects(async () => await waiting, CancelledError);
    const limits = timers.filter((timer) => timer.when() > 100);
    assertEquals(limits.map((timer) => timer.cancelled()), [true, true]);
  });
});
