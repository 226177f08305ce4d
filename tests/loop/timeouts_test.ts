/**
 * timeout() and timeoutAt(), beyond what the parity scenarios show.
 *
 * @module
 */

import {
  CancelledError,
  ContextVar,
  createTask,
  currentTask,
  ExceptionGroup,
  getRunningLoop,
  Queue,
  RuntimeError,
  sleep,
  timeout,
  timeoutAt,
  TimeoutError,
  waitFor,
} from "@aio/asyncio/loop";
import type { Timeout } from "@aio/asyncio/loop";
import { assert, assertEquals, assertInstanceOf, assertRejects } from "../_support/assert.ts";
import { assertStrictEquals, assertThrows } from "../_support/assert.ts";
import { bothKinds, newVirtualLoop, runVirtual } from "../_support/run.ts";
import type { Steps } from "../_support/run.ts";
import { watchTimers } from "../_support/timers.ts";

bothKinds("Timeout.run() gives its body the timeout, and gives what that returns", {
  logs: [10, false, "result", false, 3],
  async: async (log) => {
    const result = await timeout(10).run(async (limit) => {
      log(limit.when());
      log(limit.expired());
      await sleep(3);
      return { limit, text: "result" };
    });
    log(result.text);
    log(result.limit.expired());
    log(getRunningLoop().time());
  },
  generator: function* (log): Steps<void> {
    const result = yield* timeout(10).run(function* (limit): Steps<{
      limit: Timeout;
      text: string;
    }> {
      log(limit.when());
      log(limit.expired());
      yield* sleep(3);
      return { limit, text: "result" };
    });
    log(result.text);
    log(result.limit.expired());
    log(getRunningLoop().time());
  },
});

bothKinds("Timeout.run() throws TimeoutError, caused by the cancellation", {
  logs: ["TimeoutError", "CancelledError", 10],
  async: async (log) => {
    try {
      await timeout(10).run(async () => await sleep(3600));
    } catch (error) {
      log(String(error));
      log(String((error as Error).cause));
    }
    log(getRunningLoop().time());
  },
  generator: function* (log): Steps<void> {
    try {
      yield* timeout(10).run(function* (): Steps<void> {
        yield* sleep(3600);
      });
    } catch (error) {
      log(String(error));
      log(String((error as Error).cause));
    }
    log(getRunningLoop().time());
  },
});

Deno.test("Timeout.run() leaves no timer behind when its body ends in time", async () => {
  await runVirtual(async () => {
    const loop = getRunningLoop();
    const timers = watchTimers(loop);
    await timeout(3600).run(() => sleep(1));
    await assertRejects(async () => {
      await timeout(3600).run(async () => {
        throw new RangeError("no");
      });
    }, RangeError);
    const limits = timers.filter((timer) => timer.when() > 100);
    assertEquals(limits.map((timer) => timer.cancelled()), [true, true]);
  });
});

Deno.test("Timeout.run() ends a body that awaits several things at once", async () => {
  await runVirtual(async () => {
    const ended: string[] = [];
    const slow = async (name: string): Promise<void> => {
      try {
        await sleep(3600);
      } finally {
        ended.push(name);
      }
    };
    const both = async (): Promise<unknown> => await Promise.all([slow("a"), slow("b")]);
    await assertRejects(async () => await timeout(1).run(both), TimeoutError);
    await sleep(0); // Promise.all() waits for the first failure only
    assertEquals(ended.toSorted(), ["a", "b"]);
  });
});

Deno.test("Timeout.run() aborts the task's signal", async () => {
  await runVirtual(async () => {
    const signals: AbortSignal[] = [];
    const body = async (): Promise<void> => {
      signals.push(currentTask()!.signal);
      await sleep(3600);
    };
    await assertRejects(async () => await timeout(1).run(body), TimeoutError);
    assertEquals(signals[0]!.aborted, true);
    assertEquals(currentTask()!.signal.aborted, false);
  });
});

Deno.test("Timeout ends one that was stopped by a null, and given another limit later", async () => {
  await runVirtual(async () => {
    const limit = timeout(1);
    const body = async (): Promise<void> => {
      limit.reschedule(null);
      assertEquals(String(limit), "<Timeout [active] when=null>");
      await sleep(5);
      limit.reschedule(getRunningLoop().time() + 5);
      await sleep(3600);
    };
    await assertRejects(async () => await limit.run(body), TimeoutError);
    assertEquals([getRunningLoop().time(), limit.when(), limit.expired()], [10, 10, true]);
  });
});

Deno.test("Timeout.reschedule() to the past ends the body in the next turn", async () => {
  await runVirtual(async () => {
    await sleep(10);
    const limit = timeout(100);
    let turns = 0;
    const body = async (): Promise<void> => {
      limit.reschedule(3);
      for (;;) {
        await sleep(0);
        turns++;
      }
    };
    await assertRejects(async () => await limit.run(body), TimeoutError);
    assertEquals([turns, getRunningLoop().time()], [0, 10]);
  });
});

Deno.test("timeoutAt() with null is no limit", async () => {
  await runVirtual(async () => {
    const limit = timeoutAt(null);
    assertEquals([limit.when(), String(limit)], [null, "<Timeout [created]>"]);
    assertEquals(await limit.run(() => sleep(1e6, "late")), "late");
    assertEquals(Deno.inspect(limit), "<Timeout [finished]>");
  });
});

Deno.test("Timeout refuses what its state forbids", async () => {
  await runVirtual(async () => {
    const limit = timeout(1);
    const nothing = async (): Promise<void> => {};
    assertEquals(
      assertThrows(() => limit.reschedule(1), RuntimeError).message,
      "Cannot reschedule: Timeout has not been entered",
    );
    await limit.run(async () => {
      const twice = await assertRejects(async () => await limit.run(nothing), RuntimeError);
      assertEquals(twice.message, "Cannot enter timeout: Timeout has already been entered");
    });
    assertEquals(
      assertThrows(() => limit.reschedule(null), RuntimeError).message,
      "Cannot change state of finished Timeout",
    );
  });
});

Deno.test("timeout() throws when no loop runs", () => {
  assertThrows(() => timeout(1), RuntimeError, "no running event loop");
  assertEquals(timeout.length, 1);
});

Deno.test("timeout() and waitFor() say what they take, where it is not a number", async () => {
  await runVirtual(async () => {
    const nonsense = [[undefined, "undefined"], [{ timeout: 1 }, "{...}"], ["1", "'1'"], [
      NaN,
      "NaN",
    ]];
    for (const [value, shown] of nonsense) {
      const text = `Cannot set timeout: delay must be a number or null, not ${shown}`;
      assertEquals(assertThrows(() => timeout(value as never), RangeError).message, text);
      const waiting = waitFor(async () => {}, value as never);
      assertEquals((await assertRejects(async () => await waiting, RangeError)).message, text);
    }
  });
});

Deno.test("parity: 93 Timeout.run() throws outside of a task", async () => {
  const loop = newVirtualLoop();
  const seen: unknown[] = [];
  loop.callSoon(() => {
    timeout(1).run(async () => {}).then(
      () => seen.push("no error"),
      (error) => {
        seen.push(String(error));
        loop.stop();
      },
    );
  });
  await loop.runForever();
  loop.close();
  assertEquals(seen, [
    "RuntimeError: Cannot enter timeout: it should be used inside a task, such as one made by createTask()",
  ]);
});

// -- Errors of a body after its deadline --

async function expired(error: unknown): Promise<unknown> {
  try {
    await timeout(1).run(async () => {
      try {
        await sleep(3600);
      } catch {
        throw error;
      }
    });
  } catch (thrown) {
    return thrown;
  }
  throw new Error("nothing was thrown");
}

Deno.test("Timeout puts TimeoutError at the end of the causes of another error", async () => {
  await runVirtual(async () => {
    const first = new Error("first");
    const last = new Error("last", { cause: first });
    assertStrictEquals(await expired(last), last);
    assertStrictEquals(last.cause, first);
    assertInstanceOf(first.cause, TimeoutError);
    assertEquals(first.cause.cause, undefined);
  });
});

Deno.test("Timeout puts TimeoutError before the cancellation in the causes", async () => {
  await runVirtual(async () => {
    const cancellation = new CancelledError();
    const error = new Error("cleanup", { cause: cancellation });
    await expired(error);
    assertInstanceOf(error.cause, TimeoutError);
    assertStrictEquals(error.cause.cause, cancellation);
  });
});

Deno.test("Timeout leaves causes that are no errors, or that have no end, as they are", async () => {
  await runVirtual(async () => {
    const described = new Error("described", { cause: { code: 7 } });
    await expired(described);
    assertEquals(described.cause, { code: 7 });
    const [a, b] = [new Error("a"), new Error("b")];
    [a.cause, b.cause] = [b, a];
    assertStrictEquals(await expired(a), a);
    assertStrictEquals(b.cause, a);
    assertStrictEquals(await expired("no error at all"), "no error at all");
  });
});

Deno.test("Timeout tells each error of a group that the time was over", async () => {
  await runVirtual(async () => {
    const group = new ExceptionGroup("two", [new RangeError("a"), new TypeError("b"), "c"]);
    assertStrictEquals(await expired(group), group);
    for (const error of [group, ...group.exceptions.slice(0, 2)]) {
      assert(error instanceof Error && error.cause instanceof TimeoutError);
    }
  });
});

Deno.test("Timeout does not touch errors in time", async () => {
  await runVirtual(async () => {
    const error = new RangeError("in time");
    const fail = async (): Promise<void> => {
      await sleep(1);
      throw error;
    };
    await assertRejects(async () => await timeout(10).run(fail), RangeError);
    assertEquals("cause" in error, false);
  });
});

// -- In the turn in which it expires --

for (const order of ["the result first", "the deadline first"]) {
  Deno.test(`Timeout that expires in the turn of the result ends the body: ${order}`, async () => {
    await runVirtual(async () => {
      const loop = getRunningLoop();
      const future = loop.createFuture<string>();
      const set = (): void => void loop.callAt(5, () => future.setResult("result"));
      if (order === "the result first") set();
      const task = createTask(() => timeoutAt(5).run(() => future));
      await sleep(0);
      if (order === "the deadline first") set();
      if (order === "the deadline first") {
        loop.setExceptionHandler(() => {}); // the future was cancelled before its result came
      }
      await assertRejects(async () => await task, TimeoutError);
      assertEquals([task.cancelling(), loop.time()], [0, 5]);
    });
  });
}

Deno.test("Timeouts of a hundred tasks end them in the order of their deadlines", async () => {
  await runVirtual(async () => {
    const ended: number[] = [];
    const numbers = Array.from({ length: 100 }, (_, i) => i);
    const tasks = numbers.map((i) =>
      createTask(async () => {
        const delay = (i * 37) % 100;
        await assertRejects(async () => await timeout(delay).run(() => sleep(3600)), TimeoutError);
        ended.push(delay);
      })
    );
    for (const task of tasks) await task;
    assertEquals(ended, numbers);
  });
});

/** Returns a foreign promise, which is resolved after `delay` seconds. */
function foreignPromise(delay: number): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  getRunningLoop().callLater(delay, () => resolve("late"));
  return promise;
}

const slowBodies: Record<string, () => Promise<string>> = {
  "gives it": () => foreignPromise(3),
  "awaits it": async () => await foreignPromise(3),
  "goes on after it": async () => `${await foreignPromise(3)} again`,
  "awaits it in a helper": async () => {
    const helper = async (): Promise<string> => await foreignPromise(3);
    return await helper();
  },
};
for (const [name, body] of Object.entries(slowBodies)) {
  Deno.test(`Timeout.run() throws once a promise of others has come too late: a body that ${name}`, async () => {
    await runVirtual(async () => {
      const task = currentTask()!;
      for (const start of [() => timeout(1).run(body), () => waitFor(body, 1)]) {
        const began = getRunningLoop().time();
        const error = await assertRejects(async () => await start(), TimeoutError);
        assertInstanceOf(error.cause, CancelledError);
        assertEquals(getRunningLoop().time() - began, 3);
        assertEquals([task.cancelling(), await sleep(0, "goes on")], [0, "goes on"]);
      }
    });
  });
}

Deno.test("Timeout.run() gives what its body makes of a cancellation, whatever it awaits then", async () => {
  await runVirtual(async () => {
    const result = await timeout(1).run(async () => {
      try {
        await sleep(10);
      } catch (error) {
        if (!(error instanceof CancelledError)) throw error;
      }
      return await foreignPromise(3);
    });
    assertEquals(result, "late");
  });
});

Deno.test("Timeout.run() leaves a cancellation of its task to the task, beside its own", async () => {
  await runVirtual(async () => {
    const log: string[] = [];
    const task = createTask(async () => {
      log.push(await timeout(1).run(() => foreignPromise(3)));
      await sleep(10);
    });
    await sleep(2);
    task.cancel("from outside");
    await assertRejects(async () => await task, CancelledError, "from outside");
    assertEquals([log, getRunningLoop().time()], [["late"], 3]);
  });
});

Deno.test("Timeout.run() within another: the outer one's time is over, too", async () => {
  await runVirtual(async () => {
    const log: string[] = [];
    const outer = timeout(1).run(async () => {
      log.push(await timeout(2).run(() => foreignPromise(3)));
    });
    await assertRejects(async () => await outer, TimeoutError);
    assertEquals([log, currentTask()!.cancelling()], [["late"], 0]);
  });
});

Deno.test("waitFor() throws its signal's reason once a promise of others has come too late", async () => {
  await runVirtual(async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    getRunningLoop().callLater(1, () => controller.abort(reason));
    const waiting = waitFor(() => foreignPromise(3), null, { signal: controller.signal });
    assertStrictEquals(await assertRejects(async () => await waiting, Error), reason);
    assertEquals([currentTask()!.cancelling(), await sleep(0, "goes on")], [0, "goes on"]);
  });
});

/** Runs `body` as a leftover of a task that has ended. */
async function leftOver<T>(body: () => Promise<T>): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const task = createTask(async () => {
    const rest = async (): Promise<T> => {
      await sleep(1);
      assert(task.done());
      return await body();
    };
    rest().then(resolve, reject); // without `await`
  });
  await task;
  return await promise;
}

const place = new ContextVar("place", { defaultValue: "nowhere" });
const limits: Record<string, () => PromiseLike<unknown>> = {
  "timeout()": () => timeout(1).run(() => sleep(10)),
  "timeoutAt()": () => timeoutAt(getRunningLoop().time() + 1).run(() => sleep(10)),
  "waitFor()": () => waitFor(() => sleep(10), 1),
  "waitFor() of a queue": () => waitFor(new Queue<void>().get(), 1),
};
for (const [name, limited] of Object.entries(limits)) {
  Deno.test(`${name} limits the time of what is left of a task, too`, async () => {
    await runVirtual(async () => {
      await leftOver(async () => await assertRejects(async () => await limited(), TimeoutError));
      assertEquals(getRunningLoop().time(), 2);
    });
  });
}

Deno.test("timeout() in what is left of a task has its context, and a task of its own", async () => {
  await runVirtual(async () => {
    const seen = await leftOver(async () => {
      place.set("here");
      const inner = await timeout(1).run(async () => [place.get(), currentTask()!.done()]);
      return [...inner, currentTask()!.done()];
    });
    assertEquals(seen, ["here", false, true]);
  });
});

Deno.test("waitFor() in what is left of a task can be ended by a signal", async () => {
  await runVirtual(async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    getRunningLoop().callLater(2, () => controller.abort(reason));
    const waiting = (): Promise<void> =>
      leftOver(async () => await waitFor(() => sleep(10), null, { signal: controller.signal }));
    assertStrictEquals(await assertRejects(waiting, Error), reason);
    assertEquals(getRunningLoop().time(), 2);
  });
});
