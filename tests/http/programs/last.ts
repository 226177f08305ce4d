/**
 * An application for `deno serve` that answers when it is told to stop, and then ends at once.
 *
 * @module
 */

import { Event } from "@aio/asyncio";
import { Application } from "@aio/asyncio/http";

const app = new Application();
const stopping = new Event();
let waiting = 0;
app.onShutdown.push(() => stopping.set());
app.router.addGet("/", async () => {
  waiting++;
  await stopping.wait();
  return new Response("the last");
});
app.router.addGet("/waiting", () => new Response(`${waiting}`));

export default app;
