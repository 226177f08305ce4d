/**
 * Futures: their states, their callbacks, and awaiting them.
 *
 * @module
 */

import {
  CancelledError,
  Context,
  ContextVar,
  createTask,
  Future,
  getRunningLoop,
  InvalidStateError,
  isFuture,
  newEventLoop,
  run,
  RuntimeError,
  sleep,
} from "@aio/asyncio/loop";
import { assert, assertEquals, assertInstanceOf } from "../_support/assert.ts";
import { assertStrictEquals, assertThrows } from "../_support/assert.ts";
import { bothKinds, newVirtualLoop, oneTurn, runVirtual } from "../_support/run.ts";
import type { Steps } from "../_support/run.ts";

Deno.test("Future belongs to the loop that runs, or to the given one", async () => {
  const loop = newVirtualLoop();
  await runVirtual(async () => {
    assertStrictEquals(new Future().getLoop(), getRunningLoop());
    assertStrictEquals(new Future({ loop }).getLoop(), loop);
  });
  const error = assertThrows(() => new Future(), RuntimeError);
  assertEquals(
    error.message,
    "Cannot create future without a loop: no running event loop; run() starts one",
  );
  loop.close();
});

Deno.test("Future.result() and exception() throw when the future is pending", () => {
  const loop = newVirtualLoop();
  const future = loop.createFuture();
  const noResult = assertThrows(() => future.result(), InvalidStateError);
  assertEquals(noResult.message, "Cannot get result: Result is not set.");
  const noException = assertThrows(() => future.exception(), InvalidStateError);
  assertEquals(noException.message, "Cannot get exception: Exception is not set.");
  assertEquals([future.done(), future.cancelled()], [false, false]);
  loop.close();
});

Deno.test("Future.setResult() ends the future", () => {
  const loop = newVirtualLoop();
  for (const value of [1, undefined, null, [], new Error("a result")]) {
    const future = loop.createFuture<unknown>();
    future.setResult(value);
    assertStrictEquals(future.result(), value);
    assertEquals([future.exception(), future.done(), future.cancelled()], [null, true, false]);
  }
  loop.close();
});

Deno.test("Future.setException() ends the future", () => {
  const loop = newVirtualLoop();
  for (const thrown of [new RangeError("no"), "text", 0, undefined, null]) {
    const future = loop.createFuture<unknown>();
    future.setException(thrown);
    let caught: unknown = "nothing";
    try {
      future.result();
    } catch (error) {
      caught = error;
    }
    assertStrictEquals(caught, thrown);
    assertStrictEquals(future.exception(), thrown);
    assertEquals([future.done(), future.cancelled()], [true, false]);
  }
  loop.close();
});

Deno.test("Future.setException() instantiates a class of errors", () => {
  const loop = newVirtualLoop();
  const future = loop.createFuture();
  future.setException(RangeError);
  assertInstanceOf(future.exception(), RangeError);
  const other = loop.createFuture();
  const notAnError = class {};
  other.setException(notAnError);
  assertStrictEquals(other.exception(), notAnError);
  loop.close();
});

Deno.test("Future.cancel() ends the future with a CancelledError and its message", () => {
  const loop = newVirtualLoop();
  for (const message of ["why", undefined]) {
    const future = loop.createFuture();
    assertEquals(message === undefined ? future.cancel() : future.cancel(message), true);
    assertEquals([future.done(), future.cancelled()], [true, true]);
    for (const look of [() => future.result(), () => future.exception()]) {
      assertEquals(assertThrows(look, CancelledError).message, message ?? "");
    }
  }
  loop.close();
});

Deno.test("Future.cancel() returns false when the future is done", () => {
  const loop = newVirtualLoop();
  const [done, failed, cancelled] = [1, 2, 3].map(() => loop.createFuture<number>());
  done!.setResult(1);
  failed!.setException(new RangeError("no"));
  cancelled!.cancel("first");
  const answers = [done, failed, cancelled].map((future) => future!.cancel("late"));
  assertEquals(answers, [false, false, false]);
  assertEquals(done!.result(), 1);
  assertThrows(() => failed!.result(), RangeError, "no");
  assertThrows(() => cancelled!.result(), CancelledError, "first");
  loop.close();
});

Deno.test("Future.setResult() and setException() throw when the future is done", () => {
  const loop = newVirtualLoop();
  const future = loop.createFuture<number>();
  future.setResult(1);
  const text = "Cannot settle future: invalid state: <Future finished result=1>";
  assertEquals(assertThrows(() => future.setResult(2), InvalidStateError).message, text);
  assertEquals(assertThrows(() => future.setException("x"), InvalidStateError).message, text);
  const cancelled = loop.createFuture<number>();
  cancelled.cancel();
  assertThrows(() => cancelled.setResult(2), InvalidStateError, "<Future cancelled>");
  assertEquals(future.result(), 1);
  loop.close();
});

Deno.test("Future.addDoneCallback() calls with the future, in order, never at once", async () => {
  const loop = newVirtualLoop();
  const future = loop.createFuture<string>();
  const seen: string[] = [];
  future.addDoneCallback((f) => seen.push(`1 ${f.result()}`));
  future.addDoneCallback((f) => seen.push(`2 ${f === future}`));
  future.setResult("x");
  future.addDoneCallback(() => seen.push("3"));
  assertEquals(seen, []);
  await oneTurn(loop);
  assertEquals(seen, ["1 x", "2 true", "3"]);
  await oneTurn(loop);
  assertEquals(seen.length, 3);
  loop.close();
});

Deno.test("Future.addDoneCallback() calls for each end of the future", async () => {
  const loop = newVirtualLoop();
  const seen: string[] = [];
  const [failed, cancelled] = [loop.createFuture(), loop.createFuture()];
  failed.addDoneCallback((f) => seen.push(String(f.exception())));
  cancelled.addDoneCallback((f) => seen.push(`cancelled ${f.cancelled()}`));
  cancelled.cancel();
  failed.setException(new RangeError("no"));
  await oneTurn(loop);
  loop.close();
  assertEquals(seen, ["cancelled true", "RangeError: no"]);
});

Deno.test("Future.addDoneCallback() calls in the given context", async () => {
  const loop = newVirtualLoop();
  const variable = new ContextVar("v", { defaultValue: "none" });
  const context = new Context();
  context.run(() => variable.set("given"));
  const seen: string[] = [];
  const future = loop.createFuture<null>();
  future.addDoneCallback(() => seen.push(variable.get()), { context });
  future.addDoneCallback(() => seen.push(variable.get()));
  future.setResult(null);
  await oneTurn(loop);
  loop.close();
  assertEquals(seen, ["given", "none"]);
});

Deno.test("Future.removeDoneCallback() removes every one, and tells how many", async () => {
  const loop = newVirtualLoop();
  const seen: string[] = [];
  const [a, b] = ["a", "b"].map((name) => (): void => void seen.push(name));
  const future = loop.createFuture<null>();
  assertEquals(future.removeDoneCallback(a!), 0);
  future.addDoneCallback(a!);
  assertEquals([future.removeDoneCallback(b!), future.removeDoneCallback(a!)], [0, 1]);
  for (const each of [a!, b!, a!, b!, a!]) future.addDoneCallback(each);
  assertEquals([future.removeDoneCallback(a!), future.removeDoneCallback(a!)], [3, 0]);
  future.addDoneCallback(a!);
  future.setResult(null);
  assertEquals(future.removeDoneCallback(a!), 0); // the calls are already scheduled
  await oneTurn(loop);
  loop.close();
  assertEquals(seen, ["b", "b", "a"]);
});

Deno.test("Future.removeDoneCallback() leaves the tasks that wait", async () => {
  await runVirtual(async () => {
    const future = getRunningLoop().createFuture<string>();
    const callback = (): void => {};
    const before = createTask(() => future);
    await sleep(0);
    future.addDoneCallback(callback);
    const after = createTask(async () => await future);
    await sleep(0);
    assertEquals(future.removeDoneCallback(callback), 1);
    future.setResult("x");
    assertEquals([await before, await after], ["x", "x"]);
  });
});

bothKinds("Future is awaited", {
  logs: ["result", "RangeError: no", "CancelledError: why", "undefined"],
  async: async (log) => {
    const loop = getRunningLoop();
    const [result, failed, cancelled, thrown] = [1, 2, 3, 4].map(() => loop.createFuture());
    loop.callLater(1, () => result!.setResult("result"));
    loop.callLater(2, () => failed!.setException(new RangeError("no")));
    loop.callLater(3, () => cancelled!.cancel("why"));
    loop.callLater(4, () => thrown!.setException(undefined));
    for (const future of [result, failed, cancelled, thrown]) {
      try {
        log(await future!);
      } catch (error) {
        log(String(error));
      }
    }
  },
  generator: function* (log): Steps<void> {
    const loop = getRunningLoop();
    const [result, failed, cancelled, thrown] = [1, 2, 3, 4].map(() => loop.createFuture());
    loop.callLater(1, () => result!.setResult("result"));
    loop.callLater(2, () => failed!.setException(new RangeError("no")));
    loop.callLater(3, () => cancelled!.cancel("why"));
    loop.callLater(4, () => thrown!.setException(undefined));
    for (const future of [result, failed, cancelled, thrown]) {
      try {
        log(yield* future!);
      } catch (error) {
        log(String(error));
      }
    }
  },
});

bothKinds("Future of another loop can't be awaited", {
  logs: ["Cannot await <Future pending>: it belongs to a different loop", "RuntimeError", "done"],
  async: async (log) => {
    const other = newEventLoop();
    const future = other.createFuture<string>();
    try {
      await future;
    } catch (error) {
      assertInstanceOf(error, RuntimeError);
      log(error.message);
      log(error.name);
    }
    future.setResult("done"); // then there is no need to wait
    log(await future);
    other.close();
  },
  generator: function* (log): Steps<void> {
    const other = newEventLoop();
    const future = other.createFuture<string>();
    try {
      yield* future;
    } catch (error) {
      assertInstanceOf(error, RuntimeError);
      log(error.message);
      log(error.name);
    }
    future.setResult("done");
    log(yield* future);
    other.close();
  },
});

Deno.test("Future[Symbol.iterator]() throws when its step is taken before the future is done", () => {
  const loop = newVirtualLoop();
  const steps = loop.createFuture()[Symbol.iterator]();
  steps.next();
  const error = assertThrows(() => steps.next(), RuntimeError);
  assertEquals(error.message, "Cannot go on: await wasn't used with future");
  loop.close();
});

Deno.test("Future[Symbol.iterator]() is iterable itself, as all generators are", async () => {
  const seen = await run(function* () {
    const loop = getRunningLoop();
    const future = loop.createFuture<string>();
    loop.callSoon(() => future.setResult("future"));
    const steps = future[Symbol.iterator]();
    const turn = sleep(0, "turn")[Symbol.iterator]();
    return [yield* steps, yield* turn, yield* sleep(0)[Symbol.iterator]()];
  });
  assertEquals(seen, ["future", "turn", undefined]);
});

Deno.test("Future.then() calls in a turn of the loop, outside of any task", async () => {
  const loop = newVirtualLoop();
  const future = loop.createFuture<string>();
  const seen: string[] = [];
  future.then((value) => seen.push(value));
  future.then(undefined, () => seen.push("never"));
  future.setResult("x");
  await Promise.resolve();
  assertEquals(seen, []);
  await oneTurn(loop);
  assertEquals(seen, ["x"]);
  loop.close();
});

Deno.test("Future.then() chains as a promise does", async () => {
  const loop = newVirtualLoop();
  const fulfilled = loop.createFuture<number>();
  const rejected = loop.createFuture<number>();
  const settled = loop.createFuture<number>();
  settled.setResult(1);
  const bad = (): never => {
    throw new RangeError("thrown in then");
  };
  const chains = [
    fulfilled.then((value) => value + 1).then((value) => value * 10),
    fulfilled.then().then(),
    fulfilled.then(() => Promise.resolve("promise")),
    fulfilled.then(bad).then(undefined, String),
    rejected.then(() => "never").then(undefined, String),
    rejected.then(undefined, String),
    rejected.then(null, bad).then(null, String),
    settled.then((value) => value + 1).then((value) => value * 10),
    settled.then(bad).then(undefined, String),
  ];
  fulfilled.setResult(1);
  rejected.setException(new URIError("no"));
  await oneTurn(loop);
  loop.close();
  assertEquals(await Promise.all(chains), [
    20,
    1,
    "promise",
    "RangeError: thrown in then",
    "URIError: no",
    "URIError: no",
    "RangeError: thrown in then",
    20,
    "RangeError: thrown in then",
  ]);
});

Deno.test("Future.then() can be chained on when it is over", async () => {
  const loop = newVirtualLoop();
  const future = loop.createFuture<number>();
  const next = future.then((value) => value + 1);
  future.setResult(1);
  await oneTurn(loop);
  loop.close();
  assertEquals([await next, await next.then((value) => value + 1), await next], [2, 3, 2]);
});

Deno.test("Future.then() leaves an error that nobody takes to the host", async () => {
  const unhandled: unknown[] = [];
  const onUnhandled = (event: PromiseRejectionEvent): void => {
    event.preventDefault();
    unhandled.push(event.reason);
  };
  addEventListener("unhandledrejection", onUnhandled);
  const loop = newVirtualLoop();
  const failed = loop.createFuture<null>();
  const fulfilled = loop.createFuture<null>();
  failed.then(() => {});
  fulfilled.then(() => {
    throw new URIError("thrown in then");
  });
  failed.setException("exception");
  fulfilled.setResult(null);
  await oneTurn(loop);
  await new Promise((resolve) => setImmediate(resolve));
  removeEventListener("unhandledrejection", onUnhandled);
  loop.close();
  assertEquals(unhandled.map(String), ["exception", "URIError: thrown in then"]);
});

Deno.test("Future prints as Python prints it, in console.log too", () => {
  const loop = newVirtualLoop();
  const [pending, done, failed, cancelled] = [1, 2, 3, 4].map(() => loop.createFuture<string>());
  done!.setResult("x");
  failed!.setException(new RangeError("no"));
  failed!.exception();
  cancelled!.cancel();
  const texts = [
    "<Future pending>",
    "<Future finished result='x'>",
    "<Future finished exception=RangeError('no')>",
    "<Future cancelled>",
  ];
  assertEquals([pending, done, failed, cancelled].map(String), texts);
  assertEquals([pending, done, failed, cancelled].map((f) => Deno.inspect(f)), texts);
  loop.close();
});

Deno.test("isFuture() is true for futures and tasks", async () => {
  await runVirtual(async () => {
    const task = createTask(async () => {});
    assert(isFuture(task) && isFuture(new Future()));
    await task;
  });
  for (const value of [Promise.resolve(), sleep(1), { then() {} }, null, undefined, 42]) {
    assertEquals(isFuture(value), false);
  }
});

Deno.test("Future is nothing for JSON: who forgot to await it is told so", () => {
  const loop = newVirtualLoop();
  const future = loop.createFuture<number>();
  const error = assertThrows(() => JSON.stringify({ value: future }), TypeError);
  assertEquals(error.message, "Cannot write <Future pending> as JSON: it must be awaited first");
  assertThrows(() => Response.json(future), TypeError, "must be awaited first");
  loop.close();
});
