/**
 * How ClientSession follows redirects.
 *
 * @module
 */

import {
  BasicAuth,
  ClientPayloadError,
  InvalidURL,
  InvalidUrlRedirectClientError,
  TCPConnector,
  TooManyRedirects,
} from "@aio/asyncio/http";
import type { ClientRequestOptions } from "@aio/asyncio/http";
import { assert, assertEquals, assertRejects } from "../_support/assert.ts";
import { answer, RawSite, serve, withSession } from "./_client_servers.ts";
import type { Site } from "./_client_servers.ts";

/** A server that redirects `/301/…` and its like; all other paths echo the request. */
function redirecting(): Site {
  return serve(async (request) => {
    const { pathname, search } = new URL(request.url);
    const [, status, target] = /^\/(3\d\d)\/(.*)$/.exec(pathname) ?? [];
    if (status !== undefined) {
      await request.body?.cancel();
      const location = decodeURIComponent(target!) + search;
      return new Response("elsewhere", { status: Number(status), headers: { location } });
    }
    const { method, headers } = request;
    const text = await request.text();
    return Response.json({ method, path: pathname + search, text, headers: [...headers] });
  });
}

interface Seen {
  method: string;
  path: string;
  text: string;
  headers: Map<string, string>;
}

function see(url: string, options: ClientRequestOptions = {}, method = "GET"): Promise<Seen> {
  return withSession({}, async (session) => {
    await using response = await session.request(method, url, options);
    const seen = await response.json<Seen & { headers: [string, string][] }>();
    return { ...seen, headers: new Map(seen.headers) };
  });
}

const methods: [status: number, method: string, becomes: string, text: string][] = [
  [301, "POST", "GET", ""],
  [302, "POST", "GET", ""],
  [303, "POST", "GET", ""],
  [307, "POST", "POST", "body"],
  [308, "POST", "POST", "body"],
  [301, "PUT", "PUT", "body"],
  [302, "DELETE", "DELETE", "body"],
  [303, "PUT", "GET", ""],
  [307, "PATCH", "PATCH", "body"],
];

for (const [status, method, becomes, text] of methods) {
  Deno.test(`ClientSession makes a ${becomes} of a ${method} when a ${status} redirects it`, async () => {
    await using site = redirecting();
    const headers = { "content-language": "tlh", "x-kept": "1" };
    const seen = await see(`${site.url}${status}/%2Fend`, { data: "body", headers }, method);
    assertEquals([seen.method, seen.path, seen.text], [becomes, "/end", text]);
    assertEquals(seen.headers.has("content-language"), text !== "");
    assertEquals(seen.headers.has("content-type"), text !== "");
    assertEquals(seen.headers.get("x-kept"), "1");
  });
}

Deno.test("ClientSession keeps the redirects in history, and frees their places", async () => {
  await using site = redirecting();
  const connector = new TCPConnector({ limit: 1 });
  await withSession({ connector }, async (session) => {
    await using response = await session.get(`${site.url}302/%2F307%2F%252Fend`);
    assertEquals(response.history.map(({ status }) => status), [302, 307]);
    assertEquals(response.history.map(({ url }) => new URL(url).pathname), [
      "/302/%2F307%2F%252Fend",
      "/307/%2Fend",
    ]);
    assertEquals(response.url, `${site.url}end`);
    assert(response.history.every(({ closed }) => closed));
    await response.read();
    const head = await session.head(`${site.url}302/%2Fend`);
    assertEquals([head.status, head.history.length], [302, 0]);
    await head.release();
    const followed = await session.head(`${site.url}302/%2Fend`, { allowRedirects: true });
    assertEquals([followed.status, followed.method, followed.history.length], [200, "HEAD", 1]);
    await using raw = await session.get(`${site.url}302/%2Fend`, { allowRedirects: false });
    assertEquals([raw.status, raw.headers.get("location")], [302, "/end"]);
  });
});

Deno.test("ClientSession returns a redirect that says no place, and statuses that are none", async () => {
  await using site = serve((request) => {
    const status = Number(new URL(request.url).pathname.slice(1));
    const headers: HeadersInit = status === 302 ? {} : { location: status === 307 ? "" : "/x" };
    return new Response(null, { status, headers });
  });
  await withSession({}, async (session) => {
    for (const status of [302, 307, 300, 304, 201]) {
      await using response = await session.get(`${site.url}${status}`);
      assertEquals([response.status, response.history.length], [status, 0]);
    }
  });
});

Deno.test("ClientSession throws TooManyRedirects after as many as it may follow", async () => {
  await using site = redirecting();
  await using circle = serve(() => new Response(null, { status: 302, headers: { location: "/" } }));
  const connector = new TCPConnector({ limit: 1 });
  await withSession({ connector }, async (session) => {
    const url = `${site.url}302/%2F302%2F%252Fend`;
    await using response = await session.get(url, { maxRedirects: 2 });
    assertEquals(response.history.length, 2);
    await response.read();
    const error = await assertRejects(
      async () => await session.get(url, { maxRedirects: 1 }),
      TooManyRedirects,
      `Cannot follow redirects of ${url}: more than 1`,
    );
    assertEquals([error.history.length, error.status], [2, 302]);
    const all = await assertRejects(async () => await session.get(circle.url), TooManyRedirects);
    assertEquals(all.history.length, 11);
    await assertRejects(async () => await session.get(url, { maxRedirects: 0 }), TooManyRedirects);
    assertEquals(connector._limiter.active, 0);
  });
});

Deno.test("ClientSession takes what proves who asks to no other origin", async () => {
  await using home = redirecting();
  await using away = redirecting();
  const options: ClientRequestOptions = {
    auth: new BasicAuth("me", "secret"),
    cookies: { own: "1" },
    headers: { cookie: "explicit=1", "proxy-authorization": "Basic x", "x-kept": "1" },
  };
  const here = await see(`${home.url}302/%2Fend`, options);
  assertEquals(here.headers.get("authorization"), options.auth!.encode());
  assertEquals(here.headers.get("cookie"), "explicit=1, own=1".replace(", ", "; "));
  const there = await see(`${home.url}302/${encodeURIComponent(`${away.url}end`)}`, options);
  assertEquals(there.headers.has("authorization"), false);
  assertEquals(there.headers.has("cookie"), false);
  assertEquals(there.headers.has("proxy-authorization"), false);
  assertEquals(there.headers.get("x-kept"), "1");
  // A redirect back does not restore them.
  const back = encodeURIComponent(`${away.url}302/${encodeURIComponent(`${home.url}end`)}`);
  const again = await see(`${home.url}302/${back}`, options);
  assertEquals([again.path, again.headers.has("authorization")], ["/end", false]);
  const withAuth = encodeURIComponent(`${away.url.replace("//", "//new:pw@")}end`);
  const named = await see(`${home.url}302/${withAuth}`, options);
  assertEquals(BasicAuth.decode(named.headers.get("authorization")!).login, "new");
});

Deno.test("ClientSession gives no cookies of the jar to hosts that they are not for", async () => {
  await using site = serve((request) => {
    const { pathname, port } = new URL(request.url);
    if (pathname !== "/start") return new Response(request.headers.get("cookie"));
    const location = `http://localhost:${port}/`;
    return new Response(null, { status: 302, headers: { location, "set-cookie": "a=1; Path=/" } });
  });
  await withSession({}, async (session) => {
    await using away = await session.get(`${site.url}start`);
    assertEquals(await away.text(), "");
    await using home = await session.get(site.url);
    assertEquals(await home.text(), "a=1");
  });
});

Deno.test("ClientSession repeats a body that a function gives, and no stream", async () => {
  await using site = redirecting();
  const data = async function* (): AsyncGenerator<string> {
    yield "again";
  };
  const url = `${site.url}307/%2Fend`;
  assertEquals((await see(url, { data }, "POST")).text, "again");
  const error = await assertRejects(
    () => see(url, { data: data() }, "POST"),
    ClientPayloadError,
    "the body is a stream",
  );
  assertEquals(
    error.message.startsWith(`Cannot follow redirect of ${url} to ${site.url}end: `),
    true,
  );
});

Deno.test("ClientSession throws for a place that is no URL of HTTP", async () => {
  for (
    const [location, state] of [["http://[bad", "it is not a URL"], [
      "ftp://x/",
      "Url scheme 'ftp' not supported",
    ]]
  ) {
    await using site = RawSite.saying(answer(`302 Found\r\nLocation: ${location}`));
    const error = await assertRejects(() => see(site.url), InvalidUrlRedirectClientError, state);
    assertEquals(error instanceof InvalidURL, true);
    assertEquals(error.message, `Cannot follow redirect of ${site.url} to "${location}": ${state}`);
  }
  const refused = [
    ["http://a%3Ab:secret@127.0.0.1/", '":" is not allowed'],
    ["http://me:secret@[bad/", '"http://[bad/": it is not a URL'],
    ["ftp://me:secret@x/", "\"ftp://x/\": Url scheme 'ftp' not supported"],
  ];
  for (const [location, state] of refused) {
    await using site = RawSite.saying(answer(`302 Found\r\nLocation: ${location}`));
    const error = await assertRejects(() => see(site.url), InvalidURL, state);
    assert(!error.message.includes("secret"), error.message);
  }
});

for (
  const [name, rest] of [
    ["breaks off", "Content-Length: 9\r\n\r\nhalf"],
    ["is badly compressed", "Content-Length: 4\r\nContent-Encoding: gzip\r\n\r\nhalf"],
  ] as const
) {
  Deno.test(`ClientSession follows a redirect whose body ${name}, as aiohttp does`, async () => {
    await using end = redirecting();
    const head = `HTTP/1.1 302 Found\r\nLocation: ${end.url}end\r\n`;
    await using site = RawSite.saying(head + rest);
    assertEquals((await see(site.url)).path, "/end");
  });
}

Deno.test("ClientSession follows a redirect whose body never comes, as aiohttp does", async () => {
  await using end = redirecting();
  const head = `HTTP/1.1 302 Found\r\nLocation: ${end.url}end\r\nContent-Length: 9\r\n\r\n`;
  await using site = RawSite.stuckAfter(head);
  assertEquals((await see(site.url)).path, "/end");
});

Deno.test("ClientSession uses the connection of a redirect again", async () => {
  await using site = new RawSite(async (conn) => {
    await conn.head();
    await conn.write("HTTP/1.1 302 Found\r\nLocation: /end\r\nContent-Length: 4\r\n\r\nover");
    await conn.head();
    await conn.write(answer("200 OK", "there"));
  });
  await withSession({}, async (session) => {
    await using response = await session.get(site.url);
    assertEquals([await response.text(), site.connections], ["there", 1]);
  });
});

Deno.test("ClientSession follows a place that is written in UTF-8, and keeps the fragment", async () => {
  await using end = serve((request) =>
    Response.json({ path: new URL(request.url).pathname, headers: [] })
  );
  await using site = RawSite.saying(answer(`302 Found\r\nLocation: ${end.url}gr%C3%BC%C3%9Fe/ß`));
  const { path } = await see(`${site.url}#part`);
  assertEquals(decodeURI(path), "/grüße/ß");
});
