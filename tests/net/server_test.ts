import {
  createConnection,
  createServer,
  createTask,
  createUnixConnection,
  createUnixServer,
  newEventLoop,
  Protocol,
  RuntimeError,
  Server,
  sleep,
  VirtualClock,
} from "@aio/asyncio";
import type { ServerListener, Transport } from "@aio/asyncio";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "../_support/assert.ts";
import { runProgram } from "../_support/program.ts";
import { addressOf, captureReports, netTest, Recorder, until } from "./_helpers.ts";

const ADDRESS = { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const;

netTest("createServer() listens on several hosts", async () => {
  const server = await createServer(() => new Recorder(), ["127.0.0.1", "127.0.0.2"], 0);
  const addresses = server.sockets.map((socket) => socket.getsockname());
  assertEquals(addresses.map(([host]) => host), ["127.0.0.1", "127.0.0.2"]);
  for (const [host, port] of addresses) {
    const [transport] = await createConnection(() => new Protocol(), host, port);
    transport.close();
  }
  server.close();
  server.abortClients();
  await server.waitClosed();
});

netTest("createServer() listens on each host once", async () => {
  await using server = await createServer(() => new Protocol(), ["127.0.0.1", "127.0.0.1"], 0);
  assertEquals(server.sockets.length, 1);
});

netTest("createServer() looks up names", async () => {
  await using server = await createServer(() => new Protocol(), "localhost", 0);
  assert(["127.0.0.1", "::1"].includes(addressOf(server)[0]));
});

for (const host of [null, ""]) {
  netTest(`createServer() with ${JSON.stringify(host)} listens everywhere`, async () => {
    const serverSide = new Recorder();
    const server = await createServer(() => serverSide, host, 0);
    const client = new Recorder();
    await createConnection(() => client, "127.0.0.1", addressOf(server)[1]);
    const transport = await serverSide.made;
    // Not "::ffff:127.0.0.1", as with a socket for both families.
    assertEquals(transport.getExtraInfo("peername"), client.transport.getExtraInfo("sockname"));
    client.transport.close();
    server.close();
    await server.waitClosed();
  });
}

netTest("parity: createServer() refuses to listen on no host at all", async () => {
  await assertRejects(
    async () => await createServer(() => new Protocol(), []),
    Deno.errors.AddrNotAvailable,
    "could not bind on any address out of []",
  );
});

netTest("createServer() closes what it opened if one host fails", async () => {
  await using server = await createServer(() => new Protocol(), "127.0.0.1", 0);
  const [, port] = addressOf(server);
  await assertRejects(
    async () => await createServer(() => new Protocol(), ["127.0.0.2", "127.0.0.1"], port),
    Deno.errors.AddrInUse,
    `Cannot listen on 127.0.0.1:${port}`,
  );
  await using second = await createServer(() => new Protocol(), "127.0.0.2", port);
  assert(second.isServing());
});

Deno.test("createServer() shares a port with `reusePort`, where the runtime may", async () => {
  const program = new URL("programs/reuse_port.ts", import.meta.url);
  const allowed = await runProgram(program, ["--allow-net", "--unstable-net"]);
  assertEquals([allowed.out, allowed.err, allowed.code], ["true\n", "", 0]);
  const refused = await runProgram(program, ["--allow-net"]);
  assertEquals(refused.code, 1);
  assertStringIncludes(refused.err, "NotSupported: Cannot listen on 127.0.0.1:0: reusePort needs");
});

netTest("createServer() with startServing false waits to be started", async () => {
  const serverSide = new Recorder();
  const options = { startServing: false };
  const server = await createServer(() => serverSide, "127.0.0.1", 0, options);
  assertEquals(server.isServing(), false);
  const [transport] = await createConnection(() => new Protocol(), ...addressOf(server));
  assertEquals(serverSide.calls, []);
  await server.startServing();
  await server.startServing();
  await serverSide.made;
  transport.close();
  server.close();
  await server.waitClosed();
  await assertRejects(async () => await server.startServing(), RuntimeError, "is closed");
});

netTest("Server.serveForever() closes the server when it is cancelled", async () => {
  const server = await createServer(() => new Protocol(), "127.0.0.1", 0);
  const task = createTask(() => server.serveForever());
  await sleep(0);
  await assertRejects(
    async () => await server.serveForever(),
    RuntimeError,
    "already being awaited",
  );
  task.cancel();
  await until(() => task.done());
  assert(task.cancelled());
  assertEquals(server.sockets, []);
});

netTest("Server.close() ends serveForever()", async () => {
  const server = await createServer(() => new Protocol(), "127.0.0.1", 0);
  const task = createTask(() => server.serveForever());
  await sleep(0);
  server.close();
  await until(() => task.done());
  assert(task.cancelled());
});

netTest("Server.waitClosed() can be cancelled, and awaited again", async () => {
  const server = await createServer(() => new Protocol(), "127.0.0.1", 0);
  const task = createTask(() => server.waitClosed());
  await sleep(0);
  task.cancel();
  await until(() => task.done());
  server.close();
  await server.waitClosed();
});

netTest("Server.closeClients() closes each after what was written to it", async () => {
  class Greeting extends Protocol {
    override connectionMade(transport: Transport): void {
      transport.write(new Uint8Array(1_000_000));
    }
  }
  const server = await createServer(() => new Greeting(), "127.0.0.1", 0);
  const clients = [new Recorder(), new Recorder()];
  for (const client of clients) await createConnection(() => client, ...addressOf(server));
  for (const client of clients) await until(() => client.total > 0);
  server.close();
  server.closeClients();
  await server.waitClosed();
  for (const client of clients) {
    await client.lost;
    assertEquals(client.total, 1_000_000);
  }
});

netTest("Server reports a protocol factory that fails, and goes on", async () => {
  const reports = captureReports();
  let calls = 0;
  const serverSide = new Recorder();
  const server = await createServer(
    () => {
      if (++calls === 1) throw new Error("in the factory");
      return serverSide;
    },
    "127.0.0.1",
    0,
  );
  const [refused, served] = [new Recorder(), new Recorder()];
  await createConnection(() => refused, ...addressOf(server));
  await refused.lost;
  await createConnection(() => served, ...addressOf(server));
  await serverSide.made;
  assertEquals(reports.map(({ exception }) => (exception as Error).message), ["in the factory"]);
  served.transport.close();
  server.close();
  await server.waitClosed();
});

/** A listener whose next connections are errors. */
class FailingListener implements ServerListener {
  readonly addr = ADDRESS;
  readonly errors: Error[];
  calls = 0;
  #reject: ((error: Error) => void) | null = null;

  constructor(errors: Error[]) {
    this.errors = errors;
  }

  accept(): Promise<Deno.Conn> {
    this.calls++;
    const error = this.errors.shift();
    if (error !== undefined) return Promise.reject(error);
    return new Promise((_, reject) => this.#reject = reject);
  }

  close(): void {
    this.#reject?.(new Deno.errors.BadResource());
  }
}

Deno.test("parity: 142 Server accepts nothing for a second when the system refuses to", async () => {
  const loop = newEventLoop({ clock: new VirtualClock() });
  const reports: string[] = [];
  loop.setExceptionHandler((_, { message }) => void reports.push(message));
  const emfile = new Error("Too many open files (os error 24)");
  const { ConnectionAborted, NotConnected } = Deno.errors;
  const gone = [new ConnectionAborted(), new NotConnected()];
  const listener = new FailingListener([...gone, emfile, emfile]);
  const server = new Server(loop, [listener], () => {});
  await loop.runUntilComplete(async () => {
    const start = loop.time();
    await server.startServing();
    await sleep(0.5);
    assertEquals(listener.calls, 3); // connections that are already gone are skipped at once
    await sleep(2);
    assertEquals(listener.calls, 5);
    assertEquals(loop.time() - start, 2.5);
    server.close();
    await sleep(0);
    await server.waitClosed();
  });
  loop.close();
  assertEquals(reports, Array(2).fill("socket.accept() out of system resource"));
});

netTest("parity: createServer() takes the port of one that was closed just now", async () => {
  const first = await createServer(() => new Protocol(), "127.0.0.1", 0);
  const address = addressOf(first);
  first.close();
  await using second = await createServer(() => new Protocol(), ...address);
  assert(second.isServing());
  await first.waitClosed();
});

netTest(
  "parity: createUnixServer() takes the path of one that was closed just now",
  async () => {
    const folder = await Deno.makeTempDir();
    const path = `${folder}/socket`;
    const first = await createUnixServer(() => new Protocol(), path);
    first.close();
    const second = await createUnixServer(() => new Protocol(), path);
    await first.waitClosed();
    const [transport] = await createUnixConnection(() => new Protocol(), path);
    transport.close();
    second.close();
    await second.waitClosed();
    await Deno.remove(folder, { recursive: true });
  },
);

netTest("parity: 141 createUnixServer() removes the socket, unless it was replaced", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/socket`;
  const server = await createUnixServer(() => new Protocol(), path);
  assertEquals(server.sockets[0]!.getsockname(), [path, 0]);
  const [transport] = await createUnixConnection(() => new Protocol(), path);
  transport.close();
  server.close();
  await server.waitClosed();
  assertThrows(() => Deno.lstatSync(path), Deno.errors.NotFound);

  const replaced = await createUnixServer(() => new Protocol(), path);
  Deno.removeSync(path);
  const successor = await createUnixServer(() => new Protocol(), path);
  replaced.close();
  await replaced.waitClosed();
  const [another] = await createUnixConnection(() => new Protocol(), path);
  another.close();
  successor.close();
  await successor.waitClosed();

  const kept = await createUnixServer(() => new Protocol(), path, { cleanupSocket: false });
  kept.close();
  await kept.waitClosed();
  assert(Deno.lstatSync(path).isSocket);

  // A socket that was left behind is removed; any other file is not.
  const again = await createUnixServer(() => new Protocol(), path);
  Deno.removeSync(path);
  again.close();
  await again.waitClosed();
  await Deno.writeTextFile(path, "precious");
  await assertRejects(
    async () => await createUnixServer(() => new Protocol(), path),
    Deno.errors.AddrInUse,
  );
  assertEquals(await Deno.readTextFile(path), "precious");
  await Deno.remove(folder, { recursive: true });
});

netTest(
  "parity: Server.close() takes it that the folder of its socket is removed at once",
  async () => {
    const folder = await Deno.makeTempDir();
    const options = { cleanupSocket: false };
    const server = await createUnixServer(() => new Protocol(), `${folder}/socket`, options);
    server.close();
    Deno.removeSync(folder, { recursive: true });
    await server.waitClosed();
    await using _ = await createServer(() => new Protocol(), "127.0.0.1", 0); // it waits for the other's end
  },
);

netTest("Server closes and waits in `await using`", async () => {
  const client = new Recorder();
  {
    await using server = await createServer(() => new Recorder(), "127.0.0.1", 0);
    await createConnection(() => client, ...addressOf(server));
    client.transport.close();
  }
  await client.lost;
});

netTest("Server closes in `await using` when the body throws", async () => {
  let server: Server | null = null;
  await assertRejects(
    async () => {
      await using listening = await createServer(() => new Recorder(), "127.0.0.1", 0);
      server = listening;
      throw new TypeError("in the body");
    },
    TypeError,
    "in the body",
  );
  assertEquals(server!.sockets, []);
});
