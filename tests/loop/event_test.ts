/**
 * Event, beyond what the parity scenarios show.
 *
 * @module
 */

import { CancelledError, createTask, Event, gather, RuntimeError, sleep } from "@aio/asyncio/loop";
import { assertEquals, assertRejects } from "../_support/assert.ts";
import { bothKinds, newVirtualLoop, runVirtual } from "../_support/run.ts";
import type { Steps } from "../_support/run.ts";

bothKinds("Event.wait() waits for set(), and for the next one after clear()", {
  logs: [false, true, true, true, false, "set", true],
  async: async (log) => {
    const event = new Event();
    log(event.isSet());
    const first = createTask(async () => await event.wait());
    await sleep(1);
    event.set();
    log(event.isSet());
    log(await first);
    log(await event.wait());
    event.clear();
    log(event.isSet());
    const second = createTask(async () => await event.wait());
    await sleep(1);
    event.set();
    event.set();
    log("set");
    log(await second);
  },
  generator: function* (log): Steps<void> {
    const event = new Event();
    log(event.isSet());
    const first = createTask(function* (): Steps<boolean> {
      return yield* event.wait();
    });
    yield* sleep(1);
    event.set();
    log(event.isSet());
    log(yield* first);
    log(yield* event.wait());
    event.clear();
    log(event.isSet());
    const second = createTask(() => event.wait());
    yield* sleep(1);
    event.set();
    event.set();
    log("set");
    log(yield* second);
  },
});

Deno.test("Event.wait() that is cancelled leaves nothing behind", async () => {
  await runVirtual(async () => {
    const event = new Event();
    const [a, b] = [createTask(() => event.wait()), createTask(() => event.wait())];
    await sleep(1);
    assertEquals(String(event), "<Event [unset, waiters:2]>");
    a.cancel("msg");
    await assertRejects(async () => await a, CancelledError, "msg");
    assertEquals(Deno.inspect(event), "<Event [unset, waiters:1]>");
    event.set();
    await b;
    assertEquals(String(event), "<Event [set]>");
  });
});

for (const order of ["cancel, then set", "set, then cancel"]) {
  Deno.test(`Event.set() wakes all others in the turn of a cancellation: ${order}`, async () => {
    await runVirtual(async () => {
      const event = new Event();
      const tasks = [1, 2, 3].map(() => createTask(() => event.wait()));
      await sleep(1);
      if (order.startsWith("cancel")) tasks[1]!.cancel();
      event.set();
      if (order.startsWith("set")) tasks[1]!.cancel();
      const results = await gather(tasks, { returnExceptions: true });
      assertEquals(results.map((result) => result === true), [true, false, true]);
    });
  });
}

Deno.test("Event.set() wakes ten thousand in order", async () => {
  await runVirtual(async () => {
    const event = new Event();
    const woken: number[] = [];
    const numbers = Array.from({ length: 10_000 }, (_, i) => i);
    const tasks = numbers.map((i) =>
      createTask(function* (): Steps<void> {
        yield* event.wait();
        woken.push(i);
      })
    );
    await sleep(1);
    event.set();
    await gather(tasks);
    assertEquals(woken, numbers);
  });
});

Deno.test("Event.wait() throws on another loop than the one where somebody waited", async () => {
  const event = new Event();
  await runVirtual(async () => {
    const waiting = createTask(() => event.wait());
    await sleep(0);
    waiting.cancel();
  });
  const loop = newVirtualLoop();
  await loop.runUntilComplete(async () => {
    const error = await assertRejects(async () => await event.wait(), RuntimeError);
    assertEquals(
      error.message,
      "Cannot wait: <Event [unset]> is bound to a different event loop",
    );
    event.set();
    assertEquals(await event.wait(), true);
  });
  loop.close();
});
