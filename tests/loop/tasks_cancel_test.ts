/**
 * Cancelling tasks, beyond what the parity scenarios show: counts, signals, generators.
 *
 * @module
 */

import {
  CancelledError,
  createTask,
  currentTask,
  Future,
  getRunningLoop,
  Lock,
  run,
  sleep,
} from "@aio/asyncio/loop";
import { assert, assertEquals, assertInstanceOf, assertRejects } from "../_support/assert.ts";
import { assertNotStrictEquals, assertStrictEquals } from "../_support/assert.ts";
import { bothKinds, runVirtual } from "../_support/run.ts";
import type { Steps } from "../_support/run.ts";

bothKinds("Task.cancel() is a request: the coroutine may clean up or go on", {
  logs: ["requested", "cleanup", "cancelled", "goes on", "value"],
  async: async (log) => {
    const cleansUp = createTask(async () => {
      try {
        await sleep(3600);
      } finally {
        log("cleanup");
      }
    });
    const goesOn = createTask(async () => {
      try {
        await sleep(3600);
      } catch {
        currentTask()!.uncancel();
      }
      await sleep(1);
      log("goes on");
      return "value";
    });
    await sleep(0);
    assertEquals([cleansUp.cancel(), goesOn.cancel()], [true, true]);
    assertEquals([cleansUp.cancelled(), goesOn.cancelled()], [false, false]);
    log("requested");
    await cleansUp.then(undefined, () => log("cancelled"));
    log(await goesOn);
  },
  generator: function* (log): Steps<void> {
    const cleansUp = createTask(function* (): Steps<void> {
      try {
        yield* sleep(3600);
      } finally {
        log("cleanup");
      }
    });
    const goesOn = createTask(function* (): Steps<string> {
      try {
        yield* sleep(3600);
      } catch {
        currentTask()!.uncancel();
      }
      yield* sleep(1);
      log("goes on");
      return "value";
    });
    yield* sleep(0);
    assertEquals([cleansUp.cancel(), goesOn.cancel()], [true, true]);
    assertEquals([cleansUp.cancelled(), goesOn.cancelled()], [false, false]);
    log("requested");
    try {
      yield* cleansUp;
    } catch {
      log("cancelled");
    }
    log(yield* goesOn);
  },
});

Deno.test("Task.cancel() returns false when the task is done", async () => {
  await runVirtual(async () => {
    const task = createTask(async () => 1);
    await task;
    assertEquals([task.cancel(), task.cancelling(), task.result()], [false, 0, 1]);
  });
});

Deno.test("Task.cancel() before the start never runs the coroutine, and ends a generator object", async () => {
  await runVirtual(async () => {
    const seen: string[] = [];
    function* steps(): Steps<void> {
      seen.push("never");
    }
    const generator = steps();
    const tasks = [
      createTask(async () => void seen.push("never")),
      createTask(steps),
      createTask(generator),
    ];
    for (const task of tasks) task.cancel("msg");
    for (const task of tasks) await assertRejects(async () => await task, CancelledError, "msg");
    assertEquals([seen, generator.next()], [[], { value: undefined, done: true }]);
  });
});

Deno.test("Task.cancelling() counts the requests, Task.uncancel() takes one back", async () => {
  await runVirtual(async () => {
    const task = createTask(() => sleep(1, "slept"));
    assertEquals([task.cancelling(), task.uncancel()], [0, 0]);
    for (let i = 1; i <= 3; i++) {
      task.cancel();
      assertEquals(task.cancelling(), i);
    }
    assertEquals([task.uncancel(), task.uncancel()], [2, 1]);
    assertEquals([task.uncancel(), task.uncancel(), task.cancelling()], [0, 0, 0]);
    assertEquals(await task, "slept"); // the requests were taken back before one was delivered
  });
});

Deno.test("Task.uncancel() leaves the cancellation when other requests are left", async () => {
  await runVirtual(async () => {
    const task = createTask(() => sleep(1));
    task.cancel("one");
    task.cancel("two");
    assertEquals(task.uncancel(), 1);
    await assertRejects(async () => await task, CancelledError, "two");
  });
});

Deno.test("Task.cancel() throws the same CancelledError all the way out", async () => {
  await runVirtual(async () => {
    const seen: unknown[] = [];
    const task = createTask(async () => {
      try {
        await sleep(3600);
      } catch (error) {
        seen.push(error);
        throw error;
      }
    });
    await sleep(0);
    task.cancel("msg");
    const error = await assertRejects(async () => await task, CancelledError, "msg");
    assertStrictEquals(error, seen[0]);
    assertStrictEquals(await assertRejects(async () => await task, CancelledError), error);
  });
});

Deno.test("Task.cancel() reaches through a chain of tasks that await each other", async () => {
  await runVirtual(async () => {
    const innermost = createTask(() => sleep(3600));
    const middle = createTask(async () => await innermost);
    const outer = createTask(function* (): Steps<void> {
      yield* middle;
    });
    await sleep(0);
    assertEquals(outer.cancel("msg"), true);
    await assertRejects(async () => await outer, CancelledError, "msg");
    const tasks = [innermost, middle, outer];
    assertEquals(tasks.map((task) => [task.cancelled(), task.cancelling()]), [
      [true, 1],
      [true, 1],
      [true, 1],
    ]);
  });
});

Deno.test("Task.cancel() while a future that failed wakes the task: the exception counts as seen", async () => {
  const reports: string[] = [];
  await runVirtual(async () => {
    const loop = getRunningLoop();
    loop.setExceptionHandler((_loop, context) => reports.push(context.message));
    const future = loop.createFuture<null>();
    const task = createTask(async () => await future);
    await sleep(0);
    future.setException(new RangeError("lost"));
    task.cancel("msg");
    await assertRejects(async () => await task, CancelledError, "msg");
    assertEquals(reports, []);
  });
});

Deno.test("Task.cancel() while a future that is cancelled wakes the task: that came first", async () => {
  await runVirtual(async () => {
    const loop = getRunningLoop();
    const cancelled = loop.createFuture<null>();
    const failed = loop.createFuture<null>();
    const tasks = [createTask(async () => await cancelled), createTask(async () => await failed)];
    await sleep(0);
    cancelled.cancel("first");
    failed.setException(new CancelledError("first, too"));
    for (const task of tasks) task.cancel("second");
    await assertRejects(async () => await tasks[0], CancelledError, "first");
    await assertRejects(async () => await tasks[1], CancelledError, "first, too");
  });
});

Deno.test("Task.cancel() closes what a generator has nested, innermost first", async () => {
  await runVirtual(async () => {
    const seen: string[] = [];
    function* level(depth: number): Steps<void> {
      try {
        if (depth > 0) yield* level(depth - 1);
        else yield* sleep(3600);
      } finally {
        yield* sleep(1);
        seen.push(`${depth} at ${getRunningLoop().time()}`);
      }
    }
    const task = createTask(level(2));
    await sleep(0);
    task.cancel();
    await assertRejects(async () => await task, CancelledError);
    assertEquals(seen, ["0 at 1", "1 at 2", "2 at 3"]);
  });
});

Deno.test("Task.signal aborts when the task is cancelled, with the CancelledError as its reason", async () => {
  await runVirtual(async () => {
    const task = createTask(() => sleep(1));
    const { signal } = task;
    assertEquals([signal.aborted, task.signal === signal], [false, true]);
    await sleep(0);
    task.cancel("msg");
    assertEquals(signal.aborted, true);
    assertInstanceOf(signal.reason, CancelledError);
    assertEquals(signal.reason.message, "msg");
    await assertRejects(async () => await task, CancelledError);
    assertStrictEquals(task.signal, signal);
  });
});

Deno.test("Task.signal is aborted already when it is asked for after the cancellation", async () => {
  await runVirtual(async () => {
    const task = createTask(async () => {
      try {
        return await sleep(1);
      } catch {
        return currentTask()!.signal.aborted;
      }
    });
    await sleep(0);
    task.cancel();
    assertEquals(await task, true);
  });
});

Deno.test("Task.signal is a fresh one when the cancellation was taken back", async () => {
  await runVirtual(async () => {
    const task = createTask(async () => {
      const me = currentTask()!;
      const first = me.signal;
      me.cancel("one");
      assert(first.aborted);
      me.uncancel();
      const second = me.signal;
      assertNotStrictEquals(second, first);
      assertEquals([second.aborted, me.signal === second], [false, true]);
      me.cancel("two");
      assertEquals([second.aborted, second.reason.message], [true, "two"]);
      me.cancel("three");
      me.uncancel();
      assertStrictEquals(me.signal, second); // one request is left
      me.uncancel();
    });
    await task;
  });
});

Deno.test("Task.signal ends what takes a signal, at once", async () => {
  const seen: string[] = [];
  await run(async () => {
    const task = createTask(async () => {
      const { signal } = currentTask()!;
      try {
        await new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        });
      } finally {
        seen.push("cleanup");
      }
    });
    await sleep(0);
    task.cancel("msg");
    await assertRejects(async () => await task, CancelledError, "msg");
    assertEquals(task.cancelled(), true);
  });
  assertEquals(seen, ["cleanup"]);
});

Deno.test("Task.cancel() while a promise of others is awaited comes with the next future", async () => {
  await runVirtual(async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const seen: string[] = [];
    const asynchronous = createTask(async () => {
      seen.push(await promise);
      await sleep(1);
      seen.push("never");
    });
    const generator = createTask(function* (): Steps<void> {
      seen.push((yield promise) as string);
      yield* sleep(1);
      seen.push("never");
    });
    await sleep(0);
    for (const task of [asynchronous, generator]) task.cancel("msg");
    await sleep(0);
    assertEquals([asynchronous.done(), generator.done()], [false, false]);
    resolve("promise");
    for (const task of [asynchronous, generator]) {
      await assertRejects(async () => await task, CancelledError, "msg");
    }
    assertEquals([seen, getRunningLoop().time()], [["promise", "promise"], 0]);
  });
});

Deno.test("Task.cancel() while a promise of others is awaited cancels the task that ends next", async () => {
  await runVirtual(async () => {
    const { promise, resolve } = Promise.withResolvers<null>();
    const tasks = [
      createTask(() => promise),
      createTask(function* (): Steps<unknown> {
        return yield promise;
      }),
    ];
    await sleep(0);
    for (const task of tasks) task.cancel("msg");
    resolve(null);
    for (const task of tasks) await assertRejects(async () => await task, CancelledError, "msg");
  });
});

Deno.test("Task.cancel() before the start closes the steps of any awaitable", async () => {
  await runVirtual(async () => {
    const lock = new Lock();
    for (const awaitable of [sleep(0), sleep(1), new Future<void>(), lock.acquire()]) {
      const task = createTask<unknown>(awaitable[Symbol.iterator]());
      task.cancel();
      await assertRejects(async () => await task, CancelledError);
    }
    assertEquals(lock.locked(), false);
  });
});
