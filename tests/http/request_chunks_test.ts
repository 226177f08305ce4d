/**
 * Request bodies as they arrive, chunk by chunk.
 *
 * @module
 */

import { CancelledError, createTask, run, sleep, VirtualClock } from "@aio/asyncio";
import { newEventLoop } from "@aio/asyncio/loop";
import {
  Application,
  readBytes,
  readChunks,
  readMultipart,
  StreamResponse,
  TestServer,
} from "@aio/asyncio/http";
import type { Handler } from "@aio/asyncio/http";
import { assert, assertEquals } from "../_support/assert.ts";
import { captureReports, Client, parseResponse, test } from "./_support.ts";

const encoder = new TextEncoder();

test("readChunks() gives the pieces as they come", async () => {
  const body = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
  const writer = body.writable.getWriter();
  const seen: string[] = [];
  const app = new Application();
  app.router.addPost("/", async (request) => {
    for await (const chunk of readChunks(request)) {
      const text = new TextDecoder().decode(chunk);
      seen.push(text);
      // The next chunk is sent only when this one has been seen.
      void (text === "one" ? writer.write(encoder.encode("two")) : writer.close());
    }
    return new Response(seen.join());
  });
  const answer = app.request("/", { method: "POST", body: body.readable });
  await writer.write(encoder.encode("one"));
  assertEquals(await (await answer).text(), "one,two");
  await app[Symbol.asyncDispose]();
});

test("readChunks() and readBytes() end at once when their handler is cancelled", async () => {
  const ends: unknown[] = [];
  const app = new Application({ timeout: 3600 });
  app.router.addPost("/chunks", async (request) => {
    try {
      for await (const chunk of readChunks(request)) ends.push(chunk.length);
    } catch (error) {
      ends.push(error instanceof CancelledError);
      throw error;
    }
    return new Response();
  });
  app.router.addPost("/bytes", async (request) => {
    try {
      return new Response(await readBytes(request));
    } catch (error) {
      ends.push(error instanceof CancelledError);
      throw error;
    }
  });
  let given = 0;
  const loopFactory = () => newEventLoop({ clock: new VirtualClock() });
  await run(async () => {
    for (const path of ["/chunks", "/bytes"]) {
      const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
        start: (controller) => controller.enqueue(encoder.encode("abc")), // and no more
        cancel: () => void given++,
      });
      const response = await app.request(path, { method: "POST", body });
      assertEquals([path, response.status], [path, 503]);
      await response.body?.cancel();
    }
    await sleep(0);
    await app[Symbol.asyncDispose]();
  }, { loopFactory });
  assertEquals([ends, given], [[3, true, true], 1]);
});

test("BodyPart.readChunk() loses nothing that comes while it is cancelled", async () => {
  await using app = new Application();
  const body = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
  const writer = body.writable.getWriter();
  const send = (text: string): void => void writer.write(encoder.encode(text));
  let expected = "";
  app.router.addPost("/", async (request) => {
    let text = "";
    const take = (chunk: Uint8Array | null): void => {
      text += new TextDecoder().decode(chunk!);
    };
    for await (const part of readMultipart(request)) {
      // Cancelled before the chunk has arrived, before its reader has seen it, or after that.
      for (let microtasks = 0; microtasks < 30; microtasks++) {
        const reading = createTask(async () => await part.readChunk());
        await sleep(0);
        send(`piece ${microtasks}, `);
        expected += `piece ${microtasks}, `;
        for (let i = 0; i < microtasks; i++) await null;
        reading.cancel();
        await reading.then(take, (error) => assert(error instanceof CancelledError));
      }
      send("\r\n--b--\r\n");
      take(await part.read());
    }
    return new Response(text);
  });
  const headers = { "content-type": "multipart/form-data; boundary=b" };
  const answer = app.request("/", { method: "POST", body: body.readable, headers });
  send("--b\r\n\r\n");
  assertEquals(await (await answer).text(), expected);
});

test("readChunks() drops what is left when its loop is left, and has nothing of no body", async () => {
  const app = new Application();
  app.router.addRoute("*", "/", async (request) => {
    for await (const _ of readChunks(request)) return new Response("some");
    return new Response("none");
  }, { clientMaxSize: null });
  await using server = await TestServer.start(app);
  const body = new Uint8Array(3 * 1024 ** 2);
  const ask = async (init: RequestInit): Promise<string> =>
    await (await server.request("/", init)).text();
  const seen = [await ask({ method: "POST", body }), await ask({}), await ask({ method: "POST" })];
  assertEquals(seen, ["some", "none", "none"]);
});

test("readChunks() takes a body that breaks off for the client's fault", async () => {
  const ended = Promise.withResolvers<void>();
  const app = new Application({ onDisconnect: "ignore" });
  app.router.addPost("/", async (request) => {
    try {
      await Array.fromAsync(readChunks(request));
    } finally {
      ended.resolve();
    }
    return new Response();
  });
  using reports = captureReports();
  {
    await using server = await TestServer.start(app);
    const conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    await conn.write(encoder.encode("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc"));
    conn.close();
    await ended.promise;
  }
  assertEquals(reports.messages, []);
});

test("readChunks() and readMultipart() end when a client leaves that has its answer already", async () => {
  let seen = Promise.withResolvers<string>();
  const app = new Application({ onDisconnect: "ignore" });
  const add = (path: string, pieces: (request: Request) => AsyncIterable<Uint8Array>): void => {
    app.router.addPost(path, async (request) => {
      const response = new StreamResponse();
      response.prepare(request);
      try {
        for await (const piece of pieces(request)) {
          await response.write(piece.slice());
          seen.resolve("a piece");
        }
      } catch (error) {
        seen.resolve((error as Error).name);
        throw error;
      }
      return response;
    });
  };
  add("/chunks", readChunks);
  add("/parts", async function* (request) {
    for await (const part of readMultipart(request)) yield* part;
  });
  using reports = captureReports();
  await using server = await TestServer.start(app);
  const head = "Host: a\r\nContent-Type: multipart/form-data; boundary=b\r\n";
  for (const path of ["/chunks", "/parts"]) {
    {
      using client = await Client.connect(server.port);
      const next = async (text: string): Promise<string> => {
        seen = Promise.withResolvers();
        await client.send(text);
        return await seen.promise;
      };
      const begin = `POST ${path} HTTP/1.1\r\n${head}Content-Length: 1000\r\n\r\n--b\r\n\r\n`;
      assertEquals(await next(begin + "x".repeat(20)), "a piece");
      assertEquals(await next("x".repeat(20)), "a piece");
      seen = Promise.withResolvers();
    }
    // The client has not read what it was sent, so its connection breaks off both ways.
    assertEquals(await seen.promise, "HTTPBadRequest");
  }
  assertEquals(reports.messages, []);
});

test("A response that is made of a body breaks off with it, and nothing is logged", async () => {
  const app = new Application();
  const streams: Record<string, Handler> = {
    "/chunks": (request) => new Response(ReadableStream.from(readChunks(request))),
    "/own": ({ body }) => new Response(body!.pipeThrough(new TransformStream())),
  };
  for (const [path, handler] of Object.entries(streams)) app.router.addPost(path, handler);
  using reports = captureReports();
  await using server = await TestServer.start(app);
  const bodies = [
    "Content-Length: 9\r\n\r\nabc",
    "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz",
  ];
  for (const path of Object.keys(streams)) {
    for (const body of bodies) {
      using client = await Client.connect(server.port);
      await client.send(`POST ${path} HTTP/1.1\r\nHost: a\r\n${body}`);
      assert(!(await client.leave()).endsWith("0\r\n\r\n")); // as a complete one does
    }
  }
  await server[Symbol.asyncDispose]();
  assertEquals(reports.messages, []);
});

/** Ways to read a body without the functions of this package. */
const OWN_READERS: Record<string, (request: Request) => Promise<unknown>> = {
  "/text": (request) => request.text(),
  "/json": (request) => request.json(),
  "/form": (request) => request.formData(),
  "/stream": (request) => Array.fromAsync(request.body!),
  "/pipe": (request) => request.body!.pipeTo(new WritableStream()),
};

/** Bodies: what is sent at first, and what is sent once the handler reads. */
const BROKEN_BODIES: Record<string, [header: string, first: string, then: string]> = {
  "breaks off": ["Content-Length: 9", "abc", ""],
  "breaks off in a chunk": ["Transfer-Encoding: chunked", "9\r\nabc", ""],
  "has malformed chunks": ["Transfer-Encoding: chunked", "3\r\nabc\r\n", "zz\r\n"],
};

for (const [what, [header, first, then]] of Object.entries(BROKEN_BODIES)) {
  test(`Application answers 400 when a body ${what}, also to the platform's readers`, async () => {
    let began = Promise.withResolvers<void>();
    const app = new Application({ onDisconnect: "ignore" });
    for (const [path, read] of Object.entries(OWN_READERS)) {
      app.router.addPost(path, async (request) => {
        const reading = read(request);
        began.resolve();
        await reading;
        return new Response();
      });
    }
    using reports = captureReports();
    await using server = await TestServer.start(app);
    for (const path of Object.keys(OWN_READERS)) {
      began = Promise.withResolvers();
      using client = await Client.connect(server.port);
      const type = "Content-Type: application/x-www-form-urlencoded";
      await client.send(`POST ${path} HTTP/1.1\r\nHost: a\r\n${type}\r\n${header}\r\n\r\n${first}`);
      await began.promise;
      if (then !== "") await client.send(then);
      const { status, body } = parseResponse(await client.leave());
      assertEquals([path, status, body], [path, 400, "400: Malformed request body"]);
    }
    assertEquals(reports.messages, []);
  });
}

test("Application answers 500 to a handler that fails with what only looks like a broken body", async () => {
  const app = new Application();
  app.router.addGet("/", () => {
    throw new Deno.errors.BadResource("Cannot read body as underlying resource unavailable");
  });
  using reports = captureReports();
  const response = await app.request("/");
  await response.body?.cancel();
  await app[Symbol.asyncDispose]();
  assertEquals([response.status, reports.messages.length], [500, 1]);
});

test("BodyPart.json() reads a part as JSON, and answers 400 to what is none", async () => {
  await using app = new Application();
  app.router.addPost("/", async (request) => {
    for await (const part of readMultipart(request)) return Response.json(await part.json());
    return new Response();
  });
  const ask = async (value: string): Promise<[number, string]> => {
    const body = new FormData();
    body.set("a", value);
    const response = await app.request("/", { method: "POST", body });
    return [response.status, await response.text()];
  };
  assertEquals(await ask('{"ü":[1]}'), [200, '{"ü":[1]}']);
  assertEquals(await ask("{"), [400, "400: Malformed multipart body: a part is not JSON"]);
});
