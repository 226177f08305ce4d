/**
 * A task: a coroutine that the loop runs by itself, and that can be awaited.
 *
 * Chapter: 任务 (Task)
 * Run: deno task example create_task [--delay SECONDS]
 * Permissions: none
 */

import { parseArgs } from "node:util";
import { createTask, run, sleep } from "@aio/asyncio";

const { values: flags } = parseArgs({ options: { delay: { type: "string", default: "1" } } });

async function myCoroutine(): Promise<void> {
  console.log("Coroutine started");
  await sleep(Number(flags.delay));
  console.log("Coroutine finished");
}

async function main(): Promise<void> {
  const task = createTask(myCoroutine);
  await task;
}

await run(main);
