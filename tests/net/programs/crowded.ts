/**
 * An echo server that counts: its answer to "?" is how many connections there are, how many files
 * are open, how many tasks there are, and how large its heap is. "!" ends it. Prints its port.
 *
 *     deno run --v8-flags=--expose-gc --allow-all tests/net/programs/crowded.ts
 *
 * @module
 */

import { allTasks, createServer, getRunningLoop, Protocol, run } from "@aio/asyncio";
import type { Transport } from "@aio/asyncio";

const { gc } = globalThis as unknown as {
  gc: (options: { type: "major"; flavor: "last-resort" }) => void;
};

await run(async () => {
  const ended = getRunningLoop().createFuture<void>();
  let connections = 0;

  function report(): string {
    gc({ type: "major", flavor: "last-resort" });
    const { heapUsed, rss } = Deno.memoryUsage();
    const files = [...Deno.readDirSync("/proc/self/fd")].length;
    return JSON.stringify({ connections, files, tasks: allTasks().size, heap: heapUsed, rss });
  }

  class Echo extends Protocol {
    #transport!: Transport;

    override connectionMade(transport: Transport): void {
      this.#transport = transport;
      connections++;
    }

    override dataReceived(data: Uint8Array): void {
      const text = new TextDecoder().decode(data);
      if (text === "!") ended.setResult();
      else if (text === "?") this.#transport.write(new TextEncoder().encode(`${report()}\n`));
      else this.#transport.write(data);
    }

    override connectionLost(): void {
      connections--;
    }
  }

  const server = await createServer(() => new Echo(), "127.0.0.1", 0, { backlog: 4096 });
  console.log(server.sockets[0]!.getsockname()[1]);
  await ended;
  server.close();
  server.closeClients();
  await server.waitClosed();
});
