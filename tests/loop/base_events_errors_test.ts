/**
 * Errors that go to the exception handler, and those that end the loop.
 *
 * @module
 */

import { CancelledError, createTask, Future, KeyboardInterrupt, sleep } from "@aio/asyncio/loop";
import { EventLoop, ExceptionGroup, TaskGroup } from "@aio/asyncio/loop";
import type { ExceptionContext, ExceptionHandler } from "@aio/asyncio/loop";
import { repr } from "../../loop/_repr.ts";
import { assert, assertEquals, assertInstanceOf, assertRejects } from "../_support/assert.ts";
import { assertMatch, assertStrictEquals, assertThrows } from "../_support/assert.ts";
import { captureErrors, newVirtualLoop, oneTurn } from "../_support/run.ts";

function fail(error: unknown): never {
  throw error;
}

/** Runs one turn with a callback that throws, and the next callback; returns what was written. */
async function written(
  loop: EventLoop,
  thrown: unknown = new RangeError("bad"),
): Promise<string[]> {
  const seen: string[] = [];
  using errors = captureErrors();
  loop.callSoon(fail, thrown);
  loop.callSoon(() => seen.push("next"));
  await oneTurn(loop);
  loop.close();
  assertEquals(seen, ["next"]);
  return errors.texts;
}

Deno.test("A callback that throws is reported, and the turn goes on", async () => {
  const [text, ...others] = await written(newVirtualLoop());
  assertEquals(others, []);
  const lines = text!.split("\n");
  assertEquals(lines.slice(0, 3), [
    "Exception in callback fail(RangeError('bad'))",
    "handle: <Handle fail(RangeError('bad'))>",
    "RangeError: bad",
  ]);
  assertMatch(lines[3]!, /^ +at .*base_events_errors_test\.ts/);
});

Deno.test("A callback may throw anything", async () => {
  for (const [thrown, shown, last] of [["text", "'text'", "text"], [null, "null", "null"]]) {
    assertEquals(await written(newVirtualLoop(), thrown), [
      `Exception in callback fail(${shown})\nhandle: <Handle fail(${shown})>\n${last}`,
    ]);
  }
});

Deno.test("A CancelledError out of a callback is reported like any other", async () => {
  const [text] = await written(newVirtualLoop(), new CancelledError("no task to stop"));
  assertMatch(text!, /^Exception in callback .*\n.*\nCancelledError: no task to stop/);
});

Deno.test("A timer and a done callback that throw are reported, with their handle", async () => {
  const loop = newVirtualLoop();
  const contexts: ExceptionContext[] = [];
  loop.setExceptionHandler((_loop, context) => contexts.push(context));
  const timer = loop.callLater(-1, fail, new RangeError("timer"));
  const future = loop.createFuture<null>();
  future.addDoneCallback(function check(f) {
    fail(new RangeError(String(f.result())));
  });
  future.setResult(null);
  await oneTurn(loop);
  loop.close();
  assertEquals(contexts.map(({ message, exception }) => [message, String(exception)]), [
    ["Exception in callback check(<Future finished result=null>)", "RangeError: null"],
    ["Exception in callback fail(RangeError('timer'))", "RangeError: timer"],
  ]);
  assertStrictEquals(contexts[1]!["handle"], timer);
});

Deno.test("EventLoop.setExceptionHandler() sets who is told, null sets the default", async () => {
  const loop = newVirtualLoop();
  assertEquals(loop.getExceptionHandler(), null);
  const seen: unknown[] = [];
  const handler: ExceptionHandler = (...args) => seen.push(args);
  loop.setExceptionHandler(handler);
  assertStrictEquals(loop.getExceptionHandler(), handler);
  const context = { message: "by hand", detail: 1 };
  loop.callExceptionHandler(context);
  assertEquals(seen, [[loop, context]]);
  loop.setExceptionHandler(null);
  assertEquals(loop.getExceptionHandler(), null);
  assertEquals((await written(loop)).length, 1);
});

Deno.test("EventLoop.setExceptionHandler() throws when it is given no function", () => {
  const loop = newVirtualLoop();
  for (const nonsense of [42, "x", {}, undefined]) {
    const error = assertThrows(
      () => loop.setExceptionHandler(nonsense as unknown as ExceptionHandler),
      TypeError,
    );
    const text = "Cannot set exception handler: a function was expected, not";
    assertEquals(error.message, `${text} ${repr(nonsense)}`);
  }
  loop.close();
});

Deno.test("EventLoop.callExceptionHandler() writes all that it is told", () => {
  const loop = newVirtualLoop();
  using errors = captureErrors();
  loop.callExceptionHandler({ message: "It broke", zebra: 1, future: loop.createFuture() });
  loop.callExceptionHandler({ message: "" });
  loop.callExceptionHandler({ message: "m", exception: "text" });
  const error = new RangeError("no stack");
  delete error.stack;
  loop.callExceptionHandler({ message: "m", exception: error });
  loop.close();
  assertEquals(errors.texts, [
    "It broke\nfuture: <Future pending>\nzebra: 1",
    "Unhandled exception in event loop",
    "m\ntext",
    "m\nRangeError: no stack",
  ]);
});

Deno.test("EventLoop.callExceptionHandler() writes what is in a group, and what has caused it", () => {
  const withoutStack = <T extends Error>(error: T): T => {
    delete error.stack;
    return error;
  };
  const cause = withoutStack(new TypeError("cause"));
  const inner = withoutStack(new Error("inner", { cause }));
  const group = withoutStack(new ExceptionGroup("two", [inner, "text", inner]));
  const outer = withoutStack(new Error("outer", { cause: group }));
  const many = withoutStack(new ExceptionGroup("many", Array(20).fill(1)));
  cause.cause = outer; // a cycle
  const loop = newVirtualLoop();
  using errors = captureErrors();
  loop.callExceptionHandler({ message: "m", exception: outer });
  loop.callExceptionHandler({ message: "m", exception: many });
  loop.close();
  assertEquals(errors.texts[0]!.split("\n"), [
    "m",
    "Error: outer",
    "Caused by: ExceptionGroup: two",
    "  Error: inner",
    "  Caused by: TypeError: cause",
    "  Caused by: Error: outer (as above)",
    "  text",
    "  Error: inner (as above)",
  ]);
  const lines = errors.texts[1]!.split("\n");
  assertEquals([lines.length, lines[16], lines[17]], [18, "  1", "  and 5 more"]);
});

Deno.test("An exception handler that throws is reported by the default one", async () => {
  const loop = newVirtualLoop();
  loop.setExceptionHandler(() => fail(new URIError("handler")));
  const [text, ...others] = await written(loop);
  assertEquals(others, []);
  const lines = text!.split("\n");
  assertEquals(lines.slice(0, 3), [
    "Unhandled error in exception handler",
    "context: [object Object]",
    "URIError: handler",
  ]);
});

Deno.test("An exception handler that throws a CancelledError is reported like any other", async () => {
  const loop = newVirtualLoop();
  loop.setExceptionHandler(() => fail(new CancelledError()));
  const [text] = await written(loop);
  assertMatch(text!, /^Unhandled error in exception handler\n.*\nCancelledError/);
});

Deno.test("A default exception handler that throws leaves a plain line", async () => {
  class Broken extends EventLoop {
    override defaultExceptionHandler(): void {
      fail(new URIError("default"));
    }
  }
  const texts = await written(new Broken());
  assertEquals(texts, [
    "Exception in default exception handler URIError: default [object Object]",
  ]);
});

Deno.test("A context that can't be shown leaves a plain line, too", () => {
  const loop = newVirtualLoop();
  using errors = captureErrors();
  loop.callExceptionHandler({ message: "m", detail: Object.create(null) });
  loop.close();
  assertEquals(errors.texts.length, 1);
  assertMatch(errors.texts[0]!, /^Exception in default exception handler TypeError/);
});

Deno.test("A callback whose arguments can't be shown is reported all the same", async () => {
  const loop = newVirtualLoop();
  const messages: string[] = [];
  loop.setExceptionHandler((_loop, context) => messages.push(context.message));
  const bad = (..._args: unknown[]): never => fail(new RangeError("bad"));
  const cyclic: unknown[] = [];
  cyclic.push(cyclic);
  const unprintable = {
    toString(): string {
      throw new URIError("no text");
    },
  };
  loop.callSoon(bad, Object.create(null), unprintable);
  loop.callSoon(bad, cyclic);
  await oneTurn(loop);
  loop.close();
  assertEquals(messages, [
    "Exception in callback bad({...}, {...})",
    "Exception in callback bad([[[[[[[...]]]]]]])",
  ]);
});

Deno.test("An exception handler may use the loop", async () => {
  const loop = newVirtualLoop();
  const seen: string[] = [];
  loop.setExceptionHandler((reported) => {
    (reported as EventLoop).createTask(async () => {
      await sleep(1);
      seen.push("reported");
      reported.stop();
    });
  });
  loop.callSoon(fail, new RangeError("bad"));
  await loop.runForever();
  loop.close();
  assertEquals(seen, ["reported"]);
});

Deno.test("A KeyboardInterrupt out of a callback ends the loop before anything else is called", async () => {
  const loop = newVirtualLoop();
  const seen: string[] = [];
  loop.callSoon(fail, new KeyboardInterrupt("stop"));
  loop.callSoon(() => seen.push("next run"));
  const error = await assertRejects(() => loop.runForever(), KeyboardInterrupt);
  assertEquals([error.message, seen, loop.isRunning()], ["stop", [], false]);
  await oneTurn(loop); // the loop can run again, and nothing is lost
  assertEquals(seen, ["next run"]);
  loop.close();
});

Deno.test("A KeyboardInterrupt out of an exception handler ends the loop", async () => {
  const custom = newVirtualLoop();
  custom.setExceptionHandler(() => fail(new KeyboardInterrupt("custom")));
  class Interrupting extends EventLoop {
    override defaultExceptionHandler(): void {
      fail(new KeyboardInterrupt("default"));
    }
  }
  const byDefault = new Interrupting();
  for (const [loop, text] of [[custom, "custom"], [byDefault, "default"]] as const) {
    loop.callSoon(fail, new RangeError("bad"));
    await assertRejects(() => loop.runForever(), KeyboardInterrupt, text);
    loop.close();
  }
});

Deno.test("A KeyboardInterrupt goes before stop()", async () => {
  const loop = newVirtualLoop();
  loop.callSoon(() => {
    loop.stop();
    fail(new KeyboardInterrupt("stop"));
  });
  await assertRejects(() => loop.runForever(), KeyboardInterrupt, "stop");
  loop.close();
});

Deno.test("The first of two KeyboardInterrupts is thrown", async () => {
  const loop = newVirtualLoop();
  const first = loop.createTask(async () => {
    await sleep(1);
    throw new KeyboardInterrupt("first");
  });
  const second = loop.createTask(async () => {
    await sleep(1);
    throw new KeyboardInterrupt("second");
  });
  await assertRejects(() => loop.runForever(), KeyboardInterrupt, "first");
  await assertRejects(() => loop.runUntilComplete(second), KeyboardInterrupt, "second");
  assertInstanceOf(first.exception(), KeyboardInterrupt); // else it would be reported, in another test
  loop.close();
});

Deno.test("EventLoop.runUntilComplete() throws the KeyboardInterrupt of its coroutine, once", async () => {
  const loop = newVirtualLoop();
  const interrupt = new KeyboardInterrupt("stop");
  const task = loop.createTask(async () => fail(interrupt));
  const error = await assertRejects(() => loop.runUntilComplete(task), KeyboardInterrupt);
  assertStrictEquals(error, interrupt);
  assertStrictEquals(task.exception(), interrupt);
  await oneTurn(loop);
  loop.close();
});

Deno.test("A task that nobody awaits does not end the loop with its exception", async () => {
  const loop = newVirtualLoop();
  const result = await loop.runUntilComplete(async () => {
    const task = createTask(async () => fail(new RangeError("unseen")));
    await sleep(1);
    assert(task.done());
    assertInstanceOf(task.exception(), RangeError);
    return "main goes on";
  });
  loop.close();
  assertEquals(result, "main goes on");
});

Deno.test("A future class that throws where no error is expected ends the run, not the loop", async () => {
  class Stubborn extends Future<void> {
    override cancel(): never {
      throw new RangeError("never");
    }
  }
  const loop = newVirtualLoop();
  const group = new TaskGroup();
  const waiting = loop.createTask(() =>
    group.run(async () => {
      group.createTask(() => fail(new Error("the group cancels its body")));
      await new Stubborn({ loop });
    })
  );
  await assertRejects(() => loop.runUntilComplete(waiting), RangeError, "never");
  assertEquals(await loop.runUntilComplete(() => sleep(1, "goes on")), "goes on");
  loop.close();
});
