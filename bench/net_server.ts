/**
 * The net benchmark's servers in Deno: they send back what they receive.
 *
 *     deno run --allow-net=127.0.0.1 bench/net_server.ts ours|raw protocol|read|readexactly|readline SIZE
 *
 * `raw` is the most that Deno allows: a loop that reads and writes, with one buffer and nothing
 * around it, whatever the kind. Prints the port.
 *
 * @module
 */

import { createServer, IncompleteReadError, Protocol, run, startServer } from "@aio/asyncio";
import type { StreamReader, StreamWriter, Transport } from "@aio/asyncio";

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

const reads: Record<string, (reader: StreamReader) => PromiseLike<Uint8Array>> = {
  read: (reader) => reader.read(LIMIT),
  readexactly: (reader) => reader.readexactly(Number(size)),
  readline: (reader) => reader.readline(),
};

async function echo(reader: StreamReader, writer: StreamWriter): Promise<void> {
  const read = reads[kind]!;
  try {
    for (;;) {
      const data = await read(reader);
      if (data.length === 0) break;
      writer.write(data);
      await writer.drain();
    }
  } catch (error) {
    if (!(error instanceof IncompleteReadError)) throw error; // the end, for readexactly()
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

const [side, kind = "", size] = Deno.args;
if (side === "raw") {
  await serveRaw();
} else {
  await run(async () => {
    const server = kind === "protocol"
      ? await createServer(() => new Echo(), "127.0.0.1", 0)
      : await startServer(echo, "127.0.0.1", 0, { limit: LIMIT });
    console.log(server.sockets[0]!.getsockname()[1]);
    await server.serveForever();
  });
}
