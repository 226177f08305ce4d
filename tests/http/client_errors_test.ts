/**
 * ClientSession against servers that break the rules, hang up, or do not exist.
 *
 * @module
 */

import {
  ClientConnectionError,
  ClientConnectorDNSError,
  ClientConnectorError,
  type ClientError,
  ClientPayloadError,
  InvalidURL,
  ServerDisconnectedError,
  TCPConnector,
} from "@aio/asyncio/http";
import type { RequestData } from "@aio/asyncio/http";
import { assert, assertEquals, assertInstanceOf, assertRejects } from "../_support/assert.ts";
import { RawSite, withSession } from "./_client_servers.ts";

const OK = "HTTP/1.1 200 OK\r\n";

type Case = [
  name: string,
  answer: string | Uint8Array,
  errorClass: typeof ClientError,
  text: RegExp,
];

const noResponse: Case[] = [
  [
    "says nothing",
    "",
    ServerDisconnectedError,
    /server disconnected without an answer, or closed an idle/,
  ],
  ["stops within its head", `${OK}Content-Le`, ServerDisconnectedError, /server disconnected/],
  ["says garbage", "\0\xff garbage\r\n\r\n", ClientConnectionError, /invalid HTTP version/],
  ["speaks of no status", "HTTP/1.1 abc OK\r\n\r\n", ClientConnectionError, /invalid HTTP status/],
  ["has a malformed header", `${OK}a b: c\r\n\r\n`, ClientConnectionError, /invalid HTTP header/],
  [
    "has two lengths",
    `${OK}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`,
    ClientConnectionError,
    /content-length/,
  ],
  [
    "has no length that is one",
    `${OK}Content-Length: -1\r\n\r\n`,
    ClientConnectionError,
    /content-length/,
  ],
  [
    "has an endless head",
    `${OK}X: ${"a".repeat(600_000)}\r\n\r\n`,
    ClientConnectionError,
    /too large/,
  ],
  [
    "speaks TLS",
    Uint8Array.of(21, 3, 1, 0, 2, 2, 40),
    ClientConnectionError,
    /invalid HTTP version/,
  ],
];

for (const [name, answer, errorClass, text] of noResponse) {
  Deno.test(`ClientSession throws a ${errorClass.name} when a server ${name}`, async () => {
    await using site = RawSite.saying(answer);
    const connector = new TCPConnector({ limit: 1 });
    await withSession({ connector }, async (session) => {
      const error = await assertRejects(async () => await session.get(site.url), errorClass);
      assert(text.test(error.message), error.message);
      assert(error.message.startsWith(`Cannot reach ${site.url}: `), error.message);
      assertEquals(error.name, errorClass.name);
      assertInstanceOf(error.cause, TypeError);
      assertEquals(connector._limiter.active, 0);
    });
  });
}

const broken: Case[] = [
  [
    "stops before its length",
    `${OK}Content-Length: 100\r\n\r\nhalf`,
    ClientPayloadError,
    /error reading a body/,
  ],
  [
    "stops within a chunk",
    `${OK}Transfer-Encoding: chunked\r\n\r\n10\r\nhalf`,
    ClientPayloadError,
    /error reading a body/,
  ],
  [
    "has no size of a chunk",
    `${OK}Transfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n`,
    ClientPayloadError,
    /error reading a body/,
  ],
  [
    "is badly compressed",
    `${OK}Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd`,
    ClientPayloadError,
    /./,
  ],
];

for (const [name, answer, errorClass, text] of broken) {
  Deno.test(`ClientResponse throws a ${errorClass.name} when a body ${name}`, async () => {
    await using site = RawSite.saying(answer);
    const connector = new TCPConnector({ limit: 1 });
    await withSession({ connector }, async (session) => {
      for (const way of ["read", "iterLines", "content"] as const) {
        await using response = await session.get(site.url);
        assertEquals(response.status, 200);
        const read = async (): Promise<unknown> => {
          if (way === "read") return await response.read();
          if (way === "content") return await Array.fromAsync(response.content);
          return await Array.fromAsync(response.iterLines());
        };
        const error = await assertRejects(read, errorClass);
        assert(error.message.startsWith(`Cannot read response of ${site.url}: `), error.message);
        assert(text.test(error.message), error.message);
        assertInstanceOf(error.cause, TypeError);
        assertEquals([response.closed, connector._limiter.active], [true, 0]);
        await assertRejects(async () => await response.read(), errorClass);
      }
    });
  });
}

Deno.test("ClientSession throws a ClientConnectorError when nobody listens", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${listener.addr.port}/`;
  listener.close();
  await withSession({}, async (session) => {
    const refused = await assertRejects(async () => await session.get(url), ClientConnectorError);
    assertEquals([refused.name, refused instanceof ClientConnectionError], [
      "ClientConnectorError",
      true,
    ]);
    const socket = async () => await session.wsConnect(url);
    assertEquals((await assertRejects(socket, ClientConnectorError)).name, "ClientConnectorError");
    assert(/^Cannot reach .*: tcp connect error: .*Connection refused/.test(refused.message));
    assert(!(refused instanceof ServerDisconnectedError));
    const blocked = await assertRejects(
      async () => await session.get("http://127.0.0.1:1/"),
      ClientConnectionError,
    );
    assert(/blocked/.test(blocked.message), blocked.message);
    assert(!(blocked instanceof ClientConnectorError));
  });
});

Deno.test("ClientSession throws a ClientConnectorDNSError when there is no such host", async () => {
  await withSession({}, async (session) => {
    // A name that no DNS server is asked for: one of its labels is too long.
    const url = `http://${"a".repeat(64)}.invalid/`;
    const error = await assertRejects(async () => await session.get(url), ClientConnectorDNSError);
    assertEquals(error.name, "ClientConnectorDNSError");
    assertInstanceOf(error, ClientConnectorError);
    const socket = async () => await session.wsConnect(url);
    await assertRejects(socket, ClientConnectorDNSError);
  });
});

Deno.test("ClientSession names no password in its errors", async () => {
  await using site = RawSite.saying("");
  await withSession({}, async (session) => {
    const url = site.url.replace("//", "//me:secret@");
    const error = await assertRejects(async () => await session.get(url), ServerDisconnectedError);
    assert(!error.message.includes("secret"), error.message);
    assert(!String((error.cause as Error).message).includes("secret"));
    for (const wrong of ["ftp://me:secret@x/", "http://me:secret@a b/", "http://m%3A:secret@x/"]) {
      const refused = await assertRejects(async () => await session.get(wrong), InvalidURL);
      assert(!refused.message.includes("secret"), refused.message);
    }
  });
});

Deno.test("ClientSession goes on when a server closes a connection that it had kept", async () => {
  await using site = new RawSite(async (conn) => {
    await conn.head();
    await conn.write(`${OK}Content-Length: 2\r\n\r\nok`); // then closes, without having announced it
  });
  await withSession({}, async (session) => {
    for (let i = 0; i < 10; i++) {
      try {
        await using response = await session.get(site.url);
        assertEquals(await response.text(), "ok");
      } catch (error) {
        // Whether the client sees the old connection end in time is chance; the error is not.
        assertInstanceOf(error, ServerDisconnectedError);
      }
    }
  });
});

Deno.test("ClientSession sends a body of POST once, also on a connection that hangs up", async () => {
  const form = new FormData();
  form.set("a", "1");
  const bodies: Record<string, RequestData> = {
    text: "hello",
    bytes: new Uint8Array(10),
    buffer: new Uint8Array(10).buffer,
    record: { a: 1 },
    params: new URLSearchParams({ a: "1" }),
    blob: new Blob(["hello"]),
    form,
  };
  const cases = [
    ...Object.entries(bodies).map(([name, data]) => [name, { data }] as const),
    ["json", { json: { a: 1 } }] as const,
  ];
  for (const [name, options] of cases) {
    const heads: string[] = [];
    await using site = new RawSite(async (conn) => {
      for (let head = await conn.head(); head !== null; head = await conn.head()) {
        heads.push(head);
        if (heads.length > 1) return; // hangs up, and may have done what was asked
        await conn.write(`${OK}Content-Length: 2\r\n\r\nok`);
      }
    });
    await withSession({}, async (session) => {
      await (await session.get(site.url)).text();
      const post = async () => await session.post(site.url, options);
      await assertRejects(post, ServerDisconnectedError);
    });
    assertEquals([name, heads.length, site.connections], [name, 2, 1]);
    assert(/^content-length: [1-9]/m.test(heads[1]!), heads[1]);
  }
});
