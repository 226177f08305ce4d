/**
 * Handles SIGUSR1 until SIGTERM comes, closes its loop, and waits to be killed by SIGUSR1.
 *
 * @module
 */

import { ContextVar, newEventLoop } from "@aio/asyncio/loop";

const place = new ContextVar("place", { defaultValue: "nowhere" });
const loop = newEventLoop();
loop.addSignalHandler("SIGUSR1", () => console.log("first"));
const token = place.set("in context");
loop.addSignalHandler(
  "SIGUSR1",
  (...words: string[]) => console.log("second", ...words, place.get()),
  "a",
  "b",
);
place.reset(token);
loop.addSignalHandler("SIGTERM", () => {
  console.log("terminated");
  loop.stop();
});
loop.callSoon(() => console.log("ready"));
await loop.runForever();
loop.close();
console.log("closed");
setTimeout(() => {}, 60_000);
