/**
 * Routes: which are found, as in aiohttp; which are refused when they are added; URLs from names.
 *
 * @module
 */

import { RuntimeError } from "@aio/asyncio";
import {
  Application,
  HTTPMethodNotAllowed,
  HTTPNotFound,
  matchInfo,
  routeOf,
  Router,
  TestServer,
} from "@aio/asyncio/http";
import { assertEquals, assertStrictEquals, assertThrows } from "../_support/assert.ts";
import { exchange, test } from "./_support.ts";
import * as fc from "fast-check";
import record from "./parity.json" with { type: "json" };

const ok = (): Response => new Response("ok");

test("parity: Application answers the same paths and methods as aiohttp", async () => {
  const app = new Application();
  const tell = (request: Request): Response =>
    Response.json([routeOf(request).path, { ...matchInfo(request) }]);
  for (const [method, path] of record.routing.routes as [string, string][]) {
    if (method === "GET") app.router.addGet(path, tell);
    else app.router.addRoute(method, path, tell);
  }
  await using server = await TestServer.start(app);
  for (const expected of record.routing.responses) {
    const head = `${expected.request} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;
    const { status, headers, body } = await exchange(server.port, head);
    const answer = status === 200 && body !== "" ? JSON.parse(body) : body;
    const allow = headers.get("allow")?.toLowerCase() ?? null;
    assertEquals({ request: expected.request, status, allow, answer }, expected);
  }
});

test("Router.resolve() prefers the longest literal beginning, then the order of adding", () => {
  const router = new Router();
  const handlers = { any: () => ok(), user: () => ok(), me: () => ok(), second: () => ok() };
  router.addGet("/{page}/{rest:.*}", handlers.any);
  router.addGet("/users/{id}", handlers.user);
  router.addGet("/users/{name:.+}", handlers.second);
  router.addGet("/users/me", handlers.me);
  const found = ["/users/me", "/users/7", "/users/7/posts", "/other/x"].map((path) =>
    router.resolve("GET", path).route.handler
  );
  const expected = [handlers.me, handlers.user, handlers.second, handlers.any];
  expected.forEach((handler, i) => assertStrictEquals(found[i], handler));
});

test("Router.resolve() goes on to another route where the first has not the method", () => {
  const router = new Router();
  router.addPost("/a", ok);
  router.addGet("/{name}", ok);
  router.addPut("/{name:[a-z]}", ok);
  assertEquals(router.resolve("GET", "/a").params.name, "a");
  const error = assertThrows(() => router.resolve("DELETE", "/a"), HTTPMethodNotAllowed);
  assertEquals([...error.allowedMethods], ["GET", "HEAD", "POST", "PUT"]);
  assertThrows(() => router.resolve("GET", "/a/b"), HTTPNotFound);
});

test("Router.resolve() gives plain variables what a regular expression would", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "-", "/"), maxLength: 2 });
  const literals = fc.array(text, { minLength: 3, maxLength: 5 });
  const values = fc.array(fc.string({ unit: fc.constantFrom("a", "-", "/", "{"), maxLength: 2 }), {
    minLength: 4,
    maxLength: 4,
  });
  fc.assert(fc.property(literals, values, (literals, values) => {
    /** Joins the literals with what `fill` returns for each place between them. */
    const joined = (fill: (place: number) => string): string =>
      literals.reduce((all, literal, i) => all + fill(i) + literal);
    const router = new Router();
    router.addGet(`/${joined((i) => `{v${i}}`)}`, ok);
    const path = `/${joined((i) => values[i - 1]!)}`;
    const regex = new RegExp(`^/${joined((i) => `(?<v${i}>[^{}/]+)`)}$`);
    const expected = regex.exec(path)?.groups ?? {};
    assertEquals({ ...router.find("GET", path, "").params }, { ...expected });
  }));
});

test("Router.resolve() is done with any path at once", () => {
  const router = new Router();
  router.addGet("/d/{year}-{month}-{day}", ok);
  router.addGet("/{a}.{b}.{c}.{d}.html", ok);
  // Trying all ways to divide these would take longer than a lifetime.
  for (const path of [`/d/${"-".repeat(60_000)}/`, `/${".".repeat(60_000)}`]) {
    assertThrows(() => router.resolve("GET", path), HTTPNotFound);
  }
});

test("Router.resolve() knows no names of objects", () => {
  const router = new Router();
  router.addGet("/{constructor}", ok);
  const { params } = router.resolve("GET", "/__proto__");
  assertEquals([Object.keys(params), params.toString], [["constructor"], undefined]);
  for (const path of ["__proto__", "constructor", "/hasOwnProperty/x"]) {
    assertThrows(() => router.resolve("GET", path), HTTPNotFound);
  }
});

test("Router.addRoute() refuses what is malformed or there already", () => {
  const wrong: [method: string, path: string, message: string][] = [
    ["GET", "a", 'path "a" must begin with "/"'],
    ["G ET", "/b", "is not a method"],
    ["", "/b", "is not a method"],
    ["GET", "/a{b", 'an unmatched "{"'],
    ["GET", "/a}b", 'an unmatched "}"'],
    ["GET", "/{}", "is not a variable"],
    ["GET", "/{1}", "is not a variable"],
    ["GET", "/{a b}", "is not a variable"],
    ["GET", "/{a:}", "is not a variable"],
    ["GET", "/{a}{a}", "is malformed"],
    ["GET", "/{a:(}", "is malformed"],
    ["GET", "/there", "GET /there exists already"],
    ["get", "/there", "GET /there exists already"],
    ["*", "/all", "* /all exists already"],
    ["PUT", "/all", "PUT /all exists already"],
    ["GET", "/v/{other}", "GET /v/{other} exists already"],
    ["GET", "/caf%C3%A9", "exists already"],
  ];
  const router = new Router();
  for (const path of ["/there", "/v/{name}", "/café"]) router.addGet(path, ok);
  router.addRoute("*", "/all", ok);
  for (const [method, path, message] of wrong) {
    assertThrows(() => router.addRoute(method, path, ok), RangeError, message);
  }
  assertThrows(() => router.addGet("/x", "ok" as never), TypeError, "must be a function");
});

test("parity: Router.addRoute() takes one for all methods after those for some", async () => {
  await using app = new Application();
  app.router.addGet("/", () => new Response("get"));
  app.router.addRoute("*", "/", (request) => new Response(`any ${request.method}`));
  const answers: string[] = [];
  for (const method of ["GET", "POST", "OPTIONS"]) {
    answers.push(await (await app.request("/", { method })).text());
  }
  assertEquals(answers, ["get", "any POST", "any OPTIONS"]);
});

test("Router.addRoute() refuses settings that make no sense", () => {
  const router = new Router();
  const wrong = [
    { clientMaxSize: -1 },
    { clientMaxSize: NaN },
    { timeout: 0 },
    { timeout: -1 },
    { onDisconnect: "raise" as never },
  ];
  for (const options of wrong) {
    assertThrows(() => router.addGet("/", ok, options), RangeError, "Cannot add route");
  }
});

test("Router.addRoute() refuses routes once the application has started", async () => {
  await using app = new Application();
  await app.request("/");
  assertThrows(() => app.router.addGet("/", ok), RuntimeError, "the application has started");
});

test("Router.urlFor() builds URLs that lead to the route", () => {
  const router = new Router();
  router.addGet("/café", ok, { name: "static" });
  router.addGet("/u/{name}/{n:\\d+}", ok, { name: "two" });
  router.addGet("/files/{path:.+}", ok, { name: "files" });
  router.addPost("/files/{path:.+}", ok, { name: "files" });
  assertEquals(router.urlFor("static"), "/caf%C3%A9");
  const url = router.urlFor("two", { name: "a/b ü%?#", n: 7 }, {
    query: { q: "a&b" },
    fragment: "x y",
  });
  assertEquals(url, "/u/a%2Fb%20%C3%BC%25%3F%23/7?q=a%26b#x%20y");
  assertEquals(router.resolve("GET", url.split("?")[0]!).params.name, "a/b ü%?#");
  assertEquals(router.urlFor("files", { path: "a/b c" }), "/files/a/b%20c");
});

test("Router.urlFor() refuses names and values that lead nowhere", () => {
  const router = new Router();
  router.addGet("/u/{n:\\d+}", ok, { name: "user" });
  const wrong: [string, Record<string, string>, string][] = [
    ["nobody", {}, 'no route is named "nobody"'],
    ["user", {}, '"n" is missing'],
    ["user", { n: "x" }, "does not match"],
    ["user", { n: "" }, "does not match"],
  ];
  for (const [name, params, message] of wrong) {
    assertThrows(() => router.urlFor(name, params), RangeError, message);
  }
  assertThrows(
    () => router.addGet("/other", ok, { name: "user" }),
    RangeError,
    "belongs to /u/{n}",
  );
});

test("Router.urlFor() knows the prefixes of sub-applications", () => {
  const [app, middle, inner] = [new Application(), new Application(), new Application()];
  inner.router.addGet("/{id}", ok, { name: "item" });
  middle.addSubapp("/inner", inner);
  app.addSubapp("/middle", middle);
  assertEquals(inner.router.urlFor("item", { id: 1 }), "/middle/inner/1");
});

/** Fills an application with routes of three methods, on two paths. */
function filled(name: string, app = new Application()): Application {
  app.router.addGet("/", ok, { name });
  app.router.addPost("/", ok, { name });
  app.router.addDelete("/café/{id:\\d+}", ok);
  return app;
}

test("parity: Router.routes() gives the routes of an application and of its parts as aiohttp", () => {
  const app = filled("root");
  const sub = new Application();
  sub.addSubapp("/inner", filled("inner"));
  app.addSubapp("/sub", filled("sub", sub));
  app.addDomain("a.example", filled("host"));
  app.router.addRoute("*", "/last", ok);
  // aiohttp lists HEAD before GET if one call adds both.
  const inOrder = (routes: string[][]): string =>
    routes.map((route) => route.join(" ")).join("\n").replaceAll(
      /HEAD (.*)\nGET .*/g,
      "GET $1\nHEAD $1",
    );
  const found = app.router.routes().map(({ method, path }) => [method, path]);
  assertEquals(inOrder(found), inOrder(record.listing.routes));
  assertEquals([...app.router.namedResources().keys()], record.listing.names);
});

test("Router.resources() has all routes of a path, also when another came between", () => {
  const router = new Router();
  const first = router.addGet("/a", ok, { allowHead: false });
  const other = router.addGet("/{name}", ok, { allowHead: false, name: "other" });
  const second = router.addPut("/a", ok);
  const third = router.addPost("/{name}", ok);
  assertEquals(router.resources(), [
    { path: "/a", routes: [first, second] },
    { path: "/{name}", routes: [other, third] },
  ]);
  assertEquals([...router.namedResources()], [["other", router.resources()[1]!]]);
  assertStrictEquals(router.routes()[1], second);
});

test("Router.routes() leaves out what could not be added", () => {
  const router = new Router();
  router.addGet("/a", ok, { name: "a", allowHead: false });
  assertThrows(() => router.addGet("/a", ok), RangeError);
  assertThrows(() => router.addGet("/b", ok, { name: "a" }), RangeError);
  assertEquals(router.routes().map(({ path }) => path), ["/a"]);
});

test("Route.path has the prefixes of sub-applications, and is empty where no route was found", async () => {
  const seen: string[] = [];
  const sub = new Application({
    middlewares: [(request, handler) => {
      seen.push(routeOf(request).path);
      return handler(request);
    }],
  });
  sub.router.addGet("", ok);
  sub.router.addGet("/{id:\\d+}", ok);
  await using app = new Application();
  app.addSubapp("/sub", sub);
  for (const path of ["/sub", "/sub/7", "/sub/none"]) await app.request(path);
  assertEquals(seen, ["/sub", "/sub/{id}", ""]);
});
