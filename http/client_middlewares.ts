/**
 * Middlewares for sessions: one that retries requests, and one that logs them.
 *
 * @module
 */

import { CancelledError, sleep } from "../loop/mod.ts";
import { ClientConnectionError, ClientConnectorCertificateError } from "./client_exceptions.ts";
import type { ClientMiddleware, ClientRequest } from "./client_request.ts";
import type { ClientResponse } from "./client_response.ts";
import { ServerTimeoutError } from "./client_timeout.ts";

/** A request that is about to be retried. */
export interface RetryEvent {
  /** The request. */
  readonly request: ClientRequest;
  /** How often it has been made so far. */
  readonly attempt: number;
  /** Seconds until it is made again. */
  readonly delay: number;
  /** The response that it is retried for, or null. */
  readonly response: ClientResponse | null;
  /** The error that it is retried for, or null. */
  readonly exception: unknown;
}

/** Options for {@linkcode retryMiddleware}. */
export interface RetryOptions {
  /**
   * How often a request is made at most, including the first time.
   *
   * @default {3}
   */
  attempts?: number;
  /**
   * Returns the seconds to wait after an attempt, counted from 1. By default 0.1, 0.2, 0.4 … up to
   * 10, each varied at random by up to half.
   */
  backoff?: (attempt: number) => number;
  /**
   * How many seconds a server may ask for in `Retry-After`; a response that asks for more is
   * returned.
   *
   * @default {30}
   */
  maxRetryAfter?: number;
  /**
   * The statuses after which a request is retried.
   *
   * @default {[429, 502, 503, 504]}
   */
  statuses?: Iterable<number>;
  /**
   * The methods of requests that may be retried: by default the idempotent ones. Naming others,
   * such as POST, is a promise that the server treats them as idempotent.
   *
   * @default {["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]}
   */
  methods?: Iterable<string>;
  /** Called before the delay of each retry. */
  onRetry?: (event: RetryEvent) => void;
}

/**
 * Retries requests that failed for a transient reason: the server could not be reached, hung up,
 * did not answer in time, or says that it is overloaded.
 *
 * Only idempotent requests (see `methods`) whose body is not a stream are retried;
 * `response.attempts` says how often one was made. Without this middleware, only the runtime
 * retries, in one case: when the server hangs up on a kept-alive connection, an idempotent request,
 * or one without a body, is silently made once more, unless the connector's `forceClose` gives each
 * request its own connection. aiohttp leaves retrying to other packages, and has the same
 * exception.
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
        if (isLast || !mayPass(error)) throw error; // a CancelledError is never retried
        delay = backoff(attempt);
        onRetry?.({ request, attempt, delay, response: null, exception: error });
      }
      await sleep(delay);
    }
  };
}

function mayPass(error: unknown): boolean {
  if (error instanceof ServerTimeoutError) return error.phase === "headers";
  // A certificate that is not trusted now will not be trusted a moment later.
  return error instanceof ClientConnectionError &&
    !(error instanceof ClientConnectorCertificateError);
}

function defaultBackoff(attempt: number): number {
  return Math.min(0.1 * 2 ** (attempt - 1), 10) * (0.5 + Math.random());
}

/** Returns the seconds that a server asks to wait; 0 if it does not, or its header is malformed. */
function retryAfter({ headers }: ClientResponse): number {
  const text = headers.get("retry-after")?.trim() ?? "";
  if (/^\d+$/.test(text)) return Number(text);
  const date = Date.parse(text);
  return Number.isNaN(date) ? 0 : Math.max(0, (date - Date.now()) / 1000);
}

/** Options for {@linkcode loggingMiddleware}. */
export interface LoggingOptions {
  /**
   * Called with each line.
   *
   * @default {console.info}
   */
  log?: (line: string) => void;
}

/**
 * Logs each request and its outcome.
 *
 * Its place in the list matters: before a retrying middleware it logs the final outcome, after it
 * each attempt. Queries are left out, since they often contain secrets.
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
      // Errors name the URL, with its query.
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
