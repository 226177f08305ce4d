/**
 * What a task can run, and the package's own coroutines.
 *
 * @module
 */

import {
  createTask,
  currentTask,
  gather,
  getRunningLoop,
  isCoroutine,
  isCoroutineFunction,
  newEventLoop,
  RuntimeError,
  sleep,
} from "@aio/asyncio/loop";
import { Operation, runInTask } from "../../loop/coroutines.ts";
import { assertEquals, assertRejects, assertStrictEquals } from "../_support/assert.ts";
import { bothKinds, runVirtual } from "../_support/run.ts";
import type { Steps } from "../_support/run.ts";

async function asynchronous(): Promise<void> {}
function* generator(): Steps<void> {}
const arrow = (): Promise<void> => asynchronous();

Deno.test("isCoroutine() is true for functions and generator objects", () => {
  for (const value of [asynchronous, generator, arrow, generator(), async () => {}]) {
    assertEquals(isCoroutine(value), true, String(value));
  }
});

Deno.test("isCoroutine() is false for anything else", () => {
  const loop = newEventLoop();
  const others = [42, "x", null, undefined, {}, [], [].values(), Promise.resolve(), sleep(1)];
  for (const value of [...others, loop.createFuture()]) {
    assertEquals(isCoroutine(value), false, String(value));
  }
  loop.close();
});

Deno.test("isCoroutineFunction() is true for what is written as one", () => {
  const method = { async method(): Promise<void> {} }.method;
  for (const value of [asynchronous, generator, async () => {}, method]) {
    assertEquals(isCoroutineFunction(value), true, String(value));
  }
});

Deno.test("isCoroutineFunction() is false for anything else", () => {
  for (const value of [arrow, generator(), asynchronous(), null, undefined, "x", class {}]) {
    assertEquals(isCoroutineFunction(value), false, String(value));
  }
});

Deno.test("A task runs each kind of coroutine", async () => {
  const results = await runVirtual(async () => {
    async function asynchronous(): Promise<string> {
      return "async function";
    }
    function* generator(): Steps<string> {
      return "generator function";
    }
    function* object(): Steps<string> {
      return "generator object";
    }
    const future = getRunningLoop().createFuture<string>();
    future.setResult("future");
    return await gather([
      createTask(asynchronous),
      createTask(generator),
      createTask(object()),
      createTask(() => asynchronous()),
      createTask(() => generator()),
      createTask(() => Promise.resolve("promise")),
      createTask(() => future),
      createTask(() => sleep(1, "operation")),
      createTask(() => ({ then: (resolve) => resolve!("thenable") } as PromiseLike<string>)),
    ]);
  });
  assertEquals(results, [
    "async function",
    "generator function",
    "generator object",
    "async function",
    "generator function",
    "promise",
    "future",
    "operation",
    "thenable",
  ]);
});

Deno.test("A generator that waits for promises gets what they give", async () => {
  const seen = await runVirtual(function* (): Steps<unknown[]> {
    const value = yield Promise.resolve("value");
    let error: unknown;
    try {
      yield Promise.reject(new RangeError("rejected"));
    } catch (thrown) {
      error = thrown;
    }
    return [value, String(error)];
  });
  assertEquals(seen, ["value", "RangeError: rejected"]);
});

Deno.test("A generator that yields nothing lets a turn pass", async () => {
  const seen: string[] = [];
  await runVirtual(function* (): Steps<void> {
    getRunningLoop().callSoon(() => seen.push("turn"));
    yield;
    seen.push("undefined");
    getRunningLoop().callSoon(() => seen.push("turn"));
    yield null as unknown as undefined;
    seen.push("null");
  });
  assertEquals(seen, ["turn", "undefined", "turn", "null"]);
});

Deno.test("A generator that yields a future gets its result by looking at it", async () => {
  const seen = await runVirtual(function* (): Steps<unknown> {
    const future = getRunningLoop().createFuture<string>();
    getRunningLoop().callSoon(() => future.setResult("x"));
    const sent = yield future;
    return [sent, future.result()];
  });
  assertEquals(seen, [undefined, "x"]);
});

Deno.test("A generator that yields what can't be awaited gets a RuntimeError, and may go on", async () => {
  for (const [bad, text] of [[42, "42"], ["x", "'x'"], [{}, "{...}"], [false, "false"]]) {
    const seen = await runVirtual(function* (): Steps<unknown> {
      try {
        return yield bad as unknown as undefined;
      } catch (error) {
        yield* sleep(0);
        return String(error);
      }
    });
    assertEquals(seen, `RuntimeError: Cannot suspend: Task got bad yield: ${text}`);
  }
});

bothKinds("Operation starts when it is awaited, in the task that awaits it", {
  logs: ["created", "started", "done"],
  async: async (log) => {
    const task = currentTask();
    const operation = new Operation(function* (): Steps<string> {
      log("started");
      yield* sleep(1);
      assertStrictEquals(currentTask(), task);
      return "done";
    });
    log("created");
    await sleep(1);
    log(await operation);
  },
  generator: function* (log): Steps<void> {
    const task = currentTask();
    const operation = new Operation(function* (): Steps<string> {
      log("started");
      yield* sleep(1);
      assertStrictEquals(currentTask(), task);
      return "done";
    });
    log("created");
    yield* sleep(1);
    log(yield* operation);
  },
});

bothKinds("Operation gives and throws at once when nothing in it waits", {
  logs: ["at once", "RangeError: no", "call_soon"],
  async: async (log) => {
    getRunningLoop().callSoon(() => log("call_soon"));
    log(
      await new Operation(function* (): Steps<string> {
        return "at once";
      }),
    );
    try {
      await new Operation(function* (): Steps<void> {
        throw new RangeError("no");
      });
    } catch (error) {
      log(String(error));
    }
    await sleep(0);
  },
  generator: function* (log): Steps<void> {
    getRunningLoop().callSoon(() => log("call_soon"));
    log(
      yield* new Operation(function* (): Steps<string> {
        return "at once";
      }),
    );
    try {
      yield* new Operation(function* (): Steps<void> {
        throw new RangeError("no");
      });
    } catch (error) {
      log(String(error));
    }
    yield* sleep(0);
  },
});

bothKinds("Operation can be awaited once", {
  logs: ["RuntimeError: Cannot await twice: the coroutine was awaited already"],
  async: async (log) => {
    const operation = new Operation(generator);
    await operation;
    await operation.then(undefined, (error) => log(String(error)));
  },
  generator: function* (log): Steps<void> {
    const operation = new Operation(generator);
    yield* operation;
    try {
      yield* operation;
    } catch (error) {
      log(String(error));
    }
  },
});

Deno.test("Operation is cancelled where it waits, and cleans up", async () => {
  const seen: string[] = [];
  await runVirtual(async () => {
    const task = createTask(async () =>
      await new Operation(function* (): Steps<void> {
        try {
          yield* sleep(3600);
        } finally {
          seen.push("cleanup starts");
          yield* sleep(1);
          seen.push("cleanup ends");
        }
      })
    );
    await sleep(0);
    task.cancel("msg");
    await assertRejects(async () => await task, Error, "msg");
    assertEquals([task.cancelled(), getRunningLoop().time()], [true, 1]);
  });
  assertEquals(seen, ["cleanup starts", "cleanup ends"]);
});

Deno.test("Operation may wait for a promise; a cancellation comes with what it waits for next", async () => {
  const seen: unknown[] = [];
  await runVirtual(async () => {
    const task = createTask(async () =>
      await new Operation(function* (): Steps<void> {
        seen.push(yield new Promise((resolve) => setImmediate(() => resolve("promise"))));
        yield* sleep(3600);
      })
    );
    await sleep(0);
    task.cancel("msg");
    await assertRejects(async () => await task, Error, "msg");
  });
  assertEquals(seen, ["promise"]);
});

Deno.test("Operation may be awaited in a callback, outside of any task", async () => {
  const seen: unknown[] = [];
  await runVirtual(async () => {
    getRunningLoop().callSoon(async () => {
      seen.push(await sleep(2, "slept"), currentTask(), getRunningLoop().time());
    });
    await sleep(3);
  });
  assertEquals(seen, ["slept", null, 2]);
});

Deno.test("Operation.then() chains", async () => {
  const seen = await runVirtual(async () => {
    const doubled = sleep(1, 21).then((value) => value * 2);
    const rescued = sleep(1, 1)
      .then(() => {
        throw new RangeError("no");
      })
      .then(undefined, String);
    return [await doubled, await doubled, await rescued];
  });
  assertEquals(seen, [42, 42, "RangeError: no"]);
});

Deno.test("Operation.then() rejects when no loop runs", async () => {
  const operation = new Operation(generator);
  const error = await assertRejects(() => operation.then(), RuntimeError);
  assertEquals(error.message, "Cannot await: no running event loop; run() starts one");
});

Deno.test("runInTask() runs each kind of coroutine within the running task", async () => {
  const seen = await runVirtual(function* (): Steps<unknown[]> {
    const me = currentTask();
    const isMine = (name: string): string => `${name} ${currentTask() === me}`;
    function* object(): Steps<string> {
      yield* sleep(1);
      return isMine("generator");
    }
    const asynchronous = async (): Promise<string> => {
      await sleep(1);
      return isMine("async function");
    };
    return [
      yield* runInTask(asynchronous),
      yield* runInTask(object),
      yield* runInTask(object()),
      yield* runInTask(sleep(1, "operation")),
      yield* runInTask(Promise.resolve("promise")),
      getRunningLoop().time(),
    ];
  });
  const names = ["async function true", "generator true", "generator true"];
  assertEquals(seen, [...names, "operation", "promise", 4]);
});

Deno.test("runInTask() passes on what the coroutine throws, and cancellations", async () => {
  await runVirtual(async () => {
    const failing = createTask(() =>
      runInTask(async () => {
        throw new RangeError("no");
      })
    );
    await assertRejects(async () => await failing, RangeError, "no");
    const seen: string[] = [];
    const cancelled = createTask(() =>
      runInTask(async () => {
        try {
          await sleep(3600);
        } finally {
          seen.push("cleanup");
        }
      })
    );
    await sleep(0);
    cancelled.cancel("msg");
    await assertRejects(async () => await cancelled, Error, "msg");
    assertEquals([seen, cancelled.cancelled()], [["cleanup"], true]);
  });
});

Deno.test("runInTask() throws when it is given what can't be awaited", async () => {
  await runVirtual(function* (): Steps<void> {
    for (const [value, shown] of [[{}, "{...}"], [null, "null"], [42, "42"]] as const) {
      let thrown: unknown = null;
      try {
        yield* runInTask((() => value) as unknown as () => Promise<void>);
      } catch (error) {
        thrown = error;
      }
      const text = `Cannot await: a coroutine or a promise was expected, not ${shown}`;
      assertEquals(String(thrown), `TypeError: ${text}`);
    }
  });
});
