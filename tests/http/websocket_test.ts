/**
 * WebSockets to clients: messages, the end from either side, limits, clients that leave, and bad
 * frames; the same for aiohttp's client as on aiohttp's server.
 *
 * @module
 */

import {
  CancelledError,
  createTask,
  RuntimeError,
  sleep,
  TimeoutError,
  waitFor,
} from "@aio/asyncio";
import { Application, matchInfo, TestServer, WebSocketResponse } from "@aio/asyncio/http";
import type { ApplicationOptions, WebSocketResponseOptions } from "@aio/asyncio/http";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertThrows,
} from "../_support/assert.ts";
import { closing, frame, handshake, OPCODES, RawWebSocket } from "./_raw_websocket.ts";
import { captureReports, Client, python, test } from "./_support.ts";

const { text: TEXT, binary: BINARY, close: CLOSE, ping: PING, pong: PONG } = OPCODES;

/** A handler with a WebSocket that is open, and how it has ended. */
interface Handling {
  readonly ws: WebSocketResponse;
  readonly ended: Promise<unknown>;
}

/** A server with one WebSocket, and what is known of its handlers, the latest last. */
class Site implements AsyncDisposable {
  readonly server: TestServer;
  readonly #handlings: Handling[];
  #waiting: PromiseWithResolvers<Handling>;

  private constructor(
    server: TestServer,
    handlings: Handling[],
    waiting: PromiseWithResolvers<Handling>,
  ) {
    this.server = server;
    this.#handlings = handlings;
    this.#waiting = waiting;
  }

  static async start(
    handler: (ws: WebSocketResponse) => Promise<unknown>,
    options: WebSocketResponseOptions = {},
    appOptions: ApplicationOptions = {},
  ): Promise<Site> {
    const app = new Application(appOptions);
    const handlings: Handling[] = [];
    const waiting = Promise.withResolvers<Handling>();
    app.router.addGet("/", async (request) => {
      const ws = new WebSocketResponse(options);
      const { promise, resolve } = Promise.withResolvers<unknown>();
      await ws.prepare(request);
      const handling = { ws, ended: promise };
      handlings.push(handling);
      waiting.resolve(handling);
      try {
        await handler(ws);
        resolve(null);
      } catch (error) {
        resolve(error);
        throw error;
      }
      return ws;
    });
    app.router.addGet("/on", () => new Response("on"));
    return new Site(await TestServer.start(app), handlings, waiting);
  }

  /** The first handler, once its WebSocket is open. */
  get first(): Promise<Handling> {
    return this.#waiting.promise;
  }

  connect(): Promise<RawWebSocket> {
    return RawWebSocket.connect(this.server.port);
  }

  /** Whether it goes on serving. */
  async goesOn(): Promise<boolean> {
    return await (await this.server.request("/on")).text() === "on";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    assertEquals(this.server.app._running.size, 0);
    assert(this.#handlings.every(({ ws }) => ws.closed));
  }
}

/** Waits for ever. */
const stuck = async (): Promise<void> => {
  await sleep(3600);
};

/** Sends back what comes, and notes it down. */
const echo = (log: unknown[] = []) => async (ws: WebSocketResponse): Promise<void> => {
  for await (const message of ws) {
    log.push(message);
    if (typeof message === "string") await ws.sendStr(message);
    else await ws.sendBytes(message);
  }
};

// -- Foreign peers --

/** The application of ws_peers.py. */
function application(): Application {
  const app = new Application();
  const log: string[] = [];
  const route = (
    path: string,
    handler: (ws: WebSocketResponse, request: Request) => Promise<void>,
    options: WebSocketResponseOptions = {},
  ): void => {
    app.router.addGet(path, async (request) => {
      const ws = new WebSocketResponse(options);
      await ws.prepare(request);
      await handler(ws, request);
      return ws;
    });
  };
  route("/echo", async (ws) => {
    await echo()(ws);
    log.push(`echo ${ws.closeCode} ${ws.closed ? "True" : "False"}`);
  });
  route("/return", async (ws) => await ws.sendStr(await ws.receiveStr()));
  for (const path of ["/close", "/close/{code}"]) {
    route(path, async (ws, request) => {
      await ws.receive();
      const code = Number(matchInfo(request).code ?? 1000);
      const first = await ws.close({ code, reason: "why" });
      const again = await ws.close();
      const seen = [first, again, ws.closed].map((value) => value ? "True" : "False");
      log.push(`close ${seen.join(" ")} ${ws.closeCode}`);
      await assertRejects(async () => await ws.sendStr("late"), Deno.errors.ConnectionReset);
      log.push("close: can't send");
    });
  }
  route("/fail", async (ws) => {
    await ws.receive();
    throw new Error("secret");
  });
  route("/refuse", async (ws) => {
    await ws.receive();
    await ws.close({ code: 1008 });
  });
  route("/count", async (ws) => {
    for (let n = 0; n < 100; n++) await ws.sendJson({ n });
  });
  route("/large", echo(), { maxMsgSize: 1000 });
  route("/protocol", async (ws) => await ws.sendStr(ws.protocol ?? "None"), {
    protocols: ["a", "b"],
  });
  app.router.addGet("/plain", () => new Response("no WebSocket"));
  app.router.addGet("/log", () => Response.json(log));
  return app;
}

test("parity: aiohttp's WebSocket client sees the same as on an aiohttp server", async () => {
  using reports = captureReports();
  await using server = await TestServer.start(application());
  const [ours, theirs] = await Promise.all([
    python("ws_peers.py", server.url("/").slice(0, -1)),
    python("ws_peers.py"),
  ]) as Record<string, unknown>[];
  // JSON with and without a space.
  const compact = (found: unknown): unknown =>
    JSON.parse(JSON.stringify(found).replaceAll('\\": ', '\\":'));
  const kinds = (found: unknown): unknown[] =>
    (found as [string, number, string][]).map(([kind, size, text]) => [
      kind,
      text.startsWith("{") ? "JSON" : size,
      text.replaceAll(" ", ""),
    ]);
  // The code of the client comes back, as RFC 6455 has it; aiohttp answers 1000 to all.
  assertEquals([ours!["client closes"], theirs!["client closes"]], [3001, 1000]);
  delete ours!["client closes"];
  delete theirs!["client closes"];
  for (const name of Object.keys(theirs!)) {
    const [seen, expected] = [ours![name], theirs![name]];
    if (name === "echo") assertEquals(kinds(seen), kinds(expected));
    else assertEquals([name, compact(seen)], [name, compact(expected)]);
  }
  assertEquals(Object.keys(ours!), Object.keys(theirs!));
  assertEquals(reports.messages.length, 1);
  assert(reports.messages[0]!.includes("secret"));
});

// -- Opening --

test("WebSocketResponse.prepare() answers 400 to what asks for no WebSocket", async () => {
  await using site = await Site.start(stuck);
  const changes: Record<string, string | null>[] = [
    { "Upgrade": null },
    { "Upgrade": "h2c" },
    { "Connection": "close" },
    { "Sec-WebSocket-Key": null },
    { "Sec-WebSocket-Key": "short" },
    { "Sec-WebSocket-Version": null },
    { "Sec-WebSocket-Version": "8" },
  ];
  for (const change of changes) {
    using client = await Client.connect(site.server.port);
    await client.send(handshake("/", change));
    assertEquals([change, (await client.line()).slice(0, 12)], [change, "HTTP/1.1 400"]);
  }
  using client = await Client.connect(site.server.port);
  await client.send(handshake("/").replace("GET", "POST"));
  assertEquals((await client.line()).slice(0, 12), "HTTP/1.1 405");
  assert(await site.goesOn());
});

test("WebSocketResponse.prepare() needs a connection, and comes first", async () => {
  const app = new Application();
  const seen: unknown[] = [];
  app.router.addGet("/", async (request) => {
    const ws = new WebSocketResponse();
    seen.push(ws.closed, ws.closeCode, ws.protocol, ws.exception());
    assertThrows(() => ws.receive(), RuntimeError, "prepare() comes first");
    assertThrows(() => ws.sendStr(""), RuntimeError, "prepare() comes first");
    await assertRejects(async () => await ws.close(), RuntimeError, "prepare() comes first");
    await assertRejects(async () => await ws.prepare(request), RuntimeError, "by no connection");
    return new Response("all");
  });
  const headers = {
    "upgrade": "websocket",
    "connection": "keep-alive, Upgrade",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  };
  assertEquals(await (await app.request("/", { headers })).text(), "all");
  assertEquals(seen, [false, null, null, null]);
  assertThrows(() => new WebSocketResponse({ heartbeat: 0 }), RangeError, "heartbeat must be > 0");
});

test("WebSocketResponse can be prepared once, as one response", async () => {
  const app = new Application();
  app.router.addGet("/", async (request) => {
    const ws = new WebSocketResponse();
    await ws.prepare(request);
    await assertRejects(async () => await ws.prepare(request), RuntimeError, "it was prepared");
    await ws.sendStr("all");
    return ws;
  });
  await using server = await TestServer.start(app);
  using socket = await RawWebSocket.connect(server.port);
  assertEquals(await socket.next(), { opcode: TEXT, payload: "all" });
  assertEquals(await socket.next(), { opcode: CLOSE, payload: closing(1000) });
  await socket.send(frame(CLOSE, closing(1000)));
});

test("WebSocketResponse that is returned without being prepared is an empty response", async () => {
  const app = new Application();
  app.router.addGet("/", () => new WebSocketResponse());
  const response = await app.request("/");
  assertEquals([response.status, await response.text()], [200, ""]);
});

// -- Messages --

test("WebSocketResponse receives texts, bytes and JSON, and refuses what is another kind", async () => {
  const log: unknown[] = [];
  await using site = await Site.start(async (ws) => {
    log.push(await ws.receiveStr(), await ws.receiveBytes(), await ws.receiveJson());
    await assertRejects(async () => await ws.receiveStr(), TypeError, "text was expected");
    await assertRejects(async () => await ws.receiveBytes(), TypeError, "binary was expected");
    await assertRejects(async () => await ws.receiveJson(), SyntaxError);
    assertThrows(() => ws.sendJson(1n), TypeError);
    await ws.sendJson({ a: [1] });
    log.push(await ws.receive());
    await assertRejects(
      async () => await ws.receiveStr(),
      Deno.errors.ConnectionReset,
      "it was closed (code 4001)",
    );
    log.push(await ws.receive());
  });
  using socket = await site.connect();
  await socket.send([
    frame(TEXT, "\xc3\xa9"),
    frame(BINARY, "\0\xff"),
    frame(TEXT, '{"b": null}'),
    frame(BINARY, "x"),
    frame(TEXT, "x"),
    frame(TEXT, "{"),
  ].join(""));
  assertEquals(await socket.next(), { opcode: TEXT, payload: '{"a":[1]}' });
  await socket.send(frame(CLOSE, closing(4001, "bye")));
  assertEquals(await socket.closeCode(), 4001);
  assertEquals(await (await site.first).ended, null);
  const end = { type: "close", data: 4001, reason: "bye" };
  assertEquals(log, ["é", new Uint8Array([0, 255]), { b: null }, end, end]);
});

test("WebSocketResponse.receive() waits as long as it is told, and lets one wait", async () => {
  const log: unknown[] = [];
  await using site = await Site.start(async (ws) => {
    await assertRejects(async () => await ws.receive(), TimeoutError, "within 0.001 s");
    await assertRejects(async () => await ws.receive({ timeout: 0 }), TimeoutError);
    await assertRejects(
      async () => await waitFor(() => ws.receive({ timeout: null }), 0.001),
      TimeoutError,
    );
    const waiting = createTask(async () => await ws.receive({ timeout: null }));
    await sleep(0);
    await assertRejects(async () => await ws.receive(), RuntimeError, "somebody waits already");
    await ws.sendStr("now");
    log.push(await waiting);
  }, { receiveTimeout: 0.001 });
  using socket = await site.connect();
  assertEquals((await socket.next())?.payload, "now");
  await socket.send(frame(TEXT, "x"));
  assertEquals(await socket.closeCode(), 1000);
  assertEquals(log, [{ type: "text", data: "x" }]);
});

test("WebSocketResponse keeps the order of messages that come while its handler is busy", async () => {
  const gate = Promise.withResolvers<void>();
  const log: unknown[] = [];
  await using site = await Site.start(async (ws) => {
    await ws.receive();
    await gate.promise;
    await echo(log)(ws);
  });
  using socket = await site.connect();
  const numbers = Array.from({ length: 1000 }, (_, i) => `${i}`);
  await socket.send(["first", ...numbers].map((text) => frame(TEXT, text)).join(""));
  // The answer to a ping tells that all before it has come.
  await socket.send(frame(PING, "p"));
  assertEquals(await socket.next(), { opcode: PONG, payload: "p" });
  gate.resolve();
  for (const number of numbers) assertEquals((await socket.next())?.payload, number);
  await socket.send(frame(CLOSE, closing(1000)));
  assertEquals(await socket.closeCode(), 1000);
  assertEquals(log, numbers);
});

// -- Limits --

test("WebSocketResponse closes with 1009 on a message that is too large, by its bytes", async () => {
  const cases: [opcode: number, payload: string, code: number][] = [
    [TEXT, "x".repeat(12), 1000],
    [TEXT, "x".repeat(13), 1009],
    [TEXT, "\xc3\xa9".repeat(6), 1000],
    [TEXT, "\xc3\xa9".repeat(7), 1009],
    [BINARY, "\xff".repeat(12), 1000],
    [BINARY, "\xff".repeat(13), 1009],
  ];
  for (const [opcode, payload, code] of cases) {
    const log: unknown[] = [];
    await using site = await Site.start(echo(log), { maxMsgSize: 12 });
    using socket = await site.connect();
    await socket.send(frame(opcode, payload));
    const first = await socket.next();
    if (code === 1009) {
      assertEquals(first, { opcode: CLOSE, payload: closing(1009) });
      await socket.send(frame(CLOSE, closing(1009)));
    } else {
      assertEquals(first, { opcode, payload });
      await socket.send(frame(CLOSE, closing(1000)));
    }
    const { ws, ended } = await site.first;
    assertEquals([await ended, ws.closeCode, log.length], [null, code, code === 1000 ? 1 : 0]);
    if (code === 1009) assertInstanceOf(ws.exception(), RangeError);
    await socket.closeCode();
  }
});

test("WebSocketResponse closes with 1008 when too much waits for a slow handler", async () => {
  const gate = Promise.withResolvers<void>();
  const log: unknown[] = [];
  await using site = await Site.start(async (ws) => {
    await gate.promise;
    for await (const message of ws) log.push(message); // what has come in time
  }, { maxQueueSize: 10 * 64 + 10 });
  using socket = await site.connect();
  // Each counts 64 bytes more than it has: eleven are too many, even if they are nearly empty.
  await socket.send(frame(TEXT, "x").repeat(11));
  assertEquals(await socket.closeCode(), 1008);
  gate.resolve();
  const { ws, ended } = await site.first;
  assertEquals([await ended, ws.closeCode, log], [null, 1008, Array(10).fill("x")]);
});

test("WebSocketResponse waits for a client that is slow, and is cancelled when it leaves", async () => {
  let sent = 0;
  await using site = await Site.start(async (ws) => {
    const data = new Uint8Array(64 * 1024);
    for (;;) {
      await ws.sendBytes(data);
      sent++;
    }
  });
  /** Waits until no more is sent, although the handler goes on for ever. */
  const settled = async (): Promise<number> => {
    for (let before = -1; before !== sent || sent === 0;) {
      before = sent;
      for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve));
    }
    return sent;
  };
  {
    using socket = await site.connect();
    const first = await settled();
    assert(first < 1000, `${first} messages of 64 KiB were sent to nobody`);
    for (let i = 0; i < first; i++) assertEquals((await socket.next())?.payload.length, 64 * 1024);
    assert(await settled() > first);
  }
  assertInstanceOf(await (await site.first).ended, CancelledError);
  assert(await site.goesOn());
});

test("Nobody is told of a handler that sends to a client that has left", async () => {
  using reports = captureReports();
  const gate = Promise.withResolvers<void>();
  await using site = await Site.start(
    async (ws) => {
      await gate.promise;
      await ws.sendStr("x");
    },
    {},
    { onDisconnect: "ignore" },
  );
  const socket = await site.connect();
  const { ws, ended } = await site.first;
  socket[Symbol.dispose]();
  while (!ws.closed) await new Promise((resolve) => setTimeout(resolve));
  gate.resolve();
  assertInstanceOf(await ended, Deno.errors.ConnectionReset);
  assert(await site.goesOn());
  assertEquals(reports.messages, []);
});

// -- The end, from the server --

test("WebSocketResponse is closed with the code that fits the end of its handler", async () => {
  const cases: [handler: (ws: WebSocketResponse) => Promise<unknown>, code: number][] = [
    [async () => {}, 1000],
    [async (ws) => await ws.close({ code: 3000 }), 3000],
    [async (ws) => await ws.close({ code: 1012 }), 1012],
    [async () => {
      throw new Error("secret");
    }, 1011],
    [async () => {
      throw new CancelledError();
    }, 1001],
  ];
  for (const [handler, code] of cases) {
    using reports = captureReports();
    await using site = await Site.start(handler);
    using socket = await site.connect();
    const end = await socket.next();
    assertEquals(end, { opcode: CLOSE, payload: closing(code) });
    await socket.send(frame(CLOSE, closing(code)));
    assertEquals(await socket.next(), null);
    assertEquals(reports.messages.length, code === 1011 ? 1 : 0);
  }
});

test("WebSocketResponse.close() waits for the answer of the client, but not for ever", async () => {
  const answered: unknown[] = [];
  const tried = Promise.withResolvers<void>();
  await using site = await Site.start(async (ws) => {
    const closers = [
      createTask(async () => await ws.close()),
      createTask(async () => {
        answered.push(await ws.receive());
      }),
    ];
    await sleep(0);
    // Another one who waits for the same, and gives up, disturbs nobody.
    await assertRejects(async () => await waitFor(() => ws.close(), 0.001), TimeoutError);
    assertEquals(ws.closeCode, null);
    await assertRejects(async () => await ws.sendStr("late"), Deno.errors.ConnectionReset);
    tried.resolve();
    answered.push(await closers[0]);
    await closers[1];
    answered.push(ws.closeCode);
  });
  using socket = await site.connect();
  assertEquals(await socket.next(), { opcode: CLOSE, payload: closing(1000) });
  await tried.promise;
  await socket.send(frame(CLOSE, closing(1000, "ok")));
  assertEquals(await socket.next(), null);
  assertEquals(await (await site.first).ended, null);
  const end = { type: "close", data: 1000, reason: "ok" };
  assertEquals(answered, [end, true, 1000]);

  await using deaf = await Site.start(async (ws) => {
    assertEquals([await ws.close(), ws.closeCode, await ws.close()], [true, 1006, false]);
  }, { closeTimeout: 0.01 });
  using client = await deaf.connect();
  assertEquals(await client.next(), { opcode: CLOSE, payload: closing(1000) });
  assertEquals(await (await deaf.first).ended, null);
});

test("WebSocketResponse.close() ends with 1006 where a message has come in place of the answer", async () => {
  await using site = await Site.start(async (ws) => {
    assertEquals([await ws.close(), await ws.receive()], [true, {
      type: "close",
      data: 1006,
      reason: "",
    }]);
  });
  using socket = await site.connect();
  assertEquals(await socket.next(), { opcode: CLOSE, payload: closing(1000) });
  await socket.send(frame(TEXT, "dropped") + frame(CLOSE, closing(1000)));
  assertEquals(await socket.next(), null);
  assertEquals(await (await site.first).ended, null);
});

test("WebSocketResponse.close() refuses codes and reasons that can't be sent", async () => {
  await using site = await Site.start(async (ws) => {
    for (const code of [0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 1000.5, NaN]) {
      await assertRejects(async () => await ws.close({ code }), RangeError, `code ${code} can't`);
    }
    const reason = "é".repeat(62);
    await assertRejects(async () => await ws.close({ reason }), RangeError, "has 124 bytes");
    await ws.sendStr("still open");
  });
  using socket = await site.connect();
  assertEquals((await socket.next())?.payload, "still open");
  assertEquals(await (await site.first).ended, null);
});

test("WebSocketResponse is closed with 1001 when the server stops, after what its handlers say", async () => {
  const log: unknown[] = [];
  const app = new Application();
  const open = Promise.withResolvers<WebSocketResponse>();
  app.onShutdown.push(async () => await (await open.promise).sendStr("from onShutdown"));
  app.router.addGet("/", async (request) => {
    const ws = new WebSocketResponse();
    await ws.prepare(request);
    open.resolve(ws);
    try {
      for await (const message of ws) log.push(message);
    } catch (error) {
      log.push((error as Error).message);
      throw error;
    } finally {
      await ws.sendStr("from the handler");
    }
    return ws;
  });
  const server = await TestServer.start(app, { shutdownTimeout: 3600 });
  using socket = await RawWebSocket.connect(server.port);
  await open.promise;
  const stopped = server[Symbol.asyncDispose]();
  assertEquals((await socket.next())?.payload, "from onShutdown");
  assertEquals((await socket.next())?.payload, "from the handler");
  assertEquals(await socket.closeCode(), 1001);
  await stopped;
  assertEquals(log, ["the server stops"]);
});

test("WebSocketResponse does not hold up an application that is not served by a runner", async () => {
  const app = new Application();
  const open = Promise.withResolvers<void>();
  app.router.addGet("/", async (request) => {
    const ws = new WebSocketResponse();
    await ws.prepare(request);
    open.resolve();
    await stuck();
    return ws;
  });
  const options = { hostname: "127.0.0.1", port: 0, onListen: (): void => {} };
  await using server = Deno.serve(options, app.fetch);
  using socket = await RawWebSocket.connect(server.addr.port);
  await open.promise;
  await app[Symbol.asyncDispose]();
  assertEquals(await socket.next(), { opcode: CLOSE, payload: closing(1001) });
});

// -- The end, from the client --

/** How clients leave, and with which code that ends. */
const LEAVINGS: Record<string, [leave: (socket: RawWebSocket) => Promise<void>, code: number]> = {
  "closes": [(socket) => socket.send(frame(CLOSE, closing(4000))), 4000],
  "closes without a code": [(socket) => socket.send(frame(CLOSE)), 1005],
  "breaks off": [async (socket) => socket[Symbol.dispose](), 1006],
  "sends nonsense": [(socket) => socket.send(frame(3, "")), 1006],
};

for (const [how, [leave, code]] of Object.entries(LEAVINGS)) {
  const isRegular = code !== 1006;

  test(`WebSocketResponse gives the end to a handler that receives when its client ${how}`, async () => {
    await using site = await Site.start(echo());
    const socket = await site.connect();
    const { ws, ended } = await site.first;
    await leave(socket);
    assertEquals([await ended, ws.closeCode, ws.closed], [null, code, true]);
    assertEquals(ws.exception() === null, isRegular);
    if (how !== "breaks off") socket[Symbol.dispose]();
  });

  test(`WebSocketResponse cancels a handler that is busy when its client ${how}`, async () => {
    await using site = await Site.start(stuck);
    const socket = await site.connect();
    const { ws, ended } = await site.first;
    await leave(socket);
    assertInstanceOf(await ended, CancelledError);
    assertEquals(ws.closeCode, code);
    if (how !== "breaks off") socket[Symbol.dispose]();
  });

  test(`WebSocketResponse lets a handler go on that is to ignore that its client ${how}`, async () => {
    const gate = Promise.withResolvers<void>();
    await using site = await Site.start(
      async (ws) => {
        await gate.promise;
        await assertRejects(async () => await ws.sendStr("x"), Deno.errors.ConnectionReset);
        assertEquals((await ws.receive()).data, code);
      },
      {},
      { onDisconnect: "ignore" },
    );
    const socket = await site.connect();
    const { ws, ended } = await site.first;
    await leave(socket);
    while (!ws.closed) await new Promise((resolve) => setTimeout(resolve));
    gate.resolve();
    assertEquals(await ended, null);
    if (how !== "breaks off") socket[Symbol.dispose]();
  });

  test(
    `WebSocketResponse has a receiving handler ${
      isRegular ? "finish its work" : "cancelled at work"
    } when its client ${how}`,
    async () => {
      const log: unknown[] = [];
      const busy = Promise.withResolvers<void>();
      const gate = Promise.withResolvers<void>();
      await using site = await Site.start(async (ws) => {
        for await (const message of ws) {
          busy.resolve();
          await gate.promise;
          await sleep(0);
          log.push(message);
        }
      });
      const socket = await site.connect();
      const { ws, ended } = await site.first;
      await socket.send(frame(TEXT, "save") + frame(TEXT, "this"));
      await busy.promise;
      await leave(socket);
      while (!ws.closed) await new Promise((resolve) => setTimeout(resolve));
      gate.resolve();
      const end = await ended;
      if (isRegular) assertEquals([end, log], [null, ["save", "this"]]);
      else assertEquals([end instanceof CancelledError, log], [true, []]);
      if (how !== "breaks off") socket[Symbol.dispose]();
    },
  );
}

test("WebSocketResponse with a heartbeat finds out that its client has vanished", async () => {
  for (const handler of [stuck, echo()]) {
    await using site = await Site.start(handler, { heartbeat: 0.02 });
    using socket = await site.connect();
    const { ws, ended } = await site.first;
    assertEquals(await socket.next(), { opcode: PING, payload: "" });
    await socket.send(frame(PONG)); // once
    assertEquals(await socket.next(), { opcode: PING, payload: "" });
    // It answers no more.
    assertEquals(await ended instanceof CancelledError, handler === stuck);
    assertEquals([ws.closeCode, ws.exception() instanceof Error], [1006, true]);
    assertEquals(await socket.closeCode(), 1001);
    assert(await site.goesOn());
  }
});

// -- Bad frames --

/** What no client may send, and the code that the server answers with; null if it breaks off. */
const BAD_FRAMES: Record<string, [frames: string, code: number | null]> = {
  "the first reserved bit": [frame(TEXT, "x", { reserved: 4 }), null],
  "the second reserved bit": [frame(TEXT, "x", { reserved: 2 }), null],
  "the third reserved bit": [frame(TEXT, "x", { reserved: 1 }), null],
  "a reserved opcode": [frame(3, "x"), null],
  "a reserved opcode for control": [frame(11, "x"), null],
  "a ping that is too long": [frame(PING, "x".repeat(126)), null],
  "a close frame that is too long": [frame(CLOSE, closing(1000, "x".repeat(124))), 1000],
  "a ping in fragments": [frame(PING, "x", { fin: false }), null],
  "a close frame in fragments": [frame(CLOSE, closing(1000), { fin: false }), null],
  "bad UTF-8": [frame(TEXT, "\xff"), null],
  "bad UTF-8 across fragments": [
    frame(TEXT, "\xc3", { fin: false }) + frame(OPCODES.continuation, "("),
    null,
  ],
  "UTF-8 that breaks off": [frame(TEXT, "\xc3"), null],
  "a surrogate in UTF-8": [frame(TEXT, "\xed\xa0\x80"), null],
  "a close code of one byte": [frame(CLOSE, "\x03"), null],
  "close code 0": [frame(CLOSE, closing(0)), 1002],
  "close code 999": [frame(CLOSE, closing(999)), 1002],
  "close code 1005": [frame(CLOSE, closing(1005)), 1002],
  "close code 1006": [frame(CLOSE, closing(1006)), 1002],
  "a close reason in bad UTF-8": [frame(CLOSE, closing(1000, "\xff")), null],
  "a continuation of nothing": [frame(OPCODES.continuation, "x"), null],
  "a message within the fragments of another": [
    frame(TEXT, "x", { fin: false }) + frame(TEXT, "y"),
    null,
  ],
  "a length of 2 ** 64 - 1": [
    frame(BINARY, "", { length: [127, 255, 255, 255, 255, 255, 255, 255, 255] }),
    null,
  ],
  "a length of 128 MiB": [frame(BINARY, "", { length: [127, 0, 0, 0, 0, 8, 0, 0, 0] }), null],
  "HTTP": ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", null],
};

test("WebSocketResponse ends on bad frames, and the server goes on", async () => {
  const log: unknown[] = [];
  await using site = await Site.start(async (ws) => {
    await echo()(ws);
    log.push(ws.closeCode, ws.exception() instanceof Error);
  });
  for (const [name, [frames, code]] of Object.entries(BAD_FRAMES)) {
    using socket = await site.connect();
    await socket.send(frames);
    assertEquals([name, await socket.closeCode()], [name, code]);
    const expected = code === 1000 ? [1000, false] : [1006, true];
    assertEquals([name, ...log.splice(0)], [name, ...expected]);
    assert(await site.goesOn());
  }
});

test("WebSocketResponse takes what is unusual and right", async () => {
  const log: unknown[] = [];
  await using site = await Site.start(echo(log));
  using socket = await site.connect();
  const frames = [
    frame(TEXT, "a", { fin: false }),
    frame(PING, "within"),
    frame(OPCODES.continuation, "", { fin: false }),
    frame(OPCODES.continuation, "b"),
    frame(PONG, "unasked"),
    frame(BINARY, ""),
    // A text cut within a character.
    frame(TEXT, "\xc3", { fin: false }),
    frame(OPCODES.continuation, "\xa9"),
    frame(TEXT, "\0"),
  ];
  await socket.send(frames.join(""));
  const expected = [
    { opcode: PONG, payload: "within" },
    { opcode: TEXT, payload: "ab" },
    { opcode: BINARY, payload: "" },
    { opcode: TEXT, payload: "\xc3\xa9" },
    { opcode: TEXT, payload: "\0" },
  ];
  for (const one of expected) assertEquals(await socket.next(), one);
  await socket.send(frame(CLOSE, closing(1000)));
  assertEquals(await socket.closeCode(), 1000);
  assertEquals(log, ["ab", new Uint8Array(), "é", "\0"]);
});

test("WebSocketResponse that is half open when its client leaves leaves nothing behind", async () => {
  await using site = await Site.start(echo());
  for (const size of [1, 20, handshake("/").length]) {
    using client = await Client.connect(site.server.port);
    await client.send(handshake("/").slice(0, size));
  }
  assert(await site.goesOn());
});
