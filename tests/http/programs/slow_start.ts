/**
 * An application for `deno serve` that is told to stop while it starts: its start-up waits for that.
 *
 * @module
 */

import { Application } from "@aio/asyncio/http";

const app = new Application();
app.cleanupCtx.push(async function* () {
  const { promise, resolve } = Promise.withResolvers<void>();
  Deno.addSignalListener("SIGTERM", resolve);
  console.error("starting");
  await promise;
  Deno.removeSignalListener("SIGTERM", resolve);
  if (Deno.args.includes("fail")) throw new Error("planned");
  console.log("started");
  yield;
  console.log("cleaned up");
});
app.router.addGet("/", () => new Response("hello"));
// If nobody ends it, it is not to stay.
Deno.unrefTimer(setTimeout(() => Deno.exit(2), 20_000));

export default app;
