/**
 * The memory benchmark's own side: what sleeping tasks take, and what is left once they are
 * cancelled, in bytes per task.
 *
 *     deno run --v8-flags=--expose-gc bench/memory.ts async|generator COUNT
 *
 * Prints one JSON object, `name@kind` to bytes. The heap is what V8 reports as in use after garbage
 * collection; the resident set is what the system reports.
 *
 * @module
 */

import { createTask, run, sleep } from "@aio/asyncio/loop";
import type { Coroutine, Suspension } from "@aio/asyncio/loop";

const { gc } = globalThis as unknown as {
  gc: (options: { type: "major"; flavor: "last-resort" }) => void;
};

const KINDS: Record<string, Coroutine<void>> = {
  async: async () => {
    await sleep(3600);
  },
  generator: function* (): Generator<Suspension, void, unknown> {
    yield* sleep(3600);
  },
};

interface Usage {
  heap: number;
  rss: number;
}

/** Returns what is in use after garbage collection and finalization. */
async function usage(): Promise<Usage> {
  for (let i = 0; i < 3; i++) {
    gc({ type: "major", flavor: "last-resort" });
    await new Promise<void>((resolve) => setTimeout(resolve, 10));
  }
  const { heapUsed, rss } = Deno.memoryUsage();
  return { heap: heapUsed, rss };
}

/** Returns what is in use while tasks sleep, and after they were cancelled. */
async function measure(sleeper: Coroutine<void>, count: number): Promise<[Usage, Usage]> {
  const tasks = Array.from({ length: count }, () => createTask(sleeper));
  await sleep(0);
  const asleep = await usage();
  for (const task of tasks.splice(0)) task.cancel();
  for (let turn = 0; turn < 3; turn++) await sleep(0);
  return [asleep, await usage()];
}

const [kind = "", count = ""] = Deno.args;
const results = await run(async () => {
  await measure(KINDS[kind]!, 1000); // what is allocated only once is there now
  const before = await usage();
  const [asleep, cancelled] = await measure(KINDS[kind]!, Number(count));
  const each = (after: number, before: number): number => (after - before) / Number(count);
  return {
    [`resident_asleep@${kind}`]: each(asleep.rss, before.rss),
    [`resident_cancelled@${kind}`]: each(cancelled.rss, before.rss),
    [`heap_asleep@${kind}`]: each(asleep.heap, before.heap),
    [`heap_cancelled@${kind}`]: each(cancelled.heap, before.heap),
  };
});
console.log(JSON.stringify(results));
