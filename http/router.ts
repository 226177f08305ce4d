/**
 * Which handler answers which request.
 *
 * Counterpart of `UrlDispatcher` of Python's `aiohttp.web_urldispatcher`. A path without variables
 * is found first. Otherwise routes are tried by their literal beginning, the longest first, and
 * routes of the same beginning in the order they were added; as in aiohttp since 3.9, the order of
 * routes of different beginnings does not matter. If routes match the path, but none has the
 * method, the answer is 405 with all the methods they have. Sub-applications for hosts come last.
 *
 * @module
 */

import { RuntimeError } from "../loop/mod.ts";
import { hostMatcher } from "./_domain.ts";
import { NO_PARAMS, NO_ROUTE, Pattern, quotePath } from "./_pattern.ts";
import { pathOf } from "./_path.ts";
import { ANY_METHOD, PathMount, RouteIndex } from "./_route_index.ts";
import { checkOptions } from "./_scope.ts";
import type { Scope } from "./_scope.ts";
import { StaticFolder } from "./_static.ts";
import type { StaticOptions } from "./_static.ts";
import { HTTPMethodNotAllowed, HTTPNotFound } from "./exceptions.ts";
import { Route } from "./route.ts";
import type {
  GetRouteOptions,
  Handler,
  HandlerOptions,
  Resource,
  RouteMatch,
  RouteOptions,
} from "./route.ts";
import { handlersOf } from "./view.ts";
import type { ViewClass } from "./view.ts";

export type { StaticOptions };

/** Passed to the handlers that answer where no route was found, which only throw. */
const NO_REQUEST = null as unknown as Request;

/** A handler that refuses a request does not read its body. */
const NO_LIMIT: HandlerOptions = { clientMaxSize: null };

/** Options for {@linkcode Router.urlFor}. */
export interface UrlForOptions {
  /** The query, in any form that `URLSearchParams` takes. */
  query?: Record<string, string> | [name: string, value: string][] | URLSearchParams | string;
  /** The fragment, without its `#`. */
  fragment?: string;
  /**
   * Whether the URL of a file of {@linkcode Router.addStatic} gets its version as `v` in the query:
   * a text that changes when the content does. The file is read synchronously for that, at the
   * first call and after each change. A file that is missing, or not served, gets no version.
   *
   * @default {what the folder's `appendVersion` says}
   */
  appendVersion?: boolean;
}

/** A route definition: {@linkcode Router.addRoutes} calls it to add its routes. */
export type RouteDef = (router: Router) => Route[];

function newDynamic(path: string): PathMount {
  const pattern = new Pattern(path);
  return new PathMount(pattern.canonical, pattern);
}

/** A method as in a request: `"get"` is `"GET"`. */
function methodName(method: string): string {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(method)) {
    throw new RangeError(`Cannot add route: "${method}" is not a method`);
  }
  return method.toUpperCase();
}

function checkPrefix(prefix: string): void {
  if (!prefix.startsWith("/") || prefix.endsWith("/") || /[{}]/.test(prefix)) {
    const text = 'a prefix begins with "/", does not end with it, and has no variables';
    throw new RangeError(`Cannot add prefix "${prefix}": ${text}`);
  }
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
 * const user = () => new Response("a user");
 * router.addGet("/users/{id:\\d+}", user, { name: "user" });
 * const { route, params } = router.resolve("GET", "/users/42");
 * assertEquals(route.handler, user);
 * assertEquals(params.id, "42");
 * assertEquals(router.urlFor("user", { id: 7 }, { query: { tab: "posts" } }), "/users/7?tab=posts");
 * ```
 */
export class Router {
  /** @ignore The application, if the router belongs to one. */
  readonly _scope: Scope | null;
  readonly #index: RouteIndex;
  /** Paths and the routers of sub-applications, in the order they were added. */
  readonly #parts: (PathMount | Router)[] = [];
  /** The paths, by their text. */
  readonly #paths = new Map<string, PathMount>();
  /** The methods by shape: paths that match the same requests can't share a method. */
  readonly #methods = new Map<string, Set<string>>();
  readonly #prefixes = new Set<string>();
  readonly #names = new Map<string, PathMount>();
  /** The folders of static files, by name. */
  readonly #folders = new Map<string, StaticFolder>();
  #frozen = false;
  /** The router that this one is mounted in, if it belongs to a sub-application. */
  #parent: { readonly router: Router; readonly prefix: string } | null = null;

  /** @ignore An application makes its router. */
  constructor(scope: Scope | null = null) {
    this._scope = scope;
    const missing = this.#systemRoute(() => {
      throw new HTTPNotFound();
    });
    this.#index = new RouteIndex((allowed) => {
      if (allowed === null) return missing;
      return this.#systemRoute(() => {
        throw new HTTPMethodNotAllowed(allowed);
      });
    });
  }

  #systemRoute(handler: Handler): RouteMatch {
    return { route: new Route(ANY_METHOD, null, handler, NO_LIMIT, this), params: NO_ROUTE };
  }

  // -- Adding --

  /**
   * Adds a route. Counterpart of `add_route()`.
   *
   * @param method The method, such as `"GET"`; `"*"` for all.
   * @param path The path, which begins with a slash. `{name}` matches one segment, `{name:regex}`
   * what the regular expression matches.
   * @param handler The handler.
   * @param options The route's name, and settings that override those of the application.
   * @returns The route.
   * @throws {RangeError} If the method or the path is malformed, or such a route exists already, or
   * the name belongs to another path, or a setting is invalid.
   * @throws {TypeError} If the handler is not a function.
   * @throws {RuntimeError} If the application has started.
   */
  addRoute(method: string, path: string, handler: Handler, options: RouteOptions = {}): Route {
    this.#checkOpen("add route");
    checkOptions("add route", options);
    if (path !== "" && !path.startsWith("/")) {
      throw new RangeError(`Cannot add route: path "${path}" must begin with "/"`);
    }
    if (typeof handler !== "function") {
      throw new TypeError(`Cannot add route: a handler must be a function, not ${handler}`);
    }
    const key = methodName(method);
    const mount = this.#mountOf(path);
    const methods = this.#methods.get(mount.shape) ?? new Set();
    // After one for all methods, no other would ever answer; one for all the others may come last.
    if (methods.has(key) || methods.has(ANY_METHOD)) {
      throw new RangeError(`Cannot add route: ${key} ${path} exists already`);
    }
    this.#checkName(options.name, mount);
    this.#methods.set(mount.shape, methods.add(key));
    const route = new Route(key, mount.path, handler, options, this);
    mount.matches.set(key, { route, params: NO_PARAMS });
    if (mount.matches.size === 1) this.#keep(path, mount);
    if (options.name !== undefined) this.#names.set(options.name, mount);
    return route;
  }

  /** The mount of a path; a new one is not registered yet. */
  #mountOf(path: string): PathMount {
    if (/[{}]/.test(path)) return this.#paths.get(path) ?? newDynamic(path);
    const quoted = quotePath(path);
    return this.#paths.get(quoted) ?? new PathMount(quoted, null);
  }

  #keep(path: string, mount: PathMount): void {
    this.#paths.set(mount.pattern === null ? mount.path : path, mount);
    this.#parts.push(mount);
    this.#index.addPath(mount);
  }

  #checkName(name: string | undefined, owner: PathMount): void {
    const other = name === undefined ? undefined : this.#names.get(name);
    if (other === undefined || other === owner) return;
    throw new RangeError(`Cannot add route: the name "${name}" belongs to ${other.path} already`);
  }

  #checkOpen(action: string): void {
    if (this.#frozen) throw new RuntimeError(`Cannot ${action}: the application has started`);
  }

  /**
   * Adds a route for GET, and for HEAD. Counterpart of `add_get()`.
   *
   * @param path The path.
   * @param handler The handler.
   * @param options The route's name and settings, and whether HEAD is answered.
   * @returns The route for GET.
   */
  addGet(path: string, handler: Handler, options: GetRouteOptions = {}): Route {
    const { allowHead = true, ...rest } = options;
    const route = this.addRoute("GET", path, handler, rest);
    if (allowHead) this.addRoute("HEAD", path, handler, rest);
    return route;
  }

  /**
   * Adds a route for HEAD. Counterpart of `add_head()`.
   *
   * @param path The path.
   * @param handler The handler.
   * @param options The route's name and settings.
   * @returns The route.
   */
  addHead(path: string, handler: Handler, options: RouteOptions = {}): Route {
    return this.addRoute("HEAD", path, handler, options);
  }

  /**
   * Adds a route for OPTIONS. Counterpart of `add_options()`.
   *
   * @param path The path.
   * @param handler The handler.
   * @param options The route's name and settings.
   * @returns The route.
   */
  addOptions(path: string, handler: Handler, options: RouteOptions = {}): Route {
    return this.addRoute("OPTIONS", path, handler, options);
  }

  /**
   * Adds a route for POST. Counterpart of `add_post()`.
   *
   * @param path The path.
   * @param handler The handler.
   * @param options The route's name and settings.
   * @returns The route.
   */
  addPost(path: string, handler: Handler, options: RouteOptions = {}): Route {
    return this.addRoute("POST", path, handler, options);
  }

  /**
   * Adds a route for PUT. Counterpart of `add_put()`.
   *
   * @param path The path.
   * @param handler The handler.
   * @param options The route's name and settings.
   * @returns The route.
   */
  addPut(path: string, handler: Handler, options: RouteOptions = {}): Route {
    return this.addRoute("PUT", path, handler, options);
  }

  /**
   * Adds a route for PATCH. Counterpart of `add_patch()`.
   *
   * @param path The path.
   * @param handler The handler.
   * @param options The route's name and settings.
   * @returns The route.
   */
  addPatch(path: string, handler: Handler, options: RouteOptions = {}): Route {
    return this.addRoute("PATCH", path, handler, options);
  }

  /**
   * Adds a route for DELETE. Counterpart of `add_delete()`.
   *
   * @param path The path.
   * @param handler The handler.
   * @param options The route's name and settings.
   * @returns The route.
   */
  addDelete(path: string, handler: Handler, options: RouteOptions = {}): Route {
    return this.addRoute("DELETE", path, handler, options);
  }

  /**
   * Lets a class answer for a path: adds a route for each of its methods, and one for HEAD if it
   * has `get()`. Counterpart of `add_view()`.
   *
   * @param path The path.
   * @param view The class; each request gets a new instance.
   * @param options The name and the settings of the routes.
   * @returns The routes.
   * @throws {TypeError} If it is not a class that extends `View`.
   * @throws {RangeError} If it has no such method, or as {@linkcode Router.addRoute} does.
   * @throws {RuntimeError} If the application has started.
   */
  addView(path: string, view: ViewClass, options: RouteOptions = {}): Route[] {
    return handlersOf(view).map(([method, handler]) =>
      this.addRoute(method, path, handler, options)
    );
  }

  /**
   * Adds routes that were defined elsewhere. Counterpart of `add_routes()`.
   *
   * @param routes The routes, such as a {@linkcode RouteTableDef}.
   * @returns The routes that were added.
   * @throws {RangeError} If a route is malformed or exists already.
   * @throws {RuntimeError} If the application has started.
   */
  addRoutes(routes: Iterable<RouteDef>): Route[] {
    return Array.from(routes, (add) => add(this)).flat();
  }

  /**
   * Serves the files of a folder under a prefix. Counterpart of `add_static()`.
   *
   * Nothing outside of the folder is served, symbolic links are not followed, and folders are not
   * listed, unless the options say so. Files are served as {@linkcode FileResponse} does.
   *
   * @param prefix The prefix of the paths, such as `/static`; `/` for all paths without another
   * route.
   * @param folder The folder.
   * @param options What is served, and a name.
   * @returns The route for GET.
   * @throws {RangeError} If the prefix is malformed or taken, or there is no such folder.
   * @throws {RuntimeError} If the application has started.
   */
  addStatic(prefix: string, folder: string | URL, options: StaticOptions = {}): Route {
    if (prefix !== "/") checkPrefix(prefix);
    const files = new StaticFolder(folder, options);
    const base = prefix === "/" ? "" : quotePath(prefix);
    const handler = (request: Request): Promise<Response> =>
      files.respond(request, pathOf(request.url).slice(this._prefix.length + base.length + 1));
    const { name } = options;
    const routeOptions = name === undefined ? {} : { name };
    const route = this.addGet(`${base}/{filename:.*}`, handler, routeOptions);
    if (name !== undefined) this.#folders.set(name, files);
    return route;
  }

  /** @ignore Lets `router` answer for all paths below a prefix. */
  _addRouter(prefix: string, router: Router): void {
    this.#checkOpen("add sub-application");
    checkPrefix(prefix);
    const quoted = quotePath(prefix);
    if (this.#prefixes.has(quoted)) {
      throw new RangeError(`Cannot add sub-application: ${prefix} has one already`);
    }
    this.#prefixes.add(quoted);
    this.#adopt(router, quoted);
    this.#index.addPrefix(quoted, {
      find: (path, { method, url }) => router.find(method, path.slice(quoted.length), url),
    });
  }

  /** @ignore Lets `router` answer requests for a host that have no route here. */
  _addDomain(domain: string, router: Router): void {
    this.#checkOpen("add domain");
    const isOf = hostMatcher(domain);
    this.#adopt(router, "");
    this.#index.addDomain({
      find: (path, { method, url }) => isOf(url) ? router.find(method, path, url) : null,
    });
  }

  #adopt(router: Router, prefix: string): void {
    router.#parent = { router: this, prefix };
    this.#parts.push(router);
  }

  /** @ignore The prefix of all paths of this router. */
  get _prefix(): string {
    return this.#parent === null ? "" : this.#parent.router._prefix + this.#parent.prefix;
  }

  // -- Inspection --

  /**
   * Returns all routes, those of sub-applications included, in the order their paths were added.
   *
   * @returns The routes.
   *
   * @example
   * ```ts
   * import { Application } from "@aio/asyncio/http";
   * import { assertEquals } from "@std/assert";
   *
   * const notes = new Application();
   * notes.router.addGet("/{id:\\d+}", () => new Response("a note"), { allowHead: false });
   * const app = new Application();
   * app.router.addPost("/login", () => new Response("welcome"));
   * app.addSubapp("/notes", notes);
   * const lines = app.router.routes().map(({ method, path }) => `${method} ${path}`);
   * assertEquals(lines, ["POST /login", "GET /notes/{id}"]);
   * ```
   */
  routes(): readonly Route[] {
    return this.resources().flatMap(({ routes }) => routes);
  }

  /**
   * Returns all paths with their routes, in the order they were added. Those of sub-applications
   * are included; in aiohttp a sub-application is one resource.
   *
   * @returns The paths.
   */
  resources(): readonly Resource[] {
    return this.#parts.flatMap((part) =>
      part instanceof Router ? part.resources() : [this.#look(part)]
    );
  }

  /**
   * Returns the paths that have names, by name: those that {@linkcode Router.urlFor} takes. Paths
   * of sub-applications are not included. Counterpart of `named_resources()`.
   *
   * @returns The paths.
   */
  namedResources(): ReadonlyMap<string, Resource> {
    return new Map(Array.from(this.#names, ([name, part]) => [name, this.#look(part)]));
  }

  #look({ path, matches }: PathMount): Resource {
    return {
      path: this._prefix + path,
      routes: Array.from(matches.values(), ({ route }) => route),
    };
  }

  // -- Finding --

  /**
   * Finds the route of a request.
   *
   * @param method The method, in capitals.
   * @param path The path of the URL, percent-encoded.
   * @param url The whole URL; needed if there are sub-applications for hosts.
   * @returns The route, and the values of its variables.
   * @throws {HTTPNotFound} If no route has this path.
   * @throws {HTTPMethodNotAllowed} If routes have this path, but none of them has this method.
   */
  resolve(method: string, path: string, url = ""): RouteMatch {
    const match = this.find(method, path, url);
    if (match.params === NO_ROUTE) match.route.handler(NO_REQUEST);
    return match;
  }

  /** @ignore Does the same, but returns a route that throws where there is none. */
  find(method: string, path: string, url: string): RouteMatch {
    return this.#index.find(method, path, url);
  }

  // -- Names --

  /**
   * Builds the URL of a route from its name. Counterpart of Python's
   * `app.router["name"].url_for(…)`.
   *
   * @param name The name of the route.
   * @param params The values for the variables of its path.
   * @param options What follows the path.
   * @returns The URL, from its path on.
   * @throws {RangeError} If there is no such name (Python's `KeyError`), or a value is missing or
   * does not match, or a version is requested and the name is not that of a static folder.
   *
   * @example The URL of a file, which changes with its content
   * ```ts
   * import { Router } from "@aio/asyncio/http";
   * import { assertMatch } from "@std/assert";
   *
   * const folder = await Deno.makeTempDir();
   * await Deno.writeTextFile(`${folder}/site.css`, "body { color: navy }");
   * const router = new Router();
   * router.addStatic("/static", folder, { name: "static", appendVersion: true });
   * const url = router.urlFor("static", { filename: "site.css" });
   * assertMatch(url, /^\/static\/site\.css\?v=[\w-]{27}$/);
   * await Deno.remove(folder, { recursive: true });
   * ```
   */
  urlFor(
    name: string,
    params: Readonly<Record<string, string | number>> = {},
    options: UrlForOptions = {},
  ): string {
    const resource = this.#names.get(name);
    if (resource === undefined) {
      throw new RangeError(`Cannot build URL: no route is named "${name}"`);
    }
    const path = resource.pattern?.format(params) ?? resource.path;
    const query = new URLSearchParams(options.query);
    const version = this.#versionOf(name, params, options);
    if (version !== null) query.set("v", version);
    const { fragment } = options;
    return this._prefix + path + (query.size === 0 ? "" : `?${query}`) +
      (fragment === undefined ? "" : `#${encodeURIComponent(fragment.toWellFormed())}`);
  }

  #versionOf(
    name: string,
    { filename }: Readonly<Record<string, string | number>>,
    options: UrlForOptions,
  ): string | null {
    const folder = this.#folders.get(name);
    if (folder !== undefined) return folder.versionOf(String(filename), options);
    if (!options.appendVersion) return null;
    throw new RangeError(`Cannot append version: "${name}" is not the name of a static folder`);
  }

  /** @ignore Refuses further routes. */
  _freeze(): void {
    this.#frozen = true;
  }
}
