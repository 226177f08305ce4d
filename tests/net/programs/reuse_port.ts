/**
 * Two servers on one port; prints whether that works.
 *
 * @module
 */

import { createServer, Protocol, run } from "@aio/asyncio";

await run(async () => {
  const options = { reusePort: true };
  await using first = await createServer(() => new Protocol(), "127.0.0.1", 0, options);
  const [host, port] = first.sockets[0]!.getsockname();
  await using second = await createServer(() => new Protocol(), host, port, options);
  console.log(second.sockets[0]!.getsockname()[1] === port);
});
