import {
  CancelledError,
  connectAcceptedSocket,
  createConnection,
  createServer,
  createTask,
  openConnection,
  openUnixConnection,
  Protocol,
  RuntimeError,
  sleep,
  startServer,
  startTls,
  startUnixServer,
  TimeoutError,
} from "@aio/asyncio";
import type { TlsOptions } from "@aio/asyncio";
import { assert, assertEquals, assertRejects, assertThrows } from "../_support/assert.ts";
import {
  addressOf,
  bytes,
  captureWarnings,
  certificates,
  echo,
  netTest,
  output,
  python,
  randomBytes,
  Recorder,
  text,
  until,
} from "./_helpers.ts";

const { ca, cert, key, expired } = await certificates();

const KINDS: readonly (readonly [name: string, client: TlsOptions, server: TlsOptions])[] = [
  ["with a server's certificate", { caCerts: [ca] }, { cert, key }],
  ["with both sides' certificates", { caCerts: [ca], cert, key }, { cert, key, caCerts: [ca] }],
];

for (const [kind, client, server] of KINDS) {
  netTest(`openConnection() and startServer() speak TLS (${kind})`, async () => {
    await using listening = await startServer(echo, "127.0.0.1", 0, { ssl: server });
    for (const host of ["localhost", "127.0.0.1"]) {
      const [reader, writer] = await openConnection(host, addressOf(listening)[1], { ssl: client });
      const data = randomBytes(2 << 20);
      const reading = createTask(() => reader.readexactly(data.length));
      writer.write(data);
      await writer.drain();
      assert((await reading).every((byte, i) => byte === data[i]));
      assertEquals(writer.getExtraInfo("sslcontext"), client);
      assertEquals(writer.canWriteEof(), false);
      assertThrows(() => writer.writeEof(), RuntimeError, "half-closed");
      writer.close();
      await writer.waitClosed();
    }
  });

  netTest(`createConnection() agrees on a protocol (${kind})`, async () => {
    const ssl = { ...server, alpnProtocols: ["h2", "http/1.1"] };
    const serverSide = new Recorder();
    const listening = await createServer(() => serverSide, "127.0.0.1", 0, { ssl });
    const [, port] = addressOf(listening);
    const options = { ssl: { ...client, alpnProtocols: ["http/1.1"] } };
    const [transport] = await createConnection(() => new Protocol(), "localhost", port, options);
    for (const side of [transport, await serverSide.made]) {
      assertEquals(side.getExtraInfo("ssl_object")!.selectedAlpnProtocol(), "http/1.1");
    }
    transport.close();
    listening.close();
    await listening.waitClosed();
  });

  netTest(
    `createConnection() refuses a certificate that nobody vouches for (${kind})`,
    async () => {
      const { caCerts: _, ...ssl } = client;
      await refused({ ssl }, server, "");
    },
  );

  netTest(`createConnection() refuses a certificate with another name (${kind})`, async () => {
    const options = { ssl: client, serverHostname: "example.com" };
    await refused(options, server, "Hostname mismatch, certificate is not valid for that name");
  });

  netTest(`createConnection() refuses a certificate that has expired (${kind})`, async () => {
    // The runtime reports it like a certificate from an unknown issuer.
    await refused({ ssl: client }, { ...server, cert: expired }, "unable to get local issuer");
  });

  netTest(`createConnection() takes any name with checkHostname false (${kind})`, async () => {
    await using listening = await startServer(echo, "127.0.0.1", 0, { ssl: server });
    const options = { ssl: { ...client, checkHostname: false }, serverHostname: "example.com" };
    const [, writer] = await openConnection(...addressOf(listening), options);
    writer.close();
    await writer.waitClosed();
  });

  netTest(`createConnection() says that the other side speaks no TLS (${kind})`, async () => {
    await using listening = await startServer(
      (_, writer) => {
        writer.write(bytes("220 hello, what can I do for you?\r\n"));
      },
      "127.0.0.1",
      0,
    );
    await assertRejects(
      async () =>
        await createConnection(() => new Protocol(), "localhost", addressOf(listening)[1], {
          ssl: client,
        }),
      Deno.errors.InvalidData,
      "Cannot shake hands by TLS: wrong version number: the other side does not speak TLS",
    );
    listening.closeClients();
  });

  netTest(`parity: 144 a handshake that takes too long is given up (${kind})`, async () => {
    const silent = new Recorder();
    await using listening = await createServer(() => silent, "127.0.0.1", 0);
    const options = { ssl: client, sslHandshakeTimeout: 0.02 };
    const never = new Recorder();
    await assertRejects(
      async () =>
        await createConnection(() => never, "localhost", addressOf(listening)[1], options),
      Deno.errors.ConnectionAborted,
      "SSL handshake is taking longer than 0.02 seconds: aborting the connection",
    );
    await silent.lost;
    assertEquals(never.calls, []);
  });

  netTest(`a server gives up a handshake that takes too long (${kind})`, async () => {
    const serverSide = new Recorder();
    const options = { ssl: server, sslHandshakeTimeout: 0.02 };
    const listening = await createServer(() => serverSide, "127.0.0.1", 0, options);
    const [reader, writer] = await openConnection(...addressOf(listening));
    assertEquals((await reader.read()).length, 0);
    writer.close();
    assertEquals(serverSide.calls, []);
    listening.close();
    await listening.waitClosed();
  });

  netTest(
    `a server closes a connection that speaks no TLS, and serves others (${kind})`,
    async () => {
      await using listening = await startServer(echo, "127.0.0.1", 0, { ssl: server });
      const [, port] = addressOf(listening);
      const [reader, writer] = await openConnection("127.0.0.1", port);
      writer.write(bytes("GET / HTTP/1.0\r\n\r\n"));
      try {
        await reader.read();
      } catch (error) {
        if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
      }
      writer.close();
      const [, secured] = await openConnection("localhost", port, { ssl: client });
      secured.close();
      await secured.waitClosed();
    },
  );

  netTest(`Server.abortClients() ends handshakes, too (${kind})`, async () => {
    let accepted = 0;
    const factory = (): Recorder => {
      accepted++;
      return new Recorder();
    };
    const listening = await createServer(factory, "127.0.0.1", 0, { ssl: server });
    const client = new Recorder();
    await createConnection(() => client, ...addressOf(listening));
    client.transport.write(bytes("\x16")); // the first byte of a handshake
    await until(() => accepted === 1);
    listening.close();
    listening.abortClients();
    await listening.waitClosed();
    await client.lost;
  });

  netTest(`a handshake that is cancelled leaves nothing open (${kind})`, async () => {
    const silent = new Recorder();
    await using listening = await createServer(() => silent, "127.0.0.1", 0);
    const [, port] = addressOf(listening);
    const never = new Recorder();
    const task = createTask(() =>
      createConnection(() => never, "localhost", port, { ssl: client })
    );
    await until(() => silent.calls.includes("data"));
    task.cancel();
    await assertRejects(async () => await task, CancelledError);
    await silent.lost;
    assertEquals(never.calls, []);
  });

  netTest(`parity: 145 what comes after closing is ignored (${kind})`, async () => {
    const serverSide = new Recorder();
    const listening = await createServer(() => serverSide, "127.0.0.1", 0, { ssl: server });
    const clientSide = new Recorder();
    await createConnection(() => clientSide, "localhost", addressOf(listening)[1], { ssl: client });
    await serverSide.made;
    clientSide.transport.write(bytes("before"));
    clientSide.transport.close();
    clientSide.transport.write(bytes("after"));
    serverSide.transport.write(bytes("too late"));
    await serverSide.lost;
    await clientSide.lost;
    assertEquals(serverSide.total, 6);
    assertEquals(clientSide.total, 0);
    assertEquals(serverSide.calls, ["made", "data", "eof", "lost"]);
    listening.close();
    await listening.waitClosed();
  });

  for (const who of ["server", "client"] as const) {
    netTest(`parity: both sides hear of the end when the ${who} closes (${kind})`, async () => {
      const sides = { server: new Recorder(), client: new Recorder() };
      const listening = await createServer(() => sides.server, "127.0.0.1", 0, { ssl: server });
      const [, port] = addressOf(listening);
      await createConnection(() => sides.client, "localhost", port, { ssl: client });
      await sides.server.made;
      sides[who].transport.close();
      await sides.server.lost;
      await sides.client.lost;
      assertEquals(sides.server.calls, ["made", "eof", "lost"]);
      assertEquals(sides.client.calls, ["made", "eof", "lost"]);
      listening.close();
      await listening.waitClosed();
    });
  }

  netTest(`parity: 125 TLS can't be half closed (${kind})`, async () => {
    using warnings = captureWarnings();
    class Keeping extends Recorder {
      override eofReceived(): boolean {
        super.eofReceived();
        return true;
      }
    }
    const serverSide = new Keeping();
    const listening = await createServer(() => serverSide, "127.0.0.1", 0, { ssl: server });
    const [transport] = await createConnection(
      () => new Protocol(),
      "localhost",
      addressOf(listening)[1],
      { ssl: client },
    );
    await serverSide.made;
    transport.close();
    await serverSide.lost;
    assertEquals(warnings.texts, [
      "returning true from eofReceived() has no effect when using ssl",
    ]);
    listening.close();
    await listening.waitClosed();
  });

  for (
    const [peer, size] of [["does not answer", 100_000], ["takes nothing", 20_000_000]] as const
  ) {
    netTest(`parity: closing gives up on a peer that ${peer} (${kind})`, async () => {
      const serverSide = new Recorder();
      const times = { sslShutdownTimeout: 0.02 };
      const options = { ssl: server, ...times };
      const listening = await createServer(() => serverSide, "127.0.0.1", 0, options);
      const clientSide = new Recorder();
      const [, port] = addressOf(listening);
      await createConnection(() => clientSide, "localhost", port, { ssl: client, ...times });
      await serverSide.made;
      // The data that it does not read hides the server's closing alert from the client.
      clientSide.transport.pauseReading();
      serverSide.transport.write(new Uint8Array(size));
      serverSide.transport.close();
      assert(await serverSide.lost instanceof TimeoutError);
      clientSide.transport.abort();
      await clientSide.lost;
      listening.close();
      await listening.waitClosed();
    });
  }
}

netTest("parity: a connection by TLS that the other side resets says so", async () => {
  const serverSides: Recorder[] = [];
  const factory = (): Recorder => serverSides[serverSides.push(new Recorder()) - 1]!;
  const listening = await createServer(factory, "127.0.0.1", 0, { ssl: { cert, key } });
  const [, port] = addressOf(listening);
  for (let turns = 0; turns < 20; turns++) {
    const client = new Recorder();
    await createConnection(() => client, "localhost", port, { ssl: { caCerts: [ca] } });
    const server = serverSides.at(-1)!;
    (await server.made).pauseReading();
    client.transport.write(new Uint8Array(5_000_000));
    client.transport.close();
    for (let i = 0; i < turns % 5; i++) await sleep(0);
    server.transport.abort();
    const exception = await client.lost;
    const { BrokenPipe, ConnectionReset } = Deno.errors;
    assert(exception instanceof BrokenPipe || exception instanceof ConnectionReset, `${exception}`);
  }
  listening.close();
  await listening.waitClosed();
});

netTest("SocketTransport.pauseReading() over TLS has the other side wait", async () => {
  const size = 20_000_000;
  const servers: Recorder[] = [];
  const factory = (): Recorder => servers[servers.push(new Recorder()) - 1]!;
  const listening = await createServer(factory, "127.0.0.1", 0, { ssl: { cert, key } });
  const send = async (): Promise<[server: Recorder, client: Recorder]> => {
    const client = new Recorder();
    const [, port] = addressOf(listening);
    await createConnection(() => client, "localhost", port, { ssl: { caCerts: [ca] } });
    const server = servers.at(-1)!;
    (await server.made).write(new Uint8Array(size));
    return [server, client];
  };
  const [held, holder] = await send();
  holder.transport.pauseReading();
  // In the time that another connection takes for as much data, this one would have finished, too.
  const [, taker] = await send();
  await until(() => taker.total === size);
  assertEquals(held.calls, ["made", "pause"]);
  holder.transport.resumeReading();
  await until(() => holder.total === size);
  for (const { transport, lost } of [holder, taker]) {
    transport.close();
    await lost;
  }
  listening.close();
  await listening.waitClosed();
});

/** Expects that a client with these options refuses a server with those. */
async function refused(
  options: { ssl: TlsOptions; serverHostname?: string },
  ssl: TlsOptions,
  text: string,
): Promise<void> {
  const serverSide = new Recorder();
  const clientSide = new Recorder();
  const listening = await createServer(() => serverSide, "127.0.0.1", 0, { ssl });
  await assertRejects(
    async () =>
      await createConnection(() => clientSide, "localhost", addressOf(listening)[1], options),
    Deno.errors.InvalidData,
    `Cannot shake hands by TLS: certificate verify failed: ${text}`,
  );
  assertEquals(clientSide.calls, []);
  listening.close();
  await listening.waitClosed();
}

netTest("a server that wants certificates refuses a client without one", async () => {
  const serverSide = new Recorder();
  const ssl = { cert, key, caCerts: [ca] };
  const listening = await createServer(() => serverSide, "127.0.0.1", 0, { ssl });
  const [, port] = addressOf(listening);
  const [reader, writer] = await openConnection("localhost", port, { ssl: { caCerts: [ca] } });
  await assertRejects(async () => {
    // With TLS 1.3, the client's part of the handshake is over before the server refuses.
    assertEquals((await reader.read()).length, 0);
    throw new TypeError("closed");
  }, Error);
  writer.close();
  assertEquals(serverSide.calls, []);
  listening.close();
  await listening.waitClosed();
});

netTest("StreamWriter.startTls() goes on with TLS on both sides", async () => {
  await using server = await startServer(
    async (reader, writer) => {
      await using _ = writer;
      assertEquals(text(await reader.readline()), "STARTTLS\n");
      writer.write(bytes("go ahead\n"));
      await writer.startTls({ cert, key });
      writer.write(await reader.readline());
      await writer.drain();
    },
    "127.0.0.1",
    0,
  );
  const [reader, writer] = await openConnection(...addressOf(server));
  await using _ = writer;
  writer.write(bytes("STARTTLS\n"));
  assertEquals(text(await reader.readline()), "go ahead\n");
  const plain = writer.transport;
  await writer.startTls({ caCerts: [ca] }, { serverHostname: "localhost" });
  assert(writer.transport !== plain);
  assert(writer.getExtraInfo("sslcontext") !== null);
  writer.write(bytes("secret\n"));
  assertEquals(text(await reader.read()), "secret\n");
});

netTest("parity: 138 StreamWriter.startTls() keeps what has arrived already", async () => {
  await using server = await startServer(
    async (reader, writer) => {
      await using _ = writer;
      // The client does not wait for an answer: its handshake begins right after the line.
      assertEquals(text(await reader.readline()), "STARTTLS\n");
      await until(() => String(reader).includes("bytes"));
      await writer.startTls({ cert, key });
      writer.write(await reader.readline());
      await writer.drain();
    },
    "127.0.0.1",
    0,
  );
  const [reader, writer] = await openConnection(...addressOf(server));
  await using _ = writer;
  writer.write(bytes("STARTTLS\n"));
  await writer.startTls({ caCerts: [ca] }, { serverHostname: "localhost" });
  writer.write(bytes("at once\n"));
  assertEquals(text(await reader.read()), "at once\n");
});

netTest(
  "parity: StreamWriter.startTls() that fails closes the connection, for all to see",
  async () => {
    await using server = await startServer(echo, "127.0.0.1", 0);
    const [reader, writer] = await openConnection(...addressOf(server));
    const problem = "Cannot shake hands by TLS";
    await assertRejects(
      async () => await writer.startTls({ caCerts: [ca] }, { serverHostname: "localhost" }),
      Error,
      problem,
    );
    assert(writer.isClosing());
    await assertRejects(async () => await writer.waitClosed(), Error, problem);
    await assertRejects(async () => await reader.read(), Error, problem);
  },
);

netTest("StreamWriter.startTls() that is cancelled closes the connection", async () => {
  const silent = new Recorder();
  await using listening = await createServer(() => silent, "127.0.0.1", 0);
  const [reader, writer] = await openConnection(...addressOf(listening));
  const task = createTask(() =>
    writer.startTls({ caCerts: [ca] }, { serverHostname: "localhost" })
  );
  await until(() => silent.calls.includes("data"));
  task.cancel();
  await assertRejects(async () => await task, CancelledError);
  assert(writer.isClosing());
  await writer.waitClosed(); // with Python, who waits for that waits for ever
  assertEquals((await reader.read()).length, 0);
  await silent.lost;
});

netTest("parity: startTls() fails at once when the other side has ended before", async () => {
  await using server = await startServer(
    async (reader, writer) => {
      await using _ = writer;
      writer.writeEof();
      await reader.read();
    },
    "127.0.0.1",
    0,
  );
  const [reader, writer] = await openConnection(...addressOf(server));
  assertEquals((await reader.read()).length, 0);
  await assertRejects(
    async () => await writer.startTls({ caCerts: [ca] }, { serverHostname: "localhost" }),
    Deno.errors.ConnectionReset,
    "the other side closed the connection",
  );
  assert(writer.isClosing());
});

netTest("startTls() checks its arguments", async () => {
  const client = new Recorder();
  const server = await createServer(() => new Recorder(), "127.0.0.1", 0);
  await createConnection(() => client, ...addressOf(server));
  const { transport } = client;
  await assertRejects(
    async () => await startTls(transport, client, true),
    TypeError,
    "serverHostname",
  );
  await assertRejects(
    async () => await startTls({} as never, client, true, { serverHostname: "x" }),
    TypeError,
    "is not supported by startTls()",
  );
  transport.close();
  await assertRejects(
    async () => await startTls(transport, client, true, { serverHostname: "x" }),
    RuntimeError,
    "is closing",
  );
  await client.lost;
  server.close();
  await server.waitClosed();
});

netTest("openUnixConnection() and startUnixServer() speak TLS", async () => {
  const path = `${await Deno.makeTempDir()}/socket`;
  await using _ = await startUnixServer(echo, path, { ssl: { cert, key } });
  const options = { ssl: { caCerts: [ca] }, serverHostname: "localhost" };
  const [reader, writer] = await openUnixConnection(path, options);
  writer.write(bytes("hello"));
  assertEquals(text(await reader.readexactly(5)), "hello");
  writer.close();
  await writer.waitClosed();
});

netTest("connectAcceptedSocket() speaks TLS on the side of the server", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connecting = createTask(() =>
    openConnection("localhost", listener.addr.port, { ssl: { caCerts: [ca] } })
  );
  await sleep(0);
  const server = new Recorder();
  await connectAcceptedSocket(() => server, await listener.accept(), { ssl: { cert, key } });
  const [, writer] = await connecting;
  writer.write(bytes("hello"));
  writer.close();
  await writer.waitClosed();
  await server.lost;
  assertEquals(server.total, 5);
});

netTest("parity: 144 the times of TLS must be positive", async () => {
  for (const sslHandshakeTimeout of [0, -1]) {
    await assertRejects(
      async () =>
        await createConnection(() => new Protocol(), "x", 1, { ssl: true, sslHandshakeTimeout }),
      RangeError,
      `sslHandshakeTimeout should be a positive number, got ${sslHandshakeTimeout}`,
    );
  }
});

netTest("TLS checks certificates and keys before it is needed", async () => {
  const serve = (ssl: TlsOptions) => async () =>
    await createServer(() => new Protocol(), "127.0.0.1", 0, { ssl });
  await assertRejects(serve({}), TypeError, "a server needs a cert and a key");
  await assertRejects(serve({ cert }), TypeError, "cert and key go together");
  await assertRejects(serve({ cert: "x", key }), TypeError, "cert must be PEM");
  await assertRejects(
    async () =>
      await createConnection(() => new Protocol(), "x", 1, { ssl: { caCerts: ["garbage"] } }),
    TypeError,
    "caCerts must be PEM",
  );
  const other = await output("openssl", ["ecparam", "-name", "prime256v1", "-genkey", "-noout"]);
  await assertRejects(serve({ cert, key: other }), TypeError, "key values mismatch");
});

for (
  const [manner, type] of [
    ["a reset", Deno.errors.ConnectionReset],
    ["garbage", Deno.errors.InvalidData],
  ] as const
) {
  netTest(`parity: TLS does not take ${manner} for the end of file`, async () => {
    class Answering extends Recorder {
      override dataReceived(data: Uint8Array): void {
        super.dataReceived(data);
        this.transport.write(bytes("x"));
      }
    }
    const serverSide = new Answering();
    const listening = await createServer(() => serverSide, "127.0.0.1", 0, { ssl: { cert, key } });
    await python(
      "rude",
      String(addressOf(listening)[1]),
      `${manner.replace("a ", "")} within TLS`,
      "1",
    );
    assert(await serverSide.lost instanceof type);
    assertEquals(serverSide.calls, ["made", "data", "lost"]);
    listening.close();
    await listening.waitClosed();
  });
}
