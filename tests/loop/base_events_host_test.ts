/**
 * The loop and the JavaScript host below it: each gets its share of time, and can wake the other.
 *
 * @module
 */

import {
  createTask,
  getRunningLoop,
  newEventLoop,
  run,
  sleep,
  waitFor,
  wrapFuture,
} from "@aio/asyncio/loop";
import type { Clock, EventLoop } from "@aio/asyncio/loop";
import { assert, assertEquals } from "../_support/assert.ts";
import { Program } from "../_support/program.ts";

/** Keeps `loop` busy until `until()` returns true. */
function saturate(loop: EventLoop, until: () => boolean): void {
  const work = (): void => {
    if (until()) loop.stop();
    else loop.callSoon(work);
  };
  loop.callSoon(work);
}

Deno.test("A saturated loop serves host timers, immediates, promises and fetches", async () => {
  const loop = newEventLoop();
  const served = new Set<string>();
  const serve = (name: string) => (): void => void served.add(name);
  setTimeout(serve("timer"), 1);
  setImmediate(serve("immediate"));
  Promise.resolve().then(serve("promise"));
  fetch("data:text/plain,x").then((response) => response.text()).then(serve("fetch"));
  Deno.stat(new URL(import.meta.url)).then(serve("file"));
  saturate(loop, () => served.size === 5);
  await loop.runForever();
  loop.close();
  assertEquals([...served].toSorted(), ["fetch", "file", "immediate", "promise", "timer"]);
});

Deno.test("A loop saturated by tasks serves host timers", async () => {
  async function asynchronous(isServed: () => boolean): Promise<void> {
    while (!isServed()) await sleep(0);
  }
  function* generator(isServed: () => boolean): Generator<undefined, void> {
    while (!isServed()) yield;
  }
  for (const work of [asynchronous, generator]) {
    let served = false;
    setTimeout(() => served = true, 1);
    await run(() => work(() => served));
    assertEquals(served, true);
  }
});

Deno.test("A loop saturated by slow callbacks serves the host after each", async () => {
  const loop = newEventLoop();
  let turns = 0;
  let immediates = 0;
  let most = 0;
  const immediate = (): void => {
    immediates++;
    if (loop.isRunning()) setImmediate(immediate);
  };
  setImmediate(immediate);
  const slow = (left: number, before: number): void => {
    most = Math.max(most, immediates === before ? turns : 0);
    const end = performance.now() + 2; // longer than the loop's time slice
    while (performance.now() < end);
    turns++;
    if (left > 0) loop.callSoon(slow, left - 1, immediates);
    else loop.stop();
  };
  // The loop first has to find out that these are slow: it looks at the clock after 64 entries.
  loop.callSoon(slow, 100, -1);
  await loop.runForever();
  await new Promise<void>((resolve) => setImmediate(resolve));
  loop.close();
  assert(immediates >= 101 - 64, `${immediates} immediates within ${turns} turns`);
  assert(most <= 64, `${most} turns before the first immediate`);
});

Deno.test("The loop's own timers are served while it is saturated", async () => {
  const loop = newEventLoop();
  const seen: string[] = [];
  loop.callLater(0.002, () => seen.push("second"));
  loop.callLater(0.001, () => seen.push("first"));
  saturate(loop, () => seen.length === 2);
  await loop.runForever();
  loop.close();
  assertEquals(seen, ["first", "second"]);
});

for (const method of ["callSoon", "callSoonThreadsafe"] as const) {
  Deno.test(`EventLoop.${method}() wakes the loop from a host timer`, async () => {
    const loop = newEventLoop();
    const seen: string[] = [];
    loop.callLater(3600, () => seen.push("never"));
    setTimeout(() => {
      loop[method](() => {
        seen.push("woken");
        loop.stop();
      });
    }, 1);
    await loop.runForever();
    loop.close();
    assertEquals(seen, ["woken"]);
  });
}

Deno.test("EventLoop.callLater() wakes the loop when its timer is the first", async () => {
  const loop = newEventLoop();
  const seen: string[] = [];
  loop.callLater(3600, () => seen.push("never"));
  setTimeout(() => {
    loop.callLater(7200, () => seen.push("never"));
    loop.callLater(0.001, () => {
      seen.push("early");
      loop.stop();
    });
  }, 1);
  await loop.runForever();
  loop.close();
  assertEquals(seen, ["early"]);
});

Deno.test("A future set by a host timer wakes the loop, without any timer of its own", async () => {
  const value = await run(async () => {
    const future = getRunningLoop().createFuture<string>();
    setTimeout(() => future.setResult("x"), 1);
    return await future;
  });
  assertEquals(value, "x");
});

Deno.test("A task created by a host timer wakes the loop", async () => {
  const seen: string[] = [];
  await run(async () => {
    const loop = getRunningLoop();
    const end = loop.createFuture<null>();
    setTimeout(() => {
      createTask(async () => {
        seen.push("task");
        end.setResult(null);
      });
    }, 1);
    await end;
  });
  assertEquals(seen, ["task"]);
});

/** A clock set by hand, and host timers that move it: each fires as soon as it is set. */
class HandMadeTime implements Clock, Disposable {
  readonly delays: number[] = [];
  /** How much too early a timer fires, in seconds; the next ones are on time. */
  early = 0;
  #now = 0;
  readonly #setTimeout = globalThis.setTimeout;

  constructor() {
    const setTimer = (fire: () => void, ms: number): number => {
      this.delays.push(ms);
      setImmediate(() => {
        this.#now += ms / 1000 - this.early;
        this.early = 0;
        fire();
      });
      return 0;
    };
    globalThis.setTimeout = setTimer as unknown as typeof setTimeout;
  }

  time(): number {
    return this.#now;
  }

  [Symbol.dispose](): void {
    globalThis.setTimeout = this.#setTimeout;
  }
}

Deno.test("A long delay takes several host timers of at most a day", async () => {
  using clock = new HandMadeTime();
  const loop = newEventLoop({ clock });
  const day = 24 * 3600;
  loop.callLater(2.5 * day, () => loop.stop());
  await loop.runForever();
  loop.close();
  assertEquals(clock.delays, [day * 1000, day * 1000, day * 500]);
  assertEquals(clock.time(), 2.5 * day);
});

Deno.test("A loop without timers waits by host timers of a day", async () => {
  using clock = new HandMadeTime();
  const loop = newEventLoop({ clock });
  loop.callAt(Infinity, () => {});
  setImmediate(() => setImmediate(() => setImmediate(() => loop.stop())));
  await loop.runForever();
  loop.close();
  assert(clock.delays.length >= 1);
  assertEquals(new Set(clock.delays), new Set([24 * 3600 * 1000]));
});

Deno.test("parity: 109 A host timer that fires early is set again: no callback comes before its time", async () => {
  using clock = new HandMadeTime();
  const loop = newEventLoop({ clock });
  const seen: number[] = [];
  clock.early = 0.25;
  loop.callLater(2, () => {
    seen.push(loop.time());
    loop.stop();
  });
  await loop.runForever();
  loop.close();
  assertEquals([clock.delays, seen], [[2000, 250], [2]]);
});

Deno.test("parity: 109 A delay is rounded up to whole milliseconds of the host", async () => {
  using clock = new HandMadeTime();
  const loop = newEventLoop({ clock });
  loop.callLater(0.0012, () => loop.stop());
  await loop.runForever();
  loop.close();
  assertEquals(clock.delays, [2]);
});

Deno.test("One host timer serves all: a later one of the loop sets none", async () => {
  using clock = new HandMadeTime();
  const loop = newEventLoop({ clock });
  for (const delay of [1, 2, 3, 3, 3]) loop.callLater(delay, () => {});
  loop.callLater(3, () => loop.stop());
  await loop.runForever();
  loop.close();
  assertEquals(clock.delays, [1000, 1000, 1000]);
});

Deno.test("A timer that is due when an async function suspends needs none of the host", async () => {
  using clock = new HandMadeTime();
  const loop = newEventLoop({ clock });
  await loop.runUntilComplete(async () => {
    await sleep(0); // from here on, the task runs within a turn
    const future = loop.createFuture<null>();
    loop.callLater(0, () => future.setResult(null));
    await future;
  });
  loop.close();
  assertEquals(clock.delays, []);
});

Deno.test("A loop that waits for a future keeps the program alive", async () => {
  const program = new Program(new URL("programs/waiting.ts", import.meta.url));
  assertEquals(await program.line(), "waiting");
  assertEquals(await program.line(), "still alive");
  program.signal("SIGKILL");
  assertEquals((await program.end()).signal, "SIGKILL");
});

Deno.test("A loop that has ended leaves nothing that keeps the program alive", async () => {
  const program = new Program(new URL("programs/ended.ts", import.meta.url));
  const { code, out, err } = await program.end();
  assertEquals([code, out, err], [0, "ended\n", ""]);
});

Deno.test("parity: EventLoop.close() leaves nobody to hear of what comes in later", async () => {
  const loop = newEventLoop();
  const reports: unknown[] = [];
  loop.setExceptionHandler((_, { message }) => void reports.push(message));
  const { promise, resolve } = Promise.withResolvers<null>();
  const aborter = new AbortController();
  const { signal } = aborter;
  let turns = 0;
  const waiting = [
    loop.createTask(() => wrapFuture(promise)),
    loop.createTask(function* () {
      yield promise;
      turns++;
      yield;
    }),
    loop.createTask(() => sleep(3600), { signal }),
    loop.createTask(() => sleep(3600, null, { signal })),
    loop.createTask(() => waitFor(() => sleep(3600), null, { signal })),
  ];
  await loop.runUntilComplete(() => sleep(0));
  loop.close();
  aborter.abort();
  resolve(null);
  await promise;
  await Promise.resolve();
  assertEquals(waiting.map((task) => task.done()), waiting.map(() => false));
  assertEquals(turns, 0);
  assertEquals(reports, waiting.map(() => "Task was destroyed but it is pending!"));
});
