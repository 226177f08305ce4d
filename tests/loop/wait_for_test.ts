/**
 * waitFor(), beyond what the parity scenarios show; its signal is in abortable_test.ts.
 *
 * @module
 */

import {
  CancelledError,
  createTask,
  currentTask,
  Event,
  getRunningLoop,
  Queue,
  RuntimeError,
  shield,
  sleep,
  TimeoutError,
  waitFor,
} from "@aio/asyncio/loop";
import { assertEquals, assertInstanceOf, assertRejects } from "../_support/assert.ts";
import { bothKinds, newVirtualLoop, runVirtual } from "../_support/run.ts";
import type { Steps } from "../_support/run.ts";

bothKinds("waitFor() takes futures, tasks, promises, operations and coroutines", {
  logs: ["future", "task", "promise", "operation", "async", "generator", "object"],
  async: async (log) => {
    function* generator(value: string): Steps<string> {
      yield* sleep(1);
      return value;
    }
    const future = getRunningLoop().createFuture<string>();
    future.setResult("future");
    log(await waitFor(future, 5));
    log(await waitFor(createTask(() => sleep(1, "task")), 5));
    log(await waitFor(Promise.resolve("promise"), 5));
    log(await waitFor(sleep(1, "operation"), 5));
    log(
      await waitFor(async () => {
        await sleep(1);
        return "async";
      }, 5),
    );
    log(await waitFor(() => generator("generator"), 5));
    log(await waitFor(generator("object"), 5));
  },
  generator: function* (log): Steps<void> {
    function* generator(value: string): Steps<string> {
      yield* sleep(1);
      return value;
    }
    const future = getRunningLoop().createFuture<string>();
    future.setResult("future");
    log(yield* waitFor(future, 5));
    log(yield* waitFor(createTask(() => sleep(1, "task")), 5));
    log(yield* waitFor(Promise.resolve("promise"), 5));
    log(yield* waitFor(sleep(1, "operation"), 5));
    log(
      yield* waitFor(async () => {
        await sleep(1);
        return "async";
      }, 5),
    );
    log(yield* waitFor(() => generator("generator"), 5));
    log(yield* waitFor(generator("object"), 5));
  },
});

Deno.test("waitFor() gives what an async function returns also when it has a signal", async () => {
  await runVirtual(async () => {
    const { signal } = new AbortController();
    const work = async (): Promise<string> => {
      await sleep(1);
      return "result";
    };
    for (const timeout of [null, 5]) {
      assertEquals(await waitFor(work, timeout, { signal }), "result");
    }
  });
});

Deno.test("waitFor() throws what the work throws", async () => {
  await runVirtual(async () => {
    const fail = async (): Promise<void> => {
      await sleep(1);
      throw new RangeError("no");
    };
    await assertRejects(async () => await waitFor(fail, 5), RangeError, "no");
    await assertRejects(
      async () => await waitFor(Promise.reject(new TypeError("x")), 5),
      TypeError,
    );
  });
});

Deno.test("waitFor() throws TimeoutError, caused by the cancellation", async () => {
  await runVirtual(async () => {
    for (const timeout of [1, 0]) {
      const error = await assertRejects(
        async () => await waitFor(() => sleep(3600), timeout),
        TimeoutError,
      );
      assertInstanceOf(error.cause, CancelledError);
    }
  });
});

Deno.test("waitFor() stops waiting for a promise, which itself goes on", async () => {
  await runVirtual(async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    await assertRejects(async () => await waitFor(promise, 1), TimeoutError);
    resolve("late");
    assertEquals([await promise, currentTask()!.cancelling()], ["late", 0]);
  });
});

Deno.test("waitFor() of zero gives the value of a promise only if it is done", async () => {
  await runVirtual(async () => {
    await assertRejects(async () => await waitFor(Promise.resolve(1), 0), TimeoutError);
    const done = createTask(async () => 1);
    await done;
    assertEquals(await waitFor(done, 0), 1);
    const failed = createTask(() => Promise.reject(new RangeError("no")));
    await assertRejects(async () => await failed, RangeError);
    await assertRejects(async () => await waitFor(failed, 0), RangeError, "no");
  });
});

Deno.test("waitFor() of zero gives the value of a task that swallows its cancellation", async () => {
  await runVirtual(async () => {
    const task = createTask(async () => {
      try {
        await sleep(3600);
      } catch {
        return "swallowed";
      }
      return "not cancelled";
    });
    await sleep(1);
    assertEquals(await waitFor(task, 0), "swallowed");
  });
});

Deno.test("waitFor() that is cancelled cancels the work, and waits for it", async () => {
  await runVirtual(async () => {
    const seen: string[] = [];
    const work = async (): Promise<void> => {
      try {
        await sleep(3600);
      } finally {
        await sleep(5);
        seen.push(`cleaned up at ${getRunningLoop().time()}`);
      }
    };
    for (const given of [work, () => createTask(work)]) {
      const task = createTask(() => waitFor(given, 100));
      await sleep(1);
      task.cancel("msg");
      await assertRejects(async () => await task, CancelledError, "msg");
    }
    assertEquals(seen, ["cleaned up at 6", "cleaned up at 12"]);
  });
});

Deno.test("waitFor() leaves alone what is shielded", async () => {
  await runVirtual(async () => {
    const work = createTask(() => sleep(10, "done"));
    await assertRejects(async () => await waitFor(shield(work), 1), TimeoutError);
    assertEquals(await work, "done");
  });
});

Deno.test("waitFor() of Queue.get() loses no item in the turn in which the time is over", async () => {
  await runVirtual(async () => {
    const loop = getRunningLoop();
    const queue = new Queue<number>();
    loop.callAt(5, () => queue.putNowait(1));
    const before = createTask(() => waitFor(queue.get(), 5));
    await sleep(0);
    loop.callAt(5, () => queue.putNowait(2));
    await assertRejects(async () => await before, TimeoutError);
    assertEquals([await queue.get(), await queue.get()], [1, 2]);
  });
});

Deno.test("waitFor() with a signal throws outside of a task", async () => {
  const loop = newVirtualLoop();
  const { signal } = new AbortController();
  const seen: string[] = [];
  loop.callSoon(() => {
    waitFor(new Event().wait(), null, { signal }).then(null, (error) => {
      seen.push(String(error));
      loop.stop();
    });
  });
  await loop.runForever();
  loop.close();
  assertEquals(seen, ["RuntimeError: Cannot wait with a signal: no task is running"]);
});

Deno.test("waitFor() whose work swallows the abort gives the value, and leaves no trace", async () => {
  await runVirtual(async () => {
    const controller = new AbortController();
    const task = createTask(async () => {
      const value = await waitFor(
        async () => {
          try {
            return await sleep(3600, "not aborted");
          } catch {
            return "swallowed";
          }
        },
        null,
        { signal: controller.signal },
      );
      return [value, currentTask()!.cancelling()];
    });
    await sleep(1);
    controller.abort();
    assertEquals(await task, ["swallowed", 0]);
  });
});

Deno.test("waitFor() whose time is over in the turn of the abort throws the signal's reason", async () => {
  await runVirtual(async () => {
    const controller = new AbortController();
    const loop = getRunningLoop();
    loop.callAt(5, () => controller.abort(new RangeError("aborted")));
    const task = createTask(() => waitFor(() => sleep(3600), 5, { signal: controller.signal }));
    await assertRejects(async () => await task, RangeError, "aborted");
    assertEquals([loop.time(), task.cancelling()], [5, 0]);
  });
});

Deno.test("waitFor() can be awaited once", async () => {
  await runVirtual(async () => {
    const waiting = waitFor(() => sleep(1), 5);
    await waiting;
    await assertRejects(async () => await waiting, RuntimeError, "Cannot await twice");
  });
});
