/**
 * Clients that do not finish their requests, one or a thousand: they hold up neither other clients
 * nor the shutdown of the server.
 *
 * @module
 */

import { CancelledError } from "@aio/asyncio";
import { Application, readText, TestServer } from "@aio/asyncio/http";
import { assert, assertEquals, assertInstanceOf } from "../_support/assert.ts";
import { Client, test } from "./_support.ts";

/** Seconds; more than a test may take. */
const FOR_EVER = 3600;
const HALF_BODY = "POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc";

/** An application that reads bodies, or not, and when reading one begins and ends. */
function application(): { app: Application; reading: Promise<void>; ended: Promise<unknown> } {
  const reading = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<unknown>();
  const app = new Application();
  app.router.addGet("/", () => new Response("served"));
  app.router.addPost("/drop", () => new Response("dropped"));
  app.router.addPost("/read", async (request) => {
    reading.resolve();
    try {
      const text = await readText(request);
      ended.resolve(text);
      return new Response(text);
    } catch (error) {
      ended.resolve(error);
      throw error;
    }
  });
  return { app, reading: reading.promise, ended: ended.promise };
}

/** Incomplete requests, for which no handler runs. */
const HALF_HEADS: Record<string, string> = {
  "nothing": "",
  "half a request line": "GET / HT",
  "half a head": "GET / HTTP/1.1\r\nHost:",
  "half of a second request": "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP",
};

for (const [what, text] of Object.entries(HALF_HEADS)) {
  test(`AppRunner.cleanup() does not wait for a client that has sent ${what}`, async () => {
    const server = await TestServer.start(application().app, { shutdownTimeout: FOR_EVER });
    using client = await Client.connect(server.port);
    await client.send(text);
    // Another client is served meanwhile, so the first one's bytes have arrived.
    assertEquals(await (await server.request("/")).text(), "served");
    await server[Symbol.asyncDispose]();
    await client.rest();
  });
}

const HALF_BODIES: Record<string, string> = {
  "by its length": HALF_BODY,
  "in chunks": "POST /read HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
};

for (const [how, text] of Object.entries(HALF_BODIES)) {
  test(`AppRunner.cleanup() gives up on a body that comes ${how} and does not end`, async () => {
    const { app, reading, ended } = application();
    const server = await TestServer.start(app, { shutdownTimeout: 0.02 });
    using client = await Client.connect(server.port);
    await client.send(text);
    await reading;
    const [line] = await Promise.all([client.line(), server[Symbol.asyncDispose]()]);
    assertEquals(line, "HTTP/1.1 503 Service Unavailable\r\n");
    assertInstanceOf(await ended, CancelledError);
    assertEquals(app._running.length, 0);
  });
}

test("AppRunner.cleanup() gives up on a body that nobody has read", async () => {
  const server = await TestServer.start(application().app, { shutdownTimeout: 0.02 });
  using client = await Client.connect(server.port);
  await client.send(HALF_BODY.replace("/read", "/drop"));
  assertEquals(await client.line(), "HTTP/1.1 200 OK\r\n");
  await server[Symbol.asyncDispose]();
});

test("AppRunner.cleanup() waits for a handler that goes on after its client has left", async () => {
  const started = Promise.withResolvers<void>();
  const stops = Promise.withResolvers<void>();
  const app = new Application({ onDisconnect: "ignore" });
  let isDone = false;
  app.router.addPost("/", async () => {
    started.resolve();
    await stops.promise;
    isDone = true;
    return new Response("unheard");
  });
  app.onShutdown.push(() => stops.resolve());
  const server = await TestServer.start(app, { shutdownTimeout: FOR_EVER });
  {
    using client = await Client.connect(server.port);
    await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
    await started.promise;
  }
  // A later request has been answered: by then, the server has seen the first client leave.
  assertEquals((await server.request("/nothing")).status, 404);
  await server[Symbol.asyncDispose]();
  assert(isDone);
});

test("AppRunner.cleanup() lets a body come to its end that is on its way", async () => {
  const { app, reading, ended } = application();
  const stops = Promise.withResolvers<void>();
  app.onShutdown.push(() => stops.resolve());
  const server = await TestServer.start(app, { shutdownTimeout: FOR_EVER });
  using client = await Client.connect(server.port);
  await client.send(HALF_BODY);
  await reading;
  const stopped = server[Symbol.asyncDispose]();
  await stops.promise;
  await client.send("defghij");
  assert((await client.rest()).endsWith("\r\n\r\nabcdefghij"));
  await stopped;
  assertEquals(await ended, "abcdefghij");
});

test("AppRunner.cleanup() lets a body come to its end that has begun while another one was on its way", async () => {
  const { app, reading } = application();
  const readingNext = Promise.withResolvers<void>();
  const stops = Promise.withResolvers<void>();
  app.onShutdown.push(() => stops.resolve());
  app.router.addPost("/next", async (request) => {
    readingNext.resolve();
    return new Response(await readText(request));
  });
  const server = await TestServer.start(app, { shutdownTimeout: FOR_EVER });
  using first = await Client.connect(server.port);
  await first.send(HALF_BODY);
  await reading;
  const stopped = server[Symbol.asyncDispose]();
  await stops.promise;
  using second = await Client.connect(server.port);
  await second.send(HALF_BODY.replace("/read", "/next"));
  await readingNext.promise;
  await first.send("defghij");
  assertEquals(await first.line(), "HTTP/1.1 200 OK\r\n");
  await second.send("defghij");
  for (const client of [first, second]) {
    assert((await client.rest()).endsWith("\r\n\r\nabcdefghij"));
  }
  await stopped;
});

test("A thousand slow clients do not keep others from being served", async () => {
  await using server = await TestServer.start(application().app);
  const clients = await connect(server, 1000);
  try {
    for (const client of clients) await client.send("GET / HTTP/1.1\r\nHost:");
    assertEquals(await (await server.request("/")).text(), "served");
    for (const client of clients) await client.send(" a\r\n\r\n");
    const lines = await Promise.all(clients.map((client) => client.line()));
    assertEquals(new Set(lines), new Set(["HTTP/1.1 200 OK\r\n"]));
  } finally {
    for (const client of clients) client[Symbol.dispose]();
  }
});

test("A thousand clients that never finish do not hold up the end of the server", async () => {
  const { app } = application();
  const server = await TestServer.start(app, { shutdownTimeout: 0.05 });
  const clients = await connect(server, 1000);
  try {
    for (const [i, client] of clients.entries()) {
      await client.send(i % 2 === 0 ? "GET / HTTP/1.1\r\nHost:" : HALF_BODY);
    }
    while (app._running.length < 500) await new Promise((resolve) => setTimeout(resolve));
    assertEquals(await (await server.request("/")).text(), "served");
    await server[Symbol.asyncDispose]();
    assertEquals(app._running.length, 0);
  } finally {
    for (const client of clients) client[Symbol.dispose]();
  }
});

/** Connects so many clients, a hundred at a time, since no more can wait to be accepted. */
async function connect(server: TestServer, count: number): Promise<Client[]> {
  const clients: Client[] = [];
  while (clients.length < count) {
    const some = Array.from({ length: 100 }, () => Client.connect(server.port));
    clients.push(...await Promise.all(some));
  }
  return clients;
}
