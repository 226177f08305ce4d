/**
 * wrapFuture(): promises that can be cancelled.
 *
 * @module
 */

import {
  CancelledError,
  createTask,
  getRunningLoop,
  RuntimeError,
  sleep,
  wrapFuture,
} from "@aio/asyncio/loop";
import {
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "../_support/assert.ts";
import { bothKinds, newVirtualLoop, runVirtual } from "../_support/run.ts";
import type { Steps } from "../_support/run.ts";

bothKinds("wrapFuture() ends as the promise does", {
  logs: ["yes", "RangeError: no", "late"],
  async: async (log) => {
    log(await wrapFuture(Promise.resolve("yes")));
    try {
      await wrapFuture(Promise.reject(new RangeError("no")));
    } catch (error) {
      log(String(error));
    }
    const { promise, resolve } = Promise.withResolvers<string>();
    getRunningLoop().callLater(1, resolve, "late");
    log(await wrapFuture(promise));
  },
  generator: function* (log): Steps<void> {
    log(yield* wrapFuture(Promise.resolve("yes")));
    try {
      yield* wrapFuture(Promise.reject(new RangeError("no")));
    } catch (error) {
      log(String(error));
    }
    const { promise, resolve } = Promise.withResolvers<string>();
    getRunningLoop().callLater(1, resolve, "late");
    log(yield* wrapFuture(promise));
  },
});

Deno.test("wrapFuture() returns a future as it is", async () => {
  await runVirtual(async () => {
    const future = getRunningLoop().createFuture();
    assertStrictEquals(wrapFuture(future), future);
  });
});

Deno.test("wrapFuture() needs a loop: the running one, or one that is given", async () => {
  const promise = Promise.resolve(1);
  assertThrows(() => wrapFuture(promise), RuntimeError, "no running event loop");
  const loop = newVirtualLoop();
  const future = wrapFuture(promise, { loop });
  assertStrictEquals(future.getLoop(), loop);
  assertEquals(await loop.runUntilComplete(future), 1);
  loop.close();
});

Deno.test("wrapFuture() lets its task be cancelled at once, and drops what the promise gives", async () => {
  await runVirtual(async () => {
    for (const settle of ["resolve", "reject"] as const) {
      const { promise, ...settlers } = Promise.withResolvers<null>();
      const task = createTask(async () => await wrapFuture(promise));
      await sleep(0);
      task.cancel("msg");
      await assertRejects(async () => await task, CancelledError, "msg");
      settlers[settle](null);
      await sleep(0);
    }
  });
});

Deno.test("wrapFuture() calls onCancel once, when it is cancelled", async () => {
  await runVirtual(async () => {
    const reasons: unknown[] = [];
    const never = new Promise<null>(() => {});
    const onCancel = (reason: CancelledError): void => void reasons.push(String(reason));
    const future = wrapFuture(never, { onCancel });
    assertEquals([future.cancel("msg"), future.cancel("again")], [true, false]);
    assertEquals(reasons, ["CancelledError: msg"]);
    const done = wrapFuture(Promise.resolve(1), { onCancel });
    await done;
    assertEquals([done.cancel(), reasons.length], [false, 1]);
  });
});
