/**
 * Lock, beyond what the parity scenarios show: guards, `run()`, errors, texts, and cancellations in
 * the turn in which a task gets the lock.
 *
 * @module
 */

import { CancelledError, createTask, gather, Lock, RuntimeError, sleep } from "@aio/asyncio/loop";
import { assertEquals, assertRejects, assertThrows } from "../_support/assert.ts";
import { bothKinds, runVirtual } from "../_support/run.ts";
import type { Steps } from "../_support/run.ts";

async function passTurns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await sleep(0);
}

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
    await lock.acquire(); // there is no wait, so the loop does not matter
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
