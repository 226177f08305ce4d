/**
 * Many connections at once to the server of `crowded.ts`, in three ways: all are held open, and echo
 * twice; then half of them close, and half reset. Another as many just come and go. Prints what the
 * server reports before, while they are there, and after each, and how long it all took.
 *
 *     deno run --allow-net=127.0.0.1 tests/net/programs/crowd.ts PORT COUNT
 *
 * @module
 */

import {
  createConnection,
  gather,
  getRunningLoop,
  openConnection,
  Protocol,
  run,
} from "@aio/asyncio";
import type { Future, StreamReader, StreamWriter, Transport } from "@aio/asyncio";

const [port, count] = Deno.args.map(Number) as [number, number];
/** How many connect at the same time. */
const BATCH = 200;

/** Waits for as many bytes as it has sent. */
class Client extends Protocol {
  readonly lost: Future<void> = getRunningLoop().createFuture<void>();
  transport!: Transport;
  #expected = 0;
  #got!: Future<void>;

  override connectionMade(transport: Transport): void {
    this.transport = transport;
  }

  exchange(size: number): Future<void> {
    this.#expected += size;
    this.#got = getRunningLoop().createFuture<void>();
    this.transport.write(new Uint8Array(size));
    return this.#got;
  }

  override dataReceived(data: Uint8Array): void {
    this.#expected -= data.length;
    if (this.#expected === 0) this.#got.setResult();
  }

  override connectionLost(): void {
    this.lost.setResult();
  }
}

/** Does something `count` times, a batch at once. */
async function inBatches(fn: () => PromiseLike<void>): Promise<void> {
  for (let done = 0; done < count; done += BATCH) {
    await gather(Array.from({ length: Math.min(BATCH, count - done) }, () => fn));
  }
}

async function connect(): Promise<Client> {
  const [, client] = await createConnection(() => new Client(), "127.0.0.1", port);
  return client;
}

interface Report {
  readonly connections: number;
}

async function ask(reader: StreamReader, writer: StreamWriter): Promise<Report> {
  writer.write(new TextEncoder().encode("?"));
  return JSON.parse(new TextDecoder().decode(await reader.readline()));
}

/** Asks until the server has noticed that all others are gone. */
async function askAlone(reader: StreamReader, writer: StreamWriter): Promise<Report> {
  for (;;) {
    const report = await ask(reader, writer);
    if (report.connections === 1) return report;
  }
}

await run(async () => {
  const [reader, writer] = await openConnection("127.0.0.1", port);
  const start = performance.now();
  const before = await ask(reader, writer);

  const clients: Client[] = [];
  await inBatches(async () => void clients.push(await connect()));
  for (let round = 0; round < 2; round++) {
    await gather(clients.map((client, i) => client.exchange(1 + i % 50)));
  }
  const held = await ask(reader, writer);
  for (const [i, { transport }] of clients.entries()) {
    if (i % 2 === 0) transport.close();
    else transport.abort();
  }
  await gather(clients.map(({ lost }) => lost));
  const after = await askAlone(reader, writer);

  await inBatches(async () => {
    const client = await connect();
    client.transport.abort();
    await client.lost;
  });
  const afterFlood = await askAlone(reader, writer);

  const seconds = (performance.now() - start) / 1000;
  console.log(JSON.stringify({ before, held, after, afterFlood, seconds }));
  writer.write(new TextEncoder().encode("!"));
  await reader.read();
  writer.close();
  await writer.waitClosed();
});
