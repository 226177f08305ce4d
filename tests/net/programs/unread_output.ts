/**
 * Forgets a process that has ended, and whose output nobody has read to its end; run with
 * `--v8-flags=--expose-gc`. Another process still writes into the pipe, and says when that is closed.
 *
 * @module
 */

import { createSubprocessShell, getRunningLoop, PIPE, run, sleep } from "@aio/asyncio";
import type { StreamReader } from "@aio/asyncio";
import { assert } from "../../_support/assert.ts";

const { gc } = globalThis as unknown as { gc(): void };

async function forget(): Promise<void> {
  const command = `(yes 2>/dev/null || kill -USR2 ${Deno.pid}) &`;
  const process = await createSubprocessShell(command, { stdout: PIPE });
  console.log("ended with", await process.wait());
}

/** The output of a process that has ended, without the process. */
async function outputAlone(): Promise<StreamReader> {
  const process = await createSubprocessShell("head -c 180000 /dev/zero", { stdout: PIPE });
  await process.wait();
  return process.stdout!;
}

await run(async () => {
  let isClosed = false;
  getRunningLoop().addSignalHandler("SIGUSR2", () => isClosed = true);
  const output = await outputAlone();
  await forget();
  while (!isClosed) {
    await sleep(0.001);
    gc();
  }
  console.log("the pipe is closed");
  assert(String(output).includes("paused"));
  console.log((await output.read()).byteLength);
});
