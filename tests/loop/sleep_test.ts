/**
 * sleep().
 *
 * @module
 */

import {
  createTask,
  currentTask,
  getRunningLoop,
  newEventLoop,
  run,
  RuntimeError,
  sleep,
} from "@aio/asyncio/loop";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../_support/assert.ts";
import { bothKinds, newVirtualLoop, runVirtual } from "../_support/run.ts";
import type { Steps } from "../_support/run.ts";

bothKinds("sleep() waits as long as it is told", {
  logs: [0, 1.5, 3601.5],
  async: async (log) => {
    const loop = getRunningLoop();
    log(loop.time());
    await sleep(1.5);
    log(loop.time());
    await sleep(3600);
    log(loop.time());
  },
  generator: function* (log): Steps<void> {
    const loop = getRunningLoop();
    log(loop.time());
    yield* sleep(1.5);
    log(loop.time());
    yield* sleep(3600);
    log(loop.time());
  },
});

bothKinds("sleep() gives its result", {
  logs: ["late", "soon", "negative", undefined, undefined, null],
  async: async (log) => {
    log(await sleep(1, "late"));
    log(await sleep(0, "soon"));
    log(await sleep(-1, "negative"));
    log(await sleep(1));
    log(await sleep(0));
    log(await sleep(0, null));
  },
  generator: function* (log): Steps<void> {
    log(yield* sleep(1, "late"));
    log(yield* sleep(0, "soon"));
    log(yield* sleep(-1, "negative"));
    log(yield* sleep(1));
    log(yield* sleep(0));
    log(yield* sleep(0, null));
  },
});

bothKinds("sleep() passes one turn when the delay is zero or less", {
  logs: ["turn", "turn", "turn", "turn", "slept four times"],
  async: async (log) => {
    const loop = getRunningLoop();
    for (const delay of [0, -0, -1, -Infinity]) {
      loop.callSoon(() => log("turn"));
      await sleep(delay);
    }
    log("slept four times");
  },
  generator: function* (log): Steps<void> {
    const loop = getRunningLoop();
    for (const delay of [0, -0, -1, -Infinity]) {
      loop.callSoon(() => log("turn"));
      yield* sleep(delay, "x");
    }
    log("slept four times");
  },
});

Deno.test("sleep() throws when the delay is not a number", async () => {
  await runVirtual(async () => {
    for (const delay of [NaN, "1", undefined, null, true, {}] as number[]) {
      const error = await assertRejects(async () => await sleep(delay), RangeError);
      assertStringIncludes(error.message, `delay must be a number, not ${delay}`);
    }
  });
});

Deno.test("sleep() starts when it is awaited", async () => {
  await runVirtual(async () => {
    const loop = getRunningLoop();
    const slept = sleep(10);
    await sleep(5);
    await slept;
    assertEquals(loop.time(), 15);
  });
});

Deno.test("sleep() can be awaited once, unless it is of one turn", async () => {
  await runVirtual(async () => {
    const later = sleep(1);
    await later;
    const error = await assertRejects(async () => await later, RuntimeError);
    assertEquals(error.message, "Cannot await twice: the coroutine was awaited");
    const now = sleep(0);
    await now;
    await now;
  });
});

Deno.test("sleep() throws when no loop runs", async () => {
  for (const delay of [0, 1]) {
    const error = await assertRejects(async () => await sleep(delay), RuntimeError);
    assertEquals(error.message, "Cannot await: no running event loop");
  }
});

Deno.test("sleep() leaves no timer when it is cancelled", async () => {
  async function asynchronous(): Promise<void> {
    await sleep(3600);
  }
  function* generator(): Steps<void> {
    yield* sleep(3600);
  }
  for (const sleeper of [asynchronous, generator]) {
    const loop = newVirtualLoop();
    const task = loop.createTask(sleeper);
    loop.callLater(1, () => task.cancel());
    // To a timer that is left, the virtual clock would jump.
    await assertRejects(() => loop.runForever(), RuntimeError, "no timer is set");
    loop.close();
    assertEquals([task.cancelled(), loop.time()], [true, 1]);
  }
});

Deno.test("sleep() is cancelled at zero seconds, too", async () => {
  await runVirtual(async () => {
    currentTask()!.cancel("now");
    await assertRejects(async () => await sleep(0), Error, "now");
    currentTask()!.cancel("again");
    await assertRejects(async () => await sleep(0, "x"), Error, "again");
  });
});

Deno.test("sleep() never returns early by the machine's clock", async () => {
  await run(async () => {
    const loop = getRunningLoop();
    for (const delay of [0.0001, 0.001, 0.0034, 0.005]) {
      const start = loop.time();
      await sleep(delay);
      assert(loop.time() - start >= delay, `slept ${loop.time() - start}, not ${delay}`);
    }
  }, { loopFactory: newEventLoop });
});

Deno.test("sleep() of many tasks ends in the order of their deadlines", async () => {
  const ends: number[] = [];
  await runVirtual(async () => {
    const delays = [5, 3, 9, 1, 7, 3];
    const tasks = delays.map((delay) =>
      createTask(async () => {
        ends.push(await sleep(delay, delay));
      })
    );
    for (const task of tasks) await task;
  });
  assertEquals(ends, [1, 3, 3, 5, 7, 9]);
});
