/**
 * sleep().
 *
 * @module
 */

import {
  CancelledError,
  createTask,
  currentTask,
  getRunningLoop,
  newEventLoop,
  run,
  RuntimeError,
  sleep,
} from "@aio/asyncio/loop";
import { repr } from "../../loop/_repr.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../_support/assert.ts";
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

Deno.test("sleep() throws when the delay is not a number", () => {
  for (const delay of [NaN, "1", undefined, null, true, {}, 1n] as number[]) {
    const error = assertThrows(() => sleep(delay), RangeError);
    assertEquals(error.message, `Cannot sleep: delay must be a number, not ${repr(delay)}`);
  }
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

Deno.test("sleep() sleeps again when it is awaited again", async () => {
  await runVirtual(async () => {
    const loop = getRunningLoop();
    const slept = sleep(10);
    await slept;
    await slept;
    assertEquals(loop.time(), 20);
  });
});

Deno.test("sleep() throws when no loop runs", async () => {
  for (const slept of [sleep(0), sleep(0, "x"), sleep(1)]) {
    await assertRejects(async () => await slept, RuntimeError, "no running event loop");
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
    // If a timer were left, the virtual clock would jump to it.
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

Deno.test("sleep() with a signal ends with its reason, and leaves no timer", async () => {
  await runVirtual(async () => {
    const loop = getRunningLoop();
    const controller = new AbortController();
    loop.callLater(1, () => controller.abort(new RangeError("enough")));
    const options = { signal: controller.signal };
    await assertRejects(async () => await sleep(3600, "x", options), RangeError, "enough");
    assertEquals([loop.time(), currentTask()!.cancelling()], [1, 0]);
    await assertRejects(async () => await sleep(3600, "x", options), RangeError, "enough");
    assertEquals(loop.time(), 1);
  });
});

Deno.test("sleep() with a signal that does not abort gives its result", async () => {
  await runVirtual(async () => {
    const { signal } = new AbortController();
    assertEquals(await sleep(1, "late", { signal }), "late");
    assertEquals(await sleep(0, "soon", { signal }), "soon");
    const task = createTask(() => sleep(3600, "x", { signal }));
    await sleep(0);
    task.cancel("msg");
    await assertRejects(async () => await task, CancelledError, "msg");
  });
});
