/**
 * The clocks that a loop can use.
 *
 * @module
 */

import { gather, moduleFunctions, monotonicClock, newEventLoop, run } from "@aio/asyncio/loop";
import { sleep, toThread, VirtualClock, wrapFuture } from "@aio/asyncio/loop";
import type { Clock, Coroutine } from "@aio/asyncio/loop";
import { assert, assertEquals, assertRejects } from "../_support/assert.ts";
import { newVirtualLoop, runVirtual } from "../_support/run.ts";

Deno.test("monotonicClock.time() is in seconds and does not go back", () => {
  const before = performance.now() / 1000;
  const times = Array.from({ length: 1000 }, () => monotonicClock.time());
  const after = performance.now() / 1000;
  assertEquals(times.toSorted((a, b) => a - b), times);
  assert(before <= times[0]! && times.at(-1)! <= after);
});

Deno.test("monotonicClock can't jump", () => {
  assertEquals(monotonicClock.jumpTo, undefined);
});

Deno.test("VirtualClock.time() starts at zero, or where it is told to", () => {
  assertEquals(new VirtualClock().time(), 0);
  assertEquals(new VirtualClock(1e9).time(), 1e9);
});

Deno.test("VirtualClock.jumpTo() goes forward, never back", () => {
  const clock = new VirtualClock(5);
  clock.jumpTo(7.5);
  assertEquals(clock.time(), 7.5);
  clock.jumpTo(6);
  assertEquals(clock.time(), 7.5);
});

Deno.test("VirtualClock stands still while there is work", async () => {
  const loop = newVirtualLoop();
  const times: number[] = [];
  const work = (left: number): void => {
    times.push(loop.time());
    if (left > 0) loop.callSoon(work, left - 1);
  };
  loop.callLater(1, () => loop.stop());
  loop.callSoon(work, 5000);
  await loop.runForever();
  loop.close();
  assertEquals(times.filter((time) => time !== 0), []);
  assertEquals(loop.time(), 1);
});

Deno.test("VirtualClock shows each deadline exactly", async () => {
  const loop = newVirtualLoop();
  const seen: [number, number][] = [];
  const delays = [3600, 0.1, 0.1 + 0.2, 1e-9, 86400 * 365, 7];
  for (const delay of delays) loop.callLater(delay, () => seen.push([delay, loop.time()]));
  loop.callLater(1e9, () => loop.stop());
  await loop.runForever();
  loop.close();
  assertEquals(seen, delays.toSorted((a, b) => a - b).map((delay) => [delay, delay]));
});

Deno.test("VirtualClock lets the loop end when nothing can happen any more", async () => {
  const text = "Cannot go on: nothing is ready and no timer is set";
  const loop = newVirtualLoop();
  const error = await assertRejects(() => loop.runForever(), Error, text);
  assertEquals([error.name, loop.isRunning()], ["RuntimeError", false]);
  loop.close();
});

Deno.test("VirtualClock lets the loop end, and names the tasks that would wait for ever", async () => {
  const loop = newVirtualLoop();
  loop.setExceptionHandler(() => {});
  async function wait(): Promise<void> {
    await loop.createFuture();
  }
  const tasks = ["a", "b"].map((name) => loop.createTask(wait, { name }));
  const error = await assertRejects(() => loop.runForever(), Error);
  loop.close();
  assertEquals(error.message.split("\n"), [
    "Cannot go on: nothing is ready and no timer is set; these tasks wait forever:",
    ...tasks.map((task) => `  ${task}`),
  ]);
});

/** Returns a promise that the host settles when it has nothing else to do. */
function fromHost<T>(value: T): Promise<T> {
  return new Promise((resolve) => setTimeout(resolve, 1, value));
}

for (
  const [what, coroutine] of Object.entries<Coroutine<string>>({
    "an async function awaits": async () => await fromHost("value"),
    "a generator yields": function* () {
      return (yield fromHost("value")) as string;
    },
    "a future wraps": () => wrapFuture(fromHost("value")),
    "a gathering has": async () => (await gather([fromHost("value")]))[0],
  })
) {
  Deno.test(`VirtualClock waits for a promise that ${what}`, async () => {
    assertEquals(await runVirtual(coroutine), "value");
  });
}

Deno.test("VirtualClock waits for a call in another thread", async () => {
  const { add } = moduleFunctions<typeof import("./programs/work.ts")>(
    new URL("programs/work.ts", import.meta.url),
  );
  assertEquals(await runVirtual(() => toThread(add, 1, 2)), 3);
});

Deno.test("VirtualClock lets the loop end when all timers are set to infinity", async () => {
  const loop = newVirtualLoop();
  loop.callLater(Infinity, () => {});
  await assertRejects(() => loop.runForever(), Error, "Cannot go on");
  loop.close();
});

Deno.test("VirtualClock gives the host a chance before it jumps", async () => {
  const loop = newVirtualLoop();
  const seen: unknown[] = [];
  const host = new Promise<void>((resolve) => setImmediate(resolve));
  host.then(() => loop.callSoon(() => seen.push(["host", loop.time()])));
  loop.callLater(60, () => {
    seen.push(["timer", loop.time()]);
    loop.stop();
  });
  await loop.runForever();
  loop.close();
  assertEquals(seen, [["host", 0], ["timer", 60]]);
});

Deno.test("A clock of the program's own drives the loop", async () => {
  // A clock that runs a thousand times faster than the machine's.
  const start = monotonicClock.time();
  const clock: Clock = { time: () => (monotonicClock.time() - start) * 1000 };
  const took = await run(async () => {
    const before = clock.time();
    await sleep(1);
    return clock.time() - before;
  }, { loopFactory: () => newEventLoop({ clock }) });
  assert(took >= 1);
});
