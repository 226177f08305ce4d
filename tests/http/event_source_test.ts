/**
 * Server-sent events: what is sent, clients that are slow or leave, the shutdown of the server.
 *
 * @module
 */

import { CancelledError, createTask, sleep, TimeoutError, waitFor } from "@aio/asyncio";
import { Application, EventSourceResponse, lastEventId, TestServer } from "@aio/asyncio/http";
import type { ApplicationOptions, EventSourceOptions } from "@aio/asyncio/http";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertThrows,
} from "../_support/assert.ts";
import { captureReports, Client, settled, test } from "./_support.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/** A server with a stream of events, and how its first handler has ended. */
interface Stream extends AsyncDisposable {
  readonly server: TestServer;
  readonly ended: Promise<unknown>;
}

async function serve(
  handler: (events: EventSourceResponse) => Promise<unknown>,
  options: EventSourceOptions = {},
  appOptions: ApplicationOptions = {},
): Promise<Stream> {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const app = new Application(appOptions);
  app.router.addGet("/", async (request) => {
    const events = new EventSourceResponse(options);
    events.prepare(request);
    try {
      await handler(events);
      resolve(null);
    } catch (error) {
      resolve(error);
      throw error;
    }
    return events;
  });
  app.router.addGet("/on", () => new Response("on"));
  const server = await TestServer.start(app);
  return {
    server,
    ended: promise,
    async [Symbol.asyncDispose](): Promise<void> {
      await server[Symbol.asyncDispose]();
      assertEquals(app._running.length, 0);
    },
  };
}

test("EventSourceResponse sends events as the standard has them", async () => {
  const app = new Application();
  app.router.addGet("/", async (request) => {
    const events = new EventSourceResponse({ retry: 1.5, headers: { "x-a": "b" } });
    events.prepare(request);
    await events.send("plain");
    await events.send("", { event: "e", id: "1", retry: 0 });
    await events.send("one\ntwo\r\nthree\rfour\n");
    await events.send(": 你好", { id: "" });
    return events;
  });
  const response = await app.request("/");
  const names = ["content-type", "cache-control", "x-accel-buffering", "x-a"];
  assertEquals(names.map((name) => response.headers.get(name)), [
    "text/event-stream",
    "no-store",
    "no",
    "b",
  ]);
  const lines = [
    "retry: 1500",
    "",
    "data: plain",
    "",
    "id: 1",
    "event: e",
    "retry: 0",
    "data: ",
    "",
    "data: one",
    "data: two",
    "data: three",
    "data: four",
    "data: ",
    "",
    "id: ",
    "data: : 你好",
    "",
    "",
  ];
  assertEquals((await response.text()).split("\n"), lines);
});

test("EventSourceResponse refuses what would be read as something else", async () => {
  for (const ping of [0, -1, NaN]) {
    assertThrows(() => new EventSourceResponse({ ping }), RangeError, "ping must be > 0");
  }
  for (const retry of [-1, NaN, Infinity]) {
    assertThrows(() => new EventSourceResponse({ retry }), RangeError, "retry must be >= 0");
  }
  const seen: string[] = [];
  await using app = new Application();
  app.router.addGet("/", async (request) => {
    const events = new EventSourceResponse();
    events.prepare(request);
    for (const options of [{ id: "a\nb" }, { id: "a\0" }, { event: "a\rb" }, { retry: -1 }]) {
      assertThrows(() => events.send("", options), RangeError, "Cannot send event");
    }
    for (const data of [{}, 5, undefined] as unknown as string[]) {
      assertThrows(() => events.send(data), TypeError, "such as JSON.stringify(value), not ");
    }
    seen.push("all");
    return events;
  });
  assertEquals(await (await app.request("/")).text(), "");
  assertEquals(seen, ["all"]);
});

test("lastEventId() tells where a client wants to go on", async () => {
  await using app = new Application();
  app.router.addGet("/", async (request) => {
    const events = new EventSourceResponse();
    events.prepare(request);
    const last = Number(lastEventId(request) ?? 0);
    for (let n = last + 1; n <= 3; n++) await events.send(`${n}`, { id: `${n}` });
    return events;
  });
  const ids = async (headers: HeadersInit): Promise<string[]> => {
    const text = await (await app.request("/", { headers })).text();
    return Array.from(text.matchAll(/^id: (.*)$/gm), ([, id]) => id!);
  };
  assertEquals(await ids({}), ["1", "2", "3"]);
  assertEquals(await ids({ "last-event-id": "2" }), ["3"]);
});

test("app.request() may be called again as soon as a stream has begun", async () => {
  await using app = new Application();
  app.router.addGet("/", async (request) => {
    const events = new EventSourceResponse();
    events.prepare(request);
    await events.send("x");
    await sleep(0);
    return events;
  });
  for (let i = 0; i < 20; i++) {
    const response = await app.request("/");
    const [first, second] = await Promise.all([response.text(), app.request("/")]);
    assertEquals([first, await second.text()], ["data: x\n\n", "data: x\n\n"]);
  }
});

test("EventSourceResponse pings, until its handler ends", async () => {
  const gate = Promise.withResolvers<void>();
  await using stream = await serve(async (events) => {
    await gate.promise;
    await events.send("end");
  }, { ping: 0.001 });
  const response = await stream.server.request("/");
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.startsWith(":\n\n:\n\n")) text += (await reader.read()).value;
  gate.resolve();
  for (let next = await reader.read(); !next.done; next = await reader.read()) text += next.value;
  assert(/^(?::\n\n)+data: end\n\n$/.test(text), text);
});

test("EventSourceResponse waits for a client that is slow, and does not ping it", async () => {
  let sent = 0;
  await using stream = await serve(async (events) => {
    const data = "x".repeat(65_536);
    for (;;) {
      await events.send(data);
      sent++;
    }
  }, { ping: 0.25 });
  {
    using client = await Client.connect(stream.server.port);
    await client.send(GET);
    const first = await settled(() => sent);
    assert(first < 1000, `${first} events of 64 KiB were sent to nobody`);
    await new Promise((resolve) => setTimeout(resolve, 600)); // time for two pings
    while ((await client.line()) !== "\r\n");
    // The client reads, and the handler goes on.
    for (let events = 0; events <= first + 1;) {
      const line = await client.line();
      assert(line !== ":\n", "it was pinged");
      if (line.startsWith("data:")) events++;
    }
    assert(await settled(() => sent) > first);
  }
  assertInstanceOf(await stream.ended, CancelledError);
});

test("EventSourceResponse is shared by tasks: one that gives up disturbs no other", async () => {
  const given = Promise.withResolvers<void>();
  await using stream = await serve(async (events) => {
    const data = "x".repeat(65_536);
    const patient = createTask(async () => {
      for (let i = 0; i < 500; i++) await events.send(data);
    });
    // Soon no task can send any more.
    const impatient = async (): Promise<never> => {
      for (;;) await waitFor(() => events.send("y"), 0.001);
    };
    await assertRejects(impatient, TimeoutError);
    assertEquals(patient.done(), false);
    given.resolve();
    await patient;
    await events.send("end");
  });
  const response = await stream.server.request("/");
  await given.promise;
  const text = await response.text();
  assertEquals(text.match(/data: x+\n\n/g)?.length, 500);
  assert(text.endsWith("data: end\n\n"));
  assertEquals(await stream.ended, null);
});

test("EventSourceResponse has its handler cancelled when the client leaves", async () => {
  await using stream = await serve(async (events) => {
    await events.send("first");
    await sleep(3600);
  });
  {
    using client = await Client.connect(stream.server.port);
    await client.send(GET);
    while (!(await client.line()).startsWith("data: first"));
  }
  const error = await stream.ended;
  assertInstanceOf(error, CancelledError);
  assertEquals(error.message, "the client has left");
});

test("EventSourceResponse.send() fails when the client has left and that is to be ignored", async () => {
  using reports = captureReports();
  await using stream = await serve(
    async (events) => {
      for (;;) {
        await events.send("x");
        await sleep(0.001);
      }
    },
    {},
    { onDisconnect: "ignore" },
  );
  {
    using client = await Client.connect(stream.server.port);
    await client.send(GET);
    await client.line();
  }
  assertInstanceOf(await stream.ended, Deno.errors.ConnectionReset);
  assertEquals(await (await stream.server.request("/on")).text(), "on");
  assertEquals(reports.messages, []);
});

test("EventSourceResponse ends as it should when the server stops", async () => {
  const app = new Application();
  app.router.addGet("/", async (request) => {
    const events = new EventSourceResponse();
    events.prepare(request);
    await events.send("first");
    try {
      await sleep(3600);
    } finally {
      await events.send("last");
    }
    return events;
  });
  // The handler must end long before the server's shutdown timeout.
  const server = await TestServer.start(app, { shutdownTimeout: 3600 });
  using client = await Client.connect(server.port);
  await client.send(GET);
  while (!(await client.line()).startsWith("data: first"));
  const [rest] = await Promise.all([client.rest(), server[Symbol.asyncDispose]()]);
  assert(/data: last\n\n\r\n0\r\n\r\n$/.test(rest), JSON.stringify(rest));
});

test("EventSourceResponse that begins while the server stops ends, too", async () => {
  for (const isServed of [true, false]) {
    const [begun, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const ended = Promise.withResolvers<unknown>();
    const app = new Application();
    app.router.addGet("/", async (request) => {
      begun.resolve();
      await gate.promise;
      const events = new EventSourceResponse();
      events.prepare(request);
      try {
        // Not for ever: it ends even if it is never cancelled.
        for (let n = 0; n < 100; n++) await sleep(0.005);
        ended.resolve(null);
      } catch (error) {
        ended.resolve(error);
        throw error;
      }
      return events;
    });
    await using server = await TestServer.start(isServed ? app : new Application());
    const answer = isServed ? server.request("/") : app.request("/");
    await begun.promise;
    const stopped = (isServed ? server : app)[Symbol.asyncDispose]();
    // By then, every response that had begun before has been told.
    await new Promise((resolve) => setTimeout(resolve, 10));
    gate.resolve();
    assertInstanceOf(await ended.promise, CancelledError);
    assertEquals(await (await answer).text(), "");
    await stopped;
  }
});

test("EventSourceResponse breaks off when its handler fails", async () => {
  using reports = captureReports();
  await using stream = await serve(async (events) => {
    await events.send("first");
    throw new Error("secret");
  });
  const response = await stream.server.request("/");
  await assertRejects(() => response.text(), TypeError);
  assertEquals(reports.messages.length, 1);
});
