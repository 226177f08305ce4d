/**
 * Views: classes that handle the requests for a path.
 *
 * @module
 */

import { sleep } from "@aio/asyncio";
import type { Suspension } from "@aio/asyncio";
import { Application, matchInfo, Router, TestServer, View } from "@aio/asyncio/http";
import { assertEquals, assertThrows } from "../_support/assert.ts";
import { captureReports, exchange, test } from "./_support.ts";
import record from "./parity.json" with { type: "json" };

class Simple extends View {
  get(): Response {
    return new Response(`get ${matchInfo(this.request).id}`);
  }

  async post(): Promise<Response> {
    return new Response("post");
  }
}

test("parity: View answers as aiohttp's, and HEAD, too", async () => {
  const app = new Application();
  app.router.addView("/{id}", Simple);
  await using server = await TestServer.start(app);
  for (const expected of record.views) {
    const head = `${expected.method} /7 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;
    const { status, headers, body } = await exchange(server.port, head);
    const allow = headers.get("allow")?.toLowerCase().replace("head,", "") ?? null;
    assertEquals({ method: expected.method, status, allow, body }, expected);
  }
  const response = await server.request("/7", { method: "HEAD" });
  assertEquals([response.status, response.headers.get("content-length")], [200, "5"]);
});

test("View is made for each request, and its methods may be of any kind", async () => {
  let count = 0;
  class Counting extends View {
    readonly #count = ++count;

    *get(): Generator<Suspension, Response, unknown> {
      yield* sleep(0);
      return new Response(`${this.#count} ${this.request.method}`);
    }

    head(): Response {
      return new Response(null, { status: 204 });
    }

    async delete(): Promise<Response> {
      await sleep(3600);
      return new Response("too late");
    }

    options(): Response {
      throw new Error("secret");
    }
  }
  await using app = new Application();
  const routes = app.router.addView("/", Counting, { name: "it" });
  app.router.addView("/hurried", Counting, { timeout: 0.01 });
  assertEquals(routes.map(({ method }) => method).sort(), ["DELETE", "GET", "HEAD", "OPTIONS"]);
  assertEquals(app.router.urlFor("it"), "/");
  using reports = captureReports();
  const both = await Promise.all([app.request("/"), app.request("/")]);
  assertEquals(await Promise.all(both.map((response) => response.text())), ["1 GET", "2 GET"]);
  assertEquals((await app.request("/", { method: "HEAD" })).status, 204);
  assertEquals((await app.request("/hurried", { method: "DELETE" })).status, 503);
  assertEquals((await app.request("/", { method: "OPTIONS" })).status, 500);
  assertEquals([count, reports.messages.length], [5, 1]);
});

test("View inherits methods, and leaves those it has not to other routes", async () => {
  class Derived extends Simple {
    override get(): Response {
      return new Response("derived");
    }
  }
  await using app = new Application();
  app.router.addView("/a", Derived);
  app.router.addPut("/a", () => new Response("put"));
  const texts = ["GET", "POST", "PUT"].map(async (method) =>
    await (await app.request("/a", { method })).text()
  );
  assertEquals(await Promise.all(texts), ["derived", "post", "put"]);
});

test("Router.addView() refuses what can't answer", () => {
  const router = new Router();
  class Empty extends View {}
  class Foreign {
    readonly request = new Request("http://localhost");
    get = (): Response => new Response();
  }
  assertThrows(() => router.addView("/", Empty), RangeError, "Empty has none of delete(), get()");
  assertThrows(() => router.addView("/", Foreign), TypeError, "is not a class that extends View");
  assertThrows(() => router.addView("/", (() => {}) as never), TypeError, "is not a class");
  assertThrows(() => router.addView("a", Simple), RangeError, 'must begin with "/"');
  class Wrong extends View {
    get(): string {
      return "";
    }
  }
  // @ts-expect-error -- it returns a string
  router.addView("/", Wrong);
});
