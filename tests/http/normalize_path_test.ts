/**
 * Redirects to paths with the right slashes.
 *
 * @module
 */

import { Application, HTTPFound, normalizePathMiddleware, TestServer } from "@aio/asyncio/http";
import type { NormalizePathOptions } from "@aio/asyncio/http";
import { assertEquals, assertThrows } from "../_support/assert.ts";
import { exchange, test } from "./_support.ts";
import record from "./parity.json" with { type: "json" };

const ok = (): Response => new Response("ok");

/** The options of aiohttp, under our names. */
function optionsOf(options: Readonly<Record<string, boolean | string>>): NormalizePathOptions {
  const found: NormalizePathOptions = {};
  for (const [name, value] of Object.entries(options)) {
    if (name === "append_slash") found.appendSlash = value as boolean;
    else if (name === "remove_slash") found.removeSlash = value as boolean;
    else if (name === "merge_slashes") found.mergeSlashes = value as boolean;
    else if (value === "HTTPFound") found.redirectClass = HTTPFound;
    else throw new RangeError(`unknown option ${name}`);
  }
  return found;
}

function application(options: NormalizePathOptions, paths: readonly string[]): Application {
  const app = new Application({ middlewares: [normalizePathMiddleware(options)] });
  for (const path of paths) app.router.addGet(path, ok);
  app.router.addPost("/post/", ok);
  return app;
}

/** aiohttp 3.8 removes a letter if there is no slash, and sometimes mistakes `%2F` for a slash. */
const DIFFERS = [
  '{"append_slash":false,"remove_slash":true} GET /a//c',
  '{"merge_slashes":false} GET /slash%2F',
];

for (const { options, responses } of record.normalized.found) {
  test(`parity: normalizePathMiddleware() with ${JSON.stringify(options)} redirects as aiohttp's`, async () => {
    const app = application(optionsOf(options), record.normalized.routes);
    await using server = await TestServer.start(app);
    for (const expected of responses) {
      if (DIFFERS.includes(`${JSON.stringify(options)} ${expected[0]}`)) continue;
      const head = `${expected[0]} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;
      const { status, headers } = await exchange(server.port, head);
      // The record is in lower case.
      const location = headers.get("location")?.toLowerCase() ?? null;
      assertEquals([expected[0], status, location], expected);
    }
  });
}

test("normalizePathMiddleware() takes away no more than a slash", async () => {
  await using app = application({ removeSlash: true }, ["/", "/a", "/{name}"]);
  for (const path of ["/ab/", "//ab/", "/a//", "//a"]) {
    const { status, headers } = await app.request(path.replace("/", "http://localhost/"));
    assertEquals([status, headers.get("location")], [308, path.includes("b") ? "/ab" : "/a"]);
  }
  assertEquals((await app.request("/a//b/")).status, 404);
});

test("normalizePathMiddleware() never leads to another host", async () => {
  const app = application({ mergeSlashes: false }, ["/{name}/", "/{name}/{other}/"]);
  await using server = await TestServer.start(app);
  for (const path of ["//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example"]) {
    const head = `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;
    const { status, headers } = await exchange(server.port, head);
    const location = headers.get("location");
    const leads = location === null ? null : new URL(location, "http://a/").host;
    assertEquals([path, leads ?? status], [path, status === 308 ? "a" : 400]);
  }
});

test("normalizePathMiddleware() knows the routes of all applications, and of its own", async () => {
  await using app = new Application();
  const sub = new Application({ middlewares: [normalizePathMiddleware()] });
  sub.router.addGet("/x/", ok);
  app.router.addGet("/x/", ok);
  app.addSubapp("/sub", sub);
  const seen: unknown[] = [];
  for (const path of ["/sub/x", "/x"]) {
    const { status, headers } = await app.request(path);
    seen.push(status, headers.get("location"));
  }
  assertEquals(seen, [308, "/sub/x/", 404, null]);
});

test("normalizePathMiddleware() has 413 stay 413", async () => {
  const app = application({}, ["/post"]);
  await using server = await TestServer.start(app);
  const response = await server.request("/post/", {
    method: "POST",
    body: new Uint8Array(1024 ** 2 + 1),
  });
  assertEquals(response.status, 413);
});

test("normalizePathMiddleware() can't both add and take away", () => {
  assertThrows(
    () => normalizePathMiddleware({ appendSlash: true, removeSlash: true }),
    RangeError,
    "appendSlash and removeSlash are both true",
  );
});
