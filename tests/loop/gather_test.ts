/**
 * gather(), beyond what the parity scenarios show.
 *
 * @module
 */

import {
  CancelledError,
  createTask,
  gather,
  getEventLoop,
  getRunningLoop,
  RuntimeError,
  setEventLoop,
  sleep,
} from "@aio/asyncio/loop";
import type { Future, Task } from "@aio/asyncio/loop";
import { repr } from "../../loop/_repr.ts";
import { assertEquals, assertInstanceOf, assertRejects } from "../_support/assert.ts";
import { assertStrictEquals, assertThrows } from "../_support/assert.ts";
import { bothKinds, newVirtualLoop, runVirtual } from "../_support/run.ts";
import type { Steps } from "../_support/run.ts";

Deno.test("gather() takes futures, tasks, promises, and each kind of coroutine", async () => {
  const results = await runVirtual(async () => {
    const future = getRunningLoop().createFuture<number>();
    future.setResult(1);
    function* generator(value: string): Steps<string> {
      yield* sleep(1);
      return value;
    }
    const gathered = gather([
      future,
      createTask(async () => "task"),
      Promise.resolve(true),
      async () => "async function",
      () => generator("generator function"),
      generator("generator object"),
      sleep(2, "operation"),
    ]);
    const typed: Future<[number, string, boolean, string, string, string, string]> = gathered;
    return await typed;
  });
  assertEquals(results, [
    1,
    "task",
    true,
    "async function",
    "generator function",
    "generator object",
    "operation",
  ]);
});

Deno.test("gather() takes any iterable", async () => {
  await runVirtual(async () => {
    const three = async (): Promise<number> => 3;
    assertEquals(await gather(new Set([three])), [3]);
    assertEquals(await gather([three, three].values()), [3, 3]);
  });
});

Deno.test("gather() gives an array for an array, whose length is not known", async () => {
  await runVirtual(async () => {
    const workers = [1, 2, 3].map((number) => async () => number * 2);
    const results: number[] = await gather(workers);
    assertEquals(results, [2, 4, 6]);
  });
});

Deno.test("gather() has exceptions in the types of its results where they may be results", async () => {
  await runVirtual(async () => {
    const failure = new RangeError("failed");
    const fail = async (): Promise<number> => {
      throw failure;
    };
    const both = await gather([() => sleep(1, "x"), fail], { returnExceptions: true });
    const [text, failed]: [string | Error, number | Error] = both;
    assertEquals([text, failed], ["x", failure]);
    // @ts-expect-error -- it may be an Error
    const wrong: string = both[0];
    assertEquals(wrong, "x");
    const [only]: [string] = await gather([() => sleep(1, "x")], { returnExceptions: false });
    assertEquals(only, "x");
  });
});

Deno.test("gather() refuses one thing without brackets, and says how it is done", async () => {
  await runVirtual(async () => {
    const work = async (): Promise<void> => {};
    for (const one of [work, createTask(work), sleep(1), work(), {}]) {
      const text = "Cannot gather: an iterable was expected, such as [() => work()], not ";
      assertThrows(() => gather(one as never), TypeError, text);
    }
  });
});

Deno.test("gather() runs a function as often as it is given, anything else once", async () => {
  await runVirtual(async () => {
    let calls = 0;
    const called = async (): Promise<number> => ++calls;
    let steps = 0;
    function* counting(): Steps<number> {
      return ++steps;
    }
    const generator = counting();
    const promise = Promise.resolve({});
    const results = await gather([called, generator, called, generator, promise, promise]);
    assertEquals(results.slice(0, 4), [1, 1, 2, 1]);
    assertStrictEquals(results[4], results[5]);
    assertEquals([calls, steps], [2, 1]);
  });
});

Deno.test("gather() of nothing is done at once, also while no loop runs", async () => {
  setEventLoop(null);
  const gathered = gather([]);
  assertEquals([gathered.done(), gathered.result()], [true, []]);
  assertStrictEquals(gathered.getLoop(), getEventLoop());
  getEventLoop().close();
  setEventLoop(null);
  const loop = newVirtualLoop();
  await loop.runUntilComplete(async () => {
    assertStrictEquals(gather([]).getLoop(), loop);
  });
  loop.close();
});

Deno.test("gather() of futures needs no running loop", async () => {
  const loop = newVirtualLoop();
  const futures = [loop.createFuture<number>(), loop.createFuture<number>()];
  const gathered = gather(futures);
  futures[1]!.setResult(2);
  futures[0]!.setResult(1);
  assertEquals(await loop.runUntilComplete(gathered), [1, 2]);
  loop.close();
});

Deno.test("gather() of coroutines throws when no loop runs", () => {
  assertThrows(() => gather([async () => 1]), RuntimeError, "no running event loop");
});

Deno.test("gather() throws when one of them can't be awaited", async () => {
  await runVirtual(async () => {
    for (const value of [42, null, "x", {}]) {
      const error = assertThrows(() => gather([value as unknown as Promise<void>]), TypeError);
      const text = "Cannot await: a future, a coroutine, or a promise is required, not";
      assertEquals(error.message, `${text} ${repr(value)}`);
    }
  });
});

Deno.test("gather() throws when the futures are of different loops", () => {
  const loops = [newVirtualLoop(), newVirtualLoop()];
  const futures = loops.map((loop) => loop.createFuture<number>());
  const error = assertThrows(() => gather(futures), RangeError);
  assertEquals(error.message, "Cannot gather: the futures belong to different loops");
  for (const loop of loops) loop.close();
});

bothKinds("gather() throws the first exception, and drops what comes later", {
  logs: ["RangeError: first", 1, "slow ends", 3],
  async: async (log) => {
    const loop = getRunningLoop();
    loop.setExceptionHandler((_loop, context) => log(context.message));
    const fail = async (delay: number, text: string): Promise<void> => {
      await sleep(delay);
      throw new RangeError(text);
    };
    const slow = createTask(async () => {
      await sleep(3);
      log("slow ends");
    });
    try {
      await gather([() => fail(2, "second"), () => fail(1, "first"), slow]);
    } catch (error) {
      log(String(error));
    }
    log(loop.time());
    await slow;
    log(loop.time());
  },
  generator: function* (log): Steps<void> {
    const loop = getRunningLoop();
    loop.setExceptionHandler((_loop, context) => log(context.message));
    function* fail(delay: number, text: string): Steps<void> {
      yield* sleep(delay);
      throw new RangeError(text);
    }
    const slow = createTask(function* (): Steps<void> {
      yield* sleep(3);
      log("slow ends");
    });
    try {
      yield* gather([() => fail(2, "second"), () => fail(1, "first"), slow]);
    } catch (error) {
      log(String(error));
    }
    log(loop.time());
    yield* slow;
    log(loop.time());
  },
});

Deno.test("gather() with returnExceptions gives what was thrown, and cancellations", async () => {
  await runVirtual(async () => {
    const future = getRunningLoop().createFuture<string>();
    future.setException("text");
    const cancelled = createTask(() => sleep(9));
    const results = gather(
      [future, cancelled, () => Promise.reject(new RangeError("no")), async () => "yes"],
      { returnExceptions: true },
    );
    await sleep(0);
    cancelled.cancel("msg");
    const [text, cancellation, error, value] = await results as unknown[];
    assertEquals([text, value, String(error)], ["text", "yes", "RangeError: no"]);
    assertInstanceOf(cancellation, CancelledError);
    assertEquals(cancellation.message, "msg");
  });
});

Deno.test("gather().cancel() cancels each child once, and ends when they have ended", async () => {
  await runVirtual(async () => {
    const loop = getRunningLoop();
    const seen: string[] = [];
    const child = (name: string, cleanup: number) => async (): Promise<void> => {
      try {
        await sleep(3600);
      } catch (error) {
        await sleep(cleanup);
        seen.push(`${name} at ${loop.time()}`);
        throw error;
      }
    };
    const twice = createTask(child("a", 2));
    const gathered = gather([twice, child("b", 1), twice]);
    await sleep(0);
    assertEquals(gathered.cancel("msg"), true);
    assertEquals([gathered.done(), twice.cancelling()], [false, 2]);
    const error = await assertRejects(async () => await gathered, CancelledError);
    assertEquals(error.message, "msg");
    // The first cancelled child ends it, as the first failure does.
    assertEquals(seen, ["b at 1"]);
    assertEquals(gathered.cancel(), false);
    await assertRejects(async () => await twice, CancelledError);
    assertEquals(seen, ["b at 1", "a at 2"]);
  });
});

Deno.test("gather() with returnExceptions ends when all have ended, when it is cancelled", async () => {
  await runVirtual(async () => {
    const loop = getRunningLoop();
    const child = (cleanup: number) => async (): Promise<void> => {
      try {
        await sleep(3600);
      } finally {
        await sleep(cleanup);
      }
    };
    const gathered = gather([child(1), child(5)], { returnExceptions: true });
    await sleep(0);
    gathered.cancel("msg");
    await assertRejects(async () => await gathered, CancelledError, "msg");
    assertEquals([loop.time(), gathered.cancelled()], [5, false]);
  });
});

Deno.test("gather() does not keep the children when its awaiting task is cancelled", async () => {
  await runVirtual(async () => {
    const children: Task<undefined>[] = [];
    const parent = createTask(async () => {
      for (const delay of [10, 20]) children.push(createTask(() => sleep(delay)));
      await gather(children);
    });
    await sleep(0);
    await sleep(0);
    parent.cancel("msg");
    await assertRejects(async () => await parent, CancelledError, "msg");
    assertEquals([children.map((child) => child.cancelled()), getRunningLoop().time()], [
      [true, true],
      0,
    ]);
  });
});

Deno.test("gather() of a gathering waits for the inner children", async () => {
  await runVirtual(async () => {
    const inner = gather([() => sleep(1, "a"), () => sleep(2, "b")]);
    const result = await gather([inner, gather([]), () => sleep(3, "c")]);
    assertEquals(result, [["a", "b"], [], "c"]);
  });
});

Deno.test("gather() prints as a future", async () => {
  await runVirtual(async () => {
    const gathered = gather([() => sleep(0, 1), () => sleep(0, "x")]);
    assertEquals(String(gathered), "<GatheringFuture pending>");
    await gathered;
    assertEquals(String(gathered), "<GatheringFuture finished result=[1, 'x']>");
  });
});
