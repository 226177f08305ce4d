/**
 * Responses: exceptions, streams, compression, cookies, conditional requests, redirects.
 *
 * @module
 */

import { CancelledError, createTask, Future, Queue, run, RuntimeError, sleep } from "@aio/asyncio";
import { TimeoutError, waitFor } from "@aio/asyncio";
import * as http from "@aio/asyncio/http";
import {
  Application,
  compress,
  compression,
  conditional,
  deleteCookie,
  etagOf,
  HTTPException,
  setCookie,
  StreamResponse,
  TestServer,
} from "@aio/asyncio/http";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertThrows,
} from "../_support/assert.ts";
import { captureReports, Client, exchange, test } from "./_support.ts";

test("HTTPException has a class for each status, which is thrown and is a response", async () => {
  const seen: number[] = [];
  for (const [name, type] of Object.entries(http)) {
    if (typeof type !== "function" || !(type.prototype instanceof HTTPException)) continue;
    const Class = type as unknown as new (...args: unknown[]) => HTTPException;
    const args: unknown[] = type.prototype instanceof http.HTTPMove
      ? ["/there"]
      : name === "HTTPMethodNotAllowed"
      ? [["GET"]]
      : name === "HTTPRequestEntityTooLarge"
      ? [1, 2]
      : [];
    if (name === "HTTPMove") continue;
    const error = new Class(...args);
    const app = new Application();
    app.router.addGet("/", () => {
      throw error;
    });
    const response = await app.request("/");
    assertEquals([error.name, response.status], [name, error.status]);
    assertEquals(response.statusText, error.reason);
    const isEmpty = [204, 205, 304].includes(error.status);
    assertEquals(await response.text(), isEmpty ? "" : error.message);
    const family = error.status < 300
      ? http.HTTPSuccessful
      : error.status < 400
      ? http.HTTPRedirection
      : error.status < 500
      ? http.HTTPClientError
      : http.HTTPServerError;
    if (name !== "HTTPError") assertInstanceOf(error, family);
    seen.push(error.status);
  }
  assert(new Set(seen).size >= 45, `${seen}`);
});

test("HTTPException takes a text, headers and a reason", async () => {
  const options = { text: "who?", reason: "No Idea", headers: { "www-authenticate": "Basic" } };
  const response = new http.HTTPUnauthorized(options).toResponse();
  assertEquals([response.status, response.statusText], [401, "No Idea"]);
  assertEquals([response.headers.get("www-authenticate"), await response.text()], [
    "Basic",
    "who?",
  ]);
  assertThrows(() => new HTTPException(101, "Switching"), RangeError, "status must be 200 to 599");
  for (const reason of ["a\r\nX: b", "\0", "✓"]) {
    const refused = () => new HTTPException(400, reason);
    assertThrows(refused, RangeError, `reason ${JSON.stringify(reason)} has characters`);
    assertThrows(() => new http.HTTPNotFound({ reason }), RangeError, "Cannot create");
  }
});

test("HTTPMove leads to its location, and refuses what no header may have", () => {
  const at = (location: string | URL): string | null =>
    new http.HTTPSeeOther(location).toResponse().headers.get("location");
  assertEquals(at("/a?b#c"), "/a?b#c");
  assertEquals(at("/é%20 x"), "/%C3%A9%20%20x");
  // Browsers take a backslash for a slash, and two of those for the beginning of a host.
  assertEquals(at("/\\evil.example/"), "/%5Cevil.example/");
  assertEquals(at("http://[::1]:80/~a;b?c=[]&d='(*)'%zz"), "http://[::1]:80/~a;b?c=[]&d='(*)'%zz");
  assertEquals(at(new URL("http://a/b c")), "http://a/b%20c");
  for (const location of ["", "/a\r\nSet-Cookie: x=1", "/\0"]) {
    assertThrows(() => new http.HTTPFound(location), RangeError, "is not a URL");
  }
});

test("setCookie() writes attributes, and refuses what would add others", () => {
  const headers = new Headers();
  const expires = new Date(0);
  const all = { maxAge: 9.9, expires, domain: "a.b", path: "/x", secure: true } as const;
  setCookie(headers, "a", "1", { ...all, httpOnly: true, sameSite: "None", partitioned: true });
  setCookie(headers, "b", "");
  deleteCookie(headers, "c", { path: "/x" });
  const epoch = "Thu, 01 Jan 1970 00:00:00 GMT";
  assertEquals(headers.getSetCookie(), [
    `a=1; Domain=a.b; Expires=${epoch}; Max-Age=9; Path=/x; Secure; HttpOnly; SameSite=None; Partitioned`,
    "b=; Path=/",
    `c=; Expires=${epoch}; Max-Age=0; Path=/x`,
  ]);
  const wrong: [string, string, Parameters<typeof setCookie>[3]?][] = [
    ["", "x"],
    ["a b", "x"],
    ["a;b", "x"],
    ["a", "x;y"],
    ["a", "x y"],
    ["a", 'x"'],
    ["a", "x,y"],
    ["a", "x\\y"],
    ["a", "é"],
    ["a", "x\r\nB: c"],
    ["a", "x", { path: "/;secure" }],
    ["a", "x", { domain: "b;c" }],
    ["a", "x", { domain: "b\nc" }],
    ["a", "x", { maxAge: NaN }],
    ["a", "x", { expires: new Date(NaN) }],
    ["a", "x", { sameSite: "Lax;x" as never }],
  ];
  for (const [name, value, options] of wrong) {
    assertThrows(() => setCookie(headers, name, value, options), RangeError, "Cannot set cookie");
  }
});

const DATE = "Wed, 21 Oct 2015 07:28:00 GMT";
const BEFORE = "Wed, 21 Oct 2015 07:27:59 GMT";
const AFTER = "Wed, 21 Oct 2015 07:28:01 GMT";

/** Request headers, the ETag of a resource that was last modified at DATE, and the statuses. */
const CONDITIONS: [headers: Record<string, string>, etag: string, get: number, put: number][] = [
  [{}, '"a"', 200, 200],
  [{ "if-none-match": '"a"' }, '"a"', 304, 412],
  [{ "if-none-match": 'W/"a"' }, '"a"', 304, 412],
  [{ "if-none-match": '"a"' }, 'W/"a"', 304, 412],
  [{ "if-none-match": '"x", "a"' }, '"a"', 304, 412],
  [{ "if-none-match": '"a,b"' }, '"a"', 200, 200],
  [{ "if-none-match": "*" }, '"a"', 304, 412],
  [{ "if-none-match": '"b"' }, '"a"', 200, 200],
  [{ "if-none-match": "nonsense" }, '"a"', 200, 200],
  [{ "if-none-match": '"b"', "if-modified-since": AFTER }, '"a"', 200, 200],
  [{ "if-modified-since": DATE }, '"a"', 304, 200],
  [{ "if-modified-since": AFTER }, '"a"', 304, 200],
  [{ "if-modified-since": BEFORE }, '"a"', 200, 200],
  [{ "if-modified-since": "nonsense" }, '"a"', 200, 200],
  [{ "if-modified-since": "1" }, '"a"', 200, 200],
  [{ "if-modified-since": "Wednesday, 21-Oct-15 07:28:00 GMT" }, '"a"', 304, 200],
  [{ "if-modified-since": "Wed Oct 21 07:28:00 2015" }, '"a"', 304, 200],
  [{ "if-modified-since": "Mon, 30 Feb 2026 07:28:00 GMT" }, '"a"', 200, 200],
  [{ "if-match": '"a"' }, '"a"', 200, 200],
  [{ "if-match": '"x", "a"' }, '"a"', 200, 200],
  [{ "if-match": "*" }, '"a"', 200, 200],
  [{ "if-match": '"b"' }, '"a"', 412, 412],
  [{ "if-match": 'W/"a"' }, 'W/"a"', 412, 412],
  [{ "if-match": 'w/"a"' }, '"a"', 412, 412],
  [{ "if-match": '"a"', "if-unmodified-since": BEFORE }, '"a"', 200, 200],
  [{ "if-unmodified-since": BEFORE }, '"a"', 412, 412],
  [{ "if-unmodified-since": DATE }, '"a"', 200, 200],
  [{ "if-unmodified-since": "nonsense" }, '"a"', 200, 200],
  [{ "if-unmodified-since": "Thu, 1" }, '"a"', 200, 200],
];

test("conditional() answers 200, 304 or 412 as RFC 9110 has it", async () => {
  const app = new Application();
  app.router.addRoute("*", "/{etag}", (request) => {
    const etag = http.matchInfo<"etag">(request).etag;
    const headers = { etag, "last-modified": DATE, "content-type": "text/x", "set-cookie": "a=1" };
    return conditional(request, new Response("hello", { headers }));
  });
  for (const [headers, etag, get, put] of CONDITIONS) {
    for (const [method, status] of [["GET", get], ["HEAD", get], ["PUT", put]] as const) {
      const response = await app.request(`/${encodeURIComponent(etag)}`, { method, headers });
      assertEquals([headers, etag, method, response.status], [headers, etag, method, status]);
      const hasBody = method !== "HEAD" && status !== 304;
      assertEquals((await response.text()).length > 0, hasBody);
      if (status !== 304) continue;
      const kept = ["etag", "last-modified", "content-type"].map((name) =>
        response.headers.get(name)
      );
      assertEquals(kept, [etag, DATE, null]);
    }
  }
});

test("conditional() leaves errors as they are", () => {
  const request = new Request("http://localhost/", { headers: { "if-none-match": "*" } });
  const response = new Response("no", { status: 404 });
  assertEquals(conditional(request, response), response);
});

test("etagOf() depends on the content, and tells weak tags", async () => {
  assertEquals(await etagOf("a"), await etagOf(new TextEncoder().encode("a")));
  assert(await etagOf("a") !== await etagOf("b"));
  assertEquals(await etagOf("a", { weak: true }), `W/${await etagOf("a")}`);
});

/** `Accept-Encoding` headers, and the encoding that the client gets. */
const ACCEPTED: [header: string | null, encoding: string | null][] = [
  [null, null],
  ["", null],
  ["gzip", "gzip"],
  ["GZip", "gzip"],
  ["x-gzip", "gzip"],
  ["deflate", "deflate"],
  ["gzip, deflate, br", "gzip"],
  ["gzip;q=0.5, deflate;q=0.8", "deflate"],
  ["gzip;q=0, deflate;q=0", null],
  ["gzip;q=0, *", "deflate"],
  ["*", "gzip"],
  ["identity", null],
  ["identity, gzip;q=0.5", null],
  ["br", null],
  ["gzip;q=2", null],
  ["gzip;nonsense", null],
];

test("compress() takes the encoding that the client likes best", async () => {
  const text = "hello ".repeat(1000);
  for (const [header, encoding] of ACCEPTED) {
    const headers = header === null ? {} : { "accept-encoding": header };
    const request = new Request("http://localhost/", { headers });
    const response = compress(request, new Response(text, { headers: { etag: '"a"' } }));
    assertEquals([header, response.headers.get("content-encoding")], [header, encoding]);
    assertEquals(response.headers.get("vary"), "Accept-Encoding");
    assertEquals(response.headers.get("etag"), encoding === null ? '"a"' : 'W/"a"');
    const body = encoding === null
      ? response.body!
      : response.body!.pipeThrough(new DecompressionStream(encoding as CompressionFormat));
    assertEquals(await new Response(body).text(), text);
  }
});

test("compress() leaves alone what it is not worth it, or can't be changed", () => {
  const request = new Request("http://localhost/", { headers: { "accept-encoding": "gzip" } });
  const text = { "content-type": "text/plain" };
  const alone: ResponseInit[] = [
    { headers: { "content-type": "image/png" } },
    { headers: { "content-type": "text/event-stream" } },
    { headers: { ...text, "content-encoding": "br" } },
    { headers: { ...text, "content-length": "10" } },
    { headers: { ...text, "cache-control": "public, no-transform" } },
    { headers: text, status: 206 },
  ];
  for (const init of alone) {
    const response = new Response("x", init);
    assertEquals(compress(request, response), response);
  }
});

/** Returns a stream whose chunks are all available at once. */
function streamOf(...pieces: string[]): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    start(controller): void {
      for (const piece of pieces) controller.enqueue(new TextEncoder().encode(piece));
      controller.close();
    },
  });
}

/** Returns a stream whose chunks arrive one after another. */
function slowStreamOf(...pieces: string[]): ReadableStream<Uint8Array<ArrayBuffer>> {
  return ReadableStream.from((async function* () {
    for (const piece of pieces) {
      await new Promise((resolve) => setTimeout(resolve));
      yield new TextEncoder().encode(piece);
    }
  })());
}

test("compression() leaves short bodies alone, also those that do not say their size", async () => {
  const long = "x".repeat(1024);
  const headers = { "content-type": "text/plain", "etag": '"a"' };
  const cases: [body: BodyInit, encoding: string | null, text?: string][] = [
    [long.slice(1), null],
    [long, "gzip"],
    [new Uint8Array(3), null, "\0\0\0"],
    [streamOf("a", "b"), null, "ab"],
    [streamOf(long.slice(1), "y", "z"), "gzip", `${long.slice(1)}yz`],
    [streamOf(...Array(3000).fill("a")), "gzip", "a".repeat(3000)],
    [slowStreamOf("a", "b"), "gzip", "ab"],
    [slowStreamOf("a"), "gzip", "a"],
    ["", null],
  ];
  await using app = new Application({ middlewares: [compression()] });
  let body: BodyInit;
  app.router.addGet("/", () => new Response(body, { status: 201, headers }));
  for (const [given, encoding, text = given] of cases) {
    body = given;
    const response = await app.request("/", { headers: { "accept-encoding": "gzip" } });
    assertEquals([response.status, response.headers.get("content-encoding")], [201, encoding]);
    assertEquals(response.headers.get("etag"), encoding === null ? '"a"' : 'W/"a"');
    const plain = encoding === null
      ? response.body!
      : response.body!.pipeThrough(new DecompressionStream("gzip"));
    assertEquals(await new Response(plain).text(), text);
  }
});

test("compression() does not wait for a stream, and ends it when nobody reads on", async () => {
  let ended = Promise.withResolvers<void>();
  await using app = new Application({ middlewares: [compression()] });
  app.router.addGet("/", () => {
    const body = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(1)),
      cancel: () => ended.resolve(),
    }, { highWaterMark: 0 });
    return new Response(body, { headers: { "content-type": "text/plain" } });
  });
  app.router.addGet("/never", () => {
    const body = new ReadableStream({ cancel: () => ended.resolve() });
    return new Response(body, { headers: { "content-type": "text/plain" } });
  });
  for (const path of ["/", "/never"]) {
    const response = await app.request(path, { headers: { "accept-encoding": "gzip" } });
    assertEquals(response.headers.get("content-encoding"), "gzip");
    await response.body!.cancel();
    await ended.promise;
    ended = Promise.withResolvers();
  }
});

test("compression() answers 500 when a body fails at once", async () => {
  using reports = captureReports();
  await using app = new Application({ middlewares: [compression()] });
  app.router.addGet("/", () => {
    const body = new ReadableStream({ start: (controller) => controller.error(new Error("a")) });
    return new Response(body, { headers: { "content-type": "text/plain" } });
  });
  const response = await app.request("/", { headers: { "accept-encoding": "gzip" } });
  await response.body?.cancel();
  assertEquals([response.status, reports.messages.length], [500, 1]);
});

test("compression() breaks off with a body that fails later, and nobody else hears of it", async () => {
  await using app = new Application({ middlewares: [compression()] });
  app.router.addGet("/", () => {
    let pieces = 2;
    const body = new ReadableStream({
      pull(controller): void {
        if (pieces-- === 0) throw new URIError("later");
        controller.enqueue(new Uint8Array(2000));
      },
    });
    return new Response(body, { headers: { "content-type": "text/plain" } });
  });
  const response = await app.request("/", { headers: { "accept-encoding": "gzip" } });
  await new Promise((resolve) => setTimeout(resolve)); // an unhandled rejection would fail the test
  await assertRejects(() => response.bytes(), URIError, "later");
});

test("compression() answers HEAD with the headers of GET", async () => {
  const app = new Application({ middlewares: [compression()] });
  const headers = { "content-type": "text/plain", "etag": '"a"' };
  const path = new URL(import.meta.url);
  app.router.addGet("/file", () => new http.FileResponse(path, { headers }));
  app.router.addGet("/text", () => new Response("x".repeat(2000), { headers }));
  await using server = await TestServer.start(app);
  for (const name of ["/file", "/text"]) {
    const [get, head] = await Promise.all(["GET", "HEAD"].map(async (method) => {
      const { port } = server;
      const request = `${method} ${name} HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n`;
      const { headers } = await exchange(port, `${request}Connection: close\r\n\r\n`);
      return Object.fromEntries([...headers].filter(([name]) => name !== "date"));
    }));
    assertEquals(get!["content-encoding"], "gzip");
    assertEquals({ ...head, "transfer-encoding": "chunked" }, get);
  }
});

test("compression() compresses what a server sends, and curl understands it", async () => {
  const app = new Application({ middlewares: [compression()] });
  app.router.addGet("/", () => new Response("hello ".repeat(10_000)));
  await using server = await TestServer.start(app);
  const { stdout } = await new Deno.Command("curl", {
    args: ["-s", "--compressed", "-w", "%{size_download}", server.url("/")],
  }).output();
  const [, text, size] = /^((?:hello )*)(\d+)$/.exec(new TextDecoder().decode(stdout))!;
  assertEquals([text!.length, Number(size) < 1000], [60_000, true]);
});

// -- Streams --

test("StreamResponse sends what is written as it is written", async () => {
  const app = new Application();
  const gates: Future<void>[] = [];
  app.router.addGet("/", async (request) => {
    const response = new StreamResponse({ status: 201, headers: { a: "b" } });
    response.prepare(request);
    for (const piece of ["one", new TextEncoder().encode("two"), ""]) {
      await response.write(piece);
      const gate = new Future<void>();
      gates.push(gate);
      await gate;
    }
    await response.writeEof("end");
    return response;
  });
  await using server = await TestServer.start(app);
  const response = await server.request("/");
  assertEquals([response.status, response.headers.get("a")], [201, "b"]);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  assertEquals((await reader.read()).value, "one");
  gates[0]!.setResult();
  assertEquals((await reader.read()).value, "two");
  while (gates.length < 2) await 0;
  gates[1]!.setResult();
  while (gates.length < 3) await new Promise((resolve) => setTimeout(resolve));
  gates[2]!.setResult();
  assertEquals((await reader.read()).value, "end");
  assertEquals((await reader.read()).done, true);
});

test("StreamResponse waits for a client that is slow", async () => {
  const app = new Application();
  let written = 0;
  const { promise: ended, resolve } = Promise.withResolvers<unknown>();
  app.router.addGet("/", async (request) => {
    const response = new StreamResponse();
    response.prepare(request);
    try {
      for (;;) {
        await response.write(new Uint8Array(65_536));
        written += 65_536;
      }
    } catch (error) {
      resolve(error);
      throw error;
    }
  });
  await using server = await TestServer.start(app);
  {
    using client = await Client.connect(server.port);
    await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await client.line();
    // Writing comes to a halt although the handler goes on for ever.
    for (let before = -1; before !== written;) {
      before = written;
      for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve));
    }
    assert(written < 64 * 1024 ** 2, `${written} bytes were written for nobody`);
  }
  assertInstanceOf(await ended, CancelledError);
});

test("StreamResponse.writeEof() lets a task go on that waits to write", async () => {
  await using app = new Application();
  const written = Promise.withResolvers<void>();
  app.router.addGet("/", async (request) => {
    const response = new StreamResponse();
    response.prepare(request);
    const writing = createTask(async () => await response.write("x".repeat(100_000)));
    await sleep(0);
    await response.writeEof();
    await waitFor(writing, 60).then(written.resolve, written.reject);
    return response;
  });
  const response = await app.request("/");
  await written.promise; // although nothing has been read
  assertEquals((await response.text()).length, 100_000);
});

test("StreamResponse.write() fails when the client has left and its handler is to go on", async () => {
  const app = new Application({ onDisconnect: "ignore" });
  const { promise: ended, resolve } = Promise.withResolvers<unknown>();
  app.router.addGet("/", async (request) => {
    const response = new StreamResponse();
    response.prepare(request);
    try {
      for (;;) await response.write(new Uint8Array(65_536));
    } catch (error) {
      resolve(error);
    }
    return response;
  });
  await using server = await TestServer.start(app);
  {
    using client = await Client.connect(server.port);
    await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await client.line();
  }
  assertInstanceOf(await ended, Deno.errors.ConnectionReset);
});

test("StreamResponse breaks the connection off when its handler fails", async () => {
  const app = new Application();
  app.router.addGet("/", async (request) => {
    const response = new StreamResponse();
    response.prepare(request);
    await response.write("part");
    await sleep(0);
    throw new Error("secret");
  });
  app.router.addGet("/on", () => new Response("on"));
  await using server = await TestServer.start(app);
  using reports = captureReports();
  const response = await server.request("/");
  await assertRejects(() => response.text(), TypeError);
  assertEquals(reports.messages.length, 1);
  assert(reports.messages[0]!.includes("secret"));
  assertEquals(await (await server.request("/on")).text(), "on");
});

test("StreamResponse refuses to be used out of order", async () => {
  const app = new Application();
  const seen: string[] = [];
  app.router.addGet("/", async (request) => {
    const response = new StreamResponse();
    assertThrows(() => response.write("x"), RuntimeError, "call prepare() first");
    assertThrows(() => response.writeEof(), RuntimeError, "call prepare() first");
    response.prepare(request);
    assertThrows(() => response.prepare(request), RuntimeError, "it was prepared already");
    assertThrows(() => new StreamResponse().prepare(request), RuntimeError, "answered already");
    await response.writeEof("x");
    await assertRejects(async () => await response.write("y"), RuntimeError, "it has ended");
    seen.push("all");
    return response;
  });
  assertEquals(await (await app.request("/")).text(), "x");
  assertEquals(seen, ["all"]);
  const lone = new StreamResponse();
  assertThrows(() => lone.prepare(new Request("http://a/")), RuntimeError, "no application");
});

test("StreamResponse.write() throws when it is given neither bytes nor a text", async () => {
  const app = new Application();
  app.router.addGet("/", async (request) => {
    const response = new StreamResponse();
    response.prepare(request);
    for (const [data, shown] of [[5, "5"], [null, "null"], [{}, "[object Object]"]] as const) {
      const text = `a string or a Uint8Array was expected, not ${shown}`;
      const wrong = data as unknown as string;
      await assertRejects(async () => await response.write(wrong), TypeError, text);
    }
    await assertRejects(async () => await response.writeEof(5 as never), TypeError, "not 5");
    await response.write("x");
    return response;
  });
  assertEquals(await (await app.request("/")).text(), "x");
});

test("StreamResponse of a status without a body sends its head alone", async () => {
  const app = new Application();
  app.router.addGet("/{status}", async (request) => {
    const status = Number(http.matchInfo(request).status);
    const response = new StreamResponse({ status, headers: { etag: '"1"' }, compress: true });
    response.prepare(request);
    for (let i = 0; i < 10; i++) await response.write("x".repeat(50_000)); // never waits for ever
    await response.writeEof("end");
    return response;
  });
  await using server = await TestServer.start(app);
  for (const status of [204, 205, 304]) {
    const head = "Host: a\r\nConnection: close\r\nAccept-Encoding: gzip\r\n\r\n";
    const response = await exchange(server.port, `GET /${status} HTTP/1.1\r\n${head}`);
    assertEquals([response.status, response.body], [status, ""]);
    assertEquals(response.headers.get("etag"), '"1"');
    assertEquals(response.headers.get("content-encoding"), null);
  }
});

test("StreamResponse that is returned without being prepared is empty", async () => {
  const app = new Application();
  app.router.addGet("/", () => new StreamResponse({ status: 202 }));
  await run(async () => {
    const response = await app.request("/");
    assertEquals([response.status, await response.text()], [202, ""]);
  });
});

test("compression() leaves streams as they are", async () => {
  const init = { headers: { "content-type": "text/plain" } };
  const app = new Application({ middlewares: [compression()] });
  app.router.addGet("/prepared", async (request) => {
    const response = new StreamResponse(init);
    response.prepare(request);
    await response.write("x".repeat(2000));
    return response;
  });
  app.router.addGet("/unprepared", () => new StreamResponse(init));
  await using server = await TestServer.start(app);
  const options = { headers: { "accept-encoding": "gzip" } };
  const prepared = await server.request("/prepared", options);
  assertEquals([prepared.headers.get("content-encoding"), (await prepared.text()).length], [
    null,
    2000,
  ]);
  assertEquals(await (await server.request("/unprepared", options)).text(), "");
});

test("StreamResponse is compressed if that is wanted", async () => {
  const app = new Application();
  app.router.addGet("/", async (request) => {
    const response = new StreamResponse({
      compress: true,
      headers: { "content-type": "text/csv" },
    });
    response.prepare(request);
    for (let i = 0; i < 1000; i++) await response.write("1,2,3\n");
    return response;
  });
  await using server = await TestServer.start(app);
  const response = await server.request("/", { headers: { "accept-encoding": "gzip" } });
  assertEquals((await response.text()).length, 6000);
});

test("A stream that a handler has returned may limit the time of what it awaits", async () => {
  const app = new Application();
  app.router.addGet("/", () => {
    const events = new Queue<string>();
    events.putNowait("event");
    return new Response(ReadableStream.from(pieces(events)).pipeThrough(new TextEncoderStream()));
  });
  async function* pieces(events: Queue<string>): AsyncGenerator<string> {
    for (let i = 0; i < 3; i++) {
      try {
        yield `${await waitFor(events.get(), 0.01)} `;
      } catch (error) {
        if (!(error instanceof TimeoutError)) throw error;
        yield "ping ";
      }
    }
  }
  await using server = await TestServer.start(app);
  assertEquals(await (await server.request("/")).text(), "event ping ping ");
});
