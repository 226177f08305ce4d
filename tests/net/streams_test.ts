import {
  CancelledError,
  createTask,
  gather,
  getRunningLoop,
  newEventLoop,
  openConnection,
  openUnixConnection,
  Protocol,
  run,
  sleep,
  startServer,
  startUnixServer,
  type StreamWriter,
  TaskGroup,
  VirtualClock,
} from "@aio/asyncio";
import type { EventLoop, Server, StreamReader } from "@aio/asyncio";
import { assert, assertEquals, assertRejects, assertThrows } from "../_support/assert.ts";
import { runProgram } from "../_support/program.ts";
import {
  addressOf,
  bytes,
  captureReports,
  echo,
  netTest,
  randomBytes,
  text,
  until,
} from "./_helpers.ts";

/** Starts a server whose handlers end when the test says so, and connects to it. */
async function held(): Promise<{
  server: Server;
  reader: StreamReader;
  writer: StreamWriter;
  peer: () => [StreamReader, StreamWriter];
  end: () => Promise<void>;
}> {
  const release = getRunningLoop().createFuture<void>();
  let peer: [StreamReader, StreamWriter] | null = null;
  const server = await startServer(
    async (reader, writer) => {
      await using _ = writer;
      peer = [reader, writer];
      await release;
    },
    "127.0.0.1",
    0,
  );
  const [reader, writer] = await openConnection(...addressOf(server));
  await until(() => peer !== null);
  const end = async (): Promise<void> => {
    release.setResult();
    writer.transport.abort();
    server.close();
    await server.waitClosed();
  };
  return { server, reader, writer, peer: () => peer!, end };
}

netTest("openConnection() and startServer() echo 16 MiB in both directions at once", async () => {
  await using server = await startServer(echo, "127.0.0.1", 0);
  const [reader, writer] = await openConnection(...addressOf(server));
  const data = randomBytes(16 << 20);
  const [, received] = await gather([
    async () => {
      for (let at = 0; at < data.length; at += 100_001) {
        writer.write(data.subarray(at, at + 100_001));
        await writer.drain();
      }
      writer.writeEof();
    },
    () => reader.readexactly(data.length),
  ]);
  assert(received.every((byte, i) => byte === data[i]));
  assert((await reader.read()).length === 0);
  writer.close();
  await writer.waitClosed();
});

netTest("openConnection() and startServer() work in generators", function* () {
  const server = yield* startServer(
    function* (reader, writer) {
      const line = yield* reader.readline();
      writer.write(line);
      yield* writer.drain();
      writer.close();
      yield* writer.waitClosed();
    },
    "127.0.0.1",
    0,
  );
  const [reader, writer] = yield* openConnection(...addressOf(server));
  writer.write(bytes("hello\nignored"));
  assertEquals(text(yield* reader.readline()), "hello\n");
  writer.close();
  server.close();
  yield* server.waitClosed();
});

netTest("startServer() takes a plain function", async () => {
  await using server = await startServer((_, writer) => writer.close(), "127.0.0.1", 0);
  const [reader, writer] = await openConnection(...addressOf(server));
  assertEquals((await reader.read()).length, 0);
  writer.close();
});

netTest("startServer() refuses a limit that is none", async () => {
  assertThrows(() => startServer(() => {}, "127.0.0.1", 0, { limit: 0 }), RangeError);
  await sleep(0);
});

netTest("openUnixConnection() and startUnixServer() pass data and ends", async () => {
  const path = `${await Deno.makeTempDir()}/socket`;
  await using server = await startUnixServer(echo, path);
  const [reader, writer] = await openUnixConnection(path);
  assertEquals(writer.getExtraInfo("peername"), [path, 0]);
  writer.write(bytes("hello"));
  writer.writeEof();
  assertEquals(text(await reader.read()), "hello");
  writer.close();
  await writer.waitClosed();
  assert(server.isServing());
});

netTest("parity: 129 StreamWriter.drain() lets any number wait", async () => {
  const { writer, peer, end } = await held();
  // The peer does not read until all of the drains wait.
  peer()[1].transport.pauseReading();
  writer.write(new Uint8Array(20_000_000));
  const drains = Array.from({ length: 10 }, () => createTask(() => writer.drain()));
  for (let i = 0; i < 5; i++) await sleep(0);
  assert(drains.every((task) => !task.done()));
  drains[3]!.cancel();
  peer()[1].transport.resumeReading();
  const reading = createTask(() => peer()[0].readexactly(20_000_000));
  const ends: unknown[] = await gather(drains, { returnExceptions: true });
  assertEquals(ends.map((end) => end instanceof CancelledError), drains.map((_, i) => i === 3));
  await reading;
  await end();
});

netTest("StreamWriter.drain() fails for all who wait when the connection is lost", async () => {
  const { writer, peer, end } = await held();
  peer()[1].transport.pauseReading();
  writer.write(new Uint8Array(20_000_000));
  const drains = Array.from({ length: 3 }, () => createTask(() => writer.drain()));
  await sleep(0);
  peer()[1].transport.abort();
  const ends: unknown[] = await gather(drains, { returnExceptions: true });
  for (const error of ends) {
    assert(error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe);
  }
  await assertRejects(async () => await writer.waitClosed(), Error);
  await end();
});

netTest("StreamWriter in a loop of write and drain hears of a dead peer", async () => {
  const { writer, peer, end } = await held();
  peer()[1].transport.abort();
  await assertRejects(async () => {
    for (;;) {
      writer.write(new Uint8Array(1000));
      await writer.drain();
    }
  }, Error);
  await end();
});

netTest("StreamWriter.waitClosed() that is cancelled keeps the connection as it is", async () => {
  const { reader, writer, peer, end } = await held();
  const task = createTask(() => writer.waitClosed());
  await sleep(0);
  task.cancel();
  await until(() => task.done());
  assertEquals(writer.isClosing(), false);
  peer()[1].write(bytes("still here"));
  assertEquals(text(await reader.readexactly(10)), "still here");
  writer.close();
  await writer.waitClosed();
  await end();
});

netTest("StreamWriter closes in `await using`, also when the body throws", async () => {
  const { server, end } = await held();
  let transport = null;
  await assertRejects(
    async () => {
      const [, writer] = await openConnection(...addressOf(server));
      await using _ = writer;
      transport = writer.transport;
      throw new TypeError("in the body");
    },
    TypeError,
    "in the body",
  );
  assert((transport as unknown as { isClosing(): boolean }).isClosing());
  await end();
});

netTest("StreamWriter.writable sends what is piped into it, and closes", async () => {
  await using server = await startServer(echo, "127.0.0.1", 0);
  const [reader, writer] = await openConnection(...addressOf(server));
  const reading = createTask(() => reader.readexactly(300_000));
  const data = randomBytes(300_000);
  const stream = writer.writable.getWriter();
  await stream.write(data);
  assert((await reading).every((byte, i) => byte === data[i]));
  await stream.close();
  assert(writer.isClosing());
});

netTest("StreamReader.readable and StreamWriter.writable make a proxy", async () => {
  await using upstream = await startServer(echo, "127.0.0.1", 0);
  await using proxy = await startServer(
    async (reader, writer) => {
      const [from, to] = await openConnection(...addressOf(upstream));
      const back = from.readable.pipeTo(writer.writable);
      await reader.readable.pipeTo(to.writable, { preventClose: true });
      to.writeEof();
      await back;
      to.close();
    },
    "127.0.0.1",
    0,
  );
  const [reader, writer] = await openConnection(...addressOf(proxy));
  writer.write(bytes("through the proxy"));
  writer.writeEof();
  assertEquals(text(await reader.read()), "through the proxy");
  writer.close();
});

netTest("openConnection() leaves nothing open in a task group that fails", async () => {
  const { server, end } = await held();
  await assertRejects(async () =>
    await new TaskGroup().run(async (group) => {
      for (let i = 0; i < 5; i++) {
        group.createTask(async () => {
          const [reader, writer] = await openConnection(...addressOf(server));
          await using _ = writer;
          await reader.read();
        });
      }
      await sleep(0);
      await sleep(0);
      throw new TypeError("in the body");
    }), Error);
  await end();
});

netTest("a handler of startServer() that fails is reported, and others are served", async () => {
  const reports = captureReports();
  await using server = await startServer(
    async (reader, writer) => {
      const line = text(await reader.readline());
      if (line === "fail\n") throw new TypeError("in the handler");
      writer.write(bytes(line));
      writer.close();
    },
    "127.0.0.1",
    0,
  );
  const ask = async (line: string): Promise<string> => {
    const [reader, writer] = await openConnection(...addressOf(server));
    await using _ = writer;
    writer.write(bytes(line));
    return text(await reader.read());
  };
  const lines = ["one\n", "fail\n", "two\n", "fail\n", "three\n"];
  const answers = await gather(lines.map((line) => () => ask(line)));
  assertEquals(answers, ["one\n", "", "two\n", "", "three\n"]);
  assertEquals(reports.map(({ message }) => message), [
    "Unhandled exception in clientConnectedCb",
    "Unhandled exception in clientConnectedCb",
  ]);
});

Deno.test("startServer() leaves nothing open when the loop ends in the middle of it", async () => {
  await run(async () => {
    const server = await startServer(echo, "127.0.0.1", 0);
    const [, writer] = await openConnection(...addressOf(server));
    writer.write(bytes("x"));
    writer.close();
    server.close();
  });
});

Deno.test("parity: 136 StreamWriter that nobody has any more is closed, with a warning", async () => {
  const program = new URL("programs/unclosed.ts", import.meta.url);
  const options = ["--allow-net=127.0.0.1", "--v8-flags=--expose-gc"];
  const { out, err, code } = await runProgram(program, options);
  assertEquals([out, code], ["the server sees the end\n", 0]);
  assert(err.startsWith("unclosed <StreamWriter transport=<SocketTransport open 127.0.0.1:"), err);
});

netTest("StreamWriter prints as Python's", async () => {
  const { writer, end } = await held();
  const address = writer.getExtraInfo("peername").join(":");
  assertEquals(String(writer), `<StreamWriter transport=<SocketTransport open ${address}>>`);
  assert(writer.transport.getProtocol() instanceof Protocol);
  await end();
});

Deno.test("VirtualClock waits for what only a peer can bring", async () => {
  const loopFactory = (): EventLoop => newEventLoop({ clock: new VirtualClock() });
  const line = await run(async () => {
    await using server = await startServer(
      async (reader, writer) => {
        await using _ = writer;
        writer.write(await reader.readline());
        await writer.drain();
      },
      "127.0.0.1",
      0,
    );
    const [reader, writer] = await openConnection(...server.sockets[0]!.getsockname());
    await using _ = writer;
    writer.write(new TextEncoder().encode("hello\n"));
    return await reader.readline();
  }, { loopFactory });
  assertEquals(new TextDecoder().decode(line), "hello\n");
});
