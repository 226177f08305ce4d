/**
 * Checks what clients send against a schema of any library that supports Standard Schema: Zod,
 * Valibot, ArkType and others.
 *
 * What third-party packages of aiohttp do for pydantic or marshmallow.
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
  /** What is wrong. */
  readonly message: string;
  /** Where it is: the keys that lead there. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/**
 * What a schema returns for a value: the validated value, or what is wrong with it.
 *
 * @typeParam T The type of the validated value.
 */
export type SchemaResult<T> =
  | { readonly value: T; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/**
 * A schema, as https://standardschema.dev defines it.
 *
 * @typeParam T The type of a validated value.
 */
export interface Schema<T> {
  /** The part that all libraries have in common. */
  readonly "~standard": {
    /** Checks a value. */
    readonly validate: (value: unknown) => SchemaResult<T> | Promise<SchemaResult<T>>;
  };
}

/**
 * Checks a value against a schema; an invalid one is answered with 422, and what is wrong as JSON.
 *
 * @typeParam T The type of the validated value.
 * @param schema The schema.
 * @param value The value, such as the result of `readJson()`.
 * @returns An awaitable of the validated value, as the schema returns it.
 * @throws {HTTPUnprocessableEntity} If the value is invalid.
 *
 * @example
 * ```ts
 * import { Application, readJson, validate } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * // As from a library: `z.number()`, `v.number()`, `type("number")`.
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
