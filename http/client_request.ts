/**
 * A request as middlewares see it.
 *
 * Counterpart of Python's `aiohttp.ClientRequest`.
 *
 * @module
 */

import type { Awaitable, Suspension } from "../loop/mod.ts";
import type { RequestInfo } from "./client_exceptions.ts";
import type { ClientResponse } from "./client_response.ts";
import type { RequestBody } from "./_client_body.ts";

/** Makes a request; it can be called again to make the request once more. */
export type ClientHandler = (request: ClientRequest) => Awaitable<ClientResponse>;

/**
 * Stands between a session and its requests: it may change a request, make it several times, look
 * at its response, or answer without making it. It runs anew for each redirect.
 *
 * It may be an async function or a generator. Counterpart of Python's
 * `aiohttp.ClientMiddlewareType`.
 */
export type ClientMiddleware = (
  request: ClientRequest,
  handler: ClientHandler,
) => PromiseLike<ClientResponse> | Generator<Suspension, ClientResponse, unknown>;

/** The parts of a request. */
export interface ClientRequestInit {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers | null;
  readonly body: RequestBody | null;
  readonly cookies: Readonly<Record<string, string>>;
  readonly proxy: string | URL | undefined;
}

/**
 * A request that is about to be made. Middlewares may change its headers and its URL.
 *
 * Counterpart of Python's `aiohttp.ClientRequest`.
 *
 * @example A middleware that signs requests
 * ```ts
 * import { run } from "@aio/asyncio";
 * import { type ClientMiddleware, ClientSession } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * const sign: ClientMiddleware = (request, handler) => {
 *   request.headers.set("x-signature", `${request.method} ${request.url.pathname}`);
 *   return handler(request);
 * };
 * await using site = Deno.serve(
 *   { hostname: "127.0.0.1", port: 0, onListen() {} },
 *   ({ headers }) => new Response(headers.get("x-signature")),
 * );
 * await run(async () => {
 *   await using session = new ClientSession({ middlewares: [sign] });
 *   await using response = await session.get(`http://127.0.0.1:${site.addr.port}/a`);
 *   assertEquals(await response.text(), "GET /a");
 * });
 * ```
 */
export class ClientRequest {
  /** The method, in capitals. */
  readonly method: string;
  /** The URL. */
  url: URL;
  /** @ignore */
  readonly _body: RequestBody | null;
  /** @ignore Cookies of this request alone. */
  readonly _cookies: Readonly<Record<string, string>>;
  /** @ignore */
  readonly _proxy: string | URL | undefined;
  /** @ignore How often it was sent. */
  _attempts = 0;
  #headers: Headers | null;

  /** @ignore Requests come from a session. */
  constructor(init: ClientRequestInit) {
    this.method = init.method;
    this.url = init.url;
    this.#headers = init.headers;
    this._body = init.body;
    this._cookies = init.cookies;
    this._proxy = init.proxy;
  }

  /** The headers; cookies of the session's jar are added when the request is sent. */
  get headers(): Headers {
    return this.#headers ??= new Headers();
  }

  /** @ignore The headers, or null if there are none: to `fetch`, even empty headers are costly. */
  get _givenHeaders(): Headers | null {
    return this.#headers;
  }

  /** Whether the request can be sent again: it has no body, or one that is not a stream. */
  get replayable(): boolean {
    return this._body?.replayable ?? true;
  }

  /** @ignore */
  _info(): RequestInfo {
    return { method: this.method, url: this.url.href, headers: this.headers };
  }
}
