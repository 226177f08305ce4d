/**
 * WebSockets of client sessions.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import { CancelledError, createTask, run, sleep, TimeoutError } from "@aio/asyncio/loop";
import {
  BasicAuth,
  ClientConnectionError,
  ClientError,
  ClientSession,
  type ClientSessionOptions,
  ServerTimeoutError,
  TCPConnector,
  WSServerHandshakeError,
} from "@aio/asyncio/http";
import { assert, assertEquals, assertRejects } from "../_support/assert.ts";
import { acceptWebSocket, later, RawSite, serve, withSession } from "./_client_servers.ts";
import type { Site } from "./_client_servers.ts";
import { closing, frame, OPCODES } from "./_raw_websocket.ts";
import type { FrameOptions } from "./_raw_websocket.ts";

/** A server that obeys messages; `ended` resolves with the code and reason of the first close. */
function obeying(): Site & { readonly ended: Promise<[code: number, reason: string]> } {
  const { promise, resolve } = Promise.withResolvers<[number, string]>();
  const site = serve((request) => {
    const headers = JSON.stringify([...request.headers, ["url", request.url]]);
    const asked = request.headers.get("sec-websocket-protocol");
    const protocol = asked?.split(", ").at(-1);
    const { socket, response } = Deno.upgradeWebSocket(request, protocol ? { protocol } : {});
    socket.onclose = ({ code, reason }): void => resolve([code, reason]);
    socket.onmessage = ({ data }): void => {
      if (data === "headers") {
        socket.send(headers);
      } else if (data === "close") socket.close(4321, "because");
      else if (typeof data === "string" && data.startsWith("big ")) {
        socket.send("x".repeat(+data.slice(4)));
      } else if (data !== "silence") socket.send(data);
    };
    return response;
  });
  return {
    url: site.url,
    port: site.port,
    ended: promise,
    [Symbol.asyncDispose]: () => site[Symbol.asyncDispose](),
  };
}

Deno.test("ClientSession.wsConnect() sends and receives texts, bytes and JSON", async () => {
  await using site = obeying();
  await withSession({}, async (session) => {
    await using ws = await session.wsConnect(site.url.replace("http", "ws"));
    await ws.sendStr("hällo");
    assertEquals(await ws.receive(), { type: "text", data: "hällo" });
    await ws.sendBytes(Uint8Array.of(1, 2));
    assertEquals(await ws.receive(), { type: "binary", data: Uint8Array.of(1, 2) });
    await ws.sendJson({ a: [1] });
    assertEquals(await ws.receiveJson(), { a: [1] });
    await ws.sendStr("a");
    assertEquals(await ws.receiveStr(), "a");
    await ws.sendBytes(Uint8Array.of(3));
    assertEquals(await ws.receiveBytes(), Uint8Array.of(3));
    await ws.sendStr("text");
    await assertRejects(
      async () => await ws.receiveBytes(),
      TypeError,
      "binary was expected, not text",
    );
    assertEquals([ws.closed, ws.closeCode, ws.protocol, ws.exception()], [false, null, null, null]);
  });
});

Deno.test("ClientSession.wsConnect() sends headers, cookies, auth, params and protocols", async () => {
  await using site = obeying();
  const auth = new BasicAuth("me", "secret");
  const options = { baseUrl: site.url, cookies: { a: "1" }, headers: { "x-a": "1" }, auth };
  await withSession(options, async (session) => {
    const own = { headers: { "x-b": "2" }, params: { q: 1 }, protocols: ["one", "two"] };
    await using ws = await session.wsConnect("chat", own);
    assertEquals(ws.protocol, "two");
    await ws.sendStr("headers");
    const headers = new Map(await ws.receiveJson<[string, string][]>());
    assertEquals([headers.get("x-a"), headers.get("x-b"), headers.get("cookie")], [
      "1",
      "2",
      "a=1",
    ]);
    assertEquals(headers.get("authorization"), auth.encode());
    assertEquals(new URL(headers.get("url")!).search, "?q=1");
  });
});

Deno.test("ClientSession.wsConnect() throws when the server picks a protocol that was not offered", async () => {
  await using site = new RawSite(async (conn) => {
    await acceptWebSocket(conn, "", "Sec-WebSocket-Protocol: other\r\n");
    await conn.read(); // that it closes
  });
  await withSession({}, async (session) => {
    for (const options of [{}, { protocols: ["one"] }]) {
      const error = await assertRejects(
        async () => await session.wsConnect(site.url, options),
        WSServerHandshakeError,
        'not offered: "other"',
      );
      assertEquals(error.status, 101);
    }
    await using ws = await session.wsConnect(site.url, { protocols: ["one", "other"] });
    assertEquals(ws.protocol, "other");
  });
});

Deno.test("ClientWebSocketResponse is an async iterator that ends with the WebSocket", async () => {
  await using site = obeying();
  await withSession({}, async (session) => {
    await using ws = await session.wsConnect(site.url);
    for (const text of ["a", "b", "close"]) await ws.sendStr(text);
    assertEquals(await Array.fromAsync(ws), ["a", "b"]);
    assertEquals([ws.closed, ws.closeCode], [true, 4321]);
    assertEquals(await ws.receive(), { type: "close", data: 4321, reason: "because" });
    assertEquals(await ws.receive(), { type: "close", data: 4321, reason: "because" });
    await assertRejects(
      async () => await ws.receiveStr(),
      ClientConnectionError,
      "closed (code 4321)",
    );
    await assertRejects(async () => await ws.sendStr("x"), ClientConnectionError, "is closed");
    assertEquals(await ws.close(), false);
  });
});

/** A frame as servers send it. */
function sent(opcode: number, payload: string, options: FrameOptions = {}): string {
  return frame(opcode, payload, { masked: false, ...options });
}

const { text: TEXT, continuation: CONTINUATION, close: CLOSE, ping: PING } = OPCODES;

Deno.test("ClientSession.wsConnect() loses nothing of what comes along with the server's answer", async () => {
  await using site = new RawSite(async (conn) => {
    await acceptWebSocket(conn, sent(TEXT, "hi") + sent(CLOSE, closing(1000, "bye")));
    await conn.left();
  });
  await withSession({}, async (session) => {
    const ws = await session.wsConnect(site.url);
    assertEquals(await ws.receive(), { type: "text", data: "hi" });
    assertEquals(await ws.receive(), { type: "close", data: 1000, reason: "bye" });
  });
});

for (
  const [name, bytes] of [
    ["nothing", ""],
    ["half a frame", sent(TEXT, "abc", { length: [10] })],
    ["reserved bits", sent(TEXT, "a", { reserved: 4 })],
    ["an unknown operation", sent(3, "a")],
    ["bad UTF-8", sent(TEXT, "\xff")],
    ["a continuation of nothing", sent(CONTINUATION, "a")],
    ["a large ping", sent(PING, "x".repeat(126))],
    ["a code that is never sent", sent(CLOSE, closing(1005))],
    ["half a code", sent(CLOSE, "a")],
  ] as const
) {
  Deno.test(`ClientWebSocketResponse ends with an error when a server sends ${name}, and leaves`, async () => {
    await using site = new RawSite((conn) => acceptWebSocket(conn, bytes));
    const connector = new TCPConnector({ limit: 1 });
    await withSession({ connector }, async (session) => {
      const ws = await session.wsConnect(site.url);
      assertEquals(await ws.receive(), { type: "close", data: 1006, reason: "" });
      await assertRejects(() => Array.fromAsync(ws), ClientError, "Cannot go on with WebSocket");
      assertEquals([ws.closeCode, connector._limiter.active], [1006, 0]);
    });
  });
}

Deno.test("ClientWebSocketResponse.sendStr() throws once the server has closed, before that was told", async () => {
  await using site = obeying();
  await withSession({}, async (session) => {
    const ws = await session.wsConnect(site.url);
    await ws.sendStr("close");
    while (!ws.closed) await new Promise((resolve) => setImmediate(resolve));
    assertEquals(ws.closeCode, null);
    await assertRejects(async () => await ws.sendStr("x"), ClientConnectionError, "is closed");
    assertEquals(await ws.receive(), { type: "close", data: 4321, reason: "because" });
  });
});

Deno.test("ClientWebSocketResponse.sendJson() throws for what JSON can't say", async () => {
  await using site = obeying();
  await withSession({}, async (session) => {
    await using ws = await session.wsConnect(site.url);
    const text = "Cannot send as JSON: undefined";
    await assertRejects(async () => await ws.sendJson(undefined), TypeError, text);
  });
});

Deno.test("ClientWebSocketResponse.close() tells the server why, and frees the place", async () => {
  await using site = obeying();
  const connector = new TCPConnector({ limit: 1 });
  await withSession({ connector }, async (session) => {
    const ws = await session.wsConnect(site.url);
    assertEquals(connector._limiter.active, 1);
    assertEquals(await ws.close({ code: 3001, reason: "done" }), true);
    assertEquals(await site.ended, [3001, "done"]);
    assertEquals(connector._limiter.active, 0);
  });
});

Deno.test("ClientSession.wsConnect() throws a WSServerHandshakeError when the server answers otherwise", async () => {
  await using site = serve(() => new Response("no", { status: 403 }));
  const connector = new TCPConnector({ limit: 1 });
  await withSession({ connector }, async (session) => {
    const error = await assertRejects(
      async () => await session.wsConnect(site.url),
      WSServerHandshakeError,
      `Cannot open WebSocket to ${site.url}: Invalid status code: 403`,
    );
    assertEquals([error.status, connector._limiter.active], [403, 0]);
  });
});

Deno.test("ClientSession.wsConnect() throws a ClientConnectionError when the server hangs up", async () => {
  await using site = RawSite.saying("");
  await withSession({}, async (session) => {
    await assertRejects(async () => await session.wsConnect(site.url), ClientConnectionError);
    await assertRejects(
      async () => await session.wsConnect("ftp://x/"),
      ClientError,
      "'ftp' not supported",
    );
  });
});

Deno.test("ClientSession.wsConnect() ends when time is over, and when its task is cancelled", async () => {
  const arrived = later();
  await using site = new RawSite(async (conn) => {
    await conn.head();
    arrived.resolve();
    await conn.left();
    if (++gone === 2) left.resolve();
  });
  let gone = 0;
  const left = later();
  const connector = new TCPConnector({ limit: 1 });
  await withSession({ connector }, async (session) => {
    const timeout = { headers: 0.02 };
    const error = await assertRejects(
      async () => await session.wsConnect(site.url, { timeout }),
      ServerTimeoutError,
    );
    assertEquals([error.phase, error.url, connector._limiter.active], ["headers", site.url, 0]);
    const task = createTask(async () => await session.wsConnect(site.url));
    await arrived.promise;
    await sleep(0);
    task.cancel();
    await assertRejects(async () => await task, CancelledError);
    assertEquals(connector._limiter.active, 0);
    await left.promise; // the server has seen the end of both
  });
});

Deno.test("ClientSession.wsConnect() throws what ends it once it is open, and not seen to be", async () => {
  await using site = obeying();
  const { WebSocket } = globalThis;
  let end = (): void => {};
  globalThis.WebSocket = class extends WebSocket {
    override set onopen(listener: (event: Event) => void) {
      super.onopen = (event): void => {
        listener(event);
        queueMicrotask(end); // before its task goes on, which is in a turn of the loop
      };
    }
  };
  try {
    const connector = new TCPConnector({ limit: 1 });
    await withSession({ connector }, async (session) => {
      const aborter = new AbortController();
      const { signal } = aborter;
      end = (): void => aborter.abort(new RangeError("enough"));
      await assertRejects(async () => await session.wsConnect(site.url, { signal }), RangeError);
      end = (): void => session.close();
      await assertRejects(
        async () => await session.wsConnect(site.url),
        ClientConnectionError,
        "Session is closed",
      );
      assertEquals(connector._limiter.active, 0);
    });
  } finally {
    globalThis.WebSocket = WebSocket;
  }
});

Deno.test("ClientWebSocketResponse.receive() waits for so long, and for one at a time", async () => {
  await using site = obeying();
  await withSession({}, async (session) => {
    await using ws = await session.wsConnect(site.url, { receiveTimeout: 0.01 });
    const error = await assertRejects(async () => await ws.receive(), TimeoutError);
    assertEquals(error.message, `Cannot receive from ${site.url}: no message within 0.01 s`);
    const waiting = createTask(async () => await ws.receive({ timeout: null }));
    await sleep(0);
    await assertRejects(async () => await ws.receive(), Error, "another task is waiting already");
    waiting.cancel();
    await assertRejects(async () => await waiting, CancelledError);
    await ws.sendStr("still open");
    assertEquals(await ws.receiveStr({ timeout: null }), "still open");
  });
});

Deno.test("ClientWebSocketResponse refuses messages that are too large", async () => {
  await using site = obeying();
  await withSession({}, async (session) => {
    await using ws = await session.wsConnect(site.url, { maxMsgSize: 1000 });
    await ws.sendStr("big 1000");
    assertEquals((await ws.receiveStr()).length, 1000);
    await ws.sendStr("big 1001");
    await assertRejects(() => Array.fromAsync(ws), ClientError, "a message is larger than 1000");
    assertEquals(await site.ended, [4009, ""]);
  });
});

Deno.test("ClientWebSocketResponse counts the bytes of a text, not its letters", async () => {
  await using site = obeying();
  await withSession({}, async (session) => {
    await using ws = await session.wsConnect(site.url, { maxMsgSize: 1000 });
    await ws.sendStr("é".repeat(500));
    assertEquals((await ws.receiveStr()).length, 500);
    await ws.sendStr("é".repeat(501));
    await assertRejects(() => Array.fromAsync(ws), ClientError, "a message is larger than 1000");
  });
});

Deno.test("ClientWebSocketResponse keeps no more than so much for who does not receive", async () => {
  await using site = obeying();
  await withSession({}, async (session) => {
    await using ws = await session.wsConnect(site.url, { maxQueueSize: 2500 });
    for (let i = 0; i < 3; i++) await ws.sendStr("big 1000");
    assertEquals(await site.ended, [4008, ""]);
    assertEquals((await ws.receiveStr()).length, 1000);
    assertEquals((await ws.receiveStr()).length, 1000);
    const text = "more than 2500 bytes wait to be received";
    await assertRejects(() => Array.fromAsync(ws), ClientError, text);
    assertEquals(await ws.receive(), { type: "close", data: 4008, reason: "" });
  });
});

Deno.test("ClientWebSocketResponse.sendBytes() waits while much is still to be sent", async () => {
  await using site = obeying();
  await withSession({}, async (session) => {
    await using ws = await session.wsConnect(site.url, { maxMsgSize: 0 });
    const size = 8 * 1024 * 1024;
    await ws.sendBytes(new Uint8Array(size));
    assertEquals((await ws.receiveBytes()).length, size);
  });
});

Deno.test("ClientWebSocketResponse is closed by its session and by its signal", async () => {
  await using site = obeying();
  await run(async () => {
    const session = new ClientSession();
    const ws = await session.wsConnect(site.url);
    session.close();
    assertEquals(await Array.fromAsync(ws), []);
    assert(ws.closed);
    const aborter = new AbortController();
    await using other = new ClientSession();
    const second = await other.wsConnect(site.url, { signal: aborter.signal });
    aborter.abort();
    assertEquals(await Array.fromAsync(second), []);
  });
});

/** Runs `body` with a server that opens WebSockets, and ignores that they are closed. */
async function withMute(
  more: string,
  body: (session: ClientSession, url: string) => Promise<void>,
  options: ClientSessionOptions = {},
): Promise<void> {
  const hangUp = later();
  await using site = new RawSite(async (conn) => {
    await acceptWebSocket(conn, more);
    await Promise.race([conn.left(), hangUp.promise]);
  });
  await withSession(options, (session) => body(session, site.url));
  hangUp.resolve();
}

Deno.test("ClientWebSocketResponse ends with its session and its signal, whatever the server does", async () => {
  await withMute("", async (session, url) => {
    for (const by of ["signal", "session"]) {
      const aborter = new AbortController();
      const ws = await session.wsConnect(url, { signal: aborter.signal });
      const waiting = createTask(async () => await ws.receive());
      await sleep(0);
      if (by === "signal") aborter.abort();
      else session.close();
      assertEquals(await waiting, { type: "close", data: 1006, reason: "" });
    }
  });
});

Deno.test("ClientWebSocketResponse refuses a message that is too large, whatever the server does", async () => {
  await withMute(sent(TEXT, "x".repeat(11)), async (session, url) => {
    const ws = await session.wsConnect(url, { maxMsgSize: 10 });
    assertEquals(await ws.receive(), { type: "close", data: 4009, reason: "" });
  });
});

Deno.test("ClientWebSocketResponse.close() goes on for others when one who waits is cancelled", async () => {
  await withMute("", async (session, url) => {
    const ws = await session.wsConnect(url, { closeTimeout: 0.02 });
    const [first, second] = [1, 2].map(() => createTask(async () => await ws.close()));
    await sleep(0);
    first!.cancel();
    await assertRejects(async () => await first!, CancelledError);
    assertEquals([await second!, ws.closeCode], [false, 1006]);
  });
});

Deno.test("ClientWebSocketResponse.close() gives its place back although who waits is cancelled", async () => {
  const connector = new TCPConnector({ limit: 1 });
  await withMute("", async (session, url) => {
    const ws = await session.wsConnect(url, { closeTimeout: 0.02 });
    const waiting = createTask(async () => await ws.close());
    await sleep(0);
    waiting.cancel();
    await assertRejects(async () => await waiting, CancelledError);
    assertEquals(await ws.receive(), { type: "close", data: 1006, reason: "" });
    assertEquals(connector._limiter.active, 0);
  }, { connector });
});

Deno.test("ClientWebSocketResponse.close() does not wait for ever", async () => {
  await using site = new RawSite(async (conn) => {
    await acceptWebSocket(conn);
    await Promise.race([conn.left(), hangUp.promise]);
  });
  const hangUp = later();
  const connector = new TCPConnector({ limit: 1 });
  await withSession({ connector }, async (session) => {
    const ws = await session.wsConnect(site.url, { closeTimeout: 0.02 });
    assertEquals(await ws.close(), true);
    assertEquals([ws.closeCode, connector._limiter.active], [1006, 0]);
    hangUp.resolve();
    await sleep(0.02); // the runtime sees the end of its socket
  });
});
