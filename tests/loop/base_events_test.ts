/**
 * The loop: scheduling, turns, stopping, closing, and what it refuses.
 *
 * @module
 */

import { createTask, getRunningLoop, newEventLoop, RuntimeError, sleep } from "@aio/asyncio/loop";
import type { EventLoop } from "@aio/asyncio/loop";
import { repr } from "../../loop/_repr.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../_support/assert.ts";
import { newVirtualLoop, oneTurn } from "../_support/run.ts";
import { seededRandom } from "../_support/random.ts";

const callback = (): void => {};

/** Calls `body` with a loop on a virtual clock, then closes the loop. */
async function withLoop(body: (loop: EventLoop) => Promise<void>): Promise<void> {
  const loop = newVirtualLoop();
  await body(loop);
  if (!loop.isClosed()) loop.close();
}

Deno.test("EventLoop.callSoon() calls in the order of scheduling, each once, never at once", () =>
  withLoop(async (loop) => {
    const seen: number[] = [];
    for (let i = 0; i < 100; i++) loop.callSoon(() => seen.push(i));
    assertEquals(seen, []);
    await oneTurn(loop);
    await oneTurn(loop);
    assertEquals(seen, Array.from({ length: 100 }, (_, i) => i));
  }));

Deno.test("EventLoop.callSoon() in a callback is for the next turn", () =>
  withLoop(async (loop) => {
    const seen: string[] = [];
    loop.callSoon(() => {
      loop.callSoon(() => seen.push("next turn"));
      seen.push("first");
    });
    loop.callSoon(() => seen.push("second"));
    await oneTurn(loop);
    assertEquals(seen, ["first", "second"]);
    await oneTurn(loop);
    assertEquals(seen, ["first", "second", "next turn"]);
  }));

Deno.test("EventLoop.callSoonThreadsafe() does what callSoon() does", () =>
  withLoop(async (loop) => {
    const seen: string[] = [];
    const note = (...words: string[]): void => void seen.push(words.join(" "));
    loop.callSoonThreadsafe(note, "a", "b").cancel();
    loop.callSoonThreadsafe(note, "c", "d");
    loop.callSoon(note, "e");
    await oneTurn(loop);
    assertEquals(seen, ["c d", "e"]);
  }));

Deno.test("EventLoop schedules nothing but functions", () =>
  withLoop(async (loop) => {
    for (const nonsense of [42, null, undefined, "x", {}, Promise.resolve()]) {
      const bad = nonsense as unknown as () => void;
      const message = `Cannot schedule a callback: a function was expected, not ${repr(nonsense)}`;
      const calls = [
        () => loop.callSoon(bad),
        () => loop.callSoonThreadsafe(bad),
        () => loop.callLater(1, bad),
        () => loop.callAt(1, bad),
      ];
      for (const call of calls) assertEquals(assertThrows(call, TypeError).message, message);
    }
  }));

Deno.test("EventLoop.callLater() and callAt() throw when the time is not a number", () =>
  withLoop(async (loop) => {
    for (const nonsense of [NaN, "1", null, undefined, {}, 1n] as number[]) {
      const text = "Cannot schedule a callback:";
      const later = assertThrows(() => loop.callLater(nonsense, callback), RangeError);
      assertEquals(later.message, `${text} delay must be a number, not ${repr(nonsense)}`);
      const at = assertThrows(() => loop.callAt(nonsense, callback), RangeError);
      assertEquals(at.message, `${text} when must be a number, not ${repr(nonsense)}`);
    }
  }));

Deno.test("EventLoop.callLater() calls by deadline, and in order where deadlines are equal", () =>
  withLoop(async (loop) => {
    const random = seededRandom(4);
    const seen: [number, number][] = [];
    const expected: [number, number][] = [];
    for (let i = 0; i < 500; i++) {
      const delay = random(20) - 5;
      expected.push([delay, i]);
      loop.callLater(delay, (...each: [number, number]) => seen.push(each), delay, i);
    }
    loop.callLater(100, () => loop.stop());
    await loop.runForever();
    assertEquals(seen, expected.toSorted((a, b) => a[0] - b[0] || a[1] - b[1]));
  }));

Deno.test("EventLoop.callAt() calls at its time, or in the next turn when that is over", () =>
  withLoop(async (loop) => {
    const seen: unknown[] = [];
    const note = (name: string): void => void seen.push([name, loop.time()]);
    loop.callAt(5, note, "five");
    loop.callAt(-5, note, "past");
    loop.callAt(-Infinity, note, "long past");
    loop.callAt(0, note, "now");
    loop.callAt(5, () => loop.stop());
    await loop.runForever();
    assertEquals(seen, [["long past", 0], ["past", 0], ["now", 0], ["five", 5]]);
  }));

Deno.test("A timer set in a callback, due at once, is for the next turn", () =>
  withLoop(async (loop) => {
    const seen: string[] = [];
    loop.callSoon(() => loop.callLater(0, () => seen.push("timer")));
    await oneTurn(loop);
    assertEquals(seen, []);
    await oneTurn(loop);
    assertEquals(seen, ["timer"]);
  }));

Deno.test("Timers cancelled at random leave the others in order", () =>
  withLoop(async (loop) => {
    const random = seededRandom(5);
    const seen: number[] = [];
    const timers = Array.from({ length: 300 }, (_, i) => {
      const delay = random(50);
      return { delay, i, handle: loop.callLater(delay, () => seen.push(i)) };
    });
    const [cancelled, kept] = [timers.filter(() => random(2) === 0), new Set(timers)];
    for (const timer of cancelled) {
      timer.handle.cancel();
      kept.delete(timer);
    }
    loop.callLater(100, () => loop.stop());
    await loop.runForever();
    const expected = [...kept].sort((a, b) => a.delay - b.delay || a.i - b.i);
    assertEquals(seen, expected.map((timer) => timer.i));
  }));

Deno.test("EventLoop.stop() ends the run with the turn, and leaves the rest for the next", () =>
  withLoop(async (loop) => {
    const seen: string[] = [];
    loop.callSoon(() => {
      loop.stop();
      loop.callSoon(() => seen.push("next run"));
    });
    loop.callSoon(() => seen.push("same turn"));
    await loop.runForever();
    assertEquals([seen, loop.isRunning()], [["same turn"], false]);
    await oneTurn(loop);
    assertEquals(seen, ["same turn", "next run"]);
  }));

Deno.test("EventLoop.stop() while the loop waits ends the run", async () => {
  const loop = newEventLoop();
  loop.callLater(3600, callback);
  setTimeout(() => loop.stop(), 1);
  await loop.runForever();
  assertEquals(loop.isRunning(), false);
  loop.close();
});

Deno.test("EventLoop.stop() while an async function awaits a promise of others ends the run", () =>
  withLoop(async (loop) => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const task = loop.createTask(() => promise);
    loop.callSoon(() => loop.stop());
    await loop.runForever();
    assertEquals(task.done(), false);
    resolve("x");
    assertEquals(await loop.runUntilComplete(task), "x");
  }));

Deno.test("EventLoop runs again after each run", () =>
  withLoop(async (loop) => {
    const seen: number[] = [];
    for (let run = 0; run < 5; run++) {
      loop.callSoon(() => seen.push(run));
      loop.callLater(1, () => loop.stop());
      await loop.runForever();
      assertEquals(loop.time(), run + 1);
    }
    assertEquals(seen, [0, 1, 2, 3, 4]);
  }));

Deno.test("Timers of one run are kept for the next", () =>
  withLoop(async (loop) => {
    const seen: string[] = [];
    loop.callLater(5, () => seen.push("timer"));
    await oneTurn(loop);
    assertEquals(seen, []);
    loop.callLater(10, () => loop.stop());
    await loop.runForever();
    assertEquals(seen, ["timer"]);
  }));

Deno.test("EventLoop.isRunning() is true from the call of runForever() to its end", () =>
  withLoop(async (loop) => {
    const seen: boolean[] = [];
    loop.callSoon(() => {
      seen.push(loop.isRunning());
      loop.stop();
    });
    const run = loop.runForever();
    seen.push(loop.isRunning());
    await run;
    assertEquals([...seen, loop.isRunning()], [true, true, false]);
  }));

Deno.test("EventLoop.runForever() throws when the loop runs already", () =>
  withLoop(async (loop) => {
    const text = "Cannot run the event loop: This event loop is already running";
    loop.callLater(1, () => loop.stop());
    const run = loop.runForever();
    const error = await assertRejects(() => loop.runForever(), RuntimeError);
    assertEquals(error.message, text);
    let calls = 0;
    const coroutine = async (): Promise<number> => ++calls;
    await assertRejects(() => loop.runUntilComplete(coroutine), RuntimeError, text);
    await run;
    assertEquals(calls, 0);
  }));

Deno.test("EventLoop.runForever() throws when another loop runs", () =>
  withLoop(async (loop) => {
    const other = newVirtualLoop();
    await loop.runUntilComplete(async () => {
      const error = await assertRejects(() => other.runForever(), RuntimeError);
      assertEquals(error.message, "Cannot run the event loop while another loop is running");
      await assertRejects(() => other.runUntilComplete(async () => {}), RuntimeError, "another");
      await sleep(0);
    });
    await oneTurn(other); // now it may run
    other.close();
  }));

Deno.test("EventLoop.close() drops what is scheduled", () =>
  withLoop(async (loop) => {
    const never = (): never => assert(false, "called") as never;
    loop.callSoon(never);
    const timer = loop.callLater(-1, never);
    loop.close();
    loop.close();
    assertEquals([loop.isClosed(), loop.isRunning(), timer.cancelled()], [true, false, false]);
    assertEquals(String(loop), "<EventLoop running=false closed=true debug=false>");
  }));

Deno.test("EventLoop.close() throws when the loop runs", () =>
  withLoop(async (loop) => {
    await loop.runUntilComplete(async () => {
      const error = assertThrows(() => loop.close(), RuntimeError);
      assertEquals(
        error.message,
        "Cannot close the event loop: Cannot close a running event loop",
      );
      await sleep(1);
    });
    assertEquals(loop.isClosed(), false);
  }));

Deno.test("A closed loop refuses everything but stop(), and leaves no coroutine started", () =>
  withLoop(async (loop) => {
    const future = loop.createFuture<null>();
    future.addDoneCallback(callback);
    loop.close();
    const text = "Cannot use the event loop: Event loop is closed";
    let calls = 0;
    const coroutine = async (): Promise<number> => ++calls;
    const refused = [
      () => loop.callSoon(callback),
      () => loop.callSoonThreadsafe(callback),
      () => loop.callLater(1, callback),
      () => loop.callAt(1, callback),
      () => loop.createTask(coroutine),
      () => future.setResult(null), // which would call its callback
    ];
    for (const call of refused) assertEquals(assertThrows(call, RuntimeError).message, text);
    for (const run of [() => loop.runForever(), () => loop.runUntilComplete(coroutine)]) {
      assertEquals((await assertRejects(run, RuntimeError)).message, text);
    }
    loop.stop();
    assertEquals([calls, loop.isRunning()], [0, false]);
  }));

Deno.test("EventLoop.time() is the clock's, and stands still within a callback of a virtual one", () =>
  withLoop(async (loop) => {
    const start = loop.time();
    await loop.runUntilComplete(async () => {
      await sleep(1.25);
      assertEquals(getRunningLoop().time(), start + 1.25);
    });
  }));

Deno.test("EventLoop.setDebug() shows in the loop's text", () =>
  withLoop(async (loop) => {
    loop.setDebug(true);
    assertEquals([loop.getDebug(), Deno.inspect(loop)], [
      true,
      "<EventLoop running=false closed=false debug=true>",
    ]);
  }));

Deno.test("EventLoop runs a hundred thousand callbacks and tasks in order", () =>
  withLoop(async (loop) => {
    const count = 100_000;
    let next = 0;
    let inOrder = true;
    const note = (i: number): void => {
      inOrder &&= i === next++;
    };
    for (let i = 0; i < count; i += 2) {
      loop.callSoon(note, i);
      loop.createTask(async () => note(i + 1));
    }
    await oneTurn(loop);
    assertEquals([next, inOrder], [count, true]);
  }));

Deno.test("A loop that is made and closed inside of another one does not disturb it", () =>
  withLoop(async (loop) => {
    await loop.runUntilComplete(async () => {
      const other = newEventLoop();
      other.callSoon(callback);
      other.callLater(1, callback);
      other.close();
      assertEquals(getRunningLoop() === loop, true);
      await createTask(() => sleep(1));
    });
  }));
