/**
 * Condition, beyond what the parity scenarios show.
 *
 * @module
 */

import { Condition, createTask, Lock, RuntimeError, sleep } from "@aio/asyncio/loop";
import { assertEquals, assertRejects, assertThrows } from "../_support/assert.ts";
import { newVirtualLoop, runVirtual } from "../_support/run.ts";

async function passTurns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await sleep(0);
}

Deno.test("Condition shares its lock with whoever has it", async () => {
  await runVirtual(async () => {
    const lock = new Lock();
    const [a, b] = [new Condition(lock), new Condition(lock)];
    await a.acquire();
    assertEquals([lock.locked(), b.locked()], [true, true]);
    b.release();
    assertEquals(a.locked(), false);
    const waiting = createTask(() => a.run(() => a.wait()));
    await passTurns(1);
    await b.run(async () => b.notifyAll());
    await passTurns(3);
    assertEquals(waiting.done(), false);
    await b.run(async () => a.notify());
    assertEquals(await waiting, true);
  });
});

Deno.test("Condition.wait(), notify() and notifyAll() throw when nobody holds the lock", async () => {
  await runVirtual(async () => {
    const condition = new Condition();
    const text = "on un-acquired lock";
    const waiting = await assertRejects(async () => await condition.wait(), RuntimeError);
    assertEquals(waiting.message, `Cannot wait: cannot wait ${text}`);
    for (const call of [() => condition.notify(), () => condition.notifyAll()]) {
      assertEquals(
        assertThrows(call, RuntimeError).message,
        `Cannot notify: cannot notify ${text}`,
      );
    }
    assertThrows(() => condition.release(), RuntimeError, "Lock is not acquired.");
    const predicate = async () => await condition.waitFor(() => false);
    await assertRejects(predicate, RuntimeError, text);
    assertEquals(await condition.waitFor(() => "at once"), "at once");
  });
});

Deno.test("Condition.acquire() gives a guard, whose disposal releases the lock", async () => {
  await runVirtual(async () => {
    const condition = new Condition();
    {
      using _guard = await condition.acquire();
      assertEquals(condition.locked(), true);
    }
    assertEquals(condition.locked(), false);
  });
});

Deno.test("Condition.waitFor() throws what its predicate throws, with the lock held", async () => {
  await runVirtual(async () => {
    const condition = new Condition();
    let calls = 0;
    const predicate = (): boolean => {
      if (++calls === 2) throw new RangeError("no");
      return false;
    };
    const task = createTask(() =>
      condition.run(async () => {
        await assertRejects(async () => await condition.waitFor(predicate), RangeError);
        return condition.locked();
      })
    );
    await passTurns(1);
    await condition.run(async () => condition.notify());
    assertEquals(await task, true);
  });
});

Deno.test("Condition.wait() throws on another loop, and keeps the lock", async () => {
  const condition = new Condition();
  await runVirtual(async () => {
    const waiting = createTask(() => condition.run(() => condition.wait()));
    await passTurns(1);
    waiting.cancel();
  });
  const loop = newVirtualLoop();
  await loop.runUntilComplete(async () => {
    await condition.acquire();
    const error = await assertRejects(async () => await condition.wait(), RuntimeError);
    const text = "<Condition [locked]> is bound to a different event loop";
    assertEquals(error.message, `Cannot wait: ${text}`);
    assertEquals(condition.locked(), true);
  });
  loop.close();
});

Deno.test("Condition.wait() throws when its lock is bound to another loop, and held", async () => {
  const lock = new Lock();
  await runVirtual(async () => {
    await lock.acquire();
    const waiting = createTask(() => lock.acquire());
    await passTurns(1);
    waiting.cancel();
    lock.release();
  });
  await runVirtual(async () => {
    const condition = new Condition(lock);
    await condition.acquire();
    const waiting = createTask(() => condition.wait());
    await passTurns(1);
    await condition.acquire();
    condition.notify();
    await assertRejects(async () => await waiting, RuntimeError, "different event loop");
  });
});

Deno.test("Condition.toString() tells whether it is held, and how many wait", async () => {
  await runVirtual(async () => {
    const condition = new Condition();
    assertEquals(String(condition), "<Condition [unlocked]>");
    const task = createTask(() => condition.run(() => condition.wait()));
    await passTurns(1);
    assertEquals(Deno.inspect(condition), "<Condition [unlocked, waiters:1]>");
    await condition.run(async () => {
      condition.notify();
      assertEquals(String(condition), "<Condition [locked, waiters:1]>");
    });
    await task;
  });
});

for (const order of ["cancel, then notify", "notify, then cancel"]) {
  Deno.test(`Condition loses no notification in the turn of a cancellation: ${order}`, async () => {
    await runVirtual(async () => {
      const condition = new Condition();
      const tasks = [1, 2, 3].map(() => createTask(() => condition.run(() => condition.wait())));
      await passTurns(2);
      await condition.run(async () => {
        if (order.startsWith("cancel")) tasks[0]!.cancel();
        condition.notify();
        if (order.startsWith("notify")) tasks[0]!.cancel();
      });
      await passTurns(6);
      assertEquals(tasks[0]!.cancelled(), true);
      assertEquals(tasks[1]!.result(), true);
      await condition.run(async () => condition.notifyAll());
      assertEquals(await tasks[2]!, true);
      assertEquals(String(condition), "<Condition [unlocked]>");
    });
  });
}

Deno.test("Condition.notify() of nobody, and of nobody more than wait, is harmless", async () => {
  await runVirtual(async () => {
    const condition = new Condition();
    await condition.run(async () => {
      condition.notify();
      condition.notifyAll();
      condition.notify(0);
    });
    const task = createTask(() => condition.run(() => condition.wait()));
    await passTurns(2);
    await condition.run(async () => condition.notify(0));
    await passTurns(3);
    assertEquals(task.done(), false);
    await condition.run(async () => condition.notify(99));
    assertEquals(await task, true);
  });
});
