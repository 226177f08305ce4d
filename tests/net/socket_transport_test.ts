import {
  BufferedProtocol,
  ContextVar,
  createConnection,
  createServer,
  currentTask,
  getRunningLoop,
  KeyboardInterrupt,
  newEventLoop,
  Protocol,
  sleep,
  timeout,
} from "@aio/asyncio";
import type { Transport } from "@aio/asyncio";
import { assert, assertEquals, assertRejects, assertThrows } from "../_support/assert.ts";
import {
  addressOf,
  bytes,
  captureReports,
  netTest,
  randomBytes,
  Recorder,
  until,
} from "./_helpers.ts";

/** Connects two recorders; returns both, and a function that closes everything. */
async function connected<S extends Recorder, C extends Recorder>(
  serverSide: S,
  clientSide: C,
): Promise<{ server: S; client: C; end: () => Promise<void> }> {
  const listening = await createServer(() => serverSide, "127.0.0.1", 0);
  await createConnection(() => clientSide, ...addressOf(listening));
  await serverSide.made;
  const end = async (): Promise<void> => {
    clientSide.transport.abort();
    serverSide.transport.abort();
    listening.close();
    await listening.waitClosed();
    await clientSide.lost;
  };
  return { server: serverSide, client: clientSide, end };
}

netTest(
  "SocketTransport pauses the writer of a peer that reads nothing, and keeps its marks",
  async () => {
    const { server, client, end } = await connected(new Recorder(), new Recorder());
    server.transport.pauseReading();
    const chunk = new Uint8Array(50_000);
    let written = 0;
    // Until the system's buffers are full, too: then no more is accepted for many turns.
    for (let idle = 0; idle < 200;) {
      if (client.calls.at(-1) === "pause") {
        await sleep(0);
        idle++;
      } else {
        idle = 0;
        client.transport.write(chunk);
        written += chunk.length;
        assert(client.transport.getWriteBufferSize() <= 65_536 + chunk.length);
        await sleep(0);
      }
    }
    assertEquals(client.calls.at(-1), "pause");
    server.transport.resumeReading();
    while (server.total < written) await sleep(0);
    assertEquals(client.calls.at(-1), "resume");
    const flow = client.calls.filter((call) => call === "pause" || call === "resume");
    assertEquals(flow.filter((call, i) => call !== (i % 2 === 0 ? "pause" : "resume")), []);
    await end();
  },
);

netTest(
  "SocketTransport.setWriteBufferLimits() pauses at once when it lowers the mark",
  async () => {
    const { client, end } = await connected(new Recorder(), new Recorder());
    client.transport.write(new Uint8Array(1000));
    assertEquals(client.calls, ["made"]);
    client.transport.setWriteBufferLimits(999);
    assertEquals(client.calls, ["made", "pause"]);
    await end();
  },
);

netTest("SocketTransport.write() copies what it is given", async () => {
  const received: number[] = [];
  class Server extends Recorder {
    override dataReceived(data: Uint8Array): void {
      received.push(...data);
    }
  }
  const { client, end } = await connected(new Server(), new Recorder());
  const data = bytes("abc");
  client.transport.write(data);
  data.fill(0);
  client.transport.writelines([bytes("d"), bytes("e")]);
  while (received.length < 5) await sleep(0);
  assertEquals(received, [97, 98, 99, 100, 101]);
  await end();
});

netTest("SocketTransport sends 32 MiB in random pieces, complete and in order", async () => {
  const data = randomBytes(32 << 20);
  let [at, wrong] = [0, false];
  class Server extends Recorder {
    override dataReceived(part: Uint8Array): void {
      super.dataReceived(part);
      wrong ||= part[0] !== data[at] || part.at(-1) !== data[at + part.length - 1];
      at += part.length;
    }
  }
  const { server, client, end } = await connected(new Server(), new Recorder());
  for (let sent = 0; sent < data.length;) {
    const size = 1 + Math.floor(Math.random() ** 4 * 300_000);
    client.transport.write(data.subarray(sent, sent + size));
    sent += size;
    while (client.calls.at(-1) === "pause") await sleep(0);
  }
  while (server.total < data.length) await sleep(0);
  assert(!wrong);
  await end();
});

netTest("SocketTransport calls the protocol in the context it was made in", async () => {
  const user = new ContextVar<string>("user");
  const seen: string[] = [];
  class Client extends Recorder {
    override connectionMade(transport: Transport): void {
      super.connectionMade(transport);
      seen.push(`made ${user.get()} ${currentTask()}`);
    }
    override dataReceived(): void {
      seen.push(`data ${user.get()} ${currentTask()}`);
    }
    override connectionLost(exception: unknown): void {
      super.connectionLost(exception);
      seen.push(`lost ${user.get()} ${currentTask()}`);
    }
  }
  user.set("test");
  const { server, client, end } = await connected(new Recorder(), new Client());
  user.set("changed");
  server.transport.write(bytes("x"));
  while (seen.length < 2) await sleep(0);
  server.transport.close();
  await client.lost;
  assertEquals(seen, ["made test null", "data test null", "lost test null"]);
  await end();
});

netTest("SocketTransport reads into the memory of a buffered protocol", async () => {
  const memory = new Uint8Array(7);
  const received: number[] = [];
  const hints: number[] = [];
  class Buffered extends BufferedProtocol {
    override getBuffer(sizehint: number): Uint8Array {
      hints.push(sizehint);
      return memory;
    }
    override bufferUpdated(count: number): void {
      received.push(...memory.subarray(0, count));
    }
  }
  await using server = await createServer(() => new Buffered(), "127.0.0.1", 0);
  const client = new Recorder();
  await createConnection(() => client, ...addressOf(server));
  const data = Uint8Array.from({ length: 100 }, (_, i) => i);
  client.transport.write(data);
  while (received.length < 100) await sleep(0);
  assertEquals(received, [...data]);
  assertEquals(new Set(hints), new Set([-1]));
  client.transport.close();
  await client.lost;
});

netTest("SocketTransport.setProtocol() gives data in flight to the new protocol", async () => {
  const received: string[] = [];
  class Buffered extends BufferedProtocol {
    readonly #memory = new Uint8Array(3);
    override getBuffer(): Uint8Array {
      return this.#memory;
    }
    override bufferUpdated(count: number): void {
      received.push(new TextDecoder().decode(this.#memory.subarray(0, count)));
    }
  }
  const { server, client, end } = await connected(new Recorder(), new Recorder());
  // A read into the transport's own buffer is in progress: its data is passed on in pieces.
  server.transport.setProtocol(new Buffered());
  client.transport.write(bytes("abcdefgh"));
  while (received.join("").length < 8) await sleep(0);
  assertEquals(received, ["abc", "def", "gh"]);
  server.transport.setProtocol(server);
  client.transport.write(bytes("xyz"));
  while (server.total < 3) await sleep(0);
  await end();
});

netTest("parity: SocketTransport gives a buffered protocol no more than it wants", async () => {
  const wishes: Record<string, (transport: Transport, rest: Recorder) => void> = {
    abort: (transport) => transport.abort(),
    pauseReading: (transport) => transport.pauseReading(),
    setProtocol: (transport, rest) => transport.setProtocol(rest),
  };
  const given: Record<string, unknown> = {};
  for (const [name, wish] of Object.entries(wishes)) {
    const { server, client, end } = await connected(new Recorder(), new Recorder());
    const { transport } = server;
    const pieces: string[] = [];
    const over = getRunningLoop().createFuture<void>();
    class Buffered extends BufferedProtocol {
      readonly #memory = new Uint8Array(1);
      override getBuffer(): Uint8Array {
        return this.#memory;
      }
      override bufferUpdated(): void {
        pieces.push(new TextDecoder().decode(this.#memory));
        if (pieces.length === 1) wish(transport, server);
        if (pieces.length === 5) over.setResult();
      }
      override connectionLost(): void {
        over.setResult();
      }
    }
    transport.setProtocol(new Buffered()); // a read into the own buffer is in progress
    client.transport.write(bytes("hello"));
    if (name === "pauseReading") {
      await until(() => pieces.length > 0);
      for (let turn = 0; turn < 10; turn++) await sleep(0);
      assertEquals(pieces, ["h"]);
      transport.resumeReading();
    }
    await (name === "setProtocol" ? until(() => server.total === 4) : over);
    given[name] = pieces.join("");
    transport.setProtocol(server);
    client.transport.abort();
    if (name === "abort") server.lost.setResult(null);
    await end();
  }
  assertEquals(given, { abort: "h", pauseReading: "hello", setProtocol: "h" });
});

netTest("SocketTransport reports an error in pauseWriting(), and goes on", async () => {
  class Client extends Recorder {
    override pauseWriting(): void {
      throw new Error("in pauseWriting");
    }
  }
  const { server, client, end } = await connected(new Recorder(), new Client());
  const reports = captureReports();
  client.transport.write(new Uint8Array(100_000));
  assertEquals(reports.map(({ message }) => message), ["protocol.pauseWriting() failed"]);
  while (server.total < 100_000) await sleep(0);
  await end();
});

netTest("SocketTransport.resumeWriting() may write again", async () => {
  class Client extends Recorder {
    left = 5;
    override resumeWriting(): void {
      if (this.left-- > 0) this.transport.write(new Uint8Array(100_000));
    }
  }
  const { server, client, end } = await connected(new Recorder(), new Client());
  client.transport.write(new Uint8Array(100_000));
  while (server.total < 600_000) await sleep(0);
  await end();
});

netTest("SocketTransport.write() refuses what are no bytes", async () => {
  const { client, end } = await connected(new Recorder(), new Recorder());
  assertThrows(() => client.transport.write("text" as never), TypeError, "must be a Uint8Array");
  await end();
});

netTest("SocketTransport.getExtraInfo() tells addresses and the connection", async () => {
  const { server, client, end } = await connected(new Recorder(), new Recorder());
  const address = client.transport.getExtraInfo("sockname");
  assertEquals(server.transport.getExtraInfo("peername"), address);
  assert("setNoDelay" in client.transport.getExtraInfo("socket"));
  assertEquals(client.transport.getExtraInfo("sslcontext"), null);
  assertEquals(client.transport.getExtraInfo("nonsense", 42), 42);
  await end();
});

netTest("SocketTransport.close() in connectionMade() still calls connectionLost()", async () => {
  class Client extends Recorder {
    override connectionMade(transport: Transport): void {
      super.connectionMade(transport);
      transport.close();
    }
  }
  const { client, end } = await connected(new Recorder(), new Client());
  await client.lost;
  assertEquals(client.calls, ["made", "lost"]);
  await end();
});

netTest("SocketTransport survives an error in connectionLost()", async () => {
  class Client extends Recorder {
    override connectionLost(exception: unknown): void {
      super.connectionLost(exception);
      throw new Error("in connectionLost");
    }
  }
  const { client, end } = await connected(new Recorder(), new Client());
  const reports = captureReports();
  client.transport.close();
  await client.lost;
  await end();
  assertEquals(reports.length, 1);
});

netTest("SocketTransport leaves other connections alone when a protocol fails", async () => {
  let count = 0;
  class Echo extends Protocol {
    #transport!: Transport;
    override connectionMade(transport: Transport): void {
      this.#transport = transport;
      if (++count % 2 === 0) throw new Error("in connectionMade");
    }
    override dataReceived(data: Uint8Array): void {
      if (data[0] === 33) throw new Error("in dataReceived");
      this.#transport.write(data);
    }
  }
  const reports = captureReports();
  await using server = await createServer(() => new Echo(), "127.0.0.1", 0);
  const clients = Array.from({ length: 10 }, () => new Recorder());
  for (const client of clients) await createConnection(() => client, ...addressOf(server));
  for (const [i, client] of clients.entries()) {
    client.transport.write(bytes(i % 3 === 0 ? "!" : "x"));
  }
  for (const [i, client] of clients.entries()) {
    if (i % 3 === 0) await client.lost;
    else if (i % 2 === 0) await until(() => client.total === 1);
  }
  for (const client of clients) client.transport.close();
  server.closeClients();
  const messages = new Set(
    reports.map(({ message }) => message.replace(/ connectionMade.*| anonymous.*/, "")),
  );
  assertEquals(
    messages,
    new Set(["Exception in callback", "Fatal error: protocol.dataReceived() call failed."]),
  );
});

netTest("SocketTransport takes it that somebody else closes its connection", async () => {
  const { client, end } = await connected(new Recorder(), new Recorder());
  client.transport.getExtraInfo("socket").close();
  await client.lost;
  await end();
});

// As observed on CPython when a peer closes a connection without having read all data.
netTest("parity: SocketTransport tells of a reset only when reading goes on", async () => {
  const reading = Promise.withResolvers<number | null>();
  const addr = { transport: "tcp", hostname: "127.0.0.1", port: 1 };
  const conn = { localAddr: addr, remoteAddr: addr, read: () => reading.promise, close: () => {} };
  const sock = conn as unknown as Deno.Conn;
  const [transport, { calls, lost }] = await createConnection(() => new Recorder(), null, null, {
    sock,
  });
  transport.pauseReading();
  reading.reject(new Deno.errors.ConnectionReset());
  for (let i = 0; i < 10; i++) await sleep(0);
  assertEquals(calls, ["made"]);
  transport.resumeReading();
  assert(await lost instanceof Deno.errors.ConnectionReset);
});

/** Closes its transport when it is told to pause. */
class Closing extends Recorder {
  override pauseWriting(): void {
    super.pauseWriting();
    this.transport.close();
  }
}

for (const call of ["write", "writelines"] as const) {
  // CPython 3.13.0 tells of a pause in write() only.
  const parity = call === "write" ? "parity: " : "";
  netTest(
    `${parity}SocketTransport.${call}() loses nothing if pauseWriting() closes it`,
    async () => {
      const { server, client, end } = await connected(new Recorder(), new Closing());
      const data = new Uint8Array(20_000_000);
      if (call === "write") client.transport.write(data);
      else client.transport.writelines([data.subarray(0, 1), data.subarray(1)]);
      assertEquals(await client.lost, null);
      await server.lost;
      assertEquals(server.total, data.length);
      assertEquals(client.calls, ["made", "pause", "resume", "lost"]);
      await end();
    },
  );
}

/** Interrupts the loop once, when it is told so. */
class Interrupting extends Recorder {
  #isDone = false;

  constructor(readonly on: "dataReceived" | "resumeWriting") {
    super();
  }

  override dataReceived(data: Uint8Array): void {
    super.dataReceived(data);
    this.#interrupt("dataReceived");
  }

  override resumeWriting(): void {
    super.resumeWriting();
    this.#interrupt("resumeWriting");
  }

  #interrupt(call: string): void {
    if (call !== this.on || this.#isDone) return;
    this.#isDone = true;
    throw new KeyboardInterrupt();
  }
}

for (const call of ["dataReceived", "resumeWriting"] as const) {
  Deno.test(`parity: SocketTransport goes on after a KeyboardInterrupt out of ${call}()`, async () => {
    const loop = newEventLoop();
    const { server, client, end } = await loop.runUntilComplete(() =>
      connected(new Interrupting(call), new Interrupting(call))
    );
    client.transport.setWriteBufferLimits(0);
    client.transport.write(bytes("one"));
    await assertRejects(() => loop.runForever(), KeyboardInterrupt);
    client.transport.write(bytes("two"));
    await loop.runUntilComplete(async () => {
      await timeout(10).run(() => until(() => server.total === 6));
      await end();
    });
    loop.close();
  });
}

netTest(
  "parity: SocketTransport.close() lets a protocol that was told to pause write on",
  async () => {
    class Client extends Recorder {
      override resumeWriting(): void {
        if (!this.calls.includes("resume")) this.transport.write(bytes("and more"));
        super.resumeWriting();
      }
    }
    const [server, client] = [new Recorder(), new Client()];
    await using listening = await createServer(() => server, "127.0.0.1", 0);
    const [hostname, port] = addressOf(listening);
    const sock = await Deno.connect({ hostname, port });
    const write = sock.write.bind(sock);
    let taken = 0;
    // The system has taken all of it, and the loop has not turned since.
    sock.write = async (data) => {
      const count = await write(data);
      taken += count;
      if (taken === 100_000) queueMicrotask(() => queueMicrotask(() => client.transport.close()));
      return count;
    };
    await createConnection(() => client, null, null, { sock });
    client.transport.write(new Uint8Array(100_000));
    await client.lost;
    await server.lost;
    assertEquals(server.total, 100_008);
    assertEquals(client.calls, ["made", "pause", "resume", "lost"]);
  },
);
