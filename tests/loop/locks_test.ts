/**
 * Lock and Condition, beyond what the parity scenarios show: guards, `run()`, errors, texts, and
 * cancellations in the turn in which somebody is served.
 *
 * @module
 */

import {
  CancelledError,
  Condition,
  createTask,
  gather,
  Lock,
  RuntimeError,
  sleep,
} from "@aio/asyncio/loop";
import { assertEquals, assertRejects, assertThrows } from "../_support/assert.ts";
import { bothKinds, newVirtualLoop, runVirtual } from "../_support/run.ts";
import type { Steps } from "../_support/run.ts";

async function passTurns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await sleep(0);
}

// -- Lock --

bothKinds("Lock.acquire() gives a guard, whose disposal releases the lock", {
  logs: [true, false, true],
  async: async (log) => {
    const lock = new Lock();
    {
      using _guard = await lock.acquire();
      log(lock.locked());
    }
    log(lock.locked());
    const guard = await lock.acquire();
    guard[Symbol.dispose]();
    log(!lock.locked());
  },
  generator: function* (log): Steps<void> {
    const lock = new Lock();
    {
      using _guard = yield* lock.acquire();
      log(lock.locked());
    }
    log(lock.locked());
    const guard = yield* lock.acquire();
    guard[Symbol.dispose]();
    log(!lock.locked());
  },
});

Deno.test("Lock.acquire()'s guard releases the lock when its block throws", async () => {
  await runVirtual(async () => {
    const lock = new Lock();
    const fail = async (): Promise<void> => {
      using _guard = await lock.acquire();
      throw new RangeError("in the block");
    };
    await assertRejects(fail, RangeError, "in the block");
    assertEquals(lock.locked(), false);
  });
});

bothKinds("Lock.run() gives what its body returns", {
  logs: [true, "result", false],
  async: async (log) => {
    const lock = new Lock();
    const result = await lock.run(async () => {
      await sleep(1);
      log(lock.locked());
      return "result";
    });
    log(result);
    log(lock.locked());
  },
  generator: function* (log): Steps<void> {
    const lock = new Lock();
    const result = yield* lock.run(function* (): Steps<string> {
      yield* sleep(1);
      log(lock.locked());
      return "result";
    });
    log(result);
    log(lock.locked());
  },
});

bothKinds("Lock.run() throws what its body throws, and releases the lock", {
  logs: ["RangeError: no", false],
  async: async (log) => {
    const lock = new Lock();
    try {
      await lock.run(async () => {
        throw new RangeError("no");
      });
    } catch (error) {
      log(String(error));
    }
    log(lock.locked());
  },
  generator: function* (log): Steps<void> {
    const lock = new Lock();
    try {
      yield* lock.run(function* (): Steps<void> {
        throw new RangeError("no");
      });
    } catch (error) {
      log(String(error));
    }
    log(lock.locked());
  },
});

Deno.test("Lock.run() releases the lock when it is cancelled in its body", async () => {
  await runVirtual(async () => {
    const lock = new Lock();
    const task = createTask(() => lock.run(() => sleep(3600)));
    await sleep(1);
    assertEquals(lock.locked(), true);
    task.cancel("msg");
    await assertRejects(async () => await task, CancelledError, "msg");
    assertEquals(lock.locked(), false);
  });
});

Deno.test("Lock.run() does not run its body when it is cancelled while it waits", async () => {
  await runVirtual(async () => {
    const lock = new Lock();
    await lock.acquire();
    let ran = false;
    const task = createTask(() => lock.run(async () => void (ran = true)));
    await passTurns(1);
    task.cancel();
    await assertRejects(async () => await task, CancelledError);
    assertEquals([ran, lock.locked()], [false, true]);
  });
});

Deno.test("Lock.run() takes a generator object", async () => {
  await runVirtual(async () => {
    function* body(): Steps<number> {
      yield* sleep(1);
      return 42;
    }
    assertEquals(await new Lock().run(body()), 42);
  });
});

Deno.test("Lock.release() throws when nobody holds the lock", () => {
  const error = assertThrows(() => new Lock().release(), RuntimeError);
  assertEquals(error.message, "Cannot release lock: Lock is not acquired.");
});

Deno.test("Lock.acquire() of a free lock needs no turn of the loop", async () => {
  await runVirtual(async () => {
    const lock = new Lock();
    let turned = false;
    createTask(async () => void (turned = true));
    await lock.acquire();
    assertEquals(turned, false);
  });
});

Deno.test("Lock.acquire() throws on another loop than the one where somebody waited", async () => {
  const lock = new Lock();
  await runVirtual(async () => {
    await lock.acquire();
    const waiting = createTask(() => lock.acquire());
    await passTurns(1);
    waiting.cancel();
  });
  await runVirtual(async () => {
    const error = await assertRejects(async () => await lock.acquire(), RuntimeError);
    assertEquals(
      error.message,
      "Cannot wait: <Lock [locked]> is bound to a different event loop",
    );
    lock.release();
    await lock.acquire(); // nobody has to wait, so the loop does not matter
  });
});

Deno.test("Lock.toString() tells whether it is held, and how many wait", async () => {
  await runVirtual(async () => {
    const lock = new Lock();
    assertEquals(String(lock), "<Lock [unlocked]>");
    await lock.acquire();
    assertEquals(Deno.inspect(lock), "<Lock [locked]>");
    const tasks = [1, 2].map(() => createTask(() => lock.acquire()));
    await passTurns(1);
    assertEquals(String(lock), "<Lock [locked, waiters:2]>");
    tasks[0]!.cancel();
    await passTurns(1);
    assertEquals(String(lock), "<Lock [locked, waiters:1]>");
    lock.release();
    assertEquals(String(lock), "<Lock [unlocked, waiters:1]>");
    await tasks[1]!;
  });
});

for (const order of ["cancel, then release", "release, then cancel"]) {
  Deno.test(`Lock is not lost when its next holder is cancelled in the turn: ${order}`, async () => {
    await runVirtual(async () => {
      const lock = new Lock();
      const held: string[] = [];
      const hold = (name: string) => () => lock.run(async () => void held.push(name));
      await lock.acquire();
      const tasks = ["a", "b", "c"].map((name) => createTask(hold(name)));
      await passTurns(1);
      if (order.startsWith("cancel")) tasks[0]!.cancel();
      lock.release();
      if (order.startsWith("release")) tasks[0]!.cancel();
      await gather(tasks, { returnExceptions: true });
      assertEquals(held, ["b", "c"]);
      assertEquals(String(lock), "<Lock [unlocked]>");
    });
  });
}

Deno.test("Lock is handed on when each of those who wait is cancelled as it is served", async () => {
  await runVirtual(async () => {
    const lock = new Lock();
    await lock.acquire();
    const tasks = [1, 2, 3, 4].map(() => createTask(() => lock.run(async () => {})));
    const last = createTask(() => lock.run(async () => "served"));
    await passTurns(1);
    lock.release();
    for (const task of tasks) {
      task.cancel();
      await passTurns(1);
    }
    assertEquals(await last, "served");
    assertEquals(lock.locked(), false);
  });
});

Deno.test("Lock is served in order by a hundred tasks of both kinds", async () => {
  await runVirtual(async () => {
    const lock = new Lock();
    const order: number[] = [];
    const numbers = Array.from({ length: 100 }, (_, i) => i);
    const asynchronous = (i: number) => async () => {
      using _guard = await lock.acquire();
      order.push(i);
      await passTurns(i % 3);
    };
    const generator = (i: number) =>
      function* (): Steps<void> {
        using _guard = yield* lock.acquire();
        order.push(i);
        for (let turn = 0; turn < i % 3; turn++) yield* sleep(0);
      };
    await gather(numbers.map((i) => i % 2 === 0 ? asynchronous(i) : generator(i)));
    assertEquals(order, numbers);
  });
});

// -- Condition --

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
