/**
 * Forgets a writer; run with `--v8-flags=--expose-gc`.
 *
 * @module
 */

import { openConnection, run, sleep, startServer } from "@aio/asyncio";

const { gc } = globalThis as unknown as { gc(): void };

async function forget(host: string, port: number): Promise<void> {
  const [, writer] = await openConnection(host, port);
  writer.write(new Uint8Array(1));
}

await run(async () => {
  let hasEnded = false;
  const server = await startServer(
    async (reader, writer) => {
      await reader.read();
      hasEnded = true;
      writer.close();
    },
    "127.0.0.1",
    0,
  );
  await forget(...server.sockets[0]!.getsockname());
  while (!hasEnded) {
    await sleep(0.001);
    gc();
  }
  console.log("the server sees the end");
  server.close();
});
