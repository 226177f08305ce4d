/**
 * Says "ready", and waits for Ctrl-C. What else it does is told by its first argument.
 *
 * @module
 */

import process from "node:process";
import { currentTask, getRunningLoop, newEventLoop, run, sleep } from "@aio/asyncio/loop";
import type { Suspension } from "@aio/asyncio/loop";

const [mode = ""] = Deno.args;
const loop = newEventLoop();
const listened = loop.createFuture<void>();

async function wait(): Promise<void> {
  if (mode === "saturated") { for (;;) await sleep(0); }
  else if (mode === "listens itself") await listened;
  else await sleep(3600);
}

async function main(): Promise<void> {
  if (mode === "cancelled before") {
    currentTask()!.cancel();
    await sleep(0).then(undefined, () => {});
  }
  console.log("ready");
  if (mode === "has ended") return;
  try {
    await wait();
  } catch (error) {
    console.log("cancelled");
    if (mode === "cleans up for ever") await getRunningLoop().createFuture();
    if (mode !== "goes on") throw error;
  }
}

function* waitAsGenerator(): Generator<Suspension, void, unknown> {
  console.log("ready");
  try {
    yield* sleep(3600);
  } finally {
    console.log("cancelled");
  }
}

if (mode === "listens itself") {
  process.once("SIGINT", () => {
    console.log("its own listener");
    listened.setResult();
  });
}
try {
  await run(mode === "waits as a generator" ? waitAsGenerator : main, { loopFactory: () => loop });
  console.log("main returned");
} catch (error) {
  if (mode === "catches nothing") throw error;
  console.log(`${(error as Error).name}, loop closed: ${loop.isClosed()}`);
}
if (mode === "has ended") setTimeout(() => {}, 60_000);
