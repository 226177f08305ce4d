/**
 * aiohttp's client against our server and against aiohttp's own: it must see the same on both.
 *
 * @module
 */

import { sleep } from "@aio/asyncio";
import {
  Application,
  compress,
  cookies,
  HTTPFound,
  HTTPNoContent,
  matchInfo,
  query,
  readJson,
  readPost,
  setCookie,
  StreamResponse,
  TestServer,
} from "@aio/asyncio/http";
import { assertEquals } from "../_support/assert.ts";
import { captureReports, python, test } from "./_support.ts";

/** The application of peers.py. */
function application(): Application {
  const app = new Application({ clientMaxSize: 10_000 });
  const size = async (request: Request): Promise<Response> =>
    new Response(`${(await request.bytes()).length}`);
  const { router } = app;
  router.addGet(
    "/hello/{name}",
    (request) => new Response(`${matchInfo(request).name} ${query(request).get("a") ?? "None"}`),
  );
  for (const path of ["/json", "/checked"]) {
    router.addPost(path, async (request) => Response.json(await readJson(request)));
  }
  router.addPost("/form", async (request) => {
    const found: unknown[] = [];
    for (const [key, value] of await readPost(request)) {
      found.push(typeof value === "string" ? [key, value] : [key, value.name, await value.text()]);
    }
    return Response.json(found);
  });
  router.addPost("/size", size);
  router.addDelete("/nothing", () => {
    throw new HTTPNoContent();
  });
  router.addGet("/redirect", () => {
    throw new HTTPFound("/hello/there");
  });
  router.addGet("/cookie", () => {
    const response = new Response("set");
    setCookie(response, "a", "1", { path: "/cookies", httpOnly: true });
    return response;
  });
  router.addGet("/cookies", (request) => Response.json(Object.fromEntries(cookies(request))));
  router.addGet("/stream", async (request) => {
    const response = new StreamResponse({ headers: { "content-type": "text/plain" } });
    response.prepare(request);
    for (let n = 0; n < 3; n++) {
      await response.write(`${n}\n`);
      await sleep(0);
    }
    return response;
  });
  router.addGet("/compressed", (request) => compress(request, new Response("hello ".repeat(1000))));
  router.addGet("/failure", () => {
    throw new Error("secret");
  });
  return app;
}

/** [status, reason, type and charset, headers, cookies, history, body] by name. */
type Seen = Record<string, [number, string, [string, string], unknown, unknown, unknown, string]>;

/** Levels differences that do not matter: the spacing of JSON, and Deno's reason phrases. */
function comparable(all: Seen): Seen {
  for (const [name, seen] of Object.entries(all)) {
    const [status, , kind] = seen;
    seen[1] = "";
    if (kind[0] === "application/json") seen[6] = JSON.stringify(JSON.parse(seen[6]));
    kind[1] = "";
    // A response without a body has no content type here.
    if (status === 204) kind[0] = "";
    // aiohttp reports a failure as HTML or text, depending on what the client accepts.
    if (name === "failure") seen[6] = String(seen[6].includes("secret"));
    if (name.startsWith("too large")) seen[6] = "";
  }
  return all;
}

test("parity: aiohttp's client sees the same as on an aiohttp server", async () => {
  using reports = captureReports();
  await using server = await TestServer.start(application());
  const [ours, theirs] = await Promise.all([
    python("peers.py", server.url("/").slice(0, -1)),
    python("peers.py"),
  ]) as [Seen, Seen];
  assertEquals(comparable(ours), comparable(theirs));
  assertEquals(reports.messages.length, 1);
});
