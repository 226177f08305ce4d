/**
 * Sessions in signed cookies.
 *
 * @module
 */

import { RuntimeError } from "@aio/asyncio";
import {
  Application,
  HTTPSeeOther,
  matchInfo,
  sessionOf,
  sessions,
  StreamResponse,
} from "@aio/asyncio/http";
import type { SessionsOptions } from "@aio/asyncio/http";
import { assert, assertEquals, assertRejects, assertThrows } from "../_support/assert.ts";
import { captureReports, test } from "./_support.ts";

const SECRET = "0123456789abcdef0123456789abcdef";

function application(options: Partial<SessionsOptions> = {}): Application {
  const app = new Application({ middlewares: [sessions({ secret: SECRET, ...options })] });
  const { router } = app;
  router.addGet("/", (request) => Response.json([sessionOf(request).isNew, valueIn(request)]));
  router.addGet("/set/{value}", (request) => {
    sessionOf(request).set("value", matchInfo(request).value);
    return new Response();
  });
  router.addGet("/login", (request) => {
    sessionOf(request).set("value", "Ada");
    throw new HTTPSeeOther("/");
  });
  router.addGet("/redirect", (request) => {
    sessionOf(request).set("value", "Ada");
    return Response.redirect("http://localhost/");
  });
  router.addGet("/fail", (request) => {
    sessionOf(request).set("value", "never");
    throw new Error("secret");
  });
  router.addGet("/delete", (request) => {
    sessionOf(request).delete("nothing");
    sessionOf(request).delete("value");
    return new Response();
  });
  router.addGet("/clear", (request) => {
    sessionOf(request).clear();
    return new Response();
  });
  router.addGet("/late", (request) => {
    const response = new StreamResponse();
    response.prepare(request);
    sessionOf(request).set("value", 1);
    return response;
  });
  return app;
}

function valueIn(request: Request): unknown {
  return sessionOf(request).get("value") ?? null;
}

/** Makes a request with a cookie, and returns the status and the cookie that is set. */
async function ask(app: Application, path: string, cookie = ""): Promise<[number, string]> {
  const response = await app.request(path, { headers: { cookie } });
  await response.body?.cancel();
  return [response.status, response.headers.getSetCookie().join()];
}

async function seen(app: Application, cookie: string): Promise<unknown> {
  return await (await app.request("/", { headers: { cookie } })).json();
}

const valueOf = (cookie: string): string => cookie.split(";", 1)[0]!;

test("sessions() remembers what was set, in a cookie of its own kind", async () => {
  await using app = application({ maxAge: 60 });
  assertEquals(await ask(app, "/"), [200, ""]);
  const [, cookie] = await ask(app, "/set/%C3%BC%20%3B");
  const attributes = "Max-Age=60; Path=/; Secure; HttpOnly; SameSite=Lax";
  assert(/^session=[\w-]+\.[\w-]+; /.test(cookie) && cookie.endsWith(attributes), cookie);
  assertEquals(await seen(app, valueOf(cookie)), [false, "ü ;"]);
  assertEquals(await seen(app, ""), [true, null]);
  for (const [path, status] of [["/login", 303], ["/redirect", 302]] as const) {
    const [found, cookie] = await ask(app, path);
    assertEquals([found, await seen(app, valueOf(cookie))], [status, [false, "Ada"]]);
  }
  for (const path of ["/delete", "/clear"]) {
    const [, gone] = await ask(app, path, valueOf(cookie));
    assert(gone.startsWith("session=; Max-Age=0; "), gone);
  }
});

test("sessions() takes a cookie that is not as it was made for none", async () => {
  await using app = application();
  await using other = application({ secret: `${SECRET}!` });
  await using named = application({ name: "other" });
  const cookie = valueOf((await ask(app, "/login"))[1]);
  const [content, signature] = cookie.slice("session=".length).split(".");
  const forged = new TextEncoder().encode('[9999999999,{"value":"root"}]')
    .toBase64({ alphabet: "base64url", omitPadding: true });
  const cookies = [
    `session=${content}`,
    `session=${content}.`,
    `session=.${signature}`,
    `session=${forged}.${signature}`,
    `session=${content!.slice(0, -1)}.${signature}`,
    `session=${content}.${signature!.slice(0, -2)}AA`,
    `session=${content}.${signature}x`,
    "session=nonsense",
    "session=",
  ];
  for (const cookie of cookies) {
    assertEquals([cookie, await seen(app, cookie)], [cookie, [true, null]]);
  }
  assertEquals(await seen(app, cookie), [false, "Ada"]);
  assertEquals(await seen(other, cookie), [true, null]);
  assertEquals(await seen(named, cookie.replace("session", "other")), [true, null]);
  await using old = application({ maxAge: -1 });
  assertEquals(await seen(old, valueOf((await ask(old, "/login"))[1])), [true, null]);
});

test("sessions() refuses what it can't do", async () => {
  assertThrows(() => sessions({ secret: "short" }), RangeError, "fewer than 32");
  for (const options of [{ name: "a b" }, { maxAge: NaN }, { maxAge: Infinity }]) {
    assertThrows(() => sessions({ secret: SECRET, ...options }), RangeError, "is malformed");
  }
  using reports = captureReports();
  await using app = application();
  assertEquals(await ask(app, `/set/${"x".repeat(4000)}`), [500, ""]);
  assertEquals(await ask(app, "/fail"), [500, ""]);
  const late = await app.request("/late");
  await assertRejects(() => late.text());
  assert(reports.messages[0]!.includes("more than 4096"));
  // The limit is on the name and the value together.
  let longest = 0;
  for (let size = 2960; size < 3060; size++) {
    const cookie = valueOf((await ask(app, `/set/${"x".repeat(size)}`))[1]);
    longest = Math.max(longest, cookie.length - 1);
  }
  assert(longest > 4090 && longest <= 4096, `${longest}`);
  assert(reports.messages[2]!.includes("the response has begun"));
  await using without = new Application();
  without.router.addGet("/", (request) => {
    assertThrows(() => sessionOf(request), RuntimeError, "sessions() is not a middleware");
    return new Response();
  });
  assertEquals(await ask(without, "/"), [200, ""]);
});
