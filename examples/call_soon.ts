/**
 * A simple event loop: two callbacks, called in the order in which they were scheduled; the second
 * one stops the loop.
 *
 * Chapter: 一个简单的事件循环, 1. 注册任务并执行循环
 * Run: deno task example call_soon
 * Permissions: none
 */

import { type EventLoop, getEventLoop, partial } from "@aio/asyncio";

const loop = getEventLoop();
console.log(loop.isRunning());

function helloWorld(): void {
  console.log("Hello World");
}

function stopLoop(loop: EventLoop): void {
  console.log("Stopping loop");
  loop.stop();
}

loop.callSoon(helloWorld);
loop.callSoon(partial(stopLoop, loop));

await loop.runForever();
