/**
 * What a task of a random program does, step by step. It is written with async functions;
 * `_generators.ts` makes the same of it with generators.
 *
 * @module
 */

import {
  BrokenBarrierError,
  CancelledError,
  ExceptionGroup,
  getRunningLoop,
  sleep,
  TaskGroup,
  timeout,
  TimeoutError,
} from "@aio/asyncio/loop";
import type { AbortableOptions, Awaitable, Task } from "@aio/asyncio/loop";
import { assert } from "../../_support/assert.ts";
import type { Request, World } from "./_world.ts";

/** One step of a task. */
export type Step =
  | { do: "lock" | "semaphore"; turns: number; how: "run" | "guard"; abort: number | null }
  | { do: "consume" }
  | { do: "produce"; turns: number }
  | { do: "put" | "get"; abort: number | null }
  | { do: "wait for event" }
  | { do: "set event"; clear: boolean }
  | { do: "wait at barrier" }
  | { do: "sleep"; delay: number }
  | { do: "cancel"; task: number }
  | { do: "limit"; delay: number; steps: readonly Step[] }
  | { do: "group"; limit: number; turns: number; end: GroupEnd; children: readonly Step[][] };

/** How the body of a task group ends. */
export type GroupEnd = "return" | "cancel" | "throw";

/** Thrown by the body of a group. */
class Failure extends Error {}

/** The reason of a signal. */
const aborted = new Error("aborted");

async function passTurns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await sleep(0);
}

/** A signal that aborts in a later turn, or none. */
function abortAfter(turns: number | null): AbortableOptions {
  if (turns === null) return {};
  const loop = getRunningLoop();
  const controller = new AbortController();
  const count = (left: number): void => {
    if (left === 0) controller.abort(aborted);
    else loop.callSoon(count, left - 1);
  };
  loop.callSoon(count, turns);
  return { signal: controller.signal };
}

async function unlessAborted<T>(wait: () => Awaitable<T>): Promise<T | typeof aborted> {
  try {
    return await wait();
  } catch (error) {
    if (error !== aborted) throw error;
    return aborted;
  }
}

async function inSection(world: World, step: Step & { do: "lock" | "semaphore" }): Promise<void> {
  const isLock = step.do === "lock";
  const line = isLock ? world.lockLine : world.semaphoreLine;
  const guarded = isLock ? world.lock : world.semaphore;

  async function inside(): Promise<void> {
    line.enter(request);
    try {
      await passTurns(step.turns);
    } finally {
      line.leave(request);
    }
  }

  const options = step.how === "run" ? {} : abortAfter(step.abort);
  const request = line.request(options.signal ?? null);
  try {
    if (step.how === "run") {
      await guarded.run(inside);
    } else {
      const guard = await unlessAborted(() => guarded.acquire(options));
      if (guard === aborted) return;
      using _guard = guard as Disposable;
      await inside();
    }
  } finally {
    line.giveUp(request);
  }
}

/** Waits for a notification. The lock is given back meanwhile, and held again in the end. */
async function waitForNews(world: World): Promise<void> {
  const request = world.newRequest();
  world.consumers.add(request);
  world.unhold();
  try {
    await world.condition.wait();
  } finally {
    world.consumers.delete(request);
    world.hold();
  }
}

async function consume(world: World): Promise<void> {
  await world.condition.run(async function (): Promise<void> {
    world.hold();
    try {
      while (world.tokens === 0) await waitForNews(world);
      world.tokens--;
    } finally {
      world.unhold();
    }
  });
}

async function produce(world: World, turns: number): Promise<void> {
  await world.condition.run(async function (): Promise<void> {
    world.hold();
    try {
      world.tokens++;
      world.condition.notify();
      await passTurns(turns);
    } finally {
      world.unhold();
    }
  });
}

async function put(world: World, producer: number, options: AbortableOptions): Promise<void> {
  const item = world.nextItem(producer);
  const result = await unlessAborted(() => world.queue.put(item, options));
  if (result !== aborted) world.hasPut(item);
}

async function get(world: World, options: AbortableOptions): Promise<void> {
  const item = await unlessAborted(() => world.queue.get(options));
  if (item === aborted) return;
  world.hasGot(item as Exclude<typeof item, typeof aborted>);
  world.queue.taskDone();
}

async function waitForEvent(world: World, request: Request): Promise<void> {
  world.waitingForEvent.set(request, false);
  try {
    await world.event.wait();
  } finally {
    world.waitingForEvent.delete(request);
  }
}

async function waitAtBarrier(world: World): Promise<void> {
  try {
    const index = await world.barrier.wait();
    assert(index >= 0 && index < world.barrier.parties, "the place at the barrier");
  } catch (error) {
    if (!(error instanceof BrokenBarrierError)) throw error;
  }
}

async function limited(world: World, delay: number, steps: readonly Step[]): Promise<void> {
  const limit = timeout(delay);
  try {
    await limit.run(() => performAll(world, steps, false));
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
    assert(limit.expired(), "a timeout that has not expired");
  }
}

async function inGroup(world: World, step: Step & { do: "group" }): Promise<void> {
  const children: Task<void>[] = [];
  try {
    await new TaskGroup({ limit: step.limit }).run(
      async function (group: TaskGroup): Promise<void> {
        for (const steps of step.children) {
          children.push(group.createTask(() => performAll(world, steps, false)));
        }
        await passTurns(step.turns);
        if (step.end === "cancel") group.cancel();
        if (step.end === "throw") throw new Failure();
      },
    );
  } catch (error) {
    const errors = error instanceof ExceptionGroup ? error.exceptions : [error];
    const other = errors.find((each) => !(each instanceof Failure));
    if (other !== undefined) throw other;
  } finally {
    assert(children.every((child) => child.done()), "a task has outlived its group");
  }
}

async function perform(world: World, producer: number, step: Step): Promise<void> {
  switch (step.do) {
    case "lock":
    case "semaphore":
      return await inSection(world, step);
    case "consume":
      return await consume(world);
    case "produce":
      return await produce(world, step.turns);
    case "put":
      return await put(world, producer, abortAfter(step.abort));
    case "get":
      return await get(world, abortAfter(step.abort));
    case "wait for event":
      return await waitForEvent(world, world.newRequest());
    case "set event":
      return world.setEvent(step.clear);
    case "wait at barrier":
      return await waitAtBarrier(world);
    case "sleep":
      return await sleep(step.delay);
    case "cancel":
      return void world.tasks[step.task]?.cancel();
    case "limit":
      return await limited(world, step.delay, step.steps);
    case "group":
      return await inGroup(world, step);
  }
}

/** Does one step after another. A stubborn task goes on with the next when it is cancelled. */
async function performAll(
  world: World,
  steps: readonly Step[],
  isStubborn: boolean,
): Promise<void> {
  const producer = world.newProducer();
  for (const step of steps) {
    try {
      await perform(world, producer, step);
    } catch (error) {
      if (!(error instanceof CancelledError && isStubborn)) throw error;
    }
  }
}

export const scenarios = { group: "random programs", source: import.meta.url, performAll };
