/**
 * Requests from pages of other origins (CORS).
 *
 * What `aiohttp_cors` is to aiohttp. A page of another origin may send requests, and read the
 * responses, if its origin is allowed; browsers enforce that, by the headers that this adds to all
 * responses: those of handlers, errors, streams. It does not keep other clients from sending
 * requests.
 *
 * @module
 */

import type { Middleware } from "./_scope.ts";
import { addVary } from "./_negotiation.ts";
import { taskOf } from "./_request_task.ts";

/** Options for {@linkcode cors}. */
export interface CorsOptions {
  /** The origins that are allowed, such as `https://example.com`; `"*"` for all. */
  origins: "*" | readonly string[] | ((origin: string) => boolean);
  /**
   * The methods that pages may use.
   *
   * @default {["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]}
   */
  methods?: readonly string[];
  /** The headers that pages may send; by default those that they ask for. */
  allowHeaders?: readonly string[];
  /** The headers of responses that pages may read, besides the simple ones. */
  exposeHeaders?: readonly string[];
  /**
   * Whether pages may send cookies. Then the origins have to be named.
   *
   * @default {false}
   */
  credentials?: boolean;
  /** Seconds that browsers may cache the response to a preflight request. */
  maxAge?: number;
}

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] as const;

/**
 * Returns a middleware that lets pages of other origins send requests to an application. It answers
 * preflight requests itself; it should be the outermost.
 *
 * @param options The allowed origins, and what they may do.
 * @returns The middleware.
 * @throws {RangeError} If all origins are allowed with credentials: any page could then act in the
 * name of its visitors.
 *
 * @example
 * ```ts
 * import { Application, cors } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using app = new Application({ middlewares: [cors({ origins: ["https://a.example"] })] });
 * app.router.addGet("/", () => Response.json([1, 2]));
 * const response = await app.request("/", { headers: { origin: "https://a.example" } });
 * assertEquals(response.headers.get("access-control-allow-origin"), "https://a.example");
 * ```
 */
export function cors(options: CorsOptions): Middleware {
  const { origins, credentials = false } = options;
  if (origins === "*" && credentials) {
    throw new RangeError('Cannot allow credentials: origins must be named, not "*"');
  }
  return (request, handler) => {
    const origin = request.headers.get("origin");
    const isAllowed = origin !== null && allows(origins, origin);
    if (isPreflight(request)) {
      const response = new Response(null, { status: 204 });
      if (isAllowed) addPreflight(response.headers, request, options);
      addOrigin(response.headers, isAllowed ? origin : null, options);
      return response;
    }
    taskOf(request, "add CORS headers")._decorate((headers) => {
      addOrigin(headers, isAllowed ? origin : null, options);
      const { exposeHeaders = [] } = options;
      if (isAllowed && exposeHeaders.length > 0) {
        headers.set("access-control-expose-headers", exposeHeaders.join(", "));
      }
    });
    return handler(request) as PromiseLike<Response>;
  };
}

function allows(origins: CorsOptions["origins"], origin: string): boolean {
  if (origins === "*") return true;
  return typeof origins === "function" ? origins(origin) : origins.includes(origin);
}

/** Whether a browser asks what a page may do, before the page does it. */
function isPreflight({ method, headers }: Request): boolean {
  return method === "OPTIONS" && headers.has("origin") &&
    headers.has("access-control-request-method");
}

function addOrigin(headers: Headers, origin: string | null, options: CorsOptions): void {
  if (options.origins !== "*") addVary(headers, "Origin");
  if (origin === null) return;
  headers.set("access-control-allow-origin", options.origins === "*" ? "*" : origin);
  if (options.credentials) headers.set("access-control-allow-credentials", "true");
}

function addPreflight(headers: Headers, request: Request, options: CorsOptions): void {
  const { methods = METHODS, allowHeaders, maxAge } = options;
  headers.set("access-control-allow-methods", methods.join(", "));
  const asked = request.headers.get("access-control-request-headers");
  const allowed = allowHeaders?.join(", ") ?? asked;
  if (allowHeaders === undefined) addVary(headers, "Access-Control-Request-Headers");
  if (allowed) headers.set("access-control-allow-headers", allowed);
  if (maxAge !== undefined) headers.set("access-control-max-age", String(maxAge));
}
