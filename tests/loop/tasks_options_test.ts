/**
 * Options of tasks: eager start, abort signals; and task factories.
 *
 * @module
 */

import {
  allTasks,
  CancelledError,
  ContextVar,
  createEagerTaskFactory,
  createTask,
  currentTask,
  eagerTaskFactory,
  getRunningLoop,
  newEventLoop,
  sleep,
  Task,
} from "@aio/asyncio/loop";
import type { TaskFactory } from "@aio/asyncio/loop";
import { assertEquals, assertInstanceOf, assertRejects } from "../_support/assert.ts";
import { assertStrictEquals, assertThrows } from "../_support/assert.ts";
import { bothKinds, newVirtualLoop, runVirtual } from "../_support/run.ts";
import type { Steps } from "../_support/run.ts";

const eager = { eagerStart: true };

bothKinds("createTask() with eagerStart runs to the first suspension at once", {
  logs: ["starts", "created", "call_soon", "goes on", "result"],
  async: async (log) => {
    getRunningLoop().callSoon(() => log("call_soon"));
    const task = createTask(async () => {
      log("starts");
      await sleep(0);
      log("goes on");
      return "result";
    }, eager);
    log("created");
    log(await task);
  },
  generator: function* (log): Steps<void> {
    getRunningLoop().callSoon(() => log("call_soon"));
    const task = createTask(function* (): Steps<string> {
      log("starts");
      yield* sleep(0);
      log("goes on");
      return "result";
    }, eager);
    log("created");
    log(yield* task);
  },
});

bothKinds("createTask() with eagerStart runs as that task, in a copy of the context", {
  logs: ["child", "changed", "main", "parent"],
  async: async (log) => {
    const variable = new ContextVar<string>("v");
    variable.set("parent");
    currentTask()!.setName("main");
    const task = createTask(async () => {
      log(currentTask()!.getName());
      variable.set("changed");
      await sleep(0);
      return variable.get();
    }, { ...eager, name: "child" });
    const [name, value] = [currentTask()!.getName(), variable.get()];
    log(await task);
    log(name);
    log(value);
  },
  generator: function* (log): Steps<void> {
    const variable = new ContextVar<string>("v");
    variable.set("parent");
    currentTask()!.setName("main");
    const task = createTask(function* (): Steps<string> {
      log(currentTask()!.getName());
      variable.set("changed");
      yield* sleep(0);
      return variable.get();
    }, { ...eager, name: "child" });
    const [name, value] = [currentTask()!.getName(), variable.get()];
    log(yield* task);
    log(name);
    log(value);
  },
});

Deno.test("createTask() with eagerStart is done at once when a generator does not wait", async () => {
  await runVirtual(async () => {
    const done = createTask(function* (): Steps<string> {
      return "done";
    }, eager);
    assertEquals([done.done(), done.result(), allTasks().has(done)], [true, "done", false]);
    const failed = createTask(function* (): Steps<string> {
      throw new RangeError("no");
    }, eager);
    assertEquals([failed.done(), String(failed.exception())], [true, "RangeError: no"]);
    const thrown = createTask((): Promise<void> => {
      throw new RangeError("before the promise");
    }, eager);
    await assertRejects(async () => await thrown, RangeError, "before the promise");
    const asynchronous = createTask(async () => "done", eager);
    assertEquals([await asynchronous, allTasks().size], ["done", 1]);
  });
});

Deno.test("createTask() with eagerStart can be cancelled where it waits", async () => {
  await runVirtual(async () => {
    const task = createTask(() => sleep(3600), eager);
    task.cancel("msg");
    await assertRejects(async () => await task, CancelledError, "msg");
    assertEquals(getRunningLoop().time(), 0);
  });
});

Deno.test("createTask() with eagerStart waits for the loop when that does not run", async () => {
  const loop = newVirtualLoop();
  const seen: string[] = [];
  const task = loop.createTask(async () => void seen.push("runs"), eager);
  assertEquals(seen, []);
  await loop.runUntilComplete(task);
  loop.close();
  assertEquals(seen, ["runs"]);
});

Deno.test("createTask() with eagerStart nests, and gives the creator its turn back", async () => {
  await runVirtual(async () => {
    const seen: string[] = [];
    const main = currentTask();
    createTask(async () => {
      seen.push("outer starts");
      const me = currentTask();
      const inner = createTask(async () => {
        seen.push("inner starts");
        await sleep(0);
        seen.push("inner ends");
      }, eager);
      assertStrictEquals(currentTask(), me);
      seen.push("outer goes on");
      await inner;
      seen.push("outer ends");
    }, eager);
    assertStrictEquals(currentTask(), main);
    seen.push("main");
    await sleep(1);
    assertEquals(seen, [
      "outer starts",
      "inner starts",
      "outer goes on",
      "main",
      "inner ends",
      "outer ends",
    ]);
  });
});

Deno.test("createTask() with a signal is cancelled when it aborts, with its reason", async () => {
  await runVirtual(async () => {
    const reasons: [unknown, string][] = [
      [new RangeError("error"), "error"],
      ["text", "text"],
      [undefined, "The signal has been aborted"],
    ];
    for (const [reason, message] of reasons) {
      const controller = new AbortController();
      const task = createTask(() => sleep(3600), { signal: controller.signal });
      await sleep(1);
      assertEquals(task.done(), false);
      controller.abort(reason);
      const error = await assertRejects(async () => await task, CancelledError);
      assertEquals([error.message, task.cancelling()], [message, 1]);
    }
  });
});

Deno.test("createTask() with an aborted signal never starts the coroutine", async () => {
  await runVirtual(async () => {
    const seen: string[] = [];
    const signal = AbortSignal.abort("gone");
    const task = createTask(async () => void seen.push("never"), { signal });
    await assertRejects(async () => await task, CancelledError, "gone");
    assertEquals(seen, []);
  });
});

Deno.test("createTask() with a signal leaves no listener on it when it is done", async () => {
  await runVirtual(async () => {
    const { signal } = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args: Parameters<typeof addEventListener>): void => {
      listeners++;
      addEventListener.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>): void => {
      listeners--;
      removeEventListener.apply(signal, args);
    };
    const task = createTask(() => sleep(1), { signal });
    assertEquals(listeners, 1);
    await task;
    await sleep(0);
    assertEquals(listeners, 0);
  });
});

Deno.test("EventLoop.setTaskFactory() sets what makes tasks, null makes plain ones", async () => {
  class Own<T> extends Task<T> {}
  const calls: unknown[][] = [];
  const factory: TaskFactory = (loop, coroutine, options) => {
    calls.push([loop, coroutine, options]);
    return new Own(coroutine, { ...options, loop });
  };
  const work = async (): Promise<number> => 1;
  const loop = newVirtualLoop();
  assertEquals(loop.getTaskFactory(), null);
  loop.setTaskFactory(factory);
  assertStrictEquals(loop.getTaskFactory(), factory);
  await loop.runUntilComplete(async () => {
    const task = createTask(work, { name: "own" });
    assertInstanceOf(task, Own);
    assertEquals([await task, task.getName()], [1, "own"]);
    loop.setTaskFactory(null);
    const plain = createTask(work);
    assertEquals([plain instanceof Own, await plain], [false, 1]);
  });
  loop.close();
  assertEquals(calls.length, 2); // the main coroutine, too
  assertEquals(calls[1], [loop, work, { name: "own" }]);
});

Deno.test("EventLoop.setTaskFactory() throws when it is given no function", () => {
  const loop = newEventLoop();
  const error = assertThrows(() => loop.setTaskFactory(42 as never), TypeError);
  assertEquals(error.message, "Cannot set task factory: a function was expected, not 42");
  loop.close();
});

for (
  const [name, factory] of [
    ["eagerTaskFactory()", eagerTaskFactory],
    ["createEagerTaskFactory()", createEagerTaskFactory(Task)],
  ] as const
) {
  Deno.test(`${name} makes tasks that start at once, unless they are told not to`, async () => {
    await runVirtual(async () => {
      getRunningLoop().setTaskFactory(factory);
      const seen: string[] = [];
      const task = createTask(async () => void seen.push("eager"), { name: "me" });
      const later = createTask(async () => void seen.push("later"), { eagerStart: false });
      assertEquals([seen, task.getName()], [["eager"], "me"]);
      await later;
      assertEquals(seen, ["eager", "later"]);
    });
  });
}

Deno.test("eagerTaskFactory takes an eagerStart that is undefined for none", async () => {
  await runVirtual(async () => {
    const log: string[] = [];
    const nothing = { eagerStart: undefined } as object;
    for (const factory of [eagerTaskFactory, createEagerTaskFactory(Task)]) {
      getRunningLoop().setTaskFactory(factory);
      const task = createTask(async () => void log.push("task"), nothing);
      log.push("caller");
      await task;
    }
    assertEquals(log, ["task", "caller", "task", "caller"]);
  });
});
