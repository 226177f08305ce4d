/**
 * A server's WebSockets: opening, messages, limits.
 *
 * @module
 */

import {
  CancelledError,
  createTask,
  gather,
  newEventLoop,
  run,
  RuntimeError,
  sleep,
  TimeoutError,
  VirtualClock,
  waitFor,
} from "@aio/asyncio";
import type { EventLoop } from "@aio/asyncio";
import {
  Application,
  cookies,
  remote,
  StreamResponse,
  TestServer,
  WebSocketResponse,
} from "@aio/asyncio/http";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertThrows,
} from "../_support/assert.ts";
import { closing, frame, handshake, OPCODES, RawWebSocket } from "./_raw_websocket.ts";
import { captureReports, Client, settled, test } from "./_support.ts";
import { echo, stuck, WebSocketSite } from "./_websocket_site.ts";

const { text: TEXT, binary: BINARY, close: CLOSE, ping: PING, pong: PONG } = OPCODES;

// -- Opening --

test("WebSocketResponse.prepare() answers 400 to what asks for no WebSocket", async () => {
  await using site = await WebSocketSite.start(stuck);
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
    // A client with another version is told which one to use.
    let line = await client.line();
    while (line.trim() !== "" && !line.startsWith("sec-websocket-version")) {
      line = await client.line();
    }
    assertEquals(line, "sec-websocket-version: 13\r\n");
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
    assertThrows(() => ws.receive(), RuntimeError, "it is not open; await prepare() first");
    assertThrows(() => ws.sendStr(""), RuntimeError, "it is not open; await prepare() first");
    await assertRejects(
      async () => await ws.close(),
      RuntimeError,
      "it is not open; await prepare() first",
    );
    await assertRejects(
      async () => await ws.prepare(request),
      RuntimeError,
      "the request has no connection",
    );
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
    const prepare = (ws: WebSocketResponse) => async () => await ws.prepare(request);
    const results = await gather([prepare(ws), prepare(ws)], { returnExceptions: true });
    assertEquals(results.map(String), [
      "undefined",
      "RuntimeError: Cannot prepare WebSocket: the request was answered already",
    ]);
    await assertRejects(prepare(ws), RuntimeError, "it was prepared already");
    await assertRejects(prepare(new WebSocketResponse()), RuntimeError, "was answered already");
    await ws.sendStr("all");
    return ws;
  });
  await using server = await TestServer.start(app);
  using socket = await RawWebSocket.connect(server.port);
  assertEquals(await socket.next(), { opcode: TEXT, payload: "all" });
  assertEquals(await socket.next(), { opcode: CLOSE, payload: closing(1000) });
  await socket.send(frame(CLOSE, closing(1000)));
});

test("WebSocketResponse opens however long its handler takes before it prepares it", async () => {
  const app = new Application();
  app.router.addGet("/", async (request) => {
    await sleep(0.02); // long enough that the server begins to watch the client
    const ws = new WebSocketResponse();
    await ws.prepare(request);
    await ws.sendStr("open");
    return ws;
  });
  await using server = await TestServer.start(app);
  using socket = await RawWebSocket.connect(server.port);
  assertEquals(await socket.next(), { opcode: TEXT, payload: "open" });
  assertEquals(await socket.closeCode(), 1000);
});

test("A request can be read while its WebSocket is open, and when its stream has ended", async () => {
  const read = (request: Request): unknown[] => [
    request.headers.get("a"),
    cookies(request).get("b"),
    remote(request),
  ];
  const seen: unknown[] = [];
  const left = Promise.withResolvers<void>();
  const app = new Application();
  app.router.addGet("/", async (request) => {
    const ws = new WebSocketResponse();
    await ws.prepare(request);
    seen.push(read(request));
    return ws;
  });
  app.router.addGet("/stream", async (request) => {
    const stream = new StreamResponse();
    stream.prepare(request);
    await stream.write("x");
    try {
      await stuck();
    } finally {
      left.resolve();
      seen.push(read(request));
    }
    return stream;
  });
  await using server = await TestServer.start(app);
  const headers = { a: "A", cookie: "b=B" };
  using socket = await RawWebSocket.connect(server.port, "/", headers);
  await socket.closeCode();
  await (await server.request("/stream", { headers })).body!.cancel();
  await left.promise;
  assertEquals(seen, [["A", "B", "127.0.0.1"], ["A", "B", "127.0.0.1"]]);
});

/** An application that prepares a WebSocket after `mayGoOn()`, and what that throws, or null. */
function preparing(ws: WebSocketResponse, mayGoOn: () => Promise<void>) {
  const app = new Application({ onDisconnect: "ignore" });
  const thrown = new Promise<unknown>((resolve) => {
    app.router.addGet("/", async (request) => {
      await mayGoOn();
      try {
        await ws.prepare(request);
        resolve(null);
      } catch (error) {
        resolve(error);
        throw error;
      }
      return ws;
    });
  });
  app.router.addGet("/on", () => new Response("on"));
  return { app, thrown };
}

test("WebSocketResponse.prepare() fails where the client has left before", async () => {
  using reports = captureReports();
  const [begun, left] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const { app, thrown } = preparing(new WebSocketResponse(), async () => {
    begun.resolve();
    await left.promise;
  });
  await using server = await TestServer.start(app);
  const client = await Client.connect(server.port);
  await client.send(handshake("/"));
  await begun.promise;
  client[Symbol.dispose]();
  assertEquals(await (await server.request("/on")).text(), "on"); // by then, the server has seen the end
  left.resolve();
  assertInstanceOf(await thrown, Deno.errors.ConnectionReset);
  assertEquals(reports.messages, []);
});

test("WebSocketResponse.prepare() does not wait for ever for a connection that never opens", async () => {
  // The runtime reports nothing when a client leaves just before the WebSocket opens.
  const upgrade = Deno.upgradeWebSocket;
  const silent = Object.assign(new EventTarget(), { readyState: WebSocket.CONNECTING });
  Deno.upgradeWebSocket = (...args) => ({ ...upgrade(...args), socket: silent as WebSocket });
  const ws = new WebSocketResponse();
  const { app, thrown } = preparing(ws, async () => {});
  const loopFactory = (): EventLoop => newEventLoop({ clock: new VirtualClock() });
  await run(async () => {
    await using server = await TestServer.start(app);
    using _socket = await RawWebSocket.connect(server.port);
    assertInstanceOf(await thrown, Deno.errors.ConnectionReset);
    assertEquals([ws.closed, ws.closeCode], [true, 1006]);
  }, { loopFactory }).finally(() => Deno.upgradeWebSocket = upgrade);
});

test("WebSocketResponse that is returned without being prepared is reported", async () => {
  await using app = new Application();
  app.router.addGet("/", () => new WebSocketResponse());
  app.router.addGet("/unawaited", (request) => {
    const ws = new WebSocketResponse();
    ws.prepare(request); // nothing happens until it is awaited
    return ws;
  });
  for (const path of ["/", "/unawaited"]) {
    using reports = captureReports();
    assertEquals((await app.request(path)).status, 500);
    const text = "Cannot answer with WebSocket: it is not open; await prepare() first";
    assert(reports.messages[0]!.includes(text), reports.messages[0]);
  }
});

// -- Messages --

test("WebSocketResponse receives texts, bytes and JSON, and refuses what is another kind", async () => {
  const log: unknown[] = [];
  await using site = await WebSocketSite.start(async (ws) => {
    log.push(await ws.receiveStr(), await ws.receiveBytes(), await ws.receiveJson());
    await assertRejects(async () => await ws.receiveStr(), TypeError, "text was expected");
    await assertRejects(async () => await ws.receiveBytes(), TypeError, "binary was expected");
    await assertRejects(async () => await ws.receiveJson(), SyntaxError);
    assertThrows(() => ws.sendJson(1n), TypeError);
    assertThrows(() => ws.sendJson(undefined), TypeError, "Cannot send as JSON: undefined");
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
  await using site = await WebSocketSite.start(async (ws) => {
    await assertRejects(async () => await ws.receive(), TimeoutError, "within 0.001 s");
    await assertRejects(async () => await ws.receive({ timeout: 0 }), TimeoutError);
    await assertRejects(
      async () => await waitFor(() => ws.receive({ timeout: null }), 0.001),
      TimeoutError,
    );
    const waiting = createTask(async () => await ws.receive({ timeout: null }));
    await sleep(0);
    await assertRejects(
      async () => await ws.receive(),
      RuntimeError,
      "another task is waiting already",
    );
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
  await using site = await WebSocketSite.start(async (ws) => {
    await ws.receive();
    await gate.promise;
    await echo(log)(ws);
  });
  using socket = await site.connect();
  const numbers = Array.from({ length: 1000 }, (_, i) => `${i}`);
  await socket.send(["first", ...numbers].map((text) => frame(TEXT, text)).join(""));
  // The answer to a ping shows that everything before it has arrived.
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
    await using site = await WebSocketSite.start(echo(log), { maxMsgSize: 12 });
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
  await using site = await WebSocketSite.start(async (ws) => {
    await gate.promise;
    for await (const message of ws) log.push(message); // those that arrived in time
  }, { maxQueueSize: 10 * 64 + 10 });
  using socket = await site.connect();
  // Each counts as 64 bytes more than its size: eleven are too many, even if nearly empty.
  await socket.send(frame(TEXT, "x").repeat(11));
  assertEquals(await socket.closeCode(), 1008);
  gate.resolve();
  const { ws, ended } = await site.first;
  assertEquals([await ended, ws.closeCode, log], [null, 1008, Array(10).fill("x")]);
});

test("WebSocketResponse waits for a client that is slow, and is cancelled when it leaves", async () => {
  let sent = 0;
  await using site = await WebSocketSite.start(async (ws) => {
    const data = new Uint8Array(64 * 1024);
    for (;;) {
      await ws.sendBytes(data);
      sent++;
    }
  });
  {
    using socket = await site.connect();
    const first = await settled(() => sent);
    assert(first < 1000, `${first} messages of 64 KiB were sent to nobody`);
    for (let i = 0; i < first; i++) assertEquals((await socket.next())?.payload.length, 64 * 1024);
    assert(await settled(() => sent) > first);
  }
  assertInstanceOf(await (await site.first).ended, CancelledError);
  assert(await site.goesOn());
});

test("Nobody is told of a handler that sends to a client that has left", async () => {
  using reports = captureReports();
  const gate = Promise.withResolvers<void>();
  await using site = await WebSocketSite.start(
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
