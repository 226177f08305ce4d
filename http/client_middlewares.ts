/**
 * Middlewares for sessions: one that makes requests again, and one that writes them down.
 *
 * @module
 */

import { CancelledError, sleep } from "../loop/mod.ts";
import { ClientConnectionError, ClientConnectorCertificateError } from "./client_exceptions.ts";
import type { ClientMiddleware, ClientRequest } from "./client_request.ts";
import type { ClientResponse } from "./client_response.ts";
import { ServerTimeoutError } from "./client_timeout.ts";

/** A request that is about to be made again. */
export interface RetryEvent {
  /** The request. */
  readonly request: ClientRequest;
  /** How often it was made. */
  readonly attempt: number;
  /** Seconds until it is made again. */
  readonly delay: number;
  /** The response that is not good enough, or null. */
  readonly response: ClientResponse | null;
  /** What was thrown instead of a response, or null. */
  readonly exception: unknown;
}

/** Options for {@linkcode retryMiddleware}. */
export interface RetryOptions {
  /**
   * How often a request is made at most, the first time included.
   *
   * @default {3}
   */
  attempts?: number;
  /**
   * Seconds to wait after so many attempts, the first being 1. By default 0.1, 0.2, 0.4 … up to 10,
   * each more or less by up to half.
   */
  backoff?: (attempt: number) => number;
  /**
   * How many seconds a server may ask for by `Retry-After`; a response that asks for more is final.
   *
   * @default {30}
   */
  maxRetryAfter?: number;
  /**
   * The statuses after which a request is made again.
   *
   * @default {[429, 502, 503, 504]}
   */
  statuses?: Iterable<number>;
  /**
   * The methods of requests that may be made again: by default those for which twice is the same as
   * once. Naming others, such as POST, is a promise that the server takes them so.
   *
   * @default {["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]}
   */
  methods?: Iterable<string>;
  /** Called before each further attempt. */
  onRetry?: (event: RetryEvent) => void;
}

/**
 * Makes requests again that failed for a reason that may pass: the server could not be reached, hung
 * up, did not answer in its time, or says that it is overloaded.
 *
 * Only idempotent requests are, whose bodies are no streams; how often is in `response.attempts`. Without
 * this, nothing is made again, with one exception that is the runtime's: an idempotent request, or one
 * without a body, on whose kept connection the server hangs up, is made once more, unseen, unless
 * `forceClose` of the connector has each request make a connection. aiohttp leaves retrying to other
 * packages, and has the same exception.
 *
 * @param options How often, when, and after what.
 * @returns The middleware.
 * @throws {RangeError} If `attempts` is below 1.
 *
 * @example
 * ```ts
 * import { run } from "@aio/asyncio";
 * import { ClientSession, retryMiddleware } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * let calls = 0;
 * await using site = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () =>
 *   ++calls < 3 ? new Response("busy", { status: 503 }) : new Response("hello"));
 * await run(async () => {
 *   const retry = retryMiddleware({ backoff: () => 0 });
 *   await using session = new ClientSession({ middlewares: [retry] });
 *   await using response = await session.get(`http://127.0.0.1:${site.addr.port}/`);
 *   assertEquals([await response.text(), response.attempts], ["hello", 3]);
 * });
 * ```
 */
export function retryMiddleware(options: RetryOptions = {}): ClientMiddleware {
  const { attempts = 3, backoff = defaultBackoff, maxRetryAfter = 30, onRetry } = options;
  if (!(attempts >= 1)) {
    throw new RangeError(`Cannot retry: attempts must be at least 1, not ${attempts}`);
  }
  const statuses = new Set(options.statuses ?? [429, 502, 503, 504]);
  const given = options.methods ?? ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"];
  const methods = new Set(Array.from(given, (method) => method.toUpperCase()));
  return async (request, handler) => {
    const mayRetry = methods.has(request.method) && request.replayable;
    for (let attempt = 1;; attempt++) {
      const isLast = !mayRetry || attempt >= attempts;
      let delay = 0;
      try {
        const response = await handler(request);
        if (isLast || !statuses.has(response.status)) return response;
        const asked = retryAfter(response);
        if (asked > maxRetryAfter) return response;
        delay = Math.max(backoff(attempt), asked);
        onRetry?.({ request, attempt, delay, response, exception: null });
        await response.release();
      } catch (error) {
        if (isLast || !mayPass(error)) throw error; // a CancelledError never passes
        delay = backoff(attempt);
        onRetry?.({ request, attempt, delay, response: null, exception: error });
      }
      await sleep(delay);
    }
  };
}

function mayPass(error: unknown): boolean {
  if (error instanceof ServerTimeoutError) return error.phase === "headers";
  // A certificate that is not to be trusted will not be in a moment, either.
  return error instanceof ClientConnectionError &&
    !(error instanceof ClientConnectorCertificateError);
}

function defaultBackoff(attempt: number): number {
  return Math.min(0.1 * 2 ** (attempt - 1), 10) * (0.5 + Math.random());
}

/** The seconds that a server asks to wait; 0 if it does not, or says something unreadable. */
function retryAfter({ headers }: ClientResponse): number {
  const text = headers.get("retry-after")?.trim() ?? "";
  if (/^\d+$/.test(text)) return Number(text);
  const date = Date.parse(text);
  return Number.isNaN(date) ? 0 : Math.max(0, (date - Date.now()) / 1000);
}

/** Options for {@linkcode loggingMiddleware}. */
export interface LoggingOptions {
  /**
   * Takes the lines.
   *
   * @default {console.info}
   */
  log?: (line: string) => void;
}

/**
 * Writes down each request and what came of it.
 *
 * It stands where it is put: before a retrying middleware it sees what that gives in the end, after
 * it each attempt. Queries are left out: they often hold what is to be kept secret.
 *
 * @param options Where the lines go.
 * @returns The middleware.
 *
 * @example
 * ```ts
 * import { run } from "@aio/asyncio";
 * import { ClientSession, loggingMiddleware } from "@aio/asyncio/http";
 * import { assertMatch } from "@std/assert";
 *
 * const lines: string[] = [];
 * await using site = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response("hello"));
 * await run(async () => {
 *   const logging = loggingMiddleware({ log: (line) => lines.push(line) });
 *   await using session = new ClientSession({ middlewares: [logging] });
 *   await using response = await session.get(`http://127.0.0.1:${site.addr.port}/`);
 *   await response.text();
 * });
 * assertMatch(lines[0], /^GET http:\/\/127.0.0.1:\d+\/ 200 in \d+ ms$/);
 * ```
 */
export function loggingMiddleware(options: LoggingOptions = {}): ClientMiddleware {
  const { log = (line: string): void => console.info(line) } = options;
  return async (request, handler) => {
    const { origin, pathname, search } = request.url;
    const start = Date.now();
    const write = (result: unknown): void => {
      // Errors name the URL.
      const shown = search === "" ? result : String(result).replaceAll(search, "");
      log(`${request.method} ${origin}${pathname} ${shown} in ${Date.now() - start} ms`);
    };
    try {
      const response = await handler(request);
      write(response.status);
      return response;
    } catch (error) {
      write(error instanceof CancelledError ? "cancelled" : error);
      throw error;
    }
  };
}
