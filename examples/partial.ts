/**
 * Partial functions: a function together with its arguments, as an object that can be inspected.
 *
 * Chapter: 一个简单的事件循环, 3. 偏函数 (Partial). The chapter ends by saying that the
 * underlying function and its arguments can be inspected; the flag --inspect shows them.
 * Run: deno task example partial [--inspect]
 * Permissions: none
 */

import { parseArgs } from "node:util";
import { type EventLoop, getEventLoop, partial } from "@aio/asyncio";

const { values: flags } = parseArgs({
  options: { inspect: { type: "boolean", default: false } },
});

const loop = getEventLoop();

function stopLoop(loop: EventLoop): void {
  console.log("Stopping loop");
  loop.stop();
}

const hello = partial(console.log, "Hello World!");
loop.callSoon(hello);
loop.callSoon(partial(stopLoop, loop));

await loop.runForever();

if (flags.inspect) {
  console.log(hello);
  console.log(hello.func === console.log, hello.args);
}
