/**
 * Middlewares of sessions: their order, retries, logging, digests; and tracing.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { CancelledError, createTask, gather, run, sleep } from "@aio/asyncio/loop";
import {
  ClientConnectionError,
  ClientSession,
  digestAuthMiddleware,
  loggingMiddleware,
  retryMiddleware,
  ServerDisconnectedError,
  ServerTimeoutError,
  TCPConnector,
} from "@aio/asyncio/http";
import type { ClientMiddleware, RetryEvent, TraceConfig } from "@aio/asyncio/http";
import { asHeader, headerText } from "../../http/_header_text.ts";
import {
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertThrows,
} from "../_support/assert.ts";
import { later, RawSite, serve, withSession } from "./_client_servers.ts";
import type { Site } from "./_client_servers.ts";

// -- Order --

Deno.test("ClientSession runs its middlewares outermost first, for each redirect anew", async () => {
  await using site = serve((request) =>
    new URL(request.url).pathname === "/"
      ? new Response(null, { status: 302, headers: { location: "/end" } })
      : new Response(request.headers.get("x-seen"))
  );
  const seen: string[] = [];
  const named = (name: string): ClientMiddleware => async (request, handler) => {
    seen.push(`${name} ${request.url.pathname}`);
    request.headers.append("x-seen", name);
    const response = await handler(request);
    seen.push(`${name} ${response.status}`);
    return response;
  };
  const generator: ClientMiddleware = function* (request, handler) {
    seen.push("generator");
    return yield* handler(request);
  };
  await withSession({ middlewares: [named("a"), generator, named("b")] }, async (session) => {
    await using response = await session.get(site.url);
    assertEquals(await response.text(), "a, b, a, b");
    const once = ["a 302", "b 302"];
    const ends = ["a /end", "generator", "b /end", "b 200", "a 200"];
    assertEquals(seen, ["a /", "generator", "b /", ...once.toReversed(), ...ends]);
    seen.length = 0;
    await using own = await session.get(`${site.url}end`, { middlewares: [named("own")] });
    assertEquals([await own.text(), seen], ["own", ["own /end", "own 200"]]);
  });
});

Deno.test("ClientSession closes what a middleware leaves open, and takes only responses", async () => {
  await using site = serve(() => new Response(new Blob(["x"]).stream()));
  const connector = new TCPConnector({ limit: 2 });
  const twice: ClientMiddleware = async (request, handler) => {
    await handler(request);
    return await handler(request);
  };
  // deno-lint-ignore no-explicit-any -- a wrong type is what this is about
  const wrong: any = async () => await Promise.resolve("text");
  await withSession({ connector, middlewares: [twice] }, async (session) => {
    await using response = await session.get(site.url);
    assertEquals(connector._limiter.active, 1);
    assertEquals([await response.text(), connector._limiter.active], ["x", 0]);
    const get = async (): Promise<unknown> => await session.get(site.url, { middlewares: [wrong] });
    await assertRejects(get, TypeError, "a middleware returned text");
  });
});

Deno.test("ClientSession ends a call whose middleware answers with the response of another", async () => {
  await using site = serve(() => new Response("x"));
  const ended: unknown[] = [];
  const config: TraceConfig = { onRequestEnd: ({ context }) => ended.push(context.id) };
  await withSession({ traceConfigs: [config] }, async (session) => {
    const kept = await session.get(site.url, { traceContext: { id: "kept" } });
    const answer: ClientMiddleware = async (request, handler) => {
      await handler(request);
      return kept;
    };
    const options = { middlewares: [answer], traceContext: { id: "asked" } };
    const response = await session.get(site.url, options);
    assertEquals([response === kept, ended], [true, ["asked"]]);
    assertEquals(await kept.text(), "x");
  });
});

// -- Retrying --

/** Answers with these statuses, one after another, then always with the last one. */
function statuses(...all: number[]): Site & { readonly seen: string[] } {
  const seen: string[] = [];
  const site = serve(async (request) => {
    seen.push(`${request.method} ${await request.text()}`.trim());
    const status = all.length > 1 ? all.shift()! : all[0]!;
    return new Response(`${status}`, {
      status,
      headers: status === 429 ? { "retry-after": "3600" } : {},
    });
  });
  return { ...site, seen, [Symbol.asyncDispose]: () => site[Symbol.asyncDispose]() };
}

const noDelay = { backoff: (): number => 0 };

Deno.test("retryMiddleware() makes a request again, and says so", async () => {
  await using site = statuses(503, 502, 200);
  const events: RetryEvent[] = [];
  const backoff = (attempt: number): number => attempt / 1e6;
  const retry = retryMiddleware({ backoff, onRetry: (event) => void events.push(event) });
  const connector = new TCPConnector({ limit: 1 });
  await withSession({ middlewares: [retry], connector }, async (session) => {
    await using response = await session.put(site.url, { data: "body" });
    assertEquals([await response.text(), response.attempts], ["200", 3]);
  });
  assertEquals(site.seen, ["PUT body", "PUT body", "PUT body"]);
  assertEquals(events.map(({ attempt, delay, response }) => [attempt, delay, response!.status]), [
    [1, 1e-6, 503],
    [2, 2e-6, 502],
  ]);
});

Deno.test("retryMiddleware() gives up after its attempts, with the last response or error", async () => {
  await using busy = statuses(503);
  await using closing = RawSite.saying("");
  const events: unknown[] = [];
  const onRetry = ({ exception }: RetryEvent): void => void events.push(exception);
  await withSession(
    { middlewares: [retryMiddleware({ ...noDelay, onRetry })] },
    async (session) => {
      await using response = await session.get(busy.url);
      assertEquals([response.status, response.attempts, busy.seen.length], [503, 3, 3]);
      events.length = 0;
      await assertRejects(async () => await session.get(closing.url), ServerDisconnectedError);
      assertEquals([closing.connections, events.length], [3, 2]);
      assertInstanceOf(events[0], ServerDisconnectedError);
    },
  );
});

Deno.test("retryMiddleware() repeats nothing that is not idempotent, a stream, or no passing trouble", async () => {
  await using busy = statuses(503);
  await using missing = statuses(404);
  await using limited = statuses(429);
  const stream = async function* (): AsyncGenerator<string> {
    yield "x";
  };
  await withSession({ middlewares: [retryMiddleware(noDelay)] }, async (session) => {
    const attempts = async (
      ...[method, url, options]: Parameters<typeof session.request>
    ): Promise<number> => {
      await using response = await session.request(method, url, options);
      return response.attempts;
    };
    assertEquals(await attempts("POST", busy.url), 1);
    assertEquals(await attempts("PATCH", busy.url), 1);
    assertEquals(await attempts("PUT", busy.url, { data: stream() }), 1);
    assertEquals(await attempts("PUT", busy.url, { data: stream }), 3);
    assertEquals(await attempts("DELETE", busy.url), 3);
    assertEquals(await attempts("GET", missing.url), 1);
    assertEquals(await attempts("GET", limited.url), 1); // the server asks for an hour
    const promised = [retryMiddleware({ ...noDelay, methods: ["post"], attempts: 2 })];
    assertEquals(await attempts("POST", busy.url, { middlewares: promised }), 2);
    await assertRejects(() => attempts("GET", "http://127.0.0.1:1/"), ClientConnectionError);
  });
  assertThrows(() => retryMiddleware({ attempts: 0 }), RangeError);
});

Deno.test("retryMiddleware() ends with the total timeout, and with a cancellation", async () => {
  await using busy = statuses(503);
  const retry = retryMiddleware({ backoff: () => 3600, attempts: 10 });
  await withSession({ middlewares: [retry] }, async (session) => {
    const error = await assertRejects(
      async () => await session.get(busy.url, { timeout: 0.05 }),
      ServerTimeoutError,
    );
    assertEquals(error.phase, "total");
    const task = createTask(async () => await session.get(busy.url));
    await sleep(0.001);
    task.cancel();
    await assertRejects(async () => await task, CancelledError);
  });
});

Deno.test("nothing is made again without retryMiddleware()", async () => {
  await using closing = RawSite.saying("");
  await withSession({}, async (session) => {
    await assertRejects(async () => await session.get(closing.url), ServerDisconnectedError);
  });
  assertEquals(closing.connections, 1);
});

// -- Logging --

Deno.test("loggingMiddleware() writes what came of a request, without its query", async () => {
  await using site = statuses(200, 404);
  await using closing = RawSite.saying("");
  const lines: string[] = [];
  const logging = loggingMiddleware({ log: (line) => lines.push(line) });
  await withSession({ middlewares: [logging] }, async (session) => {
    for (const url of [`${site.url}?token=secret`, site.url]) {
      await (await session.get(url)).release();
    }
    await assertRejects(async () => await session.get(`${closing.url}?secret`));
  });
  assertMatch(lines[0]!, new RegExp(`^GET ${site.url} 200 in \\d+ ms$`));
  assertMatch(lines[1]!, / 404 in /);
  assertMatch(lines[2]!, / ServerDisconnectedError: Cannot reach .* in \d+ ms$/);
  assertEquals(lines.filter((line) => line.includes("secret")), []);
});

// -- Digests --

for (const algorithm of ["MD5", "SHA-256", "SHA-256-sess", undefined]) {
  Deno.test(`digestAuthMiddleware() answers a challenge of ${algorithm ?? "no algorithm"}`, async () => {
    const hashName = (algorithm ?? "MD5").replace("-sess", "").replace("SHA-", "sha").toLowerCase();
    const hash = (text: string): string => createHash(hashName).update(text).digest("hex");
    const seen: string[] = [];
    await using site = serve((request) => {
      const header = request.headers.get("authorization") ?? "";
      const value = (key: string): string =>
        new RegExp(`\\b${key}="?([^",]*)`).exec(header)?.[1] ?? "";
      seen.push(value("nc"));
      let a1 = hash(`me:the "realm":secret`);
      if (algorithm?.endsWith("-sess")) a1 = hash(`${a1}:n0nce:${value("cnonce")}`);
      const { pathname, search } = new URL(request.url);
      const a2 = hash(`${request.method}:${pathname}${search}`);
      const expected = hash(`${a1}:n0nce:${value("nc")}:${value("cnonce")}:auth:${a2}`);
      if (value("response") === expected && value("opaque") === "0paque") return new Response("in");
      const parts = [
        `realm="the \\"realm\\""`,
        'nonce="n0nce"',
        'qop="auth,auth-int"',
        'opaque="0paque"',
      ];
      if (algorithm !== undefined) parts.push(`algorithm=${algorithm}`);
      return new Response("out", {
        status: 401,
        headers: { "www-authenticate": `Basic realm="x", Digest ${parts.join(", ")}` },
      });
    });
    await withSession({ middlewares: [digestAuthMiddleware("me", "secret")] }, async (session) => {
      for (const path of ["a?b=c", "d"]) {
        await using response = await session.get(site.url + path);
        assertEquals(await response.text(), "in");
      }
      const wrong = [digestAuthMiddleware("me", "wrong")];
      await using refused = await session.get(site.url, { middlewares: wrong });
      assertEquals([refused.status, refused.attempts], [401, 2]);
    });
    assertEquals(seen.slice(0, 3), ["", "00000001", "00000002"]);
  });
}

/** A server that asks for a digest, and records the names in the digests it gets. */
function asking(challenge: string): Site & { readonly names: string[] } {
  const names: string[] = [];
  const site = serve((request) => {
    const { searchParams } = new URL(request.url);
    const to = searchParams.get("to");
    if (to !== null) return new Response("", { status: 302, headers: { location: to } });
    const header = headerText(request.headers.get("authorization") ?? "");
    names.push(/username="([^"]*)"/.exec(header)?.[1] ?? "");
    if (header !== "") return new Response("in");
    return new Response("", { status: 401, headers: { "www-authenticate": asHeader(challenge) } });
  });
  return { ...site, names };
}

const CHALLENGE = 'Digest realm="r", nonce="n", qop="auth"';

Deno.test("digestAuthMiddleware() answers no other server than the first", async () => {
  await using site = asking(CHALLENGE);
  await using other = asking(CHALLENGE);
  await withSession({ middlewares: [digestAuthMiddleware("me", "secret")] }, async (session) => {
    await using response = await session.get(`${site.url}?to=${other.url}`);
    assertEquals([response.status, other.names], [401, [""]]);
    await using own = await session.get(site.url);
    assertEquals([own.status, site.names], [200, ["", "me"]]);
  });
});

Deno.test("digestAuthMiddleware() answers each of several requests that are asked at a time", async () => {
  const counts: string[] = [];
  const both = later();
  let waiting = 0;
  await using site = serve(async ({ headers }) => {
    const count = /nc=(\d+)/.exec(headers.get("authorization") ?? "")?.[1];
    if (count === undefined) {
      if (++waiting === 2) both.resolve();
      await both.promise;
      return new Response("", { status: 401, headers: { "www-authenticate": CHALLENGE } });
    }
    counts.push(count);
    return new Response("in");
  });
  await withSession({ middlewares: [digestAuthMiddleware("me", "secret")] }, async (session) => {
    const get = async (): Promise<number> => (await session.get(site.url)).status;
    assertEquals(await gather([get, get]), [200, 200]);
  });
  assertEquals(counts.sort(), ["00000001", "00000002"]);
});

Deno.test("digestAuthMiddleware() sends names in UTF-8, and understands realms in it", async () => {
  const hash = (text: string): string => createHash("md5").update(text).digest("hex");
  await using site = serve(({ headers }) => {
    const header = headerText(headers.get("authorization") ?? "");
    const a1 = hash("日本:Reich für alle:geheim");
    if (header.includes(`response="${hash(`${a1}:n:${hash("GET:/")}`)}"`)) {
      return new Response("in");
    }
    const challenge = asHeader('Digest realm="Reich für alle", nonce="n"');
    return new Response("", { status: 401, headers: { "www-authenticate": challenge } });
  });
  await withSession({ middlewares: [digestAuthMiddleware("日本", "geheim")] }, async (session) => {
    await using response = await session.get(site.url);
    assertEquals(response.status, 200);
  });
});

// -- Tracing --

/** Records all events of a request. */
function recorder(): { config: TraceConfig; seen: string[] } {
  const seen: string[] = [];
  const names = [
    "onRequestStart",
    "onConnectionQueuedStart",
    "onConnectionQueuedEnd",
    "onRequestChunkSent",
    "onResponseHeaders",
    "onResponseChunkReceived",
    "onRequestRedirect",
    "onRequestEnd",
    "onRequestException",
  ] as const;
  const config = Object.fromEntries(names.map((name) => [name, (event: Record<string, unknown>) => {
    const { pathname } = new URL(event.url as string);
    const detail = event.status ?? event.size ?? (event.exception as Error | undefined)?.name ?? "";
    const { id = "" } = event.context as { id?: string };
    seen.push(`${name.slice(2)} ${pathname} ${detail} ${id}`.trim().replaceAll("  ", " "));
  }]));
  return { config, seen };
}

Deno.test("TraceConfig sees each step of a request, its redirects included", async () => {
  await using site = serve(async (request) => {
    await request.text();
    const { pathname } = new URL(request.url);
    if (pathname === "/a") return new Response(null, { status: 307, headers: { location: "/b" } });
    return new Response("hello");
  });
  const { config, seen } = recorder();
  await withSession({ traceConfigs: [config] }, async (session) => {
    const data = async function* (): AsyncGenerator<string> {
      yield "abc";
    };
    const options = { data, traceContext: { id: "#1" } };
    await using response = await session.post(`${site.url}a`, options);
    await response.read();
  });
  assertEquals(seen, [
    "RequestStart /a #1",
    "RequestChunkSent /a 3 #1",
    "ResponseHeaders /a 307 #1",
    "RequestEnd /a #1",
    "RequestRedirect /a 307 #1",
    "RequestStart /b #1",
    "RequestChunkSent /b 3 #1",
    "ResponseHeaders /b 200 #1",
    "ResponseChunkReceived /b 5 #1",
    "RequestEnd /b #1",
  ]);
});

Deno.test("TraceConfig sees waits for a connection, and what fails", async () => {
  await using site = serve(() => new Response("hello"));
  await using broken = RawSite.saying("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
  const { config, seen } = recorder();
  const connector = new TCPConnector({ limit: 1 });
  await withSession({ traceConfigs: [config], connector }, async (session) => {
    const first = await session.get(`${site.url}first`);
    const second = createTask(async () => await session.get(`${site.url}second`));
    await sleep(0);
    await first.read();
    await (await second).read();
    await using response = await session.get(broken.url);
    await assertRejects(async () => await response.read());
  });
  assertEquals(seen.filter((line) => /second|Exception/.test(line)), [
    "RequestStart /second",
    "ConnectionQueuedStart /second",
    "ConnectionQueuedEnd /second",
    "ResponseHeaders /second 200",
    "ResponseChunkReceived /second 5",
    "RequestEnd /second",
    "RequestException / ClientPayloadError",
  ]);
});

Deno.test("TraceConfig does a request no harm when a callback throws: that is reported", async () => {
  await using site = serve(() => new Response("hello"));
  const reported: unknown[] = [];
  await run(async () => {
    const { getRunningLoop } = await import("@aio/asyncio/loop");
    getRunningLoop().setExceptionHandler((_loop, { exception }) => void reported.push(exception));
    const config: TraceConfig = {
      onRequestStart: () => {
        throw new RangeError("trace");
      },
    };
    await using session = new ClientSession({ traceConfigs: [config] });
    await using response = await session.get(site.url);
    assertEquals(await response.text(), "hello");
  });
  assertEquals(reported.map(String), ["RangeError: trace"]);
});

Deno.test("TraceConfig gets an exception for a request that is cancelled, once", async () => {
  const arrived = later();
  await using site = new RawSite(async (conn) => {
    await conn.head();
    arrived.resolve();
    await conn.left();
  });
  const { config, seen } = recorder();
  await withSession({ traceConfigs: [config] }, async (session) => {
    const task = createTask(async () => await session.get(site.url));
    await arrived.promise;
    task.cancel();
    await assertRejects(async () => await task, CancelledError);
  });
  assertEquals(seen, ["RequestStart /", "RequestException / CancelledError"]);
});

Deno.test("TraceConfig gets each end once, also where it closes the session for it", async () => {
  await using half = RawSite.stuckAfter("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
  for (const [end, event] of [["fails", "RequestException"], ["ends", "RequestEnd"]] as const) {
    const { config, seen } = recorder();
    const close = (): void => session.close();
    const closing: TraceConfig = { [`on${event}`]: close };
    const timeout = { idleRead: 0.01 };
    await using session = new ClientSession({ traceConfigs: [config, closing] });
    await run(async () => {
      const first = await session.get(`${half.url}first`, { timeout });
      await session.get(`${half.url}second`);
      if (end === "ends") await first.release();
      else await assertRejects(async () => await first.read(), ServerTimeoutError);
    });
    assertEquals(seen.filter((line) => /^Request(?!Start)/.test(line)), [
      end === "ends" ? "RequestEnd /first" : "RequestException /first TimeoutError",
      "RequestException /second ClientConnectionError",
    ]);
  }
});
