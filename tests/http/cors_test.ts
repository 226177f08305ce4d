/**
 * CORS: answers to pages of other origins.
 *
 * @module
 */

import {
  Application,
  cors,
  EventSourceResponse,
  HTTPForbidden,
  TestServer,
} from "@aio/asyncio/http";
import type { CorsOptions } from "@aio/asyncio/http";
import { assertEquals, assertThrows } from "../_support/assert.ts";
import { captureReports, test } from "./_support.ts";

const ORIGIN = "https://a.example";

function application(options: CorsOptions): Application {
  const app = new Application({ middlewares: [cors(options)] });
  app.router.addGet("/", () => new Response("hello"));
  app.router.addGet("/redirect", () => Response.redirect("http://localhost/"));
  app.router.addGet("/refuse", () => {
    throw new HTTPForbidden();
  });
  app.router.addGet("/fail", () => {
    throw new Error("secret");
  });
  app.router.addGet("/events", async (request) => {
    const events = new EventSourceResponse();
    events.prepare(request);
    await events.send("x");
    return events;
  });
  return app;
}

/** The headers that matter here. */
function corsHeaders(response: Response): Record<string, string> {
  return Object.fromEntries(
    Array.from(response.headers).filter(([name]) => /^(?:access-control-|vary$)/.test(name)),
  );
}

test("cors() has all that an application answers read by the origins it names", async () => {
  using reports = captureReports();
  const app = application({ origins: [ORIGIN], credentials: true, exposeHeaders: ["X-A", "X-B"] });
  await using server = await TestServer.start(app);
  const statuses = { "/": 200, "/redirect": 302, "/refuse": 403, "/fail": 500, "/no": 404 };
  for (const [path, status] of Object.entries({ ...statuses, "/events": 200 })) {
    const allowed = await server.request(path, { headers: { origin: ORIGIN } });
    assertEquals([path, allowed.status, corsHeaders(allowed)], [path, status, {
      "access-control-allow-credentials": "true",
      "access-control-allow-origin": ORIGIN,
      "access-control-expose-headers": "X-A, X-B",
      "vary": "Origin",
    }]);
    for (const headers of [{ origin: "https://b.example" }, {}]) {
      const refused = await server.request(path, { headers });
      assertEquals([path, corsHeaders(refused)], [path, { vary: "Origin" }]);
      await refused.body?.cancel();
    }
    await allowed.body?.cancel();
  }
  assertEquals(reports.messages.length, 3);
});

test("cors() answers preflight requests, and leaves other OPTIONS alone", async () => {
  const ask = async (options: CorsOptions, headers: HeadersInit): Promise<unknown[]> => {
    await using app = application(options);
    const response = await app.request("/", { method: "OPTIONS", headers });
    await response.body?.cancel();
    return [response.status, corsHeaders(response)];
  };
  const asked = { origin: ORIGIN, "access-control-request-method": "PUT" };
  const withHeaders = { ...asked, "access-control-request-headers": "x-a, x-b" };
  assertEquals(await ask({ origins: "*", maxAge: 60 }, withHeaders), [204, {
    "access-control-allow-headers": "x-a, x-b",
    "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
    "access-control-allow-origin": "*",
    "access-control-max-age": "60",
    "vary": "Access-Control-Request-Headers",
  }]);
  const strict = { origins: (origin: string) => origin === ORIGIN, methods: ["GET"] };
  assertEquals(await ask({ ...strict, allowHeaders: ["x-a"] }, withHeaders), [204, {
    "access-control-allow-headers": "x-a",
    "access-control-allow-methods": "GET",
    "access-control-allow-origin": ORIGIN,
    "vary": "Origin",
  }]);
  assertEquals(await ask({ origins: [] }, asked), [204, { vary: "Origin" }]);
  assertEquals(await ask({ origins: "*" }, { origin: ORIGIN }), [405, {
    "access-control-allow-origin": "*",
  }]);
});

test("cors() refuses to let all pages act in the name of who looks at them", () => {
  assertThrows(() => cors({ origins: "*", credentials: true }), RangeError, "must be named");
});
