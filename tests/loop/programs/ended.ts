/**
 * Runs a loop that had long timers, host immediates and signal listeners, and ends.
 *
 * @module
 */

import { createTask, getRunningLoop, newEventLoop, run, sleep } from "@aio/asyncio/loop";

await run(async () => {
  getRunningLoop().callLater(3600, () => {});
  createTask(() => sleep(3600));
  await sleep(0.001);
});
const loop = newEventLoop();
loop.addSignalHandler("SIGTERM", () => {});
loop.callLater(3600, () => {});
loop.callSoon(() => loop.stop());
await loop.runForever();
console.log("ended");
