/**
 * What happens when the loop is closed to what was left open: the sanitizers of the tests check
 * that nothing stays open.
 *
 * @module
 */

import {
  createConnection,
  createDatagramEndpoint,
  createServer,
  DatagramProtocol,
  newEventLoop,
  Protocol,
  run,
  subprocessExec,
  SubprocessProtocol,
} from "@aio/asyncio";
import { assertEquals } from "../_support/assert.ts";
import { addressOf, captureWarnings, certificates, Recorder } from "./_helpers.ts";

const { ca, cert, key } = await certificates();

Deno.test("parity: a server that is left open ends with its loop, with a warning", async () => {
  using warnings = captureWarnings();
  const port = await run(async () => {
    const server = await createServer(() => new Protocol(), "127.0.0.1", 0);
    return addressOf(server)[1];
  });
  assertEquals(warnings.texts, [`unclosed <Server sockets=127.0.0.1:${port}>`]);
});

Deno.test("parity: connections that are left open end with their loop, with a warning each", async () => {
  using warnings = captureWarnings();
  const recorders = await run(async () => {
    const [server, client] = [new Recorder(), new Recorder()];
    const listening = await createServer(() => server, "127.0.0.1", 0, { ssl: { cert, key } });
    const [, port] = addressOf(listening);
    await createConnection(() => client, "localhost", port, { ssl: { caCerts: [ca] } });
    await server.made;
    listening.close();
    return [server, client];
  });
  assertEquals(
    warnings.texts.sort(),
    recorders.map(({ transport }) => {
      const address = transport.getExtraInfo("peername").join(":");
      return `unclosed transport <SocketTransport open ${address}>`;
    }).sort(),
  );
  assertEquals(recorders.map(({ calls }) => calls), [["made"], ["made"]]);
});

Deno.test("parity: a socket for datagrams that is left open ends with its loop, with a warning", async () => {
  using warnings = captureWarnings();
  const port = await run(async () => {
    const local = ["127.0.0.1", 0] as const;
    const [transport] = await createDatagramEndpoint(() => new DatagramProtocol(), local);
    return transport.getExtraInfo("sockname")[1];
  });
  assertEquals(warnings.texts, [`unclosed transport <DatagramTransport open 127.0.0.1:${port}>`]);
});

Deno.test("parity: a process that is left running ends with its loop, with a warning", async () => {
  using warnings = captureWarnings();
  const child = await run(async () => {
    const [transport] = await subprocessExec(() => new SubprocessProtocol(), "sleep", ["3600"]);
    return transport.getExtraInfo("subprocess") as Deno.ChildProcess;
  });
  assertEquals(warnings.texts, [
    `unclosed transport <SubprocessTransport pid=${child.pid} running>`,
  ]);
  assertEquals((await child.status).signal, "SIGKILL");
});

Deno.test("a connection that is closing when its loop is closed needs no warning", async () => {
  using warnings = captureWarnings();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const loop = newEventLoop();
  const transport = await loop.runUntilComplete(async () => {
    const { port } = listener.addr;
    const [transport] = await createConnection(() => new Protocol(), "127.0.0.1", port);
    transport.write(new Uint8Array(20_000_000)); // the peer does not read it
    transport.close();
    return transport;
  });
  loop.close();
  const address = transport.getExtraInfo("peername").join(":");
  assertEquals(String(transport), `<SocketTransport closed ${address}>`);
  assertEquals(transport.getWriteBufferSize(), 0);
  assertEquals(warnings.texts, []);
});

/** Runs a loop for one turn of these tasks, and closes it. */
async function closeEarly(...tasks: (() => PromiseLike<unknown>)[]): Promise<void> {
  const loop = newEventLoop();
  loop.setExceptionHandler(() => {}); // they are reported as destroyed
  for (const task of tasks) loop.createTask(task);
  await loop.runUntilComplete(function* () {
    yield;
  });
  loop.close();
}

Deno.test("parity: a connection that was about to come ends with its loop", async () => {
  using _ = captureWarnings();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  await closeEarly(() => createConnection(() => new Protocol(), "127.0.0.1", port));
  using accepted = await listener.accept();
  assertEquals(await accepted.read(new Uint8Array(1)), null);
});

Deno.test("parity: a connection that was accepted and not yet served ends with its loop", async () => {
  using _ = captureWarnings();
  const { listen } = Deno;
  const accepted = Promise.withResolvers<void>();
  Deno.listen = ((options: Deno.TcpListenOptions) => {
    const listener = listen(options);
    const accept = listener.accept.bind(listener);
    listener.accept = async () => {
      const conn = await accept();
      queueMicrotask(accepted.resolve);
      return conn;
    };
    return listener;
  }) as typeof Deno.listen;
  const loop = newEventLoop();
  const server = await loop.runUntilComplete(createServer(() => new Protocol(), "127.0.0.1", 0));
  Deno.listen = listen;
  const [hostname, port] = addressOf(server);
  using client = await Deno.connect({ hostname, port });
  await accepted.promise;
  loop.close();
  assertEquals(await client.read(new Uint8Array(1)), null);
});

Deno.test("parity: a socket for datagrams that was about to be bound ends with its loop", async () => {
  const anywhere = ["127.0.0.1", 0] as const;
  await closeEarly(() => createDatagramEndpoint(() => new DatagramProtocol(), anywhere));
});
