/**
 * Redirects from paths with a slash too many, or one too few, to paths that have a route.
 *
 * Counterpart of `normalize_path_middleware()` in `aiohttp.web_middlewares`.
 *
 * @module
 */

import { NO_ROUTE } from "./_pattern.ts";
import { pathOf, queryOf } from "./_path.ts";
import { taskOf } from "./_request_task.ts";
import type { Middleware } from "./_scope.ts";
import type { Application } from "./application.ts";
import { HTTPPermanentRedirect } from "./exceptions.ts";
import type { HTTPMove } from "./exceptions.ts";
import { appOf } from "./request.ts";

/** Options for {@linkcode normalizePathMiddleware}. */
export interface NormalizePathOptions {
  /**
   * Whether a trailing slash is added where that leads to a route.
   *
   * @default {true, unless `removeSlash` is}
   */
  appendSlash?: boolean;
  /**
   * Whether a trailing slash is removed where that leads to a route.
   *
   * @default {false}
   */
  removeSlash?: boolean;
  /**
   * Whether consecutive slashes become one where that leads to a route.
   *
   * @default {true}
   */
  mergeSlashes?: boolean;
  /**
   * The redirect that the client gets.
   *
   * @default {HTTPPermanentRedirect}
   */
  redirectClass?: new (location: string) => HTTPMove;
}

/**
 * Returns a middleware that redirects requests without a route to a path that has one and differs
 * only in its slashes. The query is kept, and with status 308, so are the method and the body. It
 * never leads to another host.
 *
 * Counterpart of Python's `aiohttp.web.normalize_path_middleware()`.
 *
 * @param options What to do about slashes.
 * @returns The middleware.
 * @throws {RangeError} If slashes are to be both added and removed.
 *
 * @example
 * ```ts
 * import { Application, normalizePathMiddleware } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using app = new Application({ middlewares: [normalizePathMiddleware()] });
 * app.router.addGet("/users/", () => Response.json([]));
 * const { status, headers } = await app.request("/users?page=2");
 * assertEquals([status, headers.get("location")], [308, "/users/?page=2"]);
 * ```
 */
export function normalizePathMiddleware(options: NormalizePathOptions = {}): Middleware {
  const { removeSlash = false, appendSlash = !removeSlash, mergeSlashes = true } = options;
  const { redirectClass = HTTPPermanentRedirect } = options;
  if (appendSlash && removeSlash) {
    throw new RangeError("Cannot normalize paths: appendSlash and removeSlash are both true");
  }
  const rules = { removeSlash, appendSlash, mergeSlashes };
  return (request, handler) => {
    const { match } = taskOf(request, "normalize path");
    if (match.params === NO_ROUTE) {
      const { router } = outermost(appOf(request));
      for (const path of candidates(pathOf(request.url), rules)) {
        if (router.find(request.method, path, request.url).params === NO_ROUTE) continue;
        throw new redirectClass(path + queryOf(request.url));
      }
    }
    return handler(request);
  };
}

function outermost(app: Application): Application {
  return app.parent === null ? app : outermost(app.parent);
}

type Rules = Required<Omit<NormalizePathOptions, "redirectClass">>;

/** The paths to try, in aiohttp's order. */
function candidates(path: string, rules: Rules): string[] {
  const { removeSlash, appendSlash, mergeSlashes } = rules;
  const isFolder = path.endsWith("/");
  const merged = path.replace(/\/{2,}/g, "/");
  const paths: string[] = [];
  if (mergeSlashes) paths.push(merged);
  if (appendSlash && !isFolder) paths.push(`${path}/`);
  if (removeSlash && isFolder) paths.push(path.slice(0, -1));
  if (mergeSlashes && appendSlash && !isFolder) paths.push(`${merged}/`);
  if (mergeSlashes && removeSlash && isFolder) paths.push(merged.slice(0, -1));
  // Browsers take what follows two slashes, or backslashes, for a host.
  return paths.map((each) => `/${each.replace(/^[/\\]+/, "")}`);
}
