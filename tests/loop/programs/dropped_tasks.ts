/**
 * Creates tasks and drops them, once they are done or cancelled, and prints by how many bytes each
 * the heap has grown. Its arguments are what the tasks do, and how many there are.
 *
 * @module
 */

import { createTask, run, sleep } from "@aio/asyncio/loop";
import type { Coroutine, Suspension } from "@aio/asyncio/loop";

const { gc } = globalThis as unknown as {
  gc: (options: { type: "major"; flavor: "last-resort" }) => void;
};

/** What a task does; those that sleep for long are cancelled. */
const KINDS: Record<string, Coroutine<unknown>> = {
  async: async () => await sleep(0),
  generator: function* (): Generator<Suspension, void, unknown> {
    yield* sleep(0);
  },
  failing: async () => {
    await sleep(0);
    throw new RangeError("of a task");
  },
  sleeping: async () => await sleep(3600),
  sleepingGenerator: function* (): Generator<Suspension, void, unknown> {
    yield* sleep(3600);
  },
};

/** How many there are at a time. */
const BATCH = 1000;

async function createAndDrop(coroutine: Coroutine<unknown>, count: number): Promise<void> {
  for (let left = count; left > 0; left -= BATCH) {
    const tasks = Array.from({ length: BATCH }, () => createTask(coroutine));
    for (let turn = 0; turn < 3; turn++) await sleep(0);
    for (const task of tasks) if (!task.cancel()) task.exception();
    for (let turn = 0; turn < 2; turn++) await sleep(0);
  }
}

/** What is in use, once garbage was collected and what hung on it was finalized. */
async function heapUsed(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    gc({ type: "major", flavor: "last-resort" });
    await new Promise<void>((resolve) => setTimeout(resolve, 1));
  }
  return Deno.memoryUsage().heapUsed;
}

const [kind = "", count = ""] = Deno.args;
await run(async () => {
  await createAndDrop(KINDS[kind]!, 20 * BATCH); // compiles, and fills what is kept for reuse
  const before = await heapUsed();
  await createAndDrop(KINDS[kind]!, Number(count));
  console.log((await heapUsed() - before) / Number(count));
});
