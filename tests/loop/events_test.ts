/**
 * Loops and how to get them, tasks and futures made by the loop, signals.
 *
 * @module
 */

import {
  createTask,
  ensureFuture,
  EventLoop,
  Future,
  getEventLoop,
  getRunningLoop,
  newEventLoop,
  RuntimeError,
  setEventLoop,
  sleep,
  Task,
} from "@aio/asyncio/loop";
import { repr } from "../../loop/_repr.ts";
import { assertEquals, assertInstanceOf, assertRejects } from "../_support/assert.ts";
import { assertNotStrictEquals, assertStrictEquals, assertThrows } from "../_support/assert.ts";
import { Program } from "../_support/program.ts";
import { newVirtualLoop, oneTurn, runVirtual } from "../_support/run.ts";
import type { Steps } from "../_support/run.ts";

Deno.test("newEventLoop() creates a loop each time, which does not run", () => {
  const [a, b] = [newEventLoop(), newEventLoop()];
  assertNotStrictEquals(a, b);
  assertInstanceOf(a, EventLoop);
  assertEquals([a.isRunning(), a.isClosed(), a.getDebug()], [false, false, false]);
  a.close();
  b.close();
});

Deno.test("newEventLoop() sets debug mode when it is told to", () => {
  const loop = newEventLoop({ debug: true });
  assertEquals(loop.getDebug(), true);
  loop.setDebug(false);
  assertEquals(loop.getDebug(), false);
  assertEquals(String(loop), "<EventLoop running=false closed=false debug=false>");
  loop.close();
});

Deno.test("getEventLoop() creates a loop once while none runs", () => {
  setEventLoop(null);
  const loop = getEventLoop();
  assertStrictEquals(getEventLoop(), loop);
  assertEquals([loop.isRunning(), loop.isClosed()], [false, false]);
  loop.close();
  assertStrictEquals(getEventLoop(), loop);
  setEventLoop(null);
  assertNotStrictEquals(getEventLoop(), loop);
  getEventLoop().close();
  setEventLoop(null);
});

Deno.test("getEventLoop() returns the loop that was set, or rather the one that runs", async () => {
  const [set, runs] = [newVirtualLoop(), newVirtualLoop()];
  setEventLoop(set);
  assertStrictEquals(getEventLoop(), set);
  await runs.runUntilComplete(async () => {
    assertStrictEquals(getEventLoop(), runs);
    await sleep(0);
    assertStrictEquals(getEventLoop(), runs);
  });
  assertStrictEquals(getEventLoop(), set);
  setEventLoop(null);
  set.close();
  runs.close();
});

Deno.test("getRunningLoop() returns the loop in callbacks and tasks", async () => {
  const loop = newVirtualLoop();
  const seen: EventLoop[] = [];
  loop.callSoon(() => seen.push(getRunningLoop()));
  await loop.runUntilComplete(async () => {
    seen.push(getRunningLoop());
    await Promise.resolve();
    seen.push(getRunningLoop());
    await sleep(1);
    seen.push(getRunningLoop());
  });
  loop.close();
  assertEquals(seen.map((other) => other === loop), [true, true, true, true]);
});

Deno.test("getRunningLoop() throws when no loop runs", async () => {
  const text = "Cannot get loop: no running event loop; run() starts one";
  assertEquals(assertThrows(getRunningLoop, RuntimeError).message, text);
  const loop = newVirtualLoop();
  await oneTurn(loop);
  assertEquals(assertThrows(getRunningLoop, RuntimeError).message, text);
  loop.close();
});

Deno.test("EventLoop.createFuture() creates a pending future of the loop", () => {
  const loop = newVirtualLoop();
  const future = loop.createFuture<number>();
  assertInstanceOf(future, Future);
  assertEquals([future.done(), future.getLoop() === loop], [false, true]);
  loop.close();
});

Deno.test("EventLoop.createTask() takes a name and works before the loop runs", async () => {
  const loop = newVirtualLoop();
  const task = loop.createTask(async () => 5, { name: "five" });
  assertInstanceOf(task, Task);
  assertEquals([task.getName(), task.done(), task.getLoop() === loop], ["five", false, true]);
  await oneTurn(loop);
  assertEquals(task.result(), 5);
  loop.close();
});

Deno.test("EventLoop.createTask() throws when it is not given a coroutine", () => {
  const loop = newVirtualLoop();
  const nonsense: [unknown, string][] = [
    [42, "42"],
    [null, "null"],
    [Promise.resolve(), "<Promise>"],
    ["work", "'work'"],
    [sleep(1), "<Sleep>"],
    [loop.createFuture(), "<Future pending>"],
  ];
  for (const [value, text] of nonsense) {
    const error = assertThrows(() => loop.createTask(value as () => Promise<void>), TypeError);
    assertEquals(
      error.message,
      `Cannot create task: a coroutine was expected, such as () => work(), not ${text}`,
    );
  }
  loop.close();
});

Deno.test("createTask() throws when no loop runs", () => {
  const error = assertThrows(() => createTask(async () => {}), RuntimeError);
  assertEquals(error.message, "Cannot get loop: no running event loop; run() starts one");
});

Deno.test("EventLoop.runUntilComplete() gives the result of what can be awaited", async () => {
  const loop = newVirtualLoop();
  const future = loop.createFuture<string>();
  loop.callLater(1, () => future.setResult("future"));
  const results = [
    await loop.runUntilComplete(async () => "async function"),
    await loop.runUntilComplete(function* (): Steps<string> {
      return "generator";
    }),
    await loop.runUntilComplete(sleep(1, "operation")),
    await loop.runUntilComplete(future),
    await loop.runUntilComplete(future),
    await loop.runUntilComplete(Promise.resolve("promise")),
  ];
  loop.close();
  assertEquals(results, [
    "async function",
    "generator",
    "operation",
    "future",
    "future",
    "promise",
  ]);
});

Deno.test("EventLoop.runUntilComplete() throws what the coroutine throws", async () => {
  const loop = newVirtualLoop();
  await assertRejects(
    () =>
      loop.runUntilComplete(async () => {
        throw new RangeError("thrown");
      }),
    RangeError,
    "thrown",
  );
  await assertRejects(
    () => loop.runUntilComplete(Promise.reject(new URIError("p"))),
    URIError,
    "p",
  );
  assertEquals(loop.isRunning(), false);
  loop.close();
});

Deno.test("EventLoop.runUntilComplete() throws when the loop is stopped before", async () => {
  const loop = newVirtualLoop();
  const future = loop.createFuture<string>();
  loop.callSoon(() => loop.stop());
  const error = await assertRejects(() => loop.runUntilComplete(future), RuntimeError);
  assertEquals(
    error.message,
    "Cannot return the result: Event loop stopped before Future completed.",
  );
  // The first run left nothing that would stop the next one.
  loop.callSoon(() => future.setResult("later"));
  loop.callLater(1, () => loop.stop());
  await loop.runForever();
  assertEquals([future.result(), loop.time()], ["later", 1]);
  loop.close();
});

Deno.test("EventLoop.runUntilComplete() throws when the future is of another loop", async () => {
  const [loop, other] = [newVirtualLoop(), newVirtualLoop()];
  const future = other.createFuture<number>();
  const error = await assertRejects(() => loop.runUntilComplete(future), RangeError);
  assertEquals(error.message, "Cannot await <Future pending>: it belongs to a different loop");
  loop.close();
  other.close();
});

Deno.test("EventLoop.runUntilComplete() throws when it is given what can't be awaited", async () => {
  const loop = newVirtualLoop();
  for (const value of [42, null, undefined, {}, [1]]) {
    const error = await assertRejects(
      () => loop.runUntilComplete(value as Promise<void>),
      TypeError,
    );
    const expected = "Cannot await: a future, a coroutine, or a promise is required";
    assertEquals(error.message, `${expected}, not ${repr(value)}`);
  }
  loop.close();
});

// Python reports them when they are garbage-collected; here a loop keeps its tasks to its end.
Deno.test("parity: 78 EventLoop.close() reports the tasks that will never be done, once", async () => {
  const loop = newVirtualLoop();
  const reports: unknown[] = [];
  loop.setExceptionHandler((_loop, { message, task }) => reports.push([message, task]));
  const task = loop.createTask(async () => await sleep(3600));
  const generator = loop.createTask(function* (): Steps<void> {
    yield* sleep(3600);
  });
  const done = loop.createTask(async () => {});
  await oneTurn(loop);
  loop.close();
  loop.close();
  assertEquals(done.done(), true);
  const message = "Task was destroyed but it is pending!";
  assertEquals(reports, [[message, task], [message, generator]]);
});

Deno.test("EventLoop.close() does not report the coroutine of a run that was stopped", async () => {
  const loop = newVirtualLoop();
  const reports: unknown[] = [];
  loop.setExceptionHandler((_loop, context) => reports.push(context));
  loop.callSoon(() => loop.stop());
  await assertRejects(() => loop.runUntilComplete(() => sleep(3600)), RuntimeError);
  loop.close();
  assertEquals(reports, []); // the error has told of it
});

Deno.test("ensureFuture() returns a future as it is", () => {
  const loop = newVirtualLoop();
  const future = loop.createFuture();
  assertStrictEquals(ensureFuture(future), future); // even while no loop runs
  loop.close();
});

Deno.test("ensureFuture() makes a task of a coroutine", async () => {
  await runVirtual(async () => {
    const loop = getRunningLoop();
    const tasks = [
      ensureFuture(async () => 1),
      ensureFuture(sleep(1, 2)),
      ensureFuture(function* (): Steps<number> {
        return 3;
      }),
    ];
    for (const task of tasks) assertInstanceOf(task, Task);
    assertEquals([await tasks[0], await tasks[1], await tasks[2]], [1, 2, 3]);
    assertEquals(loop.time(), 1);
  });
});

Deno.test("ensureFuture() makes a future that ends as the promise does", async () => {
  await runVirtual(async () => {
    const resolved = ensureFuture(Promise.resolve("yes"));
    assertInstanceOf(resolved, Future);
    assertEquals(resolved instanceof Task, false);
    assertEquals(await resolved, "yes");
    const rejected = ensureFuture(Promise.reject(new RangeError("no")));
    await assertRejects(async () => await rejected, RangeError, "no");
  });
});

Deno.test("ensureFuture() makes a future that can be cancelled, whatever the promise does", async () => {
  await runVirtual(async () => {
    for (const settle of ["resolve", "reject"] as const) {
      const { promise, ...settlers } = Promise.withResolvers<null>();
      const future = ensureFuture(promise);
      assertEquals(future.cancel("msg"), true);
      settlers[settle](null);
      await Promise.resolve();
      await assertRejects(async () => await future, Error, "msg");
    }
  });
});

Deno.test("ensureFuture() throws when a loop is needed and none runs", () => {
  assertThrows(
    () => ensureFuture(async () => {}),
    RuntimeError,
    "no running event loop; run() starts one",
  );
});

Deno.test("ensureFuture() throws when it is given what can't be awaited", async () => {
  await runVirtual(async () => {
    assertThrows(() => ensureFuture(42 as unknown as Promise<void>), TypeError, "not 42");
  });
});

// That CPython removes a signal handler whose handle was cancelled is internal: callers get no
// handle.
Deno.test("parity: 148 EventLoop.addSignalHandler() throws when it is given a coroutine function", () => {
  const loop = newVirtualLoop();
  for (const coroutine of [async () => {}, function* (): Steps<void> {}]) {
    const error = assertThrows(() => loop.addSignalHandler("SIGUSR1", coroutine), TypeError);
    const text = "Cannot add signal handler: coroutines cannot be used with signals";
    assertEquals(error.message, text);
  }
  loop.close();
});

Deno.test("EventLoop.addSignalHandler() throws when it is given what is no signal", () => {
  const loop = newVirtualLoop();
  const shown = { FOO: "'FOO'", sigterm: "'sigterm'", exit: "'exit'", 15: "15" };
  for (const [name, text] of Object.entries(shown)) {
    const signal = name === "15" ? 15 as unknown as string : name;
    const error = assertThrows(() => loop.addSignalHandler(signal, () => {}), TypeError);
    const message = `Cannot add signal handler: a name such as "SIGTERM" was expected, not ${text}`;
    assertEquals(error.message, message);
    assertEquals(loop.removeSignalHandler(signal), false);
  }
  assertThrows(() => loop.addSignalHandler("SIGFOO", () => {}), TypeError, "SIGFOO");
  loop.close();
});

Deno.test("EventLoop.addSignalHandler() throws when the loop is closed", () => {
  const loop = newVirtualLoop();
  loop.close();
  assertThrows(() => loop.addSignalHandler("SIGUSR1", () => {}), RuntimeError, "is closed");
});

Deno.test("EventLoop.close() removes the signal handlers", () => {
  const loop = newVirtualLoop();
  loop.addSignalHandler("SIGUSR1", () => {});
  loop.close(); // the test runner would find a listener that is left
  assertEquals(loop.removeSignalHandler("SIGUSR1"), false);
});

Deno.test("EventLoop.removeSignalHandler() tells whether there was one", () => {
  const loop = newVirtualLoop();
  assertEquals(loop.removeSignalHandler("SIGUSR1"), false);
  loop.addSignalHandler("SIGUSR1", () => {});
  loop.addSignalHandler("SIGUSR1", () => {}); // replaces the first
  assertEquals(loop.removeSignalHandler("SIGUSR1"), true);
  assertEquals(loop.removeSignalHandler("SIGUSR1"), false);
  loop.close();
});

Deno.test("EventLoop.addSignalHandler() calls the callback on each signal, in its context", async () => {
  const program = new Program(new URL("programs/signals.ts", import.meta.url));
  assertEquals(await program.line(), "ready");
  program.signal("SIGUSR1");
  assertEquals(await program.line(), "second a b in context");
  program.signal("SIGUSR1");
  assertEquals(await program.line(), "second a b in context");
  program.signal("SIGTERM");
  assertEquals(await program.line(), "terminated");
  // close() has removed the handlers: now the signal has its default effect.
  assertEquals(await program.line(), "closed");
  program.signal("SIGUSR1");
  const { signal, err } = await program.end();
  assertEquals([signal, err], ["SIGUSR1", ""]);
});
