/**
 * An application for `deno serve`: it says when it starts and when it is cleaned up.
 *
 * @module
 */

import { sleep } from "@aio/asyncio";
import { Application } from "@aio/asyncio/http";

const app = new Application();
let requests = 0;
app.cleanupCtx.push(async function* () {
  await sleep(0.001);
  console.log("started");
  yield;
  await sleep(0.001);
  console.log(`cleaned up after ${requests}`);
});
app.router.addGet("/", async () => {
  requests++;
  await sleep(0.001);
  return new Response(`request ${requests}`);
});

export default app;
