/**
 * request(): a session for one response, with which it ends.
 *
 * @module
 */

import { run } from "@aio/asyncio/loop";
import {
  ClientConnectionError,
  ClientPayloadError,
  request,
  ServerTimeoutError,
  TCPConnector,
} from "@aio/asyncio/http";
import { assertEquals, assertRejects } from "../_support/assert.ts";
import { answer, later, RawSite, serve } from "./_client_servers.ts";

const HEAD = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";

Deno.test("request() gives a response whose connection is closed when it was read", async () => {
  const [next, left] = [later(), later()];
  await using site = new RawSite(async (conn) => {
    await conn.head();
    await conn.write(`${HEAD}hello`);
    await next.promise;
    await conn.write("world");
    await conn.left();
    left.resolve();
  });
  await run(async () => {
    const response = await request("GET", site.url);
    next.resolve();
    assertEquals(await response.text(), "helloworld");
    await left.promise;
  });
});

Deno.test("request() gives a response whose connection is closed when it is given up", async () => {
  const left = later();
  await using site = new RawSite(async (conn) => {
    await conn.head();
    await conn.write(`${HEAD}hello`);
    await conn.left();
    left.resolve();
  });
  await run(async () => {
    {
      await using response = await request("GET", site.url);
      assertEquals(response.status, 200);
    }
    await left.promise;
  });
});

Deno.test("request() sends what its options say, and cookies along redirects", async () => {
  await using site = serve(async (incoming) => {
    const { pathname, search } = new URL(incoming.url);
    if (pathname === "/end") return Response.json(incoming.headers.get("cookie"));
    const headers = { location: "/end", "set-cookie": `seen=${await incoming.text()}${search}` };
    return new Response(null, { status: 303, headers });
  });
  await run(function* () {
    const response = yield* request("POST", site.url, { params: { a: 1 }, data: "data" });
    assertEquals(yield* response.json(), "seen=data?a=1");
    assertEquals(response.history.length, 1);
  });
});

Deno.test("request() throws what goes wrong, before the response and after it", async () => {
  await using short = RawSite.saying(`${HEAD}hello`);
  await using stuck = RawSite.stuckAfter(`${HEAD}hello`);
  const { port } = stuck;
  await run(async () => {
    const refused = async (): Promise<unknown> => await request("GET", "http://127.0.0.1:1/");
    await assertRejects(refused, ClientConnectionError);
    const response = await request("GET", short.url);
    await assertRejects(async () => await response.text(), ClientPayloadError);
    const timeout = { idleRead: 0.01 };
    const slow = await request("GET", `http://127.0.0.1:${port}/`, { timeout });
    await assertRejects(async () => await slow.text(), ServerTimeoutError);
  });
});

Deno.test("request() leaves a connector open that it was given", async () => {
  await using site = RawSite.saying(answer("200 OK", "hello"));
  await run(async () => {
    await using connector = new TCPConnector();
    for (let i = 0; i < 2; i++) {
      await using response = await request("GET", site.url, { connector });
      assertEquals(await response.text(), "hello");
    }
    assertEquals(connector.closed, false);
  });
});
