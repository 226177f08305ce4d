/**
 * A coroutine: a function that can wait without blocking others.
 *
 * Chapter: 协程
 * Run: deno task example coroutine [--delay SECONDS]
 * Permissions: none
 */

import { parseArgs } from "node:util";
import { run, sleep } from "@aio/asyncio";

const { values: flags } = parseArgs({ options: { delay: { type: "string", default: "1" } } });

async function myCoroutine(): Promise<void> {
  console.log("Coroutine started");
  await sleep(Number(flags.delay));
  console.log("Coroutine finished");
}

await run(myCoroutine);
