/**
 * Tables of routes, which are defined before they are added.
 *
 * @module
 */

import { RuntimeError } from "@aio/asyncio";
import { Application, Router, RouteTableDef, View } from "@aio/asyncio/http";
import { assertEquals, assertThrows } from "../_support/assert.ts";
import { test } from "./_support.ts";

const tell = (request: Request): Response => new Response(request.method);

class Thing extends View {
  get(): Response {
    return new Response("view");
  }
}

test("Application.addRoutes() adds routes of all kinds, in their order", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/a.txt`, "static");
  const table = new RouteTableDef()
    .get("/all", tell)
    .get("/get", tell, { allowHead: false })
    .head("/get", () => new Response(null, { status: 204 }))
    .post("/all", tell)
    .put("/all", tell)
    .patch("/all", tell)
    .delete("/all", tell, { name: "all" })
    .options("/all", tell)
    .route("purge", "/all", tell)
    .view("/view", Thing)
    .static("/files", folder);
  await using app = new Application();
  const routes = app.addRoutes(table);
  assertEquals(routes.map(({ method, path }) => `${method} ${path}`), [
    "GET /all",
    "GET /get",
    "HEAD /get",
    ...["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"].map((method) => `${method} /all`),
    "GET /view",
    "HEAD /view",
    "GET /files/{filename}",
  ]);
  const ask = async (method: string, path: string): Promise<string> =>
    await (await app.request(path, { method })).text();
  for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"]) {
    assertEquals(await ask(method, "/all"), method);
  }
  assertEquals((await app.request("/get", { method: "HEAD" })).status, 204);
  assertEquals(await ask("GET", "/view"), "view");
  assertEquals(await ask("GET", "/files/a.txt"), "static");
  assertEquals(app.router.urlFor("all"), "/all");
  await Deno.remove(folder, { recursive: true });
});

test("RouteTableDef can be added to several applications, and joined with others", () => {
  const table = new RouteTableDef().get("/a", tell);
  const both = [...table, ...new RouteTableDef().get("/b", tell)];
  for (const router of [new Router(), new Router()]) {
    assertEquals(router.addRoutes(both).map(({ path }) => path), ["/a", "/b"]);
    assertEquals(router.resolve("HEAD", "/b").route.handler, tell);
  }
});

test("Application.addRoutes() refuses what its router refuses", async () => {
  await using app = new Application();
  const wrong = new RouteTableDef().get("/a", tell).get("/a", tell).get("/b", tell);
  assertThrows(() => app.addRoutes(wrong), RangeError, "GET /a exists already");
  await app.request("/a");
  assertThrows(() => app.addRoutes(new RouteTableDef().get("/c", tell)), RuntimeError, "started");
});
