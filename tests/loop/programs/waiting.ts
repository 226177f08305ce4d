/**
 * Waits for a future that nobody will set.
 *
 * @module
 */

import { getRunningLoop, run } from "@aio/asyncio/loop";

await run(async () => {
  console.log("waiting");
  // A timer that does not keep the program alive: something else has to.
  Deno.unrefTimer(setTimeout(() => console.log("still alive"), 1));
  await getRunningLoop().createFuture();
});
