/**
 * Classes that answer for a path, with a method for each HTTP method.
 *
 * Counterpart of `aiohttp.web.View`. `app.router.addView()` adds a route for each method that the
 * class has, so other methods are answered with 405, as on any other path.
 *
 * @module
 */

import type { Handler } from "./_scope.ts";

/**
 * The methods of a {@linkcode View} that answer requests; without `head()`, `get()` answers HEAD,
 * too.
 */
export type ViewMethods = {
  [name in "delete" | "get" | "head" | "options" | "patch" | "post" | "put"]?: () => ReturnType<
    Handler
  >;
};

/** A class of views, which is instantiated for each request. */
export type ViewClass = new (request: Request) => View & ViewMethods;

const METHODS: readonly (keyof ViewMethods)[] = [
  "delete",
  "get",
  "head",
  "options",
  "patch",
  "post",
  "put",
];

/**
 * Answers one request; programs extend it. A method may be an async, generator, or plain function,
 * as a {@linkcode Handler} may.
 *
 * Counterpart of Python's `aiohttp.web.View`.
 *
 * @example
 * ```ts
 * import { Application, matchInfo, readText, View } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * const notes = new Map<string, string>();
 *
 * class Note extends View {
 *   readonly #id = matchInfo(this.request).id!;
 *
 *   get() {
 *     return new Response(notes.get(this.#id));
 *   }
 *
 *   async put() {
 *     notes.set(this.#id, await readText(this.request));
 *     return new Response(null, { status: 204 });
 *   }
 * }
 *
 * await using app = new Application();
 * app.router.addView("/notes/{id}", Note);
 * await app.request("/notes/1", { method: "PUT", body: "hello" });
 * assertEquals(await (await app.request("/notes/1")).text(), "hello");
 * const refused = await app.request("/notes/1", { method: "DELETE" });
 * assertEquals([refused.status, refused.headers.get("allow")], [405, "GET,HEAD,PUT"]);
 * await refused.body?.cancel();
 * ```
 */
export class View {
  /** The request that it answers. */
  readonly request: Request;

  /**
   * Creates a view, as the application does for each request.
   *
   * @param request The request.
   */
  constructor(request: Request) {
    this.request = request;
  }
}

/** The HTTP methods that a class answers, in capitals, and their handlers. */
export function handlersOf(view: ViewClass): [method: string, handler: Handler][] {
  if (typeof view !== "function" || !(view.prototype instanceof View)) {
    throw new TypeError(`Cannot add view: ${view} is not a class that extends View`);
  }
  const names = METHODS.filter((name) => typeof view.prototype[name] === "function");
  if (names.length === 0) {
    throw new RangeError(`Cannot add view: ${view.name} has none of ${METHODS.join("(), ")}()`);
  }
  const handlers = names.map((name): [string, Handler] => [
    name.toUpperCase(),
    (request) => new view(request)[name]!(),
  ]);
  const get = handlers.find(([method]) => method === "GET");
  if (get !== undefined && !names.includes("head")) handlers.push(["HEAD", get[1]]);
  return handlers;
}
