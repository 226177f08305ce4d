/**
 * Which handler answers which request.
 *
 * Counterpart of Python's `aiohttp.web_urldispatcher`.
 *
 * @module
 */

import type { Suspension } from "../loop/mod.ts";
import { RuntimeError } from "../loop/mod.ts";
import { HTTPMethodNotAllowed, HTTPNotFound } from "./exceptions.ts";

/**
 * Answers a request. It runs as a task: it may be an async function, a generator, or plain.
 */
export type Handler = (
  request: Request,
) => Response | PromiseLike<Response> | Generator<Suspension, Response, unknown>;

/** A method as in a request: `"get"` is `"GET"`. */
function methodName(method: string): string {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(method)) {
    throw new RangeError(`Cannot add route: "${method}" is not a method`);
  }
  return method.toUpperCase();
}

/**
 * The routes of an application.
 *
 * Counterpart of Python's `aiohttp.web.UrlDispatcher`.
 *
 * @example
 * ```ts
 * import { Router } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * const router = new Router();
 * const about = () => new Response("about");
 * router.addGet("/about", about);
 * assertEquals(router.resolve("HEAD", "/about"), about);
 * ```
 */
export class Router {
  /** By path, then by method. */
  readonly #routes = new Map<string, Map<string, Handler>>();
  #frozen = false;

  /**
   * Adds a route. Counterpart of `add_route()`.
   *
   * @param method The method, such as `"GET"`.
   * @param path The path, which begins with a slash.
   * @param handler Who answers.
   * @throws {RangeError} If the method or the path is malformed, or there is such a route already.
   * @throws {RuntimeError} If the application has started.
   */
  addRoute(method: string, path: string, handler: Handler): void {
    if (this.#frozen) throw new RuntimeError("Cannot add route: the application has started");
    if (!path.startsWith("/")) {
      throw new RangeError(`Cannot add route: path "${path}" must begin with "/"`);
    }
    const key = methodName(method);
    const methods = this.#routes.get(path) ?? new Map<string, Handler>();
    if (methods.has(key)) throw new RangeError(`Cannot add route: ${key} ${path} is there already`);
    methods.set(key, handler);
    this.#routes.set(path, methods);
  }

  /**
   * Adds a route for GET, and for HEAD. Counterpart of `add_get()`.
   *
   * @param path The path.
   * @param handler Who answers.
   */
  addGet(path: string, handler: Handler): void {
    this.addRoute("GET", path, handler);
    this.addRoute("HEAD", path, handler);
  }

  /**
   * Adds a route for POST. Counterpart of `add_post()`.
   *
   * @param path The path.
   * @param handler Who answers.
   */
  addPost(path: string, handler: Handler): void {
    this.addRoute("POST", path, handler);
  }

  /**
   * Adds a route for PUT. Counterpart of `add_put()`.
   *
   * @param path The path.
   * @param handler Who answers.
   */
  addPut(path: string, handler: Handler): void {
    this.addRoute("PUT", path, handler);
  }

  /**
   * Adds a route for PATCH. Counterpart of `add_patch()`.
   *
   * @param path The path.
   * @param handler Who answers.
   */
  addPatch(path: string, handler: Handler): void {
    this.addRoute("PATCH", path, handler);
  }

  /**
   * Adds a route for DELETE. Counterpart of `add_delete()`.
   *
   * @param path The path.
   * @param handler Who answers.
   */
  addDelete(path: string, handler: Handler): void {
    this.addRoute("DELETE", path, handler);
  }

  /**
   * Finds who answers a request.
   *
   * @param method The method, in capitals.
   * @param path The path of the URL.
   * @returns The handler.
   * @throws {HTTPNotFound} If no route has this path.
   * @throws {HTTPMethodNotAllowed} If none of those that do has this method.
   */
  resolve(method: string, path: string): Handler {
    const methods = this.#routes.get(path);
    if (methods === undefined) throw new HTTPNotFound();
    const handler = methods.get(method);
    if (handler === undefined) throw new HTTPMethodNotAllowed(methods.keys());
    return handler;
  }

  /** @ignore Refuses further routes. */
  _freeze(): void {
    this.#frozen = true;
  }
}
