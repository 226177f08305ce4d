/**
 * Random programs: tasks of both kinds share a lock, a semaphore, a condition, a queue, an event
 * and a barrier, within timeouts and task groups, and are cancelled in random turns. Whatever they
 * do, no task is overtaken, forgotten, or let in where another one is; nothing is lost; and all of
 * it ends.
 *
 * What they do is in property/_interpreter.ts, what is checked in property/_world.ts. A failure
 * reports its seed and the smallest program that fails; `fc.assert()` runs it again when it is
 * given both.
 *
 * @module
 */

import { createTask, newEventLoop, sleep, VirtualClock, wait } from "@aio/asyncio/loop";
import type { Coroutine, EventLoop } from "@aio/asyncio/loop";
import * as fc from "fast-check";
import { assert, assertEquals } from "../_support/assert.ts";
import { withGenerators } from "./parity/_generators.ts";
import { scenarios as asyncFunctions } from "./property/_interpreter.ts";
import type { GroupEnd, Step } from "./property/_interpreter.ts";
import { World } from "./property/_world.ts";
import type { Sizes } from "./property/_world.ts";

/** How many programs are run. */
const RUNS = 10_000;
/** The turns in which tasks are cancelled. */
const TURNS = 24;
/** After this many seconds without progress, tasks that wait would wait for ever. */
const LONG = 1000;
/** How often waiting tasks are rescued; far more often than programs have steps. */
const MAX_RESCUES = 200;

const kinds = {
  async: asyncFunctions.performAll,
  generator: (await withGenerators(asyncFunctions) as unknown as typeof asyncFunctions).performAll,
};

interface Program {
  sizes: Sizes;
  tasks: { kind: keyof typeof kinds; isStubborn: boolean; steps: Step[] }[];
  cancels: { turn: number; task: number }[];
}

// -- Programs --

const turns = fc.nat(3);
const abort = fc.option(fc.nat(5), { freq: 2 });

const section: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom("lock" as const, "semaphore" as const),
  turns,
  how: fc.constantFrom("run" as const, "guard" as const),
  abort,
});

const item: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom("put" as const, "get" as const),
  abort,
});

const news: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant("consume" as const) }),
  fc.record({ do: fc.constant("produce" as const), turns }),
);

const signal: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant("wait for event" as const) }),
  fc.record({ do: fc.constant("set event" as const), clear: fc.boolean() }),
  fc.record({ do: fc.constant("wait at barrier" as const) }),
);

/** Cancels another task, which may be in the very turn in which that was served. */
const cancel: fc.Arbitrary<Step> = fc.record({
  do: fc.constant("cancel" as const),
  task: fc.nat(5),
});

const pause: fc.Arbitrary<Step> = fc.record({
  do: fc.constant("sleep" as const),
  delay: fc.nat(2),
});

const simple: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: section },
  item,
  news,
  signal,
  cancel,
  pause,
);

const limited: fc.Arbitrary<Step> = fc.record({
  do: fc.constant("limit" as const),
  delay: fc.nat(2),
  steps: fc.array(simple, { minLength: 1, maxLength: 3 }),
});

const group: fc.Arbitrary<Step> = fc.record({
  do: fc.constant("group" as const),
  limit: fc.constantFrom(1, 2, Infinity),
  turns,
  end: fc.constantFrom<GroupEnd>("return", "return", "cancel", "throw"),
  children: fc.array(fc.array(fc.oneof(simple, limited), { maxLength: 3 }), { maxLength: 3 }),
});

const mixed = fc.oneof(
  { weight: 6, arbitrary: simple },
  { weight: 2, arbitrary: limited },
  { weight: 1, arbitrary: group },
);

function programsOf(step: fc.Arbitrary<Step>): fc.Arbitrary<Program> {
  return fc.record({
    sizes: fc.record({ queue: fc.constantFrom(0, 1, 3), parties: fc.integer({ min: 1, max: 3 }) }),
    tasks: fc.array(
      fc.record({
        kind: fc.constantFrom("async" as const, "generator" as const),
        isStubborn: fc.boolean(),
        steps: fc.array(step, { maxLength: 5 }),
      }),
      { minLength: 1, maxLength: 6 },
    ),
    cancels: fc.array(fc.record({ turn: fc.nat(TURNS - 1), task: fc.nat(5) }), { maxLength: 8 }),
  });
}

/** Half of the programs use one primitive, so that many tasks want it at once. */
const programs: fc.Arbitrary<Program> = fc.oneof(
  { weight: 4, arbitrary: programsOf(mixed) },
  ...[section, item, news, signal].map((step) => programsOf(fc.oneof(step, step, cancel))),
);

// -- Running one --

async function main(program: Program, loop: EventLoop): Promise<void> {
  const world = new World(program.sizes);
  const reported: unknown[] = [];
  loop.setExceptionHandler((_loop, context) => void reported.push(context));
  const tasks = program.tasks.map(({ kind, isStubborn, steps }) =>
    createTask((() => kinds[kind](world, steps, isStubborn)) as Coroutine<void>)
  );
  world.tasks = tasks;
  for (let turn = 0; turn < TURNS; turn++) {
    for (const cancel of program.cancels) {
      if (cancel.turn === turn) tasks[cancel.task]?.cancel();
    }
    await sleep(0);
  }
  for (let rescues = 0; tasks.some((task) => !task.done()); rescues++) {
    const [, pending] = await wait(tasks, { timeout: LONG });
    if (pending.size === 0) break;
    assert(rescues < MAX_RESCUES, "the program does not end");
    world.checkWhenQuiet();
    await world.rescue();
  }
  for (const task of tasks) if (!task.cancelled()) task.result();
  world.checkInTheEnd(loop);
  assertEquals(reported, []);
}

/** Runs a program. A deadlock is an error of the loop, as nothing is left to wait for. */
async function runProgram(program: Program): Promise<void> {
  const loop = newEventLoop({ clock: new VirtualClock() });
  await loop.runUntilComplete(() => main(program, loop));
  loop.close();
}

Deno.test(`${RUNS} random programs keep order, lose nothing, and end`, async () => {
  await fc.assert(fc.asyncProperty(programs, runProgram), { numRuns: RUNS });
});
