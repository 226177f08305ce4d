/**
 * Validating values against schemas.
 *
 * @module
 */

import { Application, readJson, validate } from "@aio/asyncio/http";
import type { Schema } from "@aio/asyncio/http";
import { assertEquals } from "../_support/assert.ts";
import { test } from "./_support.ts";

/** Returns a schema as a library makes it, with a promise or without. */
function schema(isAsync: boolean): Schema<{ name: string }> {
  const check = (value: unknown): ReturnType<Schema<{ name: string }>["~standard"]["validate"]> => {
    const { name } = value as { name: unknown };
    if (typeof name === "string") return { value: { name: name.trim() } };
    return { issues: [{ message: "no text", path: ["name", { key: 0 }] }, { message: "bad" }] };
  };
  return {
    "~standard": { validate: (value) => isAsync ? Promise.resolve(check(value)) : check(value) },
  };
}

for (const isAsync of [false, true]) {
  test(`validate() gives what ${isAsync ? "an async" : "a"} schema makes of a value, or 422`, async () => {
    await using app = new Application();
    app.router.addPost("/", async (request) => {
      const { name } = await validate(schema(isAsync), await readJson(request));
      return new Response(name);
    });
    const right = await app.request("/", { method: "POST", body: '{"name": " Ada "}' });
    assertEquals([right.status, await right.text()], [200, "Ada"]);
    const wrong = await app.request("/", { method: "POST", body: '{"name": 1}' });
    assertEquals([wrong.status, wrong.headers.get("content-type")], [422, "application/json"]);
    assertEquals(await wrong.json(), {
      issues: [{ message: "no text", path: ["name", 0] }, { message: "bad", path: [] }],
    });
  });
}
