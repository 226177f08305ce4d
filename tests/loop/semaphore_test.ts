/**
 * Semaphore and BoundedSemaphore, beyond what the parity scenarios show.
 *
 * @module
 */

import {
  BoundedSemaphore,
  CancelledError,
  createTask,
  gather,
  RuntimeError,
  Semaphore,
  sleep,
} from "@aio/asyncio/loop";
import { repr } from "../../loop/_repr.ts";
import { assertEquals, assertRejects, assertThrows } from "../_support/assert.ts";
import { bothKinds, newVirtualLoop, runVirtual } from "../_support/run.ts";
import type { Steps } from "../_support/run.ts";

async function passTurns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await sleep(0);
}

Deno.test("Semaphore() refuses what is no number of places", () => {
  for (const value of [-1, NaN, 1.5, -Infinity, "two" as unknown as number]) {
    for (const kind of [Semaphore, BoundedSemaphore]) {
      const error = assertThrows(() => new kind(value), RangeError);
      assertEquals(
        error.message,
        `Cannot create semaphore: value must be a whole number >= 0, not ${repr(value)}`,
      );
    }
  }
});

Deno.test("Semaphore() has one place by default, and may have none or any number", async () => {
  await runVirtual(async () => {
    const one = new Semaphore();
    await one.acquire();
    assertEquals([one.locked(), new Semaphore(0).locked()], [true, true]);
    const any = new Semaphore(Infinity);
    for (let i = 0; i < 1000; i++) await any.acquire();
    assertEquals(any.locked(), false);
  });
});

bothKinds("Semaphore.acquire() gives a guard, whose disposal gives the place back", {
  logs: [true, false],
  async: async (log) => {
    const semaphore = new Semaphore(1);
    {
      using _guard = await semaphore.acquire();
      log(semaphore.locked());
    }
    log(semaphore.locked());
  },
  generator: function* (log): Steps<void> {
    const semaphore = new Semaphore(1);
    {
      using _guard = yield* semaphore.acquire();
      log(semaphore.locked());
    }
    log(semaphore.locked());
  },
});

bothKinds("Semaphore.run() gives or throws what its body does, and gives the place back", {
  logs: ["result", false, "RangeError: no", false],
  async: async (log) => {
    const semaphore = new Semaphore(1);
    log(await semaphore.run(() => sleep(1, "result")));
    log(semaphore.locked());
    try {
      await semaphore.run(async () => {
        throw new RangeError("no");
      });
    } catch (error) {
      log(String(error));
    }
    log(semaphore.locked());
  },
  generator: function* (log): Steps<void> {
    const semaphore = new Semaphore(1);
    log(yield* semaphore.run(() => sleep(1, "result")));
    log(semaphore.locked());
    try {
      yield* semaphore.run(function* (): Steps<void> {
        throw new RangeError("no");
      });
    } catch (error) {
      log(String(error));
    }
    log(semaphore.locked());
  },
});

Deno.test("Semaphore.run() gives the place back when it is cancelled", async () => {
  await runVirtual(async () => {
    const semaphore = new Semaphore(1);
    const running = createTask(() => semaphore.run(() => sleep(3600)));
    const waiting = createTask(() => semaphore.run(() => sleep(3600)));
    await sleep(1);
    for (const task of [waiting, running]) {
      task.cancel("msg");
      await assertRejects(async () => await task, CancelledError, "msg");
    }
    assertEquals(String(semaphore), "<Semaphore [unlocked, value:1]>");
  });
});

Deno.test("BoundedSemaphore.release() throws when all places are free", async () => {
  await runVirtual(async () => {
    const semaphore = new BoundedSemaphore(2);
    await semaphore.acquire();
    semaphore.release();
    const error = assertThrows(() => semaphore.release(), RangeError);
    assertEquals(
      error.message,
      "Cannot release semaphore: BoundedSemaphore released too many times",
    );
    assertEquals(String(semaphore), "<BoundedSemaphore [unlocked, value:2]>");
    const guard = await semaphore.acquire();
    semaphore.release();
    assertThrows(() => guard[Symbol.dispose](), RangeError);
  });
});

Deno.test("Semaphore.release() makes places beyond those it began with", async () => {
  await runVirtual(async () => {
    const semaphore = new Semaphore(0);
    semaphore.release();
    semaphore.release();
    assertEquals(String(semaphore), "<Semaphore [unlocked, value:2]>");
    await semaphore.acquire();
    await semaphore.acquire();
    assertEquals(semaphore.locked(), true);
  });
});

Deno.test("Semaphore.toString() tells how many places there are, and how many wait", async () => {
  await runVirtual(async () => {
    const semaphore = new Semaphore(1);
    await semaphore.acquire();
    assertEquals(Deno.inspect(semaphore), "<Semaphore [locked]>");
    const tasks = [1, 2].map(() => createTask(() => semaphore.acquire()));
    await passTurns(1);
    assertEquals(String(semaphore), "<Semaphore [locked, waiters:2]>");
    for (const task of tasks) {
      semaphore.release();
      await task;
    }
    assertEquals(String(semaphore), "<Semaphore [locked]>");
  });
});

Deno.test("Semaphore.acquire() throws on another loop than the one where somebody waited", async () => {
  const semaphore = new Semaphore(0);
  await runVirtual(async () => {
    const waiting = createTask(() => semaphore.acquire());
    await passTurns(1);
    waiting.cancel();
  });
  const loop = newVirtualLoop();
  await loop.runUntilComplete(async () => {
    const error = await assertRejects(async () => await semaphore.acquire(), RuntimeError);
    assertEquals(
      error.message,
      "Cannot wait: <Semaphore [locked]> is bound to a different event loop",
    );
  });
  loop.close();
});

for (const order of ["cancel, then release", "release, then cancel"]) {
  Deno.test(`Semaphore loses no place in the turn of a cancellation: ${order}`, async () => {
    await runVirtual(async () => {
      const semaphore = new Semaphore(0);
      const tasks = [1, 2, 3, 4].map(() => createTask(() => semaphore.acquire()));
      await passTurns(1);
      const cancel = (): void => void [tasks[0]!, tasks[2]!].map((task) => task.cancel());
      if (order.startsWith("cancel")) cancel();
      semaphore.release();
      semaphore.release();
      if (order.startsWith("release")) cancel();
      await passTurns(4);
      assertEquals(tasks.map((task) => task.cancelled()), [true, false, true, false]);
      assertEquals(tasks.map((task) => task.done()), [true, true, true, true]);
      semaphore.release();
      assertEquals(String(semaphore), "<Semaphore [unlocked, value:1]>");
    });
  });
}

Deno.test("Semaphore lets as many through as it has places, in order", async () => {
  await runVirtual(async () => {
    const semaphore = new Semaphore(3);
    const entered: number[] = [];
    let [inside, most] = [0, 0];
    const numbers = Array.from({ length: 60 }, (_, i) => i);
    const work = (i: number) => () =>
      semaphore.run(async () => {
        entered.push(i);
        most = Math.max(most, ++inside);
        await passTurns((i * 7) % 5);
        inside--;
      });
    await gather(numbers.map(work));
    assertEquals([most, entered], [3, numbers]);
    assertEquals(String(semaphore), "<Semaphore [unlocked, value:3]>");
  });
});
