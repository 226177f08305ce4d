/**
 * `app.onResponsePrepare`: which callbacks see which responses before they are sent.
 *
 * @module
 */

import { RuntimeError, sleep } from "@aio/asyncio";
import {
  Application,
  cors,
  FileResponse,
  HTTPGone,
  matchInfo,
  StreamResponse,
  TestServer,
  WebSocketResponse,
} from "@aio/asyncio/http";
import type { Handler, ResponsePrepareCallback } from "@aio/asyncio/http";
import { assert, assertEquals, assertThrows } from "../_support/assert.ts";
import { closing, frame, handshake, OPCODES, RawWebSocket } from "./_raw_websocket.ts";
import { captureReports, Client, parseResponse, test } from "./_support.ts";
import record from "./parity.json" with { type: "json" };

const ok = (): Response => new Response("ok");

const HANDLERS: Record<string, Handler> = {
  handler: ok,
  failure: () => {
    throw new Error("secret");
  },
  gone: () => {
    throw new HTTPGone();
  },
  stream: async (request) => {
    const response = new StreamResponse();
    response.prepare(request);
    await response.write("ok");
    return response;
  },
  file: () => new FileResponse(new URL(import.meta.url)),
  ws: async (request) => {
    const response = new WebSocketResponse();
    await response.prepare(request);
    return response as Response;
  },
};

/** Returns a callback that leaves its name in the headers. */
function mark(name: string): ResponsePrepareCallback {
  return (_, { status, headers }) => headers.append("log", `${name}${status}`);
}

function add(app: Application, ...callbacks: ResponsePrepareCallback[]): void {
  app.onResponsePrepare.push(...callbacks);
}

/** Returns the head of the answer. */
async function headOf(port: number, text: string): Promise<string> {
  using client = await Client.connect(port);
  await client.send(text);
  let head = "";
  while (!head.endsWith("\r\n\r\n")) head += await client.line();
  return head;
}

test("parity: Application.onResponsePrepare sees the responses that aiohttp's sees", async () => {
  const app = new Application();
  const sub = new Application();
  add(app, mark("a"), mark("b"));
  add(sub, mark("c"));
  for (const [name, handler] of Object.entries(HANDLERS)) app.router.addGet(`/${name}`, handler);
  sub.router.addGet("/x", ok);
  app.addSubapp("/sub", sub);
  using _reports = captureReports();
  await using server = await TestServer.start(app);
  for (const expected of record.signals) {
    const text = expected.request === "a WebSocket"
      ? handshake("/ws")
      : `${expected.request} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;
    const { status, headers } = parseResponse(await headOf(server.port, text));
    const log = headers.get("log")?.split(", ");
    assertEquals({ request: expected.request, status, log }, expected);
  }
});

test("Application.onResponsePrepare changes headers that can't be changed otherwise", async () => {
  await using app = new Application();
  app.router.addGet("/", () => Response.redirect("http://localhost/other", 302));
  let count = 0;
  add(app, (_, { headers }) => {
    count++;
    headers.delete("location");
    headers.append("server", "ours");
  });
  const { status, headers } = await app.request("/");
  assertEquals([status, headers.get("location"), headers.get("server")], [302, null, "ours"]);
  assertEquals(count, 1);
});

test("Application.onResponsePrepare knows the request, and what others have added", async () => {
  const origins = ["https://a.example"];
  await using app = new Application({ middlewares: [cors({ origins })] });
  app.router.addGet("/{name}", ok);
  const seen: unknown[] = [];
  add(app, (request, { headers }) => {
    seen.push(matchInfo(request).name, headers.get("access-control-allow-origin"));
  });
  await app.request("/x", { headers: { origin: "https://a.example" } });
  assertEquals(seen, ["x", "https://a.example"]);
});

test("Application.onResponsePrepare sees what a request is refused with, and time that is over", async () => {
  await using app = new Application({ clientMaxSize: 2, timeout: 0.01 });
  app.router.addPost("/", ok);
  app.router.addGet("/slow", async () => {
    await sleep(3600);
    return ok();
  });
  const { promise, resolve } = Promise.withResolvers<Response>();
  app.router.addGet("/stuck", () => promise);
  add(app, mark("a"));
  const large = await app.request("/", {
    method: "POST",
    body: "large",
    headers: { "content-length": "5" },
  });
  assertEquals([large.status, large.headers.get("log")], [413, "a413"]);
  for (const path of ["/slow", "/stuck"]) {
    const response = await app.request(path);
    assertEquals([response.status, response.headers.get("log")], [503, "a503"]);
    await response.body?.cancel();
  }
  await large.body?.cancel();
  resolve(ok());
});

test("Application.onResponsePrepare that throws is answered with 500, and reported", async () => {
  await using app = new Application();
  let cancelled = false;
  const body = (): ReadableStream =>
    new ReadableStream({ cancel: () => void (cancelled = true) }, { highWaterMark: 0 });
  app.router.addGet("/", () => new Response(body()));
  add(app, () => {
    throw new Error("secret");
  });
  using reports = captureReports();
  const response = await app.request("/");
  assertEquals(response.status, 500);
  assert(!(await response.text()).includes("secret"));
  assertEquals([reports.messages.length, cancelled], [1, true]);
});

test("Application.onResponsePrepare that throws has StreamResponse.prepare() throw it", async () => {
  await using app = new Application();
  app.router.addGet("/", async (request) => {
    const response = new StreamResponse();
    assertThrows(() => response.prepare(request), RuntimeError, "not now");
    return new Response("instead");
  });
  add(app, (_, { headers }) => {
    if (!headers.has("content-type")) throw new RuntimeError("not now");
  });
  assertEquals(await (await app.request("/")).text(), "instead");
});

test("Application.onResponsePrepare that throws closes a WebSocket", async () => {
  const app = new Application();
  app.router.addGet("/", HANDLERS.ws!);
  add(app, () => {
    throw new RuntimeError("not now");
  });
  using reports = captureReports();
  await using server = await TestServer.start(app);
  using client = await RawWebSocket.connect(server.port);
  assertEquals(await client.next(), { opcode: OPCODES.close, payload: closing(1011) });
  await client.send(frame(OPCODES.close, closing(1011)));
  assertEquals(await client.next(), null);
  assertEquals(reports.messages.length, 1);
});

test("Application.onResponsePrepare takes no callback that waits", () => {
  const app = new Application();
  // @ts-expect-error -- it would change headers that were sent already
  add(app, async () => {});
  assertEquals(app.onResponsePrepare.length, 1);
});
