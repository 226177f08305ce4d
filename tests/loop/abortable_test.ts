/**
 * `{ signal }` of everything that can be waited for: what aborting does before, during and after
 * the wait, and in the very turn in which the wait ends. Each test runs for each operation, awaited
 * by an async function and by a generator.
 *
 * @module
 */

import {
  CancelledError,
  Condition,
  createTask,
  Event,
  getRunningLoop,
  Lock,
  Queue,
  Semaphore,
  sleep,
  waitFor,
} from "@aio/asyncio/loop";
import type { AbortableOptions, Awaitable, Task } from "@aio/asyncio/loop";
import { assertEquals, assertRejects, assertStrictEquals } from "../_support/assert.ts";
import { runVirtual } from "../_support/run.ts";

/** Something to wait for. */
interface Blocked {
  /** Waits. */
  wait(options?: AbortableOptions): Awaitable<unknown>;
  /** Wakes one of the waiting tasks, or all. */
  wake(): void;
}

interface Operation {
  /** Sets up something for which tasks have to wait. */
  block(): Blocked;
  /** Whether `wake()` wakes all tasks, also those that come later. */
  isForAll?: boolean;
  /** Whether aborting cancels the task, and so also ends a wait that is woken but not resumed. */
  cancelsTask?: boolean;
  /** Whether another task may be woken for nothing, as by CPython's Condition. */
  wakesForNothing?: boolean;
}

function blockedCondition(): Blocked {
  const condition = new Condition();
  const wait = (options?: AbortableOptions): Awaitable<unknown> =>
    condition.run(() => condition.wait(options));
  const wake = (): void => {
    condition.acquire().then((guard) => {
      condition.notify();
      guard[Symbol.dispose]();
    });
  };
  return { wait, wake };
}

const operations: Record<string, Operation> = {
  "Lock.acquire()": {
    block: () => {
      const lock = new Lock();
      lock.acquire().then(() => {});
      return { wait: (options) => lock.acquire(options), wake: () => lock.release() };
    },
  },
  "Semaphore.acquire()": {
    block: () => {
      const semaphore = new Semaphore(0);
      return { wait: (options) => semaphore.acquire(options), wake: () => semaphore.release() };
    },
  },
  "Condition.wait()": { block: blockedCondition, wakesForNothing: true },
  "Event.wait()": {
    isForAll: true,
    block: () => {
      const event = new Event();
      return { wait: (options) => event.wait(options), wake: () => event.set() };
    },
  },
  "Queue.get()": {
    block: () => {
      const queue = new Queue<number>();
      return { wait: (options) => queue.get(options), wake: () => queue.putNowait(1) };
    },
  },
  "Queue.put()": {
    block: () => {
      const queue = new Queue<number>(1);
      queue.putNowait(0);
      return { wait: (options) => queue.put(1, options), wake: () => void queue.getNowait() };
    },
  },
  "Queue.join()": {
    isForAll: true,
    block: () => {
      const queue = new Queue<number>();
      queue.putNowait(0);
      const wake = (): void => {
        if (!queue.empty()) queue.taskDone();
        queue.shutdown(true);
      };
      return { wait: (options) => queue.join(options), wake };
    },
  },
  "waitFor() of an operation": {
    isForAll: true,
    cancelsTask: true,
    block: () => {
      const event = new Event();
      const wait = (options?: AbortableOptions): Awaitable<unknown> =>
        waitFor(event.wait(), 3600, options);
      return { wait, wake: () => event.set() };
    },
  },
  "waitFor() of an async function": {
    isForAll: true,
    cancelsTask: true,
    block: () => {
      const event = new Event();
      const wait = (options?: AbortableOptions): Awaitable<unknown> =>
        waitFor(async () => await event.wait(), null, options);
      return { wait, wake: () => event.set() };
    },
  },
};

/** Returns a signal that counts its listeners. */
function watchedSignal(): { controller: AbortController; signal: AbortSignal; listeners: number } {
  const controller = new AbortController();
  const { signal } = controller;
  const watched = { controller, signal, listeners: 0 };
  const { addEventListener: add, removeEventListener: remove } = signal;
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    watched.listeners++;
    add.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    watched.listeners--;
    remove.apply(signal, args);
  };
  return watched;
}

const starters = {
  "in an async function": (wait: () => Awaitable<unknown>): Task<unknown> =>
    createTask(async () => await wait()),
  "in a generator": (wait: () => Awaitable<unknown>): Task<unknown> =>
    createTask(function* () {
      return yield* wait();
    }),
};

async function passTurns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await sleep(0);
}

/** What a test is given. */
interface Given extends Blocked, Operation {
  start(wait: () => Awaitable<unknown>): Task<unknown>;
  /** A task that waits with a signal. */
  task: Task<unknown>;
  watched: ReturnType<typeof watchedSignal>;
}

/** Registers a test of each operation, in both kinds of coroutine. */
function forEach(what: string, body: (given: Given) => Promise<void>): void {
  for (const [name, operation] of Object.entries(operations)) {
    for (const [where, start] of Object.entries(starters)) {
      Deno.test(`${name} ${what} (${where})`, () =>
        runVirtual(async () => {
          const blocked = operation.block();
          const watched = watchedSignal();
          const task = start(() => blocked.wait({ signal: watched.signal }));
          await passTurns(2);
          await body({ ...operation, ...blocked, start, task, watched });
          assertEquals(watched.listeners, 0, "all listeners are removed");
        }));
    }
  }
}

/** Expects a task to end with an error, and returns when it has. */
async function assertFails(task: Task<unknown>, error: unknown): Promise<void> {
  try {
    await task;
  } catch (thrown) {
    return assertStrictEquals(thrown, error);
  }
  throw new Error("the task has not failed");
}

const reason = new Error("the reason");

forEach(
  "throws the reason when its signal aborts, and leaves its turn to others",
  async (given) => {
    const { task, watched, wait, wake, start, wakesForNothing } = given;
    const next = start(() => wait());
    await passTurns(2);
    assertEquals([task.done(), next.done(), watched.listeners], [false, false, 1]);
    watched.controller.abort(reason);
    await assertFails(task, reason);
    assertEquals([task.cancelled(), next.done() && !wakesForNothing], [false, false]);
    wake();
    await next;
  },
);

forEach("throws a DOMException when its signal aborts without a reason", async (given) => {
  given.watched.controller.abort();
  const error = await assertRejects(async () => await given.task, DOMException);
  assertEquals(error.name, "AbortError");
});

forEach(
  "does not begin when its signal has aborted before",
  async ({ task, wait, wake, start }) => {
    const aborted = start(() => wait({ signal: AbortSignal.abort(reason) }));
    await assertFails(aborted, reason);
    wake();
    await task;
  },
);

forEach("takes nothing when its signal has aborted before", async (given) => {
  const { task, wait, wake, start, isForAll } = given;
  wake();
  await task;
  if (!isForAll) wake();
  await assertFails(start(() => wait({ signal: AbortSignal.abort(reason) })), reason);
});

forEach("does not mind a signal that aborts after it", async ({ task, watched, wake }) => {
  wake();
  await task;
  watched.controller.abort(reason);
  await passTurns(3);
  assertEquals(task.cancelling(), 0);
});

forEach(
  "throws the reason when its signal aborts in the turn before it is woken",
  async (given) => {
    const { task, watched, wait, wake, start } = given;
    const next = start(() => wait());
    await passTurns(2);
    watched.controller.abort(reason);
    wake();
    await assertFails(task, reason);
    await next;
  },
);

forEach("loses nothing when its signal aborts in the turn in which it is woken", async (given) => {
  const { task, watched, wait, wake, start, isForAll, cancelsTask } = given;
  const next = start(() => wait());
  await passTurns(2);
  wake();
  watched.controller.abort(reason);
  if (cancelsTask) await assertFails(task, reason);
  else await task.then(() => {}, (error) => assertStrictEquals(error, reason));
  if (!isForAll && task.cancelling() === 0) {
    await passTurns(4);
    if (!next.done()) wake();
  }
  await next;
});

forEach("is cancelled when its task is, although its signal aborts as well", async (given) => {
  const { task, watched, wait, wake, start } = given;
  const [second, next] = [start(() => wait({ signal: watched.signal })), start(() => wait())];
  await passTurns(2);
  task.cancel("first");
  watched.controller.abort(reason);
  second.cancel("last");
  await assertRejects(async () => await task, CancelledError);
  await assertRejects(async () => await second, CancelledError);
  assertEquals([task.cancelled(), second.cancelled()], [true, true]);
  wake();
  await next;
});

forEach("throws the reason in a task that was cancelled before and went on", async (given) => {
  const { task, wait, wake, start } = given;
  const controller = new AbortController();
  const cancelled = start(() =>
    waitFor(async () => {
      try {
        await sleep(3600);
      } catch {
        // This task goes on after any error.
      }
      return await wait({ signal: controller.signal });
    }, null)
  );
  await passTurns(2);
  cancelled.cancel();
  await passTurns(3);
  controller.abort(reason);
  await assertFails(cancelled, reason);
  assertEquals(cancelled.cancelling(), 1);
  wake();
  await task;
});

Deno.test("A signal ends what is awaited outside of any task, too", async () => {
  await runVirtual(async () => {
    const loop = getRunningLoop();
    const controller = new AbortController();
    const lock = new Lock();
    await lock.acquire();
    const outcome = loop.createFuture<unknown>();
    loop.callSoon(() => {
      lock.acquire({ signal: controller.signal }).then(undefined, (error) => {
        outcome.setResult(error);
      });
      loop.callSoon(() => controller.abort(new RangeError("enough")));
    });
    assertEquals(String(await outcome), "RangeError: enough");
    lock.release();
    assertEquals(String(lock), "<Lock [unlocked]>");
  });
});
