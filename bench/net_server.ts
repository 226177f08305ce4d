/**
 * The net benchmark's servers in Deno: they send back what they get.
 *
 *     deno run --allow-net=127.0.0.1 bench/net_server.ts raw|protocol|read|readline
 *
 * `raw` is what the runtime allows: a loop that reads and writes, with one buffer and nothing
 * around it. Prints the port.
 *
 * @module
 */

import { createServer, Protocol, run, startServer } from "@aio/asyncio";
import type { Server, StreamReader, StreamWriter, Transport } from "@aio/asyncio";

const LIMIT = 1024 * 1024;

class Echo extends Protocol {
  #transport: Transport | null = null;

  override connectionMade(transport: Transport): void {
    this.#transport = transport;
  }

  override dataReceived(data: Uint8Array): void {
    this.#transport!.write(data);
  }
}

async function read(reader: StreamReader, writer: StreamWriter): Promise<void> {
  for (;;) {
    const data = await reader.read(LIMIT);
    if (data.length === 0) break;
    writer.write(data);
    await writer.drain();
  }
  writer.close();
}

async function readline(reader: StreamReader, writer: StreamWriter): Promise<void> {
  for (;;) {
    const line = await reader.readline();
    if (line.length === 0) break;
    writer.write(line);
    await writer.drain();
  }
  writer.close();
}

async function serveRaw(): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  console.log((listener.addr as Deno.NetAddr).port);
  for await (const conn of listener) echoRaw(conn);
}

async function echoRaw(conn: Deno.TcpConn): Promise<void> {
  conn.setNoDelay(true);
  const buffer = new Uint8Array(256 * 1024);
  for (;;) {
    const count = await conn.read(buffer);
    if (count === null) break;
    for (let sent = 0; sent < count;) sent += await conn.write(buffer.subarray(sent, count));
  }
  conn.close();
}

const servers: Record<string, () => PromiseLike<Server>> = {
  protocol: () => createServer(() => new Echo(), "127.0.0.1", 0),
  read: () => startServer(read, "127.0.0.1", 0, { limit: LIMIT }),
  readline: () => startServer(readline, "127.0.0.1", 0, { limit: LIMIT }),
};

const [kind = ""] = Deno.args;
if (kind === "raw") {
  await serveRaw();
} else {
  await run(async () => {
    const server = await servers[kind]!();
    console.log(server.sockets[0]!.getsockname()[1]);
    await server.serveForever();
  });
}
