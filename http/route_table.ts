/**
 * Routes that are defined beside their handlers, and added to an application later.
 *
 * Counterpart of `aiohttp.web.RouteTableDef` and of the functions `web.get()`, `web.post()` and so on.
 *
 * @module
 */

import type { Handler } from "./_scope.ts";
import type { StaticOptions } from "./_static.ts";
import type { GetRouteOptions, RouteOptions } from "./route.ts";
import type { RouteDef } from "./router.ts";
import type { ViewClass } from "./view.ts";

/**
 * A list of routes, for {@linkcode Application.addRoutes}. Each method adds one and returns the list.
 *
 * JavaScript has no function decorators; the handler is an argument instead. Counterpart of
 * Python's `aiohttp.web.RouteTableDef`.
 *
 * @example
 * ```ts
 * import { Application, matchInfo, RouteTableDef } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * const users = new RouteTableDef()
 *   .get("/users", () => Response.json(["Ada"]))
 *   .get("/users/{name}", (request) => new Response(matchInfo(request).name), { name: "user" })
 *   .delete("/users/{name}", () => new Response(null, { status: 204 }));
 * const all = new RouteTableDef().get("/", () => new Response("hello"));
 *
 * await using app = new Application();
 * app.addRoutes([...all, ...users]);
 * assertEquals(await (await app.request("/users/Ada")).text(), "Ada");
 * ```
 */
export class RouteTableDef implements Iterable<RouteDef> {
  readonly #routes: RouteDef[] = [];

  #add(route: RouteDef): this {
    this.#routes.push(route);
    return this;
  }

  /** The routes, in the order they were defined. */
  [Symbol.iterator](): ArrayIterator<RouteDef> {
    return this.#routes.values();
  }

  /**
   * Adds a route of any method. Counterpart of `web.route()`.
   *
   * @param method The method, such as `"GET"`; `"*"` for all.
   * @param path The path; see {@linkcode Router.addRoute}.
   * @param handler The handler.
   * @param options The route's name and settings.
   * @returns This list.
   */
  route(method: string, path: string, handler: Handler, options?: RouteOptions): this {
    return this.#add((router) => [router.addRoute(method, path, handler, options)]);
  }

  /**
   * Adds a route for GET, and for HEAD. Counterpart of `web.get()`.
   *
   * @param path The path.
   * @param handler The handler.
   * @param options The route's name and settings, and whether HEAD is answered.
   * @returns This list.
   */
  get(path: string, handler: Handler, options?: GetRouteOptions): this {
    return this.#add((router) => [router.addGet(path, handler, options)]);
  }

  /**
   * Adds a route for HEAD. Counterpart of `web.head()`.
   *
   * @param path The path.
   * @param handler The handler.
   * @param options The route's name and settings.
   * @returns This list.
   */
  head(path: string, handler: Handler, options?: RouteOptions): this {
    return this.route("HEAD", path, handler, options);
  }

  /**
   * Adds a route for OPTIONS. Counterpart of `web.options()`.
   *
   * @param path The path.
   * @param handler The handler.
   * @param options The route's name and settings.
   * @returns This list.
   */
  options(path: string, handler: Handler, options?: RouteOptions): this {
    return this.route("OPTIONS", path, handler, options);
  }

  /**
   * Adds a route for POST. Counterpart of `web.post()`.
   *
   * @param path The path.
   * @param handler The handler.
   * @param options The route's name and settings.
   * @returns This list.
   */
  post(path: string, handler: Handler, options?: RouteOptions): this {
    return this.route("POST", path, handler, options);
  }

  /**
   * Adds a route for PUT. Counterpart of `web.put()`.
   *
   * @param path The path.
   * @param handler The handler.
   * @param options The route's name and settings.
   * @returns This list.
   */
  put(path: string, handler: Handler, options?: RouteOptions): this {
    return this.route("PUT", path, handler, options);
  }

  /**
   * Adds a route for PATCH. Counterpart of `web.patch()`.
   *
   * @param path The path.
   * @param handler The handler.
   * @param options The route's name and settings.
   * @returns This list.
   */
  patch(path: string, handler: Handler, options?: RouteOptions): this {
    return this.route("PATCH", path, handler, options);
  }

  /**
   * Adds a route for DELETE. Counterpart of `web.delete()`.
   *
   * @param path The path.
   * @param handler The handler.
   * @param options The route's name and settings.
   * @returns This list.
   */
  delete(path: string, handler: Handler, options?: RouteOptions): this {
    return this.route("DELETE", path, handler, options);
  }

  /**
   * Adds a class that answers for a path. Counterpart of `web.view()`.
   *
   * @param path The path.
   * @param view The class.
   * @param options The name and the settings of its routes.
   * @returns This list.
   */
  view(path: string, view: ViewClass, options?: RouteOptions): this {
    return this.#add((router) => router.addView(path, view, options));
  }

  /**
   * Adds the files of a folder. Counterpart of `web.static()`.
   *
   * @param prefix The prefix of the paths; see {@linkcode Router.addStatic}.
   * @param folder The folder.
   * @param options What is served, and a name.
   * @returns This list.
   */
  static(prefix: string, folder: string | URL, options?: StaticOptions): this {
    return this.#add((router) => [router.addStatic(prefix, folder, options)]);
  }
}
