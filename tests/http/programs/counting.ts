/**
 * Serves an application at a port that other processes may share, the one in its argument or any
 * that is free; says at its end how many requests it has handled. Ends by SIGTERM.
 *
 * @module
 */

import { sleep } from "@aio/asyncio";
import { Application, matchInfo, readJson, runApp } from "@aio/asyncio/http";

/** Collects garbage, with V8's option for it. */
const { gc } = globalThis as { gc?: () => void };

let handled = 0;
const app = new Application();
app.router.addGet("/", async () => {
  handled++;
  await sleep(0.002);
  return new Response("hello");
});
app.router.addPost("/items/{id}", async (request) => {
  handled++;
  return Response.json([matchInfo<"id">(request).id, await readJson(request)]);
});
app.router.addGet("/memory", async () => {
  for (let i = 0; i < 3; i++) {
    await sleep(0.01);
    gc!();
  }
  return Response.json({ handled, heap: Deno.memoryUsage().heapUsed });
});
app.onCleanup.push(() => console.log(`handled ${handled}`));

await runApp(app, { host: "127.0.0.1", port: Number(Deno.args[0] ?? 0), reusePort: true });
