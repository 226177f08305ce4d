/**
 * toThread(), runInExecutor(), and the default executor of a loop.
 *
 * @module
 */

import {
  CancelledError,
  createTask,
  gather,
  getRunningLoop,
  moduleFunctions,
  newEventLoop,
  run,
  Runner,
  RuntimeError,
  sleep,
  toThread,
  WorkerPoolExecutor,
} from "@aio/asyncio/loop";
import type { Coroutine, EventLoop, Future, ModuleFunction } from "@aio/asyncio/loop";
import { assertEquals, assertRejects, assertThrows } from "../_support/assert.ts";
import { captureErrors } from "../_support/run.ts";
import type { Log, Steps } from "../_support/run.ts";
import { Gate, LiveWorkers } from "../_support/threads.ts";
import { place } from "./programs/work.ts";

const WORK = new URL("programs/work.ts", import.meta.url);
const work = moduleFunctions<typeof import("./programs/work.ts")>(WORK);
const live = new LiveWorkers();
Deno.test.afterEach(() => {
  Gate.openAll();
  assertEquals([...live], []);
});

/** Registers a test of each kind of coroutine: both log the same, on the real clock. */
function bothKinds(
  name: string,
  logs: unknown[],
  mains: { async: (log: Log) => Promise<unknown>; generator: (log: Log) => Steps<unknown> },
): void {
  for (const [kind, main] of Object.entries(mains)) {
    Deno.test(`${name} (${kind})`, async () => {
      const seen: unknown[] = [];
      await run((() => main((entry) => seen.push(entry))) as Coroutine<unknown>);
      assertEquals(seen, logs);
    });
  }
}

// -- toThread() --

bothKinds("toThread() gives what a function returns, and what its promise gives", [3, 7], {
  async: async (log) => {
    log(await toThread(work.add, 1, 2));
    log(await toThread(work.addLater, 3, 4));
  },
  *generator(log) {
    log(yield* toThread(work.add, 1, 2));
    log(yield* toThread(work.addLater, 3, 4));
  },
});

bothKinds("toThread() throws what a function throws", ["RangeError: too far", "only text"], {
  async: async (log) => {
    await toThread(work.fail, "range").then(undefined, (error) => log(String(error)));
    await toThread(work.failLater, "text").then(undefined, log);
  },
  *generator(log) {
    for (const call of [toThread(work.fail, "range"), toThread(work.failLater, "text")]) {
      try {
        yield* call;
      } catch (error) {
        log(String(error));
      }
    }
  },
});

bothKinds("toThread() lets the loop go on meanwhile", ["tick", "tick", 1], {
  async: async (log) => {
    const gate = new Gate();
    const call = createTask(() => toThread(work.wait, gate.cell));
    await gate.begun();
    for (let i = 0; i < 2; i++) {
      await sleep(0);
      log("tick");
    }
    gate.open();
    log(await call);
  },
  *generator(log) {
    const gate = new Gate();
    const call = createTask(() => toThread(work.wait, gate.cell));
    yield gate.begun();
    for (let i = 0; i < 2; i++) {
      yield* sleep(0);
      log("tick");
    }
    gate.open();
    log(yield* call);
  },
});

Deno.test("toThread() submits the call when it is awaited", async () => {
  await run(async () => {
    const gate = new Gate();
    const call = toThread(work.wait, gate.cell);
    gate.open();
    const [worker, count] = await toThread(work.whoAmI);
    assertEquals(await call, 1);
    assertEquals(await toThread(work.whoAmI), [worker, count + 1]);
  });
});

Deno.test("toThread() ends its thread when its task is cancelled", async () => {
  await run(async () => {
    const gate = new Gate();
    const tasks = [
      createTask(async () => await toThread(work.spin, gate.cell)),
      createTask(function* () {
        yield* toThread(work.spin, gate.cell);
      }),
    ];
    await gate.begun(2);
    for (const task of tasks) task.cancel();
    for (const task of tasks) await assertRejects(() => task, CancelledError);
  });
});

Deno.test("toThread() copies no context", async () => {
  const seen = await run(async () => {
    place.set("here");
    return await toThread(work.readPlace);
  });
  assertEquals(seen, "nowhere");
});

Deno.test("toThread() refuses what is no function of a module", async () => {
  const call = (): PromiseLike<unknown> => toThread((() => {}) as never);
  await assertRejects(() => run(async () => await call()), TypeError, "moduleFunctions()");
});

// -- runInExecutor() and the default executor --

Deno.test("EventLoop.runInExecutor() uses the executor that is given", async () => {
  await using pool = new WorkerPoolExecutor({ maxWorkers: 1 });
  await run(async () => {
    const loop = getRunningLoop();
    const [own] = await pool.submit(work.whoAmI);
    assertEquals(await loop.runInExecutor(pool, work.whoAmI), [own, 2]);
    const [other] = await loop.runInExecutor(null, work.whoAmI);
    assertEquals(other === own, false);
  });
});

Deno.test("EventLoop.runInExecutor() can be called before the loop runs", async () => {
  const loop = newEventLoop();
  const call = loop.runInExecutor(null, work.add, 1, 2);
  assertEquals(await loop.runUntilComplete(call), 3);
  loop.close();
  const error = assertThrows(() => loop.runInExecutor(null, work.add, 1, 2), RuntimeError);
  assertEquals(error.message, "Cannot use the event loop: Event loop is closed");
});

Deno.test("EventLoop.setDefaultExecutor() sets the pool of toThread()", async () => {
  await using pool = new WorkerPoolExecutor({ maxWorkers: 1 });
  await run(async () => {
    const loop = getRunningLoop();
    for (const wrong of [null, {}, () => {}]) {
      assertThrows(() => loop.setDefaultExecutor(wrong as never), TypeError);
    }
    loop.setDefaultExecutor(pool);
    const [worker] = await pool.submit(work.whoAmI);
    assertEquals(await toThread(work.whoAmI), [worker, 2]);
  });
  // run() has shut it down.
  assertThrows(() => newEventLoop().runInExecutor(pool, work.add, 1, 2), RuntimeError);
});

bothKinds("EventLoop.shutdownDefaultExecutor() waits, and refuses calls from then on", [3, true], {
  async: async (log) => {
    const loop = getRunningLoop();
    const call = loop.runInExecutor(null, work.addLater, 1, 2);
    await loop.shutdownDefaultExecutor();
    log(call.result());
    await loop.shutdownDefaultExecutor();
    log(refuses(loop));
  },
  *generator(log) {
    const loop = getRunningLoop();
    const call = loop.runInExecutor(null, work.addLater, 1, 2);
    yield* loop.shutdownDefaultExecutor(60);
    log(call.result());
    yield* loop.shutdownDefaultExecutor();
    log(refuses(loop));
  },
});

/** Whether a loop refuses calls for its default executor. */
function refuses(loop: EventLoop): boolean {
  const text = "Cannot run in executor: Executor shutdown has been called";
  const error = assertThrows(() => loop.runInExecutor(null, work.add, 1, 2), RuntimeError);
  return error.message === text;
}

Deno.test("EventLoop.shutdownDefaultExecutor() needs no executor", async () => {
  await run(async () => {
    await getRunningLoop().shutdownDefaultExecutor();
    assertEquals(refuses(getRunningLoop()), true);
  });
});

Deno.test("EventLoop.shutdownDefaultExecutor() warns after its timeout, and cancels", async () => {
  using warnings = captureErrors("warn");
  await run(async () => {
    const loop = getRunningLoop();
    const gate = new Gate();
    const call = loop.runInExecutor(null, work.spin, gate.cell);
    await gate.begun();
    await loop.shutdownDefaultExecutor(0.001);
    await assertRejects(() => call, CancelledError);
  });
  const text = "The executor did not finish its calls within 0.001 seconds: they are cancelled";
  assertEquals(warnings.texts, [text]);
});

// -- The end of a program --

Deno.test("run() waits for calls that nobody awaits", async () => {
  let call: Future<number> | undefined;
  const gate = new Gate();
  const end = run(async () => {
    call = getRunningLoop().runInExecutor(null, work.wait, gate.cell);
    await gate.begun();
  });
  await gate.begun();
  gate.open();
  await end;
  assertEquals(call!.result(), 1);
});

Deno.test("run() ends the thread of a call whose task it cancels", async () => {
  const gate = new Gate();
  await run(async () => {
    createTask(() => toThread(work.spin, gate.cell));
    await gate.begun();
  });
});

Deno.test("Runner keeps the default executor from one run to the next", async () => {
  await using runner = new Runner();
  const loop = runner.getLoop();
  loop.setDefaultExecutor(new WorkerPoolExecutor({ maxWorkers: 1 }));
  const [worker] = await runner.run(() => toThread(work.whoAmI));
  assertEquals(await runner.run(() => toThread(work.whoAmI)), [worker, 2]);
});

Deno.test("EventLoop.close() ends the threads of the default executor", async () => {
  const loop = newEventLoop();
  loop.setDefaultExecutor(new WorkerPoolExecutor({ maxWorkers: 1 }));
  const gate = new Gate();
  const calls = await loop.runUntilComplete(async () => {
    const spinning = loop.runInExecutor(null, work.spin, gate.cell);
    const waiting = loop.runInExecutor(null, work.add, 1, 2);
    for (const call of [spinning, waiting]) call.addDoneCallback(() => {});
    await gate.begun();
    return [spinning, waiting];
  });
  loop.close();
  assertEquals(calls.map((call) => call.done()), [false, false]);
});

Deno.test("Many calls at once all give their results", async () => {
  await run(async () => {
    const loop = getRunningLoop();
    loop.setDefaultExecutor(new WorkerPoolExecutor({ maxWorkers: 2 }));
    const add: ModuleFunction<[number, number], number> = work.add;
    const results = await gather(
      Array.from({ length: 1000 }, (_, i) => loop.runInExecutor(null, add, i, 1)),
    );
    assertEquals(results, Array.from({ length: 1000 }, (_, i) => i + 1));
  });
});
