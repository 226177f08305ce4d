/**
 * What sessions and their requests can be told.
 *
 * @module
 */

import type { BasicAuth } from "./client_auth.ts";
import type { TCPConnector } from "./client_connector.ts";
import type { CookieJar } from "./client_cookies.ts";
import type { ClientMiddleware } from "./client_request.ts";
import type { ClientResponse } from "./client_response.ts";
import type { ClientTimeout } from "./client_timeout.ts";
import type { TraceConfig } from "./client_tracing.ts";
import type { RequestData } from "./_client_body.ts";
import type { QueryParams } from "./_client_url.ts";

/**
 * Whether a status of 400 or above is thrown as a `ClientResponseError`; or what looks at each
 * response, and throws what it likes.
 */
export type RaiseForStatus = boolean | ((response: ClientResponse) => void | PromiseLike<void>);

/** Options for a `ClientSession`. */
export interface ClientSessionOptions {
  /** What relative URLs are relative to; a path in it has to end in a slash. */
  baseUrl?: string | URL;
  /** Headers of every request. */
  headers?: HeadersInit;
  /** What is added to the query of every request. */
  params?: QueryParams;
  /** The name and the password for the server of `baseUrl`; for all if there is none. */
  auth?: BasicAuth;
  /** Cookies for the server of `baseUrl`; their values are sent in UTF-8. */
  cookies?: Readonly<Record<string, string>>;
  /** Where cookies are kept: by default a new jar; null for nowhere (aiohttp's `DummyCookieJar`). */
  cookieJar?: CookieJar | null;
  /**
   * Limits of time; a number is the total, in seconds.
   *
   * @default {{ total: null, pool: null, headers: 300, idleRead: 300 }}
   */
  timeout?: number | ClientTimeout | null;
  /**
   * Whether a status of 400 or above is thrown.
   *
   * @default {false}
   */
  raiseForStatus?: RaiseForStatus;
  /**
   * Makes the text of what requests send as `json`, for values that `JSON.stringify()` can't write.
   * WebSockets don't use it, as in aiohttp.
   *
   * @default {JSON.stringify}
   *
   * @example
   * ```ts
   * import { run } from "@aio/asyncio";
   * import { ClientSession } from "@aio/asyncio/http";
   * import { assertEquals } from "@std/assert";
   *
   * await using site = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) =>
   *   new Response(await request.text()));
   * await run(async () => {
   *   await using session = new ClientSession({
   *     jsonSerialize: (value) =>
   *       JSON.stringify(value, (_name, item) => typeof item === "bigint" ? String(item) : item),
   *   });
   *   const url = `http://127.0.0.1:${site.addr.port}/`;
   *   await using response = await session.post(url, { json: { id: 2n ** 64n } });
   *   assertEquals(await response.text(), '{"id":"18446744073709551616"}');
   * });
   * ```
   */
  jsonSerialize?: (value: unknown) => string;
  /** What stands between the session and its requests, outermost first. */
  middlewares?: readonly ClientMiddleware[];
  /** Who looks on. */
  traceConfigs?: readonly TraceConfig[];
  /** Limits, proxy, TLS: by default a connector with a limit of 100 requests at a time. */
  connector?: TCPConnector;
  /**
   * Whether closing the session closes the connector.
   *
   * @default {true}
   */
  connectorOwner?: boolean;
}

/** Options for a request of a `ClientSession`. */
export interface ClientRequestOptions {
  /** What is added to the query of the URL; it replaces what the session adds by the same name. */
  params?: QueryParams;
  /** The body; see {@linkcode RequestData}. */
  data?: RequestData;
  /** A value to send as JSON, instead of a body. */
  json?: unknown;
  /** How to compress the body; true for `"deflate"`. */
  compress?: boolean | "gzip" | "deflate";
  /**
   * Further headers; they go before those of the session. A `Host` is for servers of several hosts at
   * one address; with HTTP/2, some go by the URL instead.
   */
  headers?: HeadersInit;
  /** Further cookies, for this request alone; their values are sent in UTF-8. */
  cookies?: Readonly<Record<string, string>>;
  /** The name and the password; they go before those of the session. */
  auth?: BasicAuth;
  /**
   * Whether redirects are followed.
   *
   * @default {true, for HEAD false}
   */
  allowRedirects?: boolean;
  /**
   * How many redirects are followed at most.
   *
   * @default {10}
   */
  maxRedirects?: number;
  /** Whether a status of 400 or above is thrown; it goes before what the session says. */
  raiseForStatus?: RaiseForStatus;
  /** Limits of time; what is left out is as in the session. A number is the total, in seconds. */
  timeout?: number | ClientTimeout | null;
  /** A proxy, as a URL; it goes before the one of the connector. */
  proxy?: string | URL;
  /** Middlewares instead of those of the session. */
  middlewares?: readonly ClientMiddleware[];
  /** The `context` of the events that trace this request. */
  traceContext?: Record<string, unknown>;
  /** Ends the request when it aborts, the reading of its response included; its reason is thrown. */
  signal?: AbortSignal;
}

/** Options for `ClientSession.wsConnect()`. */
export interface WebSocketConnectOptions {
  /** The protocols to speak on it, the preferred first; the server picks one. */
  protocols?: string | string[];
  /** What is added to the query of the URL. */
  params?: QueryParams;
  /** Further headers; they go before those of the session. */
  headers?: HeadersInit;
  /** The name and the password; they go before those of the session. */
  auth?: BasicAuth;
  /** Limits of time for getting a connection (`pool`) and for its opening (`headers`). */
  timeout?: ClientTimeout;
  /**
   * Seconds that `receive()` waits for a message; null for any time. Counterpart of
   * `receive_timeout`.
   *
   * @default {null}
   */
  receiveTimeout?: number | null;
  /**
   * Seconds that `close()` waits for the server's answer.
   *
   * @default {10}
   */
  closeTimeout?: number;
  /**
   * The size of the largest message that is taken, in bytes; 0 for any. A larger one closes the
   * WebSocket with code 4009: 1009, which means that, is not for clients to send.
   *
   * @default {4194304}
   */
  maxMsgSize?: number;
  /**
   * How many bytes of messages are kept for who is slow to receive them, counting 64 more for each; 0
   * for any. More close the WebSocket with code 4008, since the platform can't have a server wait.
   *
   * @default {16777216}
   */
  maxQueueSize?: number;
  /** A proxy, as a URL; it goes before the one of the connector. */
  proxy?: string | URL;
  /** Closes the WebSocket when it aborts; before it is open, its reason is thrown. */
  signal?: AbortSignal;
}
