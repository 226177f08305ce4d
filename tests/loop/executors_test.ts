/**
 * WorkerPoolExecutor: which calls run when and where, and what ends them.
 *
 * @module
 */

import {
  CancelledError,
  createTask,
  gather,
  moduleFunctions,
  run,
  RuntimeError,
  transfer,
  waitFor,
  WorkerPoolExecutor,
} from "@aio/asyncio/loop";
import type { Future } from "@aio/asyncio/loop";
import { repr } from "../../loop/_repr.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../_support/assert.ts";
import { assertStringIncludes, assertThrows } from "../_support/assert.ts";
import { Program, runProgram } from "../_support/program.ts";
import { Gate, hide, LiveWorkers } from "../_support/threads.ts";

const WORK = new URL("programs/work.ts", import.meta.url);
const work = moduleFunctions<typeof import("./programs/work.ts")>(WORK);
const live = new LiveWorkers();
Deno.test.afterEach(() => {
  Gate.openAll();
  assertEquals([...live], []);
});

/** Registers a test with a pool of some workers, which is shut down at the end. */
function poolTest(
  name: string,
  maxWorkers: number,
  main: (pool: WorkerPoolExecutor) => Promise<void>,
): void {
  Deno.test(`WorkerPoolExecutor ${name}`, async () => {
    await run(async () => {
      await using pool = new WorkerPoolExecutor({ maxWorkers });
      await main(pool);
    });
  });
}

// -- Which calls run where --

poolTest("starts calls in order, and uses a worker again", 1, async (pool) => {
  const calls = await gather(Array.from({ length: 5 }, () => pool.submit(work.whoAmI)));
  assertEquals(calls.map(([, count]) => count), [1, 2, 3, 4, 5]);
  assertEquals(new Set(calls.map(([worker]) => worker)).size, 1);
});

poolTest("starts a worker only when none is idle", 8, async (pool) => {
  const workers: string[] = [];
  for (let i = 0; i < 3; i++) workers.push((await pool.submit(work.whoAmI))[0]);
  assertEquals(new Set(workers).size, 1);
});

poolTest("has no more workers than it may have, and all of them if needed", 2, async (pool) => {
  const gate = new Gate();
  const waiting = Array.from({ length: 3 }, () => pool.submit(work.wait, gate.cell));
  const others = Array.from({ length: 4 }, () => pool.submit(work.whoAmI));
  await gate.begun(2);
  gate.open();
  assertEquals(await gather(waiting), [1, 1, 1]);
  assert(new Set((await gather(others)).map(([worker]) => worker)).size <= 2);
});

Deno.test("WorkerPoolExecutor has as many workers as there are processors", async () => {
  await run(async () => {
    await using pool = new WorkerPoolExecutor();
    const gate = new Gate();
    const { hardwareConcurrency: processors } = navigator;
    const calls = Array.from({ length: processors + 1 }, () => pool.submit(work.wait, gate.cell));
    await gate.begun(processors);
    gate.open();
    await gather(calls);
  });
});

Deno.test("new WorkerPoolExecutor() refuses a number of workers that makes no sense", () => {
  for (const maxWorkers of [0, -1, 1.5, NaN, "2" as never]) {
    const error = assertThrows(() => new WorkerPoolExecutor({ maxWorkers }), RangeError);
    assertStringIncludes(error.message, `greater than 0, not ${repr(maxWorkers)}`);
  }
});

poolTest("refuses what is no function of a module", 1, async (pool) => {
  for (const fn of [() => {}, null, undefined, "fn", { url: "file:///work.ts" }]) {
    assertThrows(() => pool.submit(fn as never), TypeError, "moduleFunctions()");
  }
});

Deno.test("WorkerPoolExecutor.submit() needs a running loop", () => {
  const pool = new WorkerPoolExecutor();
  assertThrows(() => pool.submit(work.add, 1, 2), RuntimeError, "no running event loop");
});

Deno.test("WorkerPoolExecutor.submit() takes the arguments that the function takes", () => {
  const check = (pool: WorkerPoolExecutor): Future<number> => {
    // @ts-expect-error There is no such function in the module.
    pool.submit(work.subtract, 1, 2);
    // @ts-expect-error That is not a function.
    pool.submit(work.constant);
    // @ts-expect-error It takes numbers.
    pool.submit(work.add, "1", "2");
    // @ts-expect-error It takes two numbers.
    pool.submit(work.add, 1);
    // @ts-expect-error Its result is a number, not a promise of one.
    pool.submit(work.addLater, 1, 2) satisfies Future<Promise<number>>;
    return pool.submit(work.addLater, 1, 2);
  };
  assertEquals(typeof check, "function");
});

// -- Cancelling --

poolTest("ends the worker of a call that is cancelled, and starts another", 1, async (pool) => {
  const [before] = await pool.submit(work.whoAmI);
  const gate = new Gate();
  const spinning = pool.submit(work.spin, gate.cell);
  const next = pool.submit(work.whoAmI);
  await gate.begun();
  assertEquals(spinning.cancel("enough"), true);
  await assertRejects(() => spinning, CancelledError, "enough");
  const [after, calls] = await next;
  assertEquals([after === before, calls], [false, 1]);
});

poolTest("drops a call that is cancelled before it starts", 1, async (pool) => {
  const gate = new Gate();
  const first = pool.submit(work.wait, gate.cell);
  const cancelled = [pool.submit(work.whoAmI), pool.submit(work.whoAmI)];
  const last = pool.submit(work.whoAmI);
  for (const call of cancelled) call.cancel();
  gate.open();
  assertEquals(await first, 1);
  assertEquals((await last)[1], 1);
  assertEquals(cancelled.map((call) => call.cancelled()), [true, true]);
});

poolTest("leaves the worker of a call that is done alone", 1, async (pool) => {
  const call = pool.submit(work.whoAmI);
  const [worker] = await call;
  assertEquals(call.cancel(), false);
  assertEquals(await pool.submit(work.whoAmI), [worker, 2]);
});

poolTest("ends a call when the task that awaits it is cancelled", 1, async (pool) => {
  const gate = new Gate();
  const spinners = [
    createTask(async () => await pool.submit(work.spin, gate.cell)),
    createTask(function* () {
      yield* pool.submit(work.spin, gate.cell);
    }),
  ];
  for (const [i, task] of spinners.entries()) {
    await gate.begun(i + 1);
    task.cancel();
    await assertRejects(() => task, CancelledError);
  }
  await assertRejects(() => waitFor(pool.submit(work.spin, new Gate().cell), 0.01), Error);
  assertEquals(await pool.submit(work.add, 1, 2), 3);
});

// -- Workers that die --

poolTest("rejects a call whose worker ends itself", 1, async (pool) => {
  const error = await assertRejects(() => pool.submit(work.die, "exit"), RuntimeError);
  const text = "its worker died: it exited with code 3";
  assertEquals(error.message, `Cannot finish die() of ${WORK}: ${text}`);
  assertEquals(await pool.submit(work.add, 1, 2), 3);
});

Deno.test("WorkerPoolExecutor rejects a call whose worker dies of an uncaught error", async () => {
  const program = new URL("programs/dying_workers.ts", import.meta.url);
  const { code, out, err } = await runProgram(program, ["--allow-read"]);
  const begin = `RuntimeError: Cannot finish die() of ${WORK}: its worker died:`;
  assertEquals([out.split("\n"), code], [[
    `${begin} of a timer, for RangeError: of a timer`,
    `${begin} of a promise, for RangeError: of a promise`,
    "3",
    "",
  ], 0]);
  assertMatch(err, /RangeError: of a timer/); // Deno itself shows them
});

poolTest("replaces a worker that dies while it is idle", 1, async (pool) => {
  await pool.submit(work.dieLater);
  await live.none();
  assertEquals((await pool.submit(work.whoAmI))[1], 1);
});

Deno.test("A program ends although a thread computes that was given up", async () => {
  const program = new Program(new URL("programs/given_up.ts", import.meta.url), ["--allow-read"]);
  const limit = setTimeout(() => program.signal("SIGKILL"), 20_000);
  const { code, out } = await program.end();
  clearTimeout(limit);
  assertEquals([out, code], ["TimeoutError\n", 0]);
});

// -- Hosts --

Deno.test("WorkerPoolExecutor uses the Web's workers where those of Node are missing", async () => {
  await run(async () => {
    await using pool = new WorkerPoolExecutor({ maxWorkers: 1 });
    const start = <T>(call: () => T): T => {
      using _hidden = hide("process");
      return call();
    };
    assertEquals(await start(() => pool.submit(work.addLater, 1, 2)), 3);
    const bytes = new Uint8Array([1, 2, 3]);
    assertEquals([...await pool.submit(work.passOn, transfer(bytes))], [1, 2, 3]);
    assertEquals(bytes.length, 0);
    for (const kind of ["close", "exit"]) {
      const ended = await assertRejects(
        () => start(() => pool.submit(work.die, kind)),
        RuntimeError,
      );
      assertMatch(ended.message, /its worker died: it closed itself$/);
    }
    const failed = await assertRejects(() => start(() => pool.submit(work.die, "error")), Error);
    assertMatch(failed.message, /its worker died: Uncaught RangeError: of a timer \(.*work\.ts:/);
    const gate = new Gate();
    const spinning = start(() => pool.submit(work.spin, gate.cell));
    await gate.begun();
    spinning.cancel();
    await assertRejects(() => spinning, CancelledError);
  });
});

Deno.test("WorkerPoolExecutor says so where there are no workers at all", async () => {
  await run(async () => {
    await using pool = new WorkerPoolExecutor();
    const start = (): PromiseLike<number> => {
      using _hidden = hide("Worker", "process");
      return pool.submit(work.add, 1, 2);
    };
    const error = await assertRejects(start, RuntimeError);
    assertMatch(error.message, /its worker cannot be started: this runtime has no workers$/);
    assertEquals(await pool.submit(work.add, 1, 2), 3);
  });
});

// -- Shutting down --

Deno.test("WorkerPoolExecutor.shutdown() waits for the calls, and ends the workers", async () => {
  await run(async () => {
    const pool = new WorkerPoolExecutor({ maxWorkers: 1 });
    const calls = [pool.submit(work.addLater, 1, 2), pool.submit(work.addLater, 3, 4)];
    await pool.shutdown();
    assertEquals(calls.map((call) => call.result()), [3, 7]);
    await pool.shutdown();
    const error = assertThrows(() => pool.submit(work.add, 1, 2), RuntimeError);
    assertStringIncludes(error.message, "cannot schedule new futures after shutdown");
  });
});

Deno.test("WorkerPoolExecutor.shutdown() is awaited in a generator, too", async () => {
  await run(function* () {
    const pool = new WorkerPoolExecutor({ maxWorkers: 1 });
    const call = pool.submit(work.add, 1, 2);
    yield* pool.shutdown();
    assertEquals(call.result(), 3);
  });
});

Deno.test("WorkerPoolExecutor.shutdown() need not wait", async () => {
  await run(async () => {
    const pool = new WorkerPoolExecutor({ maxWorkers: 1 });
    const gate = new Gate();
    const calls = [pool.submit(work.wait, gate.cell), pool.submit(work.wait, gate.cell)];
    await pool.shutdown({ wait: false });
    assertEquals(calls.map((call) => call.done()), [false, false]);
    gate.open();
    assertEquals(await gather(calls), [1, 1]);
    await pool.shutdown();
  });
});

Deno.test("WorkerPoolExecutor.shutdown() cancels the calls that have not started", async () => {
  await run(async () => {
    const pool = new WorkerPoolExecutor({ maxWorkers: 1 });
    const gate = new Gate();
    const calls = Array.from({ length: 3 }, () => pool.submit(work.wait, gate.cell));
    const end = pool.shutdown({ cancelFutures: true });
    assertEquals(calls.map((call) => call.cancelled()), [false, true, true]);
    gate.open();
    await end;
    assertEquals(await calls[0], 1);
  });
});

Deno.test("WorkerPoolExecutor is shut down at the end of its block, inside a loop or not", async () => {
  await using pool = new WorkerPoolExecutor({ maxWorkers: 1 });
  await run(async () => {
    await using inner = new WorkerPoolExecutor({ maxWorkers: 1 });
    const call = inner.submit(work.add, 1, 2);
    assertEquals([await call, await pool.submit(work.add, 3, 4)], [3, 7]);
  });
});

Deno.test("WorkerPoolExecutor goes on from one loop to the next", async () => {
  await using pool = new WorkerPoolExecutor({ maxWorkers: 1 });
  const gate = new Gate();
  // The loop that waits for the first call is gone, but the call is made.
  await run(async () => void pool.submit(work.wait, gate.cell).addDoneCallback(() => {}));
  gate.open();
  assertEquals((await run(() => pool.submit(work.whoAmI)))[1], 1);
});

Deno.test("WorkerPoolExecutor.shutdown() has nothing to do where nothing was called", async () => {
  await new WorkerPoolExecutor().shutdown();
  await run(() => new WorkerPoolExecutor().shutdown());
});
