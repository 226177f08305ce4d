/**
 * Delayed calls: one callback after ten seconds, one after twenty.
 *
 * Chapter: 一个简单的事件循环, 2. 延迟调用. The chapter leaves the order of
 * callbacks that are due at the same time open; here it is the order in which they were scheduled.
 * Run: deno task example call_later [--hello SECONDS] [--stop SECONDS] [--virtual-clock]
 * Permissions: none
 */

import { parseArgs } from "node:util";
import { type EventLoop, newEventLoop, partial, VirtualClock } from "@aio/asyncio";

const { values: flags } = parseArgs({
  options: {
    hello: { type: "string", default: "10" },
    stop: { type: "string", default: "20" },
    // Time jumps to the next call instead of passing.
    "virtual-clock": { type: "boolean", default: false },
  },
});

const loop = newEventLoop(flags["virtual-clock"] ? { clock: new VirtualClock() } : {});

function helloWorld(): void {
  console.log("Hello World!");
}

function stopLoop(loop: EventLoop): void {
  console.log("Stopping loop");
  loop.stop();
}

console.log(loop.callLater(Number(flags.hello), helloWorld));
console.log(loop.callLater(Number(flags.stop), partial(stopLoop, loop)));

await loop.runForever();
