/**
 * A server's WebSockets: bad frames, and aiohttp's client, which sees the same as with aiohttp.
 *
 * @module
 */

import { Application, matchInfo, TestServer, WebSocketResponse } from "@aio/asyncio/http";
import type { WebSocketResponseOptions } from "@aio/asyncio/http";
import { assert, assertEquals, assertRejects } from "../_support/assert.ts";
import { closing, frame, handshake, OPCODES } from "./_raw_websocket.ts";
import { captureReports, Client, python, test } from "./_support.ts";
import { echo, WebSocketSite } from "./_websocket_site.ts";

const { text: TEXT, binary: BINARY, close: CLOSE, ping: PING, pong: PONG } = OPCODES;

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
  // The client's code is sent back, as RFC 6455 says; aiohttp answers 1000 to all.
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

// -- Bad frames --

/** Frames that no client may send, and the server's close code; null if it breaks off. */
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
  await using site = await WebSocketSite.start(async (ws) => {
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
  await using site = await WebSocketSite.start(echo(log));
  using socket = await site.connect();
  const frames = [
    frame(TEXT, "a", { fin: false }),
    frame(PING, "within"),
    frame(OPCODES.continuation, "", { fin: false }),
    frame(OPCODES.continuation, "b"),
    frame(PONG, "unasked"),
    frame(BINARY, ""),
    // A text split within a character.
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
  await using site = await WebSocketSite.start(echo());
  for (const size of [1, 20, handshake("/").length]) {
    using client = await Client.connect(site.server.port);
    await client.send(handshake("/").slice(0, size));
  }
  assert(await site.goesOn());
});
