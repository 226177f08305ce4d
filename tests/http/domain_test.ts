/**
 * Applications for certain hosts.
 *
 * @module
 */

import { RuntimeError } from "@aio/asyncio";
import { Application, HTTPNotFound, normalizePathMiddleware, TestServer } from "@aio/asyncio/http";
import type { Middleware } from "@aio/asyncio/http";
import { assertEquals, assertThrows } from "../_support/assert.ts";
import { exchange, test } from "./_support.ts";
import record from "./parity.json" with { type: "json" };

/** Returns an application that answers with a text on some paths. */
function telling(text: string, ...paths: string[]): Application {
  const app = new Application();
  for (const path of paths) app.router.addGet(path, () => new Response(text));
  return app;
}

test("parity: Application.addDomain() has applications answer for the hosts as in aiohttp", async () => {
  const app = telling("own", "/own");
  app.router.addPost("/post", () => new Response("own"));
  for (const domain of record.domains.domains) {
    app.addDomain(domain, telling(domain, "/x", "/own", "/post"));
  }
  await using server = await TestServer.start(app);
  for (const expected of record.domains.responses) {
    const [host, request] = expected;
    const head = `${request} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
    const { status, headers, body } = await exchange(server.port, head);
    const allow = headers.get("allow")?.toLowerCase() ?? null;
    assertEquals([host, request, status, allow, body], expected);
  }
});

test("Application.addDomain() goes with prefixes, middlewares, redirects and names", async () => {
  const log: string[] = [];
  const mark = (name: string): Middleware => (request, handler) => {
    log.push(name);
    return handler(request);
  };
  await using app = new Application({ middlewares: [normalizePathMiddleware(), mark("app")] });
  const [middle, host, inner] = [new Application(), new Application(), telling("inner", "/x/")];
  host.middlewares.push(mark("host"));
  host.addSubapp("/inner", inner);
  host.router.addGet("/", () => new Response("host"), { name: "root" });
  middle.addDomain("*.example", host);
  app.addSubapp("/middle", middle);
  const ask = async (url: string): Promise<string> => await (await app.request(url)).text();
  assertEquals(await ask("http://a.example/middle/"), "host");
  assertEquals(log, ["app", "host"]);
  assertEquals(await ask("http://a.example/middle/inner/x/"), "inner");
  const { status, headers } = await app.request("http://a.example/middle/inner//x?a");
  assertEquals([status, headers.get("location")], [308, "/middle/inner/x/?a"]);
  assertEquals((await app.request("http://other/middle/")).status, 404);
  assertEquals((await app.request("http://other/middle/inner/x")).status, 404);
  assertEquals(host.router.urlFor("root"), "/middle/");
});

test("Application.addDomain() knows usual ports and addresses, and long hosts are no burden", async () => {
  await using app = new Application();
  app.addDomain("a.example", telling("a", "/"));
  app.addDomain("[::1]:8080", telling("address", "/"));
  app.addDomain("*a*a*a*a*b", telling("mask", "/"));
  const ask = async (url: string): Promise<string> => await (await app.request(url)).text();
  assertEquals(await ask("http://a.example:80/"), "a");
  assertEquals(await ask("https://a.example:443/"), "a");
  assertEquals(await ask("https://a.example:80/"), "404: Not Found");
  assertEquals(await ask("http://[0:0::1]:8080/"), "address");
  assertEquals(await ask("http://aaaab/"), "mask");
  assertEquals((await app.request(`http://${"a".repeat(50_000)}/`)).status, 404);
});

test("Router.resolve() finds routes of a host by the URL", () => {
  const app = new Application();
  const host = telling("host", "/");
  app.addDomain("a.example", host);
  const { route } = app.router.resolve("GET", "/", "http://a.example/");
  assertEquals(route, host.router.resolve("GET", "/").route);
  assertThrows(() => app.router.resolve("GET", "/"), HTTPNotFound);
});

test("Application.addDomain() refuses what is no host, and applications that can't be", async () => {
  await using app = new Application();
  const sub = new Application();
  for (
    const domain of ["", "http://a.example", "a.example/x", "a b", "u@a.example"]
  ) {
    assertThrows(() => app.addDomain(domain, sub), RangeError, "is not a host");
  }
  app.addDomain("a.example", sub);
  assertThrows(() => app.addDomain("b.example", sub), RuntimeError, "part of one already");
  assertThrows(() => sub.addDomain("b.example", app), RuntimeError, "part of one already");
  await app.request("/");
  const started = (): void => app.addDomain("c.example", new Application());
  assertThrows(started, RuntimeError, "the application has started");
});
