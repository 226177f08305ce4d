/**
 * The end of a server's WebSockets, from either side.
 *
 * @module
 */

import { CancelledError, createTask, sleep, TimeoutError, waitFor } from "@aio/asyncio";
import { Application, EventSourceResponse, TestServer, WebSocketResponse } from "@aio/asyncio/http";
import { assert, assertEquals, assertInstanceOf, assertRejects } from "../_support/assert.ts";
import { closing, frame, OPCODES, RawWebSocket } from "./_raw_websocket.ts";
import { captureReports, test } from "./_support.ts";
import { echo, stuck, WebSocketSite } from "./_websocket_site.ts";

const { text: TEXT, close: CLOSE, ping: PING, pong: PONG } = OPCODES;

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
    await using site = await WebSocketSite.start(handler);
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
  await using site = await WebSocketSite.start(async (ws) => {
    const closers = [
      createTask(async () => await ws.close()),
      createTask(async () => {
        answered.push(await ws.receive());
      }),
    ];
    await sleep(0);
    // Another task that waits for the same, and gives up, does not disturb the others.
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

  await using deaf = await WebSocketSite.start(async (ws) => {
    assertEquals([await ws.close(), ws.closeCode, await ws.close()], [true, 1006, false]);
  }, { closeTimeout: 0.01 });
  using client = await deaf.connect();
  assertEquals(await client.next(), { opcode: CLOSE, payload: closing(1000) });
  assertEquals(await (await deaf.first).ended, null);
});

test("WebSocketResponse.close() goes on for others when one who waits is cancelled", async () => {
  await using deaf = await WebSocketSite.start(async (ws) => {
    const waiting = createTask(async () => await ws.close());
    await sleep(0);
    waiting.cancel();
    assertEquals(await ws.receive(), { type: "close", data: 1006, reason: "" });
    assertEquals([await ws.close(), waiting.cancelled()], [false, true]);
  }, { closeTimeout: 0.01 });
  using client = await deaf.connect();
  assertEquals(await client.next(), { opcode: CLOSE, payload: closing(1000) });
  assertEquals(await (await deaf.first).ended, null);
});

test("WebSocketResponse.close() ends with 1006 where a message has come in place of the answer", async () => {
  await using site = await WebSocketSite.start(async (ws) => {
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
  await using site = await WebSocketSite.start(async (ws) => {
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

test("A handler that has closed its WebSocket or its stream is waited for when the server stops", async () => {
  const app = new Application();
  const stops = Promise.withResolvers<void>();
  const both = Promise.withResolvers<void>();
  const log: string[] = [];
  let busy = 0;
  app.onShutdown.push(() => stops.resolve());
  const work = async (what: string): Promise<void> => {
    if (++busy === 2) both.resolve();
    await stops.promise;
    await sleep(0.001);
    log.push(what);
  };
  app.router.addGet("/", async (request) => {
    const ws = new WebSocketResponse();
    await ws.prepare(request);
    await ws.close();
    await work("WebSocket");
    return ws;
  });
  app.router.addGet("/events", async (request) => {
    const events = new EventSourceResponse();
    events.prepare(request);
    await events.writeEof();
    await work("events");
    return events;
  });
  const server = await TestServer.start(app, { shutdownTimeout: 3600 });
  using socket = await RawWebSocket.connect(server.port);
  assertEquals(await socket.closeCode(), 1000);
  assertEquals(await (await server.request("/events")).text(), "");
  await both.promise;
  await server[Symbol.asyncDispose]();
  assertEquals(log.sort(), ["WebSocket", "events"]);
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

/** How clients leave, and the close code that results. */
const LEAVINGS: Record<string, [leave: (socket: RawWebSocket) => Promise<void>, code: number]> = {
  "closes": [(socket) => socket.send(frame(CLOSE, closing(4000))), 4000],
  "closes without a code": [(socket) => socket.send(frame(CLOSE)), 1005],
  "breaks off": [async (socket) => socket[Symbol.dispose](), 1006],
  "sends nonsense": [(socket) => socket.send(frame(3, "")), 1006],
};

for (const [how, [leave, code]] of Object.entries(LEAVINGS)) {
  const isRegular = code !== 1006;

  test(`WebSocketResponse gives the end to a handler that receives when its client ${how}`, async () => {
    await using site = await WebSocketSite.start(echo());
    const socket = await site.connect();
    const { ws, ended } = await site.first;
    await leave(socket);
    assertEquals([await ended, ws.closeCode, ws.closed], [null, code, true]);
    assertEquals(ws.exception() === null, isRegular);
    if (how !== "breaks off") socket[Symbol.dispose]();
  });

  test(`WebSocketResponse cancels a handler that is busy when its client ${how}`, async () => {
    await using site = await WebSocketSite.start(stuck);
    const socket = await site.connect();
    const { ws, ended } = await site.first;
    await leave(socket);
    assertInstanceOf(await ended, CancelledError);
    assertEquals(ws.closeCode, code);
    if (how !== "breaks off") socket[Symbol.dispose]();
  });

  test(`WebSocketResponse lets a handler go on that is to ignore that its client ${how}`, async () => {
    const gate = Promise.withResolvers<void>();
    await using site = await WebSocketSite.start(
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
      await using site = await WebSocketSite.start(async (ws) => {
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
    await using site = await WebSocketSite.start(handler, { heartbeat: 0.02 });
    using socket = await site.connect();
    const { ws, ended } = await site.first;
    assertEquals(await socket.next(), { opcode: PING, payload: "" });
    await socket.send(frame(PONG)); // once
    assertEquals(await socket.next(), { opcode: PING, payload: "" });
    // The client no longer answers.
    assertEquals(await ended instanceof CancelledError, handler === stuck);
    assertEquals([ws.closeCode, ws.exception() instanceof Error], [1006, true]);
    assertEquals(await socket.closeCode(), 1001);
    assert(await site.goesOn());
  }
});

test("WebSocketResponse with a heartbeat that takes for ever is never closed by it", async () => {
  for (const heartbeat of [Infinity, 3e6]) {
    await using site = await WebSocketSite.start(echo(), { heartbeat });
    using socket = await site.connect();
    // The host's timer would fire after a millisecond, and again after another.
    await new Promise((resolve) => setTimeout(resolve, 20));
    await socket.send(frame(TEXT, "on"));
    assertEquals(await socket.next(), { opcode: TEXT, payload: "on" });
  }
});

test("WebSocketResponse reports no handler that sends to a client that was refused or has closed", async () => {
  const closed: boolean[] = [];
  const text = "x".repeat(500);
  using reports = captureReports();
  await using site = await WebSocketSite.start(async (ws) => {
    try {
      for (;;) await ws.sendStr(text);
    } finally {
      closed.push(ws.closed);
    }
  }, { maxMsgSize: 10 });
  for (const last of [frame(TEXT, "more than 10"), frame(CLOSE, closing(1000))]) {
    using socket = await site.connect();
    await socket.send(last);
    for (let next = await socket.next(); next?.opcode !== CLOSE;) next = await socket.next();
  }
  while (site.server.app._running.length > 0) await new Promise((resolve) => setTimeout(resolve));
  assertEquals([reports.messages, closed], [[], [true, true]]);
});
