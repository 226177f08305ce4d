/**
 * The event loop, run by hand until a coroutine is done, and closed.
 *
 * Chapter: 事件循环 (Event Loop)
 * Run: deno task example run_until_complete [--delay SECONDS]
 * Permissions: none
 */

import { parseArgs } from "node:util";
import { getEventLoop, sleep } from "@aio/asyncio";

const { values: flags } = parseArgs({ options: { delay: { type: "string", default: "1" } } });

async function myCoroutine(): Promise<void> {
  console.log("Coroutine started");
  await sleep(Number(flags.delay));
  console.log("Coroutine finished");
}

async function main(): Promise<void> {
  await myCoroutine();
}

const loop = getEventLoop();
await loop.runUntilComplete(main);
loop.close();
