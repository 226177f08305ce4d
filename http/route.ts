/**
 * Routes: which handler answers a method on a path, and how.
 *
 * Counterpart of the routes and resources of Python's `aiohttp.web_urldispatcher`. A
 * {@linkcode Router} creates and finds them. How the requests of a route are handled (its
 * middlewares, its limits) is decided at the first one: by then nothing more can be added to its
 * application.
 *
 * @module
 */

import { NO_PARAMS } from "./_pattern.ts";
import type { Params } from "./_pattern.ts";
import { planOf } from "./_scope.ts";
import type { Handler, HandlerOptions, Middleware, OnDisconnect, Plan, Scope } from "./_scope.ts";

export type { Handler, HandlerOptions, Middleware, OnDisconnect, Params };

/** Options for adding a route. */
export interface RouteOptions extends HandlerOptions {
  /** A name, for {@linkcode Router.urlFor}; routes of the same path may share it. */
  name?: string;
}

/** Options for {@linkcode Router.addGet}. */
export interface GetRouteOptions extends RouteOptions {
  /**
   * Whether the same handler also answers HEAD.
   *
   * @default {true}
   */
  allowHead?: boolean;
}

/** What a route needs to know about its router. */
interface RouteOwner {
  /** The prefix of all paths of the router. */
  readonly _prefix: string;
  /** Its application. */
  readonly _scope: Scope | null;
}

/**
 * The handler of a method on a path, and its settings.
 *
 * Counterpart of Python's `aiohttp.web.AbstractRoute`.
 *
 * @example
 * ```ts
 * import { Router } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * const route = new Router().addPut("/notes/{id:\\d+}", () => new Response());
 * assertEquals([route.method, route.path], ["PUT", "/notes/{id}"]);
 * ```
 */
export class Route {
  /** The method, in capitals; `*` for all. */
  readonly method: string;
  /** The handler. */
  readonly handler: Handler;
  /** Its name, or null. */
  readonly name: string | null;
  /** The path without prefixes; null where no route was found. */
  readonly #path: string | null;
  readonly #options: HandlerOptions;
  readonly #owner: RouteOwner;
  #plan: Plan | null = null;

  /** @ignore Routes come from a {@linkcode Router}. */
  constructor(
    method: string,
    path: string | null,
    handler: Handler,
    options: RouteOptions,
    owner: RouteOwner,
  ) {
    this.method = method;
    this.#path = path;
    this.handler = handler;
    this.name = options.name ?? null;
    const { name: _, ...rest } = options;
    this.#options = rest;
    this.#owner = owner;
  }

  /**
   * The path without regular expressions, the prefixes of sub-applications included; empty where no
   * route was found. Counterpart of `route.resource.canonical`.
   */
  get path(): string {
    return this.#path === null ? "" : this.#owner._prefix + this.#path;
  }

  /** @ignore How its requests are handled. */
  get _plan(): Plan {
    return this.#plan ??= planOf(this.handler, this.#options, this.#owner._scope);
  }

  /** @ignore A match of the same route, with a handler that throws the error. */
  _failing(error: unknown): RouteMatch {
    const fail = (): never => {
      throw error;
    };
    return {
      route: new Route(this.method, this.#path, fail, this.#options, this.#owner),
      params: NO_PARAMS,
    };
  }
}

/** The route of a request, and the values of the variables in its path. */
export interface RouteMatch {
  /** The route. */
  readonly route: Route;
  /** The values of the variables, decoded. */
  readonly params: Params;
}

/**
 * A path, and its routes.
 *
 * Counterpart of Python's `aiohttp.web.AbstractResource`.
 */
export interface Resource {
  /** The path, as in {@linkcode Route.path}. */
  readonly path: string;
  /** Its routes, in the order they were added. */
  readonly routes: readonly Route[];
}
