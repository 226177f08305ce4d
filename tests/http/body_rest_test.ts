/**
 * Request bodies that handlers don't read, or not to the end: the client gets an answer, and
 * neither it nor its connection waits for ever.
 *
 * @module
 */

import {
  Application,
  decompression,
  HTTPUnauthorized,
  readChunks,
  TestServer,
} from "@aio/asyncio/http";
import type { ApplicationOptions, Middleware } from "@aio/asyncio/http";
import { assertEquals } from "../_support/assert.ts";
import { captureReports, Client, test } from "./_support.ts";

/** More than the buffers hold while nothing reads it. */
const BODY = "x".repeat(900_000);
const CHUNKED = "Transfer-Encoding: chunked\r\n\r\n";
/** A long body of each kind, after the headers that announce it. */
const BODIES: Record<string, string> = {
  "by its length": `Content-Length: ${BODY.length}\r\n\r\n${BODY}`,
  "in chunks": CHUNKED + `c350\r\n${BODY.slice(0, 50_000)}\r\n`.repeat(18) + "0\r\n\r\n",
};

const replacing: Middleware = (request, handler) => handler(new Request(request));

const APPLICATIONS: Record<string, ApplicationOptions> = {
  "has a limit": {},
  "replaces requests": { middlewares: [replacing, replacing] },
  "replaces requests, and has no limit": { middlewares: [replacing], clientMaxSize: null },
  "decompresses": { middlewares: [decompression()] },
};

function application(options: ApplicationOptions): Application {
  const app = new Application(options);
  app.router.addPost("/unread", () => new Response("unread"));
  app.router.addPost("/one", async (request) => {
    for await (const _ of readChunks(request)) throw new HTTPUnauthorized({ text: "one" });
    return new Response();
  });
  app.router.addPost("/echo", ({ body }) => new Response(body));
  app.router.addPost("/echo-later", (request) => {
    const pieces = readChunks(request);
    return new Response(ReadableStream.from(pieces));
  });
  app.router.addGet("/", () => new Response("next"));
  return app;
}

function post(path: string, rest: string, encoding: string): string {
  return `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Encoding: ${encoding}\r\n${rest}`;
}

/** Reads an answer until it ends with a text; returns the status. */
async function answerUntil(client: Client, end: string): Promise<string> {
  let answer = "";
  while (!answer.endsWith(end)) answer += await client.take(1);
  return answer.slice(9, 12);
}

for (const [what, options] of Object.entries(APPLICATIONS)) {
  const encoding = what === "decompresses" ? "gzip" : "identity";
  test(`Application that ${what} answers who sends all of a body before reading`, async () => {
    using reports = captureReports();
    await using server = await TestServer.start(application(options));
    // A body that is not gzip does not even have a first chunk.
    const paths = encoding === "gzip" ? ["unread"] : ["unread", "one"];
    for (const path of paths) {
      for (const [how, body] of Object.entries(BODIES)) {
        if (options.middlewares === undefined && how !== "in chunks") continue; // the platform's part
        using client = await Client.connect(server.port);
        await client.send(post(`/${path}`, body, encoding));
        const status = await answerUntil(client, path);
        await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assertEquals([path, how, status], [path, how, path === "one" ? "401" : "200"]);
        assertEquals(await answerUntil(client, "next"), "200");
      }
    }
    assertEquals(reports.messages, []);
  });

  test(`Application that ${what} lets go of who breaks a body off that nobody reads`, async () => {
    using reports = captureReports();
    await using server = await TestServer.start(application(options));
    for (const rest of ["5\r\nab", "5\r\nabcde\r\n"]) {
      using client = await Client.connect(server.port);
      await client.send(post("/unread", CHUNKED + rest, encoding));
      assertEquals((await client.leave()).slice(9, 12), "200");
    }
    assertEquals(reports.messages, []);
  });
}

test("Application sends a body back that is read only while it is sent", async () => {
  for (const options of Object.values(APPLICATIONS)) {
    await using server = await TestServer.start(application(options));
    for (const path of ["/echo", "/echo-later"]) {
      const body = new Blob([BODY]).stream(); // sent in chunks
      const response = await server.request(path, { method: "POST", body });
      assertEquals(await response.text(), BODY);
    }
  }
});
