/**
 * Hostile peers, and many at once. Nothing may crash or be left over, and other peers are still
 * served.
 *
 *     MANY=10000 deno test --allow-all tests/net/hostile_test.ts
 *
 * holds ten thousand connections, and prints what that took.
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
import type { OpenConnectionOptions, StreamReader, StreamWriter, Transport } from "@aio/asyncio";
import { assert, assertEquals } from "../_support/assert.ts";
import { Program } from "../_support/program.ts";
import {
  addressOf,
  bytes,
  certificates,
  netTest,
  python,
  Recorder,
  text,
  until,
} from "./_helpers.ts";

/** How many connections are open at once. Both sides need as many open files: see `ulimit -n`. */
const MANY = Number(Deno.env.get("MANY") ?? 2000);
/** How much the heap may grow by, in bytes: far less than a connection takes, times MANY. */
const KEPT = 1_500_000;

async function echo(reader: StreamReader, writer: StreamWriter): Promise<void> {
  await using _ = writer;
  try {
    for (;;) {
      const data = await reader.read(65_536);
      if (data.length === 0) return;
      // A peer that says "send" gets more than fits into any buffer.
      writer.write(text(data) === "send" ? new Uint8Array(10_000_000) : data);
      await writer.drain();
    }
  } catch (error) {
    // Peers may break off their connections.
    const { BrokenPipe, ConnectionReset } = Deno.errors;
    if (!(error instanceof ConnectionReset || error instanceof BrokenPipe)) throw error;
  }
}

/** Makes a request, to see whether the server still serves. */
async function isServing(
  host: string,
  port: number,
  options: OpenConnectionOptions = {},
): Promise<boolean> {
  const [reader, writer] = await openConnection(host, port, options);
  await using _ = writer;
  writer.write(bytes("hello"));
  return text(await reader.readexactly(5)) === "hello";
}

Deno.test(`createServer() holds ${MANY} connections at once, and keeps nothing of them`, async () => {
  const program = (name: string): URL => new URL(`programs/${name}.ts`, import.meta.url);
  const network = "--allow-net=127.0.0.1";
  const options = ["--allow-all", "--v8-flags=--expose-gc"]; // only --allow-all lets it see its own files
  const server = new Program(program("crowded"), options);
  const crowd = new Program(program("crowd"), [network], [await server.line(), String(MANY)]);
  const { before, held, after, afterFlood, seconds } = JSON.parse(await crowd.line());
  for (const ended of [await crowd.end(), await server.end()]) {
    assertEquals(ended, { code: 0, signal: null, out: "", err: "" });
  }
  if (Deno.env.has("MANY")) console.log({ before, held, after, afterFlood, seconds });
  assertEquals(held.connections, MANY + 1);
  assertEquals(held.files, before.files + MANY);
  for (const { files, tasks, heap } of [after, afterFlood]) {
    assertEquals({ files, tasks }, { files: before.files, tasks: before.tasks });
    // Compiled code, and the loop's queue, which has grown, remain.
    assert(heap < before.heap + KEPT, `${heap - before.heap} bytes are left`);
  }
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

netTest("startServer() survives peers that reset while TLS shakes hands", async () => {
  const { ca, cert, key } = await certificates();
  const server = await startServer(echo, "127.0.0.1", 0, { ssl: { cert, key } });
  const [host, port] = addressOf(server);
  const rude = createTask(() => python("rude", String(port), "reset", "100"));
  while (!rude.done()) assert(await isServing(host, port, { ssl: { caCerts: [ca] } }));
  assertEquals(await rude, "done\n");
  server.close();
  await server.waitClosed();
  await until(() => allTasks().size === 1);
});

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
  // Each sends until the system accepts no more, and the writers of the echo wait.
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
