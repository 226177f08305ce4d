/**
 * Handles and timer handles.
 *
 * @module
 */

import { ContextVar, Handle, RuntimeError, TimerHandle } from "@aio/asyncio/loop";
import { assertEquals, assertInstanceOf, assertStrictEquals } from "../_support/assert.ts";
import { newVirtualLoop, oneTurn } from "../_support/run.ts";

function hello(..._words: unknown[]): void {}

Deno.test("Handle.cancel() keeps the callback from being called", async () => {
  const loop = newVirtualLoop();
  const seen: string[] = [];
  const handle = loop.callSoon(() => seen.push("never"));
  loop.callSoon(() => seen.push("called"));
  handle.cancel();
  handle.cancel();
  await oneTurn(loop);
  loop.close();
  assertEquals([seen, handle.cancelled()], [["called"], true]);
});

Deno.test("Handle.cancel() is harmless when the callback was called", async () => {
  const loop = newVirtualLoop();
  const seen: string[] = [];
  const handle = loop.callSoon(() => seen.push("called"));
  await oneTurn(loop);
  assertEquals(handle.cancelled(), false);
  handle.cancel();
  await oneTurn(loop);
  loop.close();
  assertEquals([seen, handle.cancelled()], [["called"], true]);
});

Deno.test("Handle.cancel() may be called by the callback itself", async () => {
  const loop = newVirtualLoop();
  const seen: unknown[] = [];
  const handle = loop.callSoon(() => {
    handle.cancel();
    seen.push(handle.cancelled());
  });
  await oneTurn(loop);
  loop.close();
  assertEquals(seen, [true]);
});

Deno.test("Handle passes any number of arguments", async () => {
  const loop = newVirtualLoop();
  const seen: unknown[][] = [];
  const note = (...args: unknown[]): void => void seen.push(args);
  loop.callSoon(note);
  loop.callSoon(note, 1);
  loop.callSoon(note, undefined);
  loop.callSoon(note, 1, 2);
  loop.callSoon(note, 1, 2, 3, 4, 5);
  loop.callLater(-1, note, "timer", 1);
  await oneTurn(loop);
  loop.close();
  assertEquals(seen, [[], [1], [undefined], [1, 2], [1, 2, 3, 4, 5], ["timer", 1]]);
});

Deno.test("Handle.getContext() returns the context the callback runs in", async () => {
  const loop = newVirtualLoop();
  const variable = new ContextVar("v", { defaultValue: 0 });
  const change = (): void => void variable.set(variable.get() + 1);
  const handles = [loop.callSoon(change), loop.callLater(0, change)];
  const contexts = handles.map((handle) => handle.getContext());
  await oneTurn(loop);
  loop.close();
  handles.forEach((handle, i) => assertStrictEquals(handle.getContext(), contexts[i]));
  assertEquals(contexts.map((context) => context.get(variable)), [1, 1]);
});

Deno.test("Handle prints as the call it makes, in console.log too", () => {
  const loop = newVirtualLoop();
  const handle = loop.callSoon(hello, "x", [1, null]);
  const text = "<Handle hello('x', [1, null])>";
  assertEquals([String(handle), Deno.inspect(handle)], [text, text]);
  handle.cancel();
  assertEquals(String(handle), "<Handle cancelled>");
  loop.close();
});

Deno.test("TimerHandle prints when it is due", () => {
  const loop = newVirtualLoop();
  const timer = loop.callAt(12.5, hello, 1);
  assertEquals(String(timer), "<TimerHandle when=12.5 hello(1)>");
  timer.cancel();
  assertEquals(Deno.inspect(timer), "<TimerHandle cancelled when=12.5>");
  loop.close();
});

Deno.test("TimerHandle.when() is on the clock of loop.time()", async () => {
  const loop = newVirtualLoop();
  const seen: number[] = [];
  loop.callLater(10, () => {
    const timer = loop.callLater(5, () => {
      seen.push(loop.time());
      loop.stop();
    });
    seen.push(timer.when());
  });
  await loop.runForever();
  loop.close();
  assertEquals(seen, [15, 15]);
});

Deno.test("TimerHandle.cancel() takes the timer out of the loop", async () => {
  const loop = newVirtualLoop();
  const timers = [3, 1, 2].map((delay) => loop.callLater(delay, hello));
  for (const timer of timers) timer.cancel();
  // If a timer were left, the virtual clock would jump to it.
  let message = "";
  try {
    await loop.runForever();
  } catch (error) {
    assertInstanceOf(error, RuntimeError);
    message = error.message;
  }
  loop.close();
  assertEquals(message, "Cannot go on: nothing is ready and no timer is set");
  assertEquals(loop.time(), 0);
});

Deno.test("TimerHandle.cancel() is harmless when it is called twice, late, or in a closed loop", async () => {
  const loop = newVirtualLoop();
  const seen: string[] = [];
  const cancelledTwice = loop.callLater(1, () => seen.push("never"));
  const called = loop.callLater(2, () => seen.push("called"));
  const last = loop.callLater(3, () => loop.stop());
  const left = loop.callLater(4, () => seen.push("never"));
  cancelledTwice.cancel();
  cancelledTwice.cancel();
  await loop.runForever();
  called.cancel();
  last.cancel();
  loop.close();
  left.cancel();
  assertEquals([seen, called.cancelled(), left.cancelled()], [["called"], true, true]);
});

Deno.test("Handle and TimerHandle are what the loop returns", () => {
  const loop = newVirtualLoop();
  assertInstanceOf(loop.callSoon(hello), Handle);
  assertInstanceOf(loop.callSoonThreadsafe(hello), Handle);
  assertInstanceOf(loop.callLater(1, hello), TimerHandle);
  assertInstanceOf(loop.callAt(1, hello), TimerHandle);
  loop.close();
});
