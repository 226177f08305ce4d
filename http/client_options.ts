/**
 * The options of sessions and their requests.
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
 * Whether a status of 400 or above is thrown as a `ClientResponseError`; or a function that is
 * called with each response, and may throw an error of its own.
 */
export type RaiseForStatus = boolean | ((response: ClientResponse) => void | PromiseLike<void>);

/** Options for a `ClientSession`. */
export interface ClientSessionOptions {
  /** The URL that relative URLs are resolved against; its path must end with a slash. */
  baseUrl?: string | URL;
  /** Headers of every request. */
  headers?: HeadersInit;
  /** Parameters added to the query of every request. */
  params?: QueryParams;
  /** The name and the password for the server of `baseUrl`; for all servers without a `baseUrl`. */
  auth?: BasicAuth;
  /** Cookies for the server of `baseUrl`; their values are sent in UTF-8. */
  cookies?: Readonly<Record<string, string>>;
  /** The jar for cookies, by default a new one; null to keep none (aiohttp's `DummyCookieJar`). */
  cookieJar?: CookieJar | null;
  /**
   * Timeouts; a number is the total, in seconds.
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
   * Serializes what requests send as `json`, for values that `JSON.stringify()` can't handle.
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
  /** The middlewares that requests pass through, outermost first. */
  middlewares?: readonly ClientMiddleware[];
  /** Callbacks that observe the requests. */
  traceConfigs?: readonly TraceConfig[];
  /** Limits, proxy, TLS; by default a new connector, with a limit of 100 requests at a time. */
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
  /** Parameters added to the query of the URL; they replace the session's of the same name. */
  params?: QueryParams;
  /** The body; see {@linkcode RequestData}. */
  data?: RequestData;
  /** A value to send as JSON, instead of `data`. */
  json?: unknown;
  /** How to compress the body; true for `"deflate"`. */
  compress?: boolean | "gzip" | "deflate";
  /**
   * Further headers; they override the session's. `Host` is for servers with several hosts at one
   * address; with HTTP/2, some servers go by the URL instead.
   */
  headers?: HeadersInit;
  /** Further cookies, for this request alone; their values are sent in UTF-8. */
  cookies?: Readonly<Record<string, string>>;
  /** The name and the password; they override the session's. */
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
  /** Whether a status of 400 or above is thrown; it overrides the session's setting. */
  raiseForStatus?: RaiseForStatus;
  /** Timeouts; those left out are the session's. A number is the total, in seconds. */
  timeout?: number | ClientTimeout | null;
  /** A proxy, as a URL; it overrides the connector's. */
  proxy?: string | URL;
  /** Middlewares instead of the session's. */
  middlewares?: readonly ClientMiddleware[];
  /** The `context` of the events that trace this request. */
  traceContext?: Record<string, unknown>;
  /** Aborts the request, or the reading of its response; the signal's reason is thrown. */
  signal?: AbortSignal;
}

/** Options for `ClientSession.wsConnect()`. */
export interface WebSocketConnectOptions {
  /** The subprotocols to offer, the preferred one first; the server picks one. */
  protocols?: string | string[];
  /** Parameters added to the query of the URL. */
  params?: QueryParams;
  /** Further headers; they override the session's. */
  headers?: HeadersInit;
  /** The name and the password; they override the session's. */
  auth?: BasicAuth;
  /** Timeouts for the wait for a connection (`pool`) and for the handshake (`headers`). */
  timeout?: ClientTimeout;
  /**
   * Seconds that `receive()` waits for a message; null for no limit. Counterpart of
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
   * The size of the largest message that is accepted, in bytes; 0 for no limit. A larger one closes
   * the WebSocket with code 4009, since clients can't send 1009, the code for that.
   *
   * @default {4194304}
   */
  maxMsgSize?: number;
  /**
   * How many bytes of messages may wait to be received, counting 64 more for each message; 0 for no
   * limit. More than that closes the WebSocket with code 4008, since the runtime has no way to make
   * a server wait.
   *
   * @default {16777216}
   */
  maxQueueSize?: number;
  /** A proxy, as a URL; it overrides the connector's. */
  proxy?: string | URL;
  /** Closes the WebSocket when it aborts; during the opening, the signal's reason is thrown. */
  signal?: AbortSignal;
}
