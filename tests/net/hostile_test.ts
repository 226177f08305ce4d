/**
 * Peers that mean no good, and many at once. Nothing may crash or be left over, and others go on
 * being served.
 *
 * @module
 */

import {
  allTasks,
  createConnection,
  createServer,
  createTask,
  gather,
  openConnection,
  Protocol,
  sleep,
  startServer,
} from "@aio/asyncio";
import type { StreamReader, StreamWriter, Transport } from "@aio/asyncio";
import { assert, assertEquals } from "../_support/assert.ts";
import { addressOf, bytes, netTest, python, Recorder, text, until } from "./_helpers.ts";

/** How many connections are held open at once; each is two files. */
const MANY = 2000;

class Echo extends Protocol {
  #transport!: Transport;
  override connectionMade(transport: Transport): void {
    this.#transport = transport;
  }
  override dataReceived(data: Uint8Array): void {
    this.#transport.write(data);
  }
}

async function echo(reader: StreamReader, writer: StreamWriter): Promise<void> {
  await using _ = writer;
  try {
    for (;;) {
      const data = await reader.read(65_536);
      if (data.length === 0) return;
      // Somebody who says "send" gets more than fits anywhere.
      writer.write(text(data) === "send" ? new Uint8Array(10_000_000) : data);
      await writer.drain();
    }
  } catch (error) {
    // What peers do to a connection is their business.
    const { BrokenPipe, ConnectionReset } = Deno.errors;
    if (!(error instanceof ConnectionReset || error instanceof BrokenPipe)) throw error;
  }
}

/** Asks the server something, to see that it serves. */
async function isServing(host: string, port: number): Promise<boolean> {
  const [reader, writer] = await openConnection(host, port);
  await using _ = writer;
  writer.write(bytes("hello"));
  return text(await reader.readexactly(5)) === "hello";
}

netTest(`createServer() holds ${MANY} connections at once, all of which echo`, async () => {
  const server = await createServer(() => new Echo(), "127.0.0.1", 0, { backlog: 512 });
  const address = addressOf(server);
  const clients: Recorder[] = [];
  for (let i = 0; i < MANY; i += 200) {
    await gather(Array.from({ length: 200 }, () => () => {
      const client = new Recorder();
      clients.push(client);
      return createConnection(() => client, ...address);
    }));
  }
  for (const [i, client] of clients.entries()) client.transport.write(new Uint8Array(1 + i % 50));
  for (const [i, client] of clients.entries()) await until(() => client.total === 1 + i % 50);
  for (const client of clients) client.transport.close();
  for (const client of clients) assertEquals(await client.lost, null);
  server.close();
  await server.waitClosed();
  assertEquals(allTasks().size, 1);
});

netTest("startServer() survives a flood of connections that close at once", async () => {
  const server = await startServer(echo, "127.0.0.1", 0);
  const address = addressOf(server);
  for (let round = 0; round < 10; round++) {
    await gather(Array.from({ length: 50 }, () => async () => {
      const [transport] = await createConnection(() => new Protocol(), ...address);
      transport.abort();
    }));
    assert(await isServing(...address));
  }
  server.close();
  await server.waitClosed();
  await until(() => allTasks().size === 1);
});

for (const manner of ["reset", "reset while sent to"]) {
  netTest(`startServer() survives peers that ${manner}`, async () => {
    const server = await startServer(echo, "127.0.0.1", 0);
    const [host, port] = addressOf(server);
    const rude = createTask(() => python("rude", String(port), manner, "100"));
    while (!rude.done()) {
      assert(await isServing(host, port));
      await sleep(0.001);
    }
    assertEquals(await rude, "done\n");
    server.close();
    await server.waitClosed();
    await until(() => allTasks().size === 1);
  });
}

netTest("SocketTransport tells of a peer that resets the connection, once", async () => {
  const recorders: Recorder[] = [];
  class Answering extends Recorder {
    override dataReceived(data: Uint8Array): void {
      super.dataReceived(data);
      this.transport.write(bytes("x"));
    }
  }
  const server = await createServer(
    () => {
      const recorder = new Answering();
      recorders.push(recorder);
      return recorder;
    },
    "127.0.0.1",
    0,
  );
  await python("rude", String(addressOf(server)[1]), "reset while sent to", "20");
  await until(() => recorders.length === 20);
  for (const recorder of recorders) {
    assert(await recorder.lost instanceof Deno.errors.ConnectionReset);
    assertEquals(recorder.calls, ["made", "data", "lost"]);
  }
  server.close();
  await server.waitClosed();
});

netTest("startServer() keeps its memory while 20 peers read nothing", async () => {
  const writers = new Set<StreamWriter>();
  const server = await startServer(
    async (reader, writer) => {
      writers.add(writer);
      await echo(reader, writer);
    },
    "127.0.0.1",
    0,
  );
  const address = addressOf(server);
  const deaf: Transport[] = [];
  for (let i = 0; i < 20; i++) {
    const [transport] = await createConnection(() => new Protocol(), ...address);
    transport.pauseReading();
    deaf.push(transport);
  }
  // Each is sent to until the system takes no more, and the writers wait.
  const chunk = new Uint8Array(32_768);
  const senders = deaf.map((transport) =>
    createTask(async () => {
      for (let i = 0; i < 400; i++) {
        if (transport.getWriteBufferSize() < chunk.length) transport.write(chunk);
        await sleep(0);
      }
    })
  );
  await gather(senders);
  for (const writer of writers) {
    assert(writer.transport.getWriteBufferSize() <= 2 * 65_536);
  }
  assert(await isServing(...address));
  for (const transport of deaf) transport.abort();
  server.close();
  server.abortClients();
  await server.waitClosed();
  await until(() => allTasks().size === 1);
});
