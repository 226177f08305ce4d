/**
 * A lot of data, both ways at once, through each kind of protocol: all of it arrives, in order, and
 * memory use does not grow.
 *
 *     BULK_MIB=1024 deno test --allow-all tests/net/bulk_test.ts
 *
 * sends a gigabyte each way, and prints how fast, and how much memory it took.
 *
 * @module
 */

import { crc32 } from "node:zlib";
import {
  BufferedProtocol,
  createConnection,
  createServer,
  gather,
  getRunningLoop,
  openConnection,
  Protocol,
  startServer,
} from "@aio/asyncio";
import type { Future, Server, StreamProtocol, StreamReader, StreamWriter } from "@aio/asyncio";
import type { Transport } from "@aio/asyncio";
import { assert, assertEquals } from "../_support/assert.ts";
import { seededRandom } from "../_support/random.ts";
import { addressOf, netTest, python, randomBytes } from "./_helpers.ts";

const MIB = 1024 * 1024;
const BULK_MIB = Deno.env.get("BULK_MIB");
const SIZE = Number(BULK_MIB ?? 64) * MIB;
/** How much memory use may grow after the first quarter. */
const TOLERANCE = 64 * MIB;
const LARGEST_CHUNK = 200_000;

const block = randomBytes(1_000_003);
const random = seededRandom(Number(Deno.env.get("BULK_SEED") ?? 1));

/** Yields SIZE random bytes, in chunks of random sizes, and their CRC-32 as four more bytes. */
function* chunks(): Generator<Uint8Array, void, void> {
  let crc = 0;
  for (let left = SIZE; left > 0;) {
    const start = random(block.length);
    const chunk = block.subarray(start, start + Math.min(left, 1 + random(LARGEST_CHUNK)));
    left -= chunk.length;
    crc = crc32(chunk, crc);
    yield chunk;
  }
  const end = new Uint8Array(4);
  new DataView(end.buffer).setUint32(0, crc);
  yield end;
}

/** Checks what {@linkcode chunks} yielded on the other side. */
class Check {
  readonly done: Future<void> = getRunningLoop().createFuture<void>();
  readonly #end = new Uint8Array(4);
  #left = SIZE;
  #endLeft = 4;
  #crc = 0;
  #memory = 0;
  /** How much more memory was in use than after the first quarter, in bytes. */
  growth = 0;

  take(data: Uint8Array): void {
    const body = data.subarray(0, this.#left);
    this.#crc = crc32(body, this.#crc);
    const quarters = this.#quarters();
    this.#left -= body.length;
    if (quarters < this.#quarters()) this.#weigh(quarters === 0);
    const end = data.subarray(body.length);
    this.#end.set(end, 4 - this.#endLeft);
    this.#endLeft -= end.length;
    if (this.#endLeft > 0) return;
    assertEquals(new DataView(this.#end.buffer).getUint32(0), this.#crc);
    this.done.setResult();
  }

  #quarters(): number {
    return Math.floor(4 * (1 - this.#left / SIZE));
  }

  #weigh(isFirst: boolean): void {
    const { rss } = Deno.memoryUsage();
    if (isFirst) this.#memory = rss;
    this.growth = Math.max(this.growth, rss - this.#memory);
  }
}

/** What both kinds of protocol share: sending while there is room. */
class Sender {
  readonly #chunks = chunks();
  #transport!: Transport;
  #isPaused = false;

  connected(transport: Transport): void {
    this.#transport = transport;
    this.resume();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    while (!this.#isPaused) {
      const { value, done } = this.#chunks.next();
      if (done) return;
      this.#transport.write(value);
    }
  }
}

function plain(check: Check): StreamProtocol {
  const sender = new Sender();
  return new class extends Protocol {
    override connectionMade = (transport: Transport) => sender.connected(transport);
    override pauseWriting = () => sender.pause();
    override resumeWriting = () => sender.resume();
    override dataReceived = (data: Uint8Array) => check.take(data);
  }();
}

function buffered(check: Check): StreamProtocol {
  const sender = new Sender();
  const memory = new Uint8Array(64 * 1024);
  return new class extends BufferedProtocol {
    override connectionMade = (transport: Transport) => sender.connected(transport);
    override pauseWriting = () => sender.pause();
    override resumeWriting = () => sender.resume();
    override getBuffer = () => memory;
    override bufferUpdated = (count: number) => check.take(memory.subarray(0, count));
  }();
}

async function stream(reader: StreamReader, writer: StreamWriter, check: Check): Promise<void> {
  async function send(): Promise<void> {
    for (const chunk of chunks()) {
      writer.write(chunk);
      await writer.drain();
    }
  }
  async function receive(): Promise<void> {
    while (!check.done.done()) check.take(await reader.read(1 + random(LARGEST_CHUNK)));
  }
  await gather([send, receive]);
}

/** Start a server of each kind, for one connection. */
const servers: Record<string, (check: Check) => PromiseLike<Server>> = {
  Protocol: (check) => createServer(() => plain(check), "127.0.0.1", 0),
  BufferedProtocol: (check) => createServer(() => buffered(check), "127.0.0.1", 0),
  streams: (check) =>
    startServer(
      async (reader, writer) => {
        await using _ = writer;
        await stream(reader, writer, check);
        await reader.read(); // the other side closes first
      },
      "127.0.0.1",
      0,
    ),
};

async function foreign(port: number, kind: string): Promise<void> {
  assertEquals(await python("bulk", String(port), String(SIZE), kind), "received\n");
}

/** Connect to the server on a port with each kind of client, and check what arrives. */
const clients: Record<string, (port: number) => Promise<unknown>> = {
  "Python's Protocol": (port) => foreign(port, "protocol"),
  "Python's streams": (port) => foreign(port, "streams"),
  "our Protocol": async (port) => {
    const check = new Check();
    const [transport] = await createConnection(() => plain(check), "127.0.0.1", port);
    await check.done;
    transport.close();
  },
  "our BufferedProtocol": async (port) => {
    const check = new Check();
    const [transport] = await createConnection(() => buffered(check), "127.0.0.1", port);
    await check.done;
    transport.close();
  },
  "our streams": async (port) => {
    const [reader, writer] = await openConnection("127.0.0.1", port);
    await using _ = writer;
    await stream(reader, writer, new Check());
  },
};

for (
  const [kind, client] of [
    ["Protocol", "Python's Protocol"],
    ["BufferedProtocol", "Python's Protocol"],
    ["streams", "Python's streams"],
    ["Protocol", "our streams"],
    ["BufferedProtocol", "our BufferedProtocol"],
    ["streams", "our Protocol"],
  ] as const
) {
  netTest(`${kind} takes and gives ${SIZE / MIB} MiB to ${client}, intact`, async () => {
    const check = new Check();
    const server = await servers[kind]!(check);
    const start = performance.now();
    await gather([() => clients[client]!(addressOf(server)[1]), check.done]);
    const seconds = (performance.now() - start) / 1000;
    server.close();
    await server.waitClosed();
    const growth = (check.growth / MIB).toFixed(1);
    if (BULK_MIB !== undefined) {
      const speed = (2 * SIZE / MIB / seconds).toFixed(0);
      const { rss } = Deno.memoryUsage();
      console.log(`${speed} MiB/s, memory ${(rss / MIB).toFixed(0)} MiB, grown by ${growth}`);
    }
    assert(check.growth < TOLERANCE, `the memory has grown by ${growth} MiB`);
  });
}
