/**
 * Checking what clients send against a schema, of any library that speaks Standard Schema: Zod,
 * Valibot, ArkType and others.
 *
 * What the third-party packages of aiohttp do for pydantic or marshmallow, each for its own.
 *
 * @module
 */

import type { Awaitable } from "../loop/mod.ts";
import { wrapFuture } from "../loop/mod.ts";
import { Operation } from "../loop/coroutines.ts";
import type { Steps } from "../loop/coroutines.ts";
import { HTTPUnprocessableEntity } from "./exceptions.ts";

/** Something that is wrong with a value. */
export interface SchemaIssue {
  /** What it is. */
  readonly message: string;
  /** Where it is: the keys on the way there. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/**
 * What a schema says of a value: what it makes of it, or what is wrong.
 *
 * @typeParam T What it makes of the value.
 */
export type SchemaResult<T> =
  | { readonly value: T; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/**
 * A schema, as https://standardschema.dev has it.
 *
 * @typeParam T What it makes of a value.
 */
export interface Schema<T> {
  /** Its part that all libraries have in common. */
  readonly "~standard": {
    /** Checks a value. */
    readonly validate: (value: unknown) => SchemaResult<T> | Promise<SchemaResult<T>>;
  };
}

/**
 * Checks a value against a schema; a wrong one answers 422, with what is wrong as JSON.
 *
 * @typeParam T What the schema makes of the value.
 * @param schema The schema.
 * @param value The value, such as what `readJson()` gives.
 * @returns An awaitable of what the schema makes of it.
 * @throws {HTTPUnprocessableEntity} If it is wrong.
 *
 * @example
 * ```ts
 * import { Application, readJson, validate } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * // As by a library: `z.number()`, `v.number()`, `type("number")`.
 * const number = {
 *   "~standard": {
 *     validate: (value: unknown) =>
 *       typeof value === "number" ? { value } : { issues: [{ message: "a number was expected" }] },
 *   },
 * };
 * await using app = new Application();
 * app.router.addPost("/double", async (request) => {
 *   return Response.json(2 * await validate(number, await readJson(request)));
 * });
 * const ask = (body: string) => app.request("/double", { method: "POST", body });
 * assertEquals(await (await ask("21")).json(), 42);
 * assertEquals((await ask('"x"')).status, 422);
 * ```
 */
export function validate<T>(schema: Schema<T>, value: unknown): Awaitable<T> {
  return new Operation(() => validateSteps(schema, value));
}

function* validateSteps<T>(schema: Schema<T>, value: unknown): Steps<T> {
  const checked = schema["~standard"].validate(value);
  const result = checked instanceof Promise ? yield* wrapFuture(checked) : checked;
  if (result.issues === undefined) return result.value;
  const issues = result.issues.map(({ message, path = [] }) => ({
    message,
    path: path.map((step) => typeof step === "object" ? step.key : step),
  }));
  throw new HTTPUnprocessableEntity({
    text: JSON.stringify({ issues }),
    headers: { "content-type": "application/json" },
  });
}
