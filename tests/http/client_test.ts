/**
 * ClientSession: what it sends, what it returns, how it ends.
 *
 * @module
 */

import { createTask, run, RuntimeError, sleep } from "@aio/asyncio/loop";
import {
  BasicAuth,
  ClientConnectionError,
  ClientPayloadError,
  ClientResponseError,
  ClientSession,
  ContentTypeError,
  InvalidURL,
  MultipartWriter,
  TCPConnector,
} from "@aio/asyncio/http";
import type { ClientRequestOptions, RequestData } from "@aio/asyncio/http";
import { assert, assertEquals, assertRejects, assertThrows } from "../_support/assert.ts";
import { answer, RawSite, serve, withSession } from "./_client_servers.ts";

/** A server that echoes the request. */
function echo(): ReturnType<typeof serve> {
  return serve(async (request) => {
    const { method, headers } = request;
    const { pathname, search } = new URL(request.url);
    const text = await request.text();
    return Response.json({ method, path: pathname + search, headers: [...headers], text });
  });
}

interface Echo {
  method: string;
  path: string;
  headers: [string, string][];
  text: string;
}

async function ask(
  session: ClientSession,
  url: string,
  options: ClientRequestOptions = {},
  method = "POST",
): Promise<Echo & { get: (name: string) => string | undefined }> {
  await using response = await session.request(method, url, options);
  const echo = await response.json<Echo>();
  return { ...echo, get: (name) => new Map(echo.headers).get(name) };
}

// -- What it sends --

Deno.test("ClientSession has a method for each method of HTTP", async () => {
  await using site = echo();
  await withSession({ baseUrl: site.url }, async (session) => {
    for (const name of ["get", "post", "put", "patch", "delete", "options"] as const) {
      await using response = await session[name]("a?b=c");
      const { method, path } = await response.json<Echo>();
      assertEquals([method, path], [name.toUpperCase(), "/a?b=c"]);
    }
    await using response = await session.head("a");
    assertEquals([response.status, await response.text(), response.method], [200, "", "HEAD"]);
  });
});

Deno.test("ClientSession.get() can be awaited by yield* in a generator", async () => {
  await using site = serve(() => new Response("hello"));
  const text = await run(function* () {
    const session = new ClientSession();
    try {
      return yield* (yield* session.get(site.url)).text();
    } finally {
      session.close();
    }
  });
  assertEquals(text, "hello");
});

Deno.test("ClientSession.request() sends the session's headers and params, its own going first", async () => {
  await using site = echo();
  const session = {
    baseUrl: site.url,
    headers: { "x-a": "1", "x-b": "1" },
    params: { k: "1", l: 2 },
  };
  await withSession(session, async (session) => {
    const own = { headers: { "X-B": "2" }, params: { l: ["x", "y"], m: true } };
    const seen = await ask(session, "p?q=%20", own);
    assertEquals([seen.get("x-a"), seen.get("x-b")], ["1", "2"]);
    assertEquals(seen.path, "/p?q=+&k=1&l=x&l=y&m=true");
    const pairs = await ask(session, "p", { params: [["k", 1], ["k", 2]] });
    assertEquals(pairs.path, "/p?l=2&k=1&k=2");
  });
});

const bytes = new TextEncoder().encode("bytes");

async function* pieces(): AsyncGenerator<string | Uint8Array> {
  yield "a";
  yield "";
  yield new TextEncoder().encode("b");
}

const bodies: [name: string, data: RequestData, type: string | undefined, text: string][] = [
  ["text", "héllo", "text/plain; charset=utf-8", "héllo"],
  ["bytes", bytes, "application/octet-stream", "bytes"],
  ["a buffer", bytes.buffer, "application/octet-stream", "bytes"],
  ["a blob", new Blob(["b"], { type: "image/x" }), "image/x", "b"],
  ["a record", { a: "1 2", b: 3 }, "application/x-www-form-urlencoded;charset=UTF-8", "a=1+2&b=3"],
  ["pairs", [["a", 1], ["a", 2]], "application/x-www-form-urlencoded;charset=UTF-8", "a=1&a=2"],
  [
    "URLSearchParams",
    new URLSearchParams("a=1"),
    "application/x-www-form-urlencoded;charset=UTF-8",
    "a=1",
  ],
  ["a stream", new Blob(["s"]).stream(), "application/octet-stream", "s"],
  ["an async iterable", pieces(), "application/octet-stream", "ab"],
  ["a function", pieces, "application/octet-stream", "ab"],
];

for (const [name, data, type, text] of bodies) {
  Deno.test(`ClientSession.post() sends ${name}`, async () => {
    await using site = echo();
    await withSession({}, async (session) => {
      const seen = await ask(session, site.url, { data });
      assertEquals([seen.get("content-type"), seen.text], [type, text]);
    });
  });
}

Deno.test("ClientSession.post() sends JSON, with a type of one's own if there is one", async () => {
  await using site = echo();
  await withSession({}, async (session) => {
    const seen = await ask(session, site.url, { json: { a: [1, null] } });
    assertEquals([seen.get("content-type"), seen.text], ["application/json", '{"a":[1,null]}']);
    const headers = { "content-type": "application/x+json" };
    assertEquals(
      (await ask(session, site.url, { json: 1, headers })).get("content-type"),
      headers["content-type"],
    );
    await assertRejects(() => ask(session, site.url, { json: () => {} }), TypeError, "JSON");
    await assertRejects(
      () => ask(session, site.url, { json: 1, data: "a" }),
      RangeError,
      "together",
    );
  });
});

Deno.test("ClientSession.post() sends JSON as jsonSerialize writes it", async () => {
  await using site = echo();
  const calls: unknown[][] = [];
  const jsonSerialize = (...args: unknown[]): string => {
    calls.push(args);
    return JSON.stringify(args[0], (_, value) => typeof value === "bigint" ? `${value}` : value);
  };
  await withSession({ jsonSerialize }, async (session) => {
    const { text, get } = await ask(session, site.url, { json: { id: 2n ** 64n } });
    assertEquals([text, get("content-type")], [
      '{"id":"18446744073709551616"}',
      "application/json",
    ]);
    assertEquals((await ask(session, site.url, { data: "plain" })).text, "plain");
  });
  assertEquals(calls, [[{ id: 2n ** 64n }]]);
  const serializeNothing = (): string => undefined as unknown as string;
  await withSession({ jsonSerialize: serializeNothing }, async (session) => {
    await assertRejects(async () => await session.post(site.url, { json: 1 }), TypeError);
  });
});

Deno.test("ClientSession.post() sends files as multipart/form-data", async () => {
  await using site = serve(async (request) => {
    const form = await request.formData();
    const seen: unknown[] = [];
    for (const [name, value] of form) {
      if (typeof value === "string") seen.push([name, value]);
      else seen.push([name, value.name, value.type, await value.text()]);
    }
    return Response.json(seen);
  });
  const writer = new MultipartWriter();
  writer.append('na"me\n', "väl");
  writer.append("file", pieces, { filename: "ä.txt", contentType: "text/x" });
  writer.append("blob", new File(["x"], "f.bin", { type: "a/b" }));
  writer.append("raw", bytes);
  await withSession({}, async (session) => {
    const send = async (data: RequestData): Promise<unknown> => {
      await using response = await session.post(site.url, { data });
      return await response.json();
    };
    assertEquals(await send(writer), [
      ["na%22me%0D%0A", "väl"], // as browsers write it; Deno's server does not undo that
      ["file", "ä.txt", "text/x", "ab"],
      ["blob", "f.bin", "a/b", "x"],
      ["raw", "bytes"],
    ]);
    assertEquals(writer.replayable, true);
    assertEquals(await send({ a: "1", f: new File(["y"], "y.txt", { type: "c/d" }) }), [
      ["a", "1"],
      ["f", "y.txt", "c/d", "y"],
    ]);
    const form = new FormData();
    form.append("k", "v");
    assertEquals(await send(form), [["k", "v"]]);
  });
  assertThrows(() => new MultipartWriter("a\r\nb"), RangeError, "boundary");
  assertThrows(() => writer.append("a", "b", { contentType: "a\r\nb: c" }), RangeError, "line");
});

Deno.test("ClientSession.post() compresses bodies, also those that fetch gives a type", async () => {
  await using site = serve(async (request) => {
    const encoding = request.headers.get("content-encoding") as "gzip" | "deflate";
    const plain = request.body!.pipeThrough(new DecompressionStream(encoding));
    const text = await new Response(plain).text();
    const type = request.headers.get("content-type")!;
    const boundary = /boundary=(.*)/.exec(type)?.[1];
    return Response.json([
      encoding,
      boundary === undefined ? text : text.startsWith(`--${boundary}`),
    ]);
  });
  await withSession({}, async (session) => {
    const form = new FormData();
    form.append("k", "v");
    const cases: [ClientRequestOptions, unknown][] = [
      [{ data: "text", compress: true }, ["deflate", "text"]],
      [{ data: pieces, compress: "gzip" }, ["gzip", "ab"]],
      [{ json: [1], compress: "gzip" }, ["gzip", "[1]"]],
      [{ data: form, compress: "gzip" }, ["gzip", true]],
    ];
    for (const [options, expected] of cases) {
      await using response = await session.post(site.url, options);
      assertEquals(await response.json(), expected);
    }
  });
});

Deno.test("ClientSession.post() throws what the source of a body throws, and stops sources", async () => {
  await using site = new RawSite(async (conn) => {
    await conn.left();
  });
  await withSession({}, async (session) => {
    const data = async function* (): AsyncGenerator<string> {
      yield "a";
      throw new RangeError("no more");
    };
    const error = await assertRejects(
      async () => await session.post(site.url, { data }),
      ClientPayloadError,
      `Cannot send body to ${site.url}: no more`,
    );
    assert(error.cause instanceof RangeError);
    // deno-lint-ignore no-explicit-any -- a wrong type is what this is about
    const pieces: any[] = [1, undefined];
    for (const piece of pieces) {
      const wrong = async function* () {
        yield piece;
      };
      await assertRejects(
        async () => await session.post(site.url, { data: wrong }),
        ClientPayloadError,
        `not ${piece}`,
      );
    }
  });
});

Deno.test("ClientSession.get() refuses a body, and what fetch has no way to send", async () => {
  await withSession({}, async (session) => {
    const get = (url: string, options?: ClientRequestOptions) => async (): Promise<unknown> =>
      await session.get(url, options);
    await assertRejects(
      get("http://127.0.0.1/", { data: "a" }),
      TypeError,
      "can't send a body with GET",
    );
    await assertRejects(
      get("/no-base"),
      InvalidURL,
      'Cannot make request to "/no-base": it is not a URL',
    );
    await assertRejects(get("ftp://127.0.0.1/"), InvalidURL, "Url scheme 'ftp' not supported");
    await assertRejects(get("http://127.0.0.1/", { headers: { "a b": "c" } }), TypeError);
    await assertRejects(get("http://127.0.0.1/", { timeout: 0 }), RangeError, "above 0");
    await assertRejects(get("http://127.0.0.1/", { proxy: "no proxy" }), TypeError, "Invalid URL");
    for (const method of ["A B", "", "connect", "TRACE"]) {
      const send = async () => await session.request(method, "http://127.0.0.1/");
      const text = `fetch rejects method "${method}"`;
      await assertRejects(send, TypeError, text);
    }
  });
});

// -- Credentials --

Deno.test("ClientSession sends name and password of the request, of the URL, or of the session", async () => {
  await using site = echo();
  const auth = new BasicAuth("session", "s");
  await withSession({ baseUrl: site.url, auth }, async (session) => {
    const seen = async (url: string, options: ClientRequestOptions = {}): Promise<string> => {
      const authorization = (await ask(session, url, options)).get("authorization");
      return authorization === undefined ? "" : BasicAuth.decode(authorization).login;
    };
    assertEquals(await seen("/"), "session");
    assertEquals(await seen("/", { auth: new BasicAuth("öwn", "p") }), "öwn");
    assertEquals(await seen(site.url.replace("//", "//u%40:p@")), "u@");
    assertEquals(await seen("/", { headers: { authorization: new BasicAuth("h").encode() } }), "h");
    await using other = echo();
    assertEquals(await seen(other.url), "");
    const both = { auth, headers: { authorization: "Basic x" } };
    await assertRejects(() => seen("/", both), RangeError, "Authorization");
  });
  assertThrows(() => new BasicAuth("a:b"), RangeError);
  assertThrows(() => BasicAuth.decode("Bearer x"), RangeError);
  assertThrows(() => BasicAuth.decode(`Basic ${btoa("nocolon")}`), RangeError);
  assertThrows(() => BasicAuth.decode("Basic ="), RangeError, "not in base64");
  const cases: [url: string, auth: BasicAuth | null][] = [
    ["http://h/", null],
    ["http://me@h/", new BasicAuth("me")],
    ["http://:p@h/", new BasicAuth("", "p")],
    ["http://%C3%B6wn%40:a:%25@h/", new BasicAuth("öwn@", "a:%")],
    ["http://%zz:%FF@h/", new BasicAuth("%zz", "%FF")],
  ];
  for (const [url, auth] of cases) {
    assertEquals([BasicAuth.fromUrl(url), BasicAuth.fromUrl(new URL(url))], [auth, auth]);
  }
  assertThrows(() => BasicAuth.fromUrl("http://a%3Ab@h/"), RangeError);
});

// -- What it returns --

Deno.test("ClientResponse tells what the head says", async () => {
  await using site = serve(() =>
    new Response("é", {
      status: 404,
      headers: [["content-type", 'Text/HTML; Charset="UTF-8"'], ["set-cookie", "a=1; Path=/"], [
        "set-cookie",
        "b=2",
      ]],
    })
  );
  await withSession({}, async (session) => {
    await using response = await session.get(`${site.url}x#fragment`);
    assertEquals([response.status, response.reason, response.ok], [404, "Not Found", false]);
    assertEquals([response.contentType, response.charset], ["text/html", "utf-8"]);
    assertEquals([...response.cookies], [["a", "1"], ["b", "2"]]);
    assertEquals([response.url, response.attempts], [`${site.url}x`, 1]);
    assertEquals(response.requestInfo.method, "GET");
    assertEquals([await response.text(), await response.text()], ["é", "é"]);
    assert(response.closed);
  });
});

Deno.test("ClientResponse.text() decodes by the charset, by an encoding given, else as UTF-8", async () => {
  await using site = serve((request) => {
    const type = new URL(request.url).searchParams.get("type")!;
    return new Response(Uint8Array.of(0xe9), { headers: { "content-type": type } });
  });
  await withSession({}, async (session) => {
    const text = async (type: string, encoding?: string): Promise<string> => {
      await using response = await session.get(site.url, { params: { type } });
      return await response.text(encoding === undefined ? {} : { encoding });
    };
    assertEquals(await text("text/plain; charset=latin1"), "é");
    assertEquals(await text('text/plain; a="; charset=utf-8"; charset=latin1'), "é");
    assertEquals(await text("text/plain; charset = latin1"), "é");
    assertEquals(await text("text/plain; charset=latin-1"), "é");
    assertEquals(await text("text/plain"), "\ufffd");
    assertEquals(await text("text/plain; charset=klingon"), "\ufffd");
    assertEquals(await text("text/plain; charset=utf-8", "windows-1251"), "й");
    await assertRejects(() => text("text/plain", "klingon"), RangeError);
  });
});

Deno.test("ClientResponse.json() takes JSON of any kind, and nothing else unless told", async () => {
  await using site = serve((request) => {
    const { searchParams } = new URL(request.url);
    return new Response(searchParams.get("body"), {
      headers: { "content-type": searchParams.get("type")! },
    });
  });
  await withSession({ baseUrl: site.url }, async (session) => {
    const json = async (
      type: string,
      body: string,
      contentType?: string | null,
    ): Promise<unknown> => {
      await using response = await session.get("", { params: { type, body } });
      return await response.json(contentType === undefined ? {} : { contentType });
    };
    assertEquals(await json("application/json", "[1]"), [1]);
    assertEquals(await json("application/problem+json; a=b", "[1]"), [1]);
    assertEquals(await json("text/plain", "[1]", null), [1]);
    assertEquals(await json("text/x", "[1]", "text/x"), [1]);
    assertEquals(await json("application/json", ""), null);
    const error = await assertRejects(
      () => json("text/html", "<p>"),
      ContentTypeError,
      "as JSON: its content type is text/html",
    );
    assertEquals([error.status, error.requestInfo.method], [200, "GET"]);
    await assertRejects(() => json("application/json", "{"), SyntaxError);
  });
});

Deno.test("ClientSession throws for a status of 400 and above if it is told to", async () => {
  await using site = serve(() => new Response("no", { status: 418 }));
  const limits = new TCPConnector({ limit: 1 });
  await withSession({ raiseForStatus: true, connector: limits }, async (session) => {
    const get = (options: ClientRequestOptions) => async (): Promise<number> => {
      await using response = await session.get(site.url, options);
      return response.status;
    };
    const error = await assertRejects(
      get({}),
      ClientResponseError,
      `Cannot GET ${site.url}: 418 I'm a teapot`,
    );
    assertEquals(error.status, 418);
    assertEquals(await get({ raiseForStatus: false })(), 418);
    const check = async ({ status }: { status: number }): Promise<void> => {
      await Promise.resolve();
      throw new RangeError(`own ${status}`);
    };
    await assertRejects(get({ raiseForStatus: check }), RangeError, "own 418");
    assertEquals(limits._limiter.active, 0);
  });
});

Deno.test("ClientResponse with an empty body holds no connection", async () => {
  await using site = serve((request) => {
    const status = Number(new URL(request.url).pathname.slice(1));
    return new Response(null, { status });
  });
  const connector = new TCPConnector({ limit: 1 });
  await withSession({ connector }, async (session) => {
    for (const path of ["200", "204", "205", "304"]) {
      const response = await session.get(site.url + path); // never read or closed
      assertEquals([response.status, response.closed], [Number(path), true]);
      assertEquals(await response.read(), new Uint8Array(0));
    }
    const head = await session.head(`${site.url}200`);
    assert(head.closed);
  });
});

// -- The end --

Deno.test("ClientSession refuses requests when it is closed, or its connector", async () => {
  await run(async () => {
    const session = new ClientSession();
    session.close();
    session.close();
    assert(session.closed && session.connector.closed);
    await assertRejects(
      async () => await session.get("http://127.0.0.1/"),
      RuntimeError,
      "Session is closed",
    );
    const connector = new TCPConnector();
    await using shared = new ClientSession({ connector, connectorOwner: false });
    {
      await using other = new ClientSession({ connector, connectorOwner: false });
      assert(!other.closed);
    }
    assert(!connector.closed);
    connector.close();
    await assertRejects(
      async () => await shared.get("http://127.0.0.1/"),
      RuntimeError,
      "Connector is closed",
    );
  });
});

Deno.test("ClientSession opens no connection for who waited while the connector was closed", async () => {
  await using site = echo();
  const connector = new TCPConnector({ limit: 1 });
  await withSession({ connector, connectorOwner: false }, async (session) => {
    const first = await session.get(site.url);
    const waiting = createTask(async () => await session.get(site.url));
    await sleep(0);
    connector.close();
    await first.read();
    await assertRejects(async () => await waiting, RuntimeError, "Connector is closed");
    assertEquals(connector._limiter.active, 0);
  });
});

Deno.test("ClientSession.close() ends what is under way", async () => {
  await using silent = RawSite.stuckAfter("");
  await using half = RawSite.stuckAfter("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
  await run(async () => {
    const session = new ClientSession();
    const asked = session.get(silent.url).then(() => {}, (error) => error);
    const response = await session.get(half.url);
    const read = response.read().then(() => {}, (error) => error);
    session.close();
    for (const error of [await asked, await read]) {
      assert(error instanceof ClientConnectionError, String(error));
      assert(error.message.endsWith("Session is closed"));
    }
  });
});

Deno.test("ClientSession leaves its options as they were", async () => {
  await using site = echo();
  const data: [string, string][] = [["a", "b"]];
  const options: ClientRequestOptions = { data, params: { a: "b" }, headers: { a: "b" } };
  const before = JSON.stringify(options);
  const url = new URL(site.url);
  await withSession({}, async (session) => {
    await using response = await session.post(url, options);
    await response.read();
  });
  assertEquals([JSON.stringify(options), url.href], [before, site.url]);
});

Deno.test("ClientSession() throws at once for options that can't be", () => {
  assertThrows(() => new ClientSession({ baseUrl: "x" }), TypeError);
  const path = "http://127.0.0.1/api";
  assertThrows(() => new ClientSession({ baseUrl: path }), RangeError, '"/api" has no slash');
  assertThrows(() => new ClientSession({ timeout: -1 }), RangeError, 'timeout "total"');
  assertThrows(() => new ClientSession({ cookies: { a: "b" } }), TypeError, "baseUrl");
  assertThrows(() => new TCPConnector({ limit: -1 }), RangeError, "limit must be >= 0");
  assertThrows(() => new TCPConnector({ cert: "x" }), RangeError, "cert and key go together");
  const both = { forceClose: true, keepaliveTimeout: 5 };
  assertThrows(
    () => new TCPConnector(both),
    RangeError,
    "forceClose and keepaliveTimeout exclude each other",
  );
});

Deno.test("ClientSession reads an answer that comes before its body was sent", async () => {
  await using site = RawSite.saying(answer("413 Too Large", "too large"));
  let stopped = false;
  await withSession({}, async (session) => {
    const data = async function* (): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield new Uint8Array(10);
      } finally {
        stopped = true;
      }
    };
    try {
      await using response = await session.post(site.url, { data });
      assertEquals(response.status, 413);
    } catch (error) {
      // The server has hung up; it is up to the runtime whether its answer is seen before that.
      assert(error instanceof ClientConnectionError, String(error));
    }
  });
  assert(stopped);
});
