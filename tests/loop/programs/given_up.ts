/**
 * Gives up a call that computes without an end, says so, and has nothing more to do.
 *
 * @module
 */

import { moduleFunctions, run, timeout, toThread } from "@aio/asyncio/loop";

const { spin } = moduleFunctions<typeof import("./work.ts")>(new URL("work.ts", import.meta.url));
const cell = new Int32Array(new SharedArrayBuffer(8));

async function main(): Promise<void> {
  const call = timeout(0.1).run(() => toThread(spin, cell));
  console.log(await call.then(() => "it has ended", (error) => (error as Error).name));
}

await run(main);
