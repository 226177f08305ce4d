/**
 * Requests to other servers.
 *
 * Counterpart of Python's `aiohttp.client`, built on `fetch`. When the task that waits for a
 * response is cancelled, its request is aborted.
 *
 * A call proceeds like this: its requests (the first, then one for each redirect) pass through the
 * middlewares; each waits for one of the connector's places, and is sent with the jar's cookies.
 * Its response holds the place until it has been read or discarded.
 *
 * @module
 */

import { RuntimeError } from "../loop/mod.ts";
import type { Awaitable } from "../loop/mod.ts";
import { Operation, runInTask } from "../loop/coroutines.ts";
import type { Steps } from "../loop/coroutines.ts";
import { bodyOf, describeBody } from "./_client_body.ts";
import type { OpenBody } from "./_client_body.ts";
import { connectionError, isNetworkError, uploadError } from "./_client_errors.ts";
import { Deadlines } from "./_client_deadlines.ts";
import { Call, Exchange } from "./_client_exchange.ts";
import type { Limiter } from "./_client_limiter.ts";
import { redirectOf } from "./_client_redirects.ts";
import { forgetSession, watchSession } from "./_client_unclosed.ts";
import { addParams, authorizationIn, requestUrl, withoutFragment } from "./_client_url.ts";
import { cookiePair, joinCookies } from "./_cookie_header.ts";
import { TOKEN } from "./_header_text.ts";
import { TCPConnector } from "./client_connector.ts";
import { CookieJar } from "./client_cookies.ts";
import { ClientConnectionError, TooManyRedirects } from "./client_exceptions.ts";
import type {
  ClientRequestOptions,
  ClientSessionOptions,
  RaiseForStatus,
  WebSocketConnectOptions,
} from "./client_options.ts";
import { ClientRequest } from "./client_request.ts";
import type { ClientHandler, ClientMiddleware } from "./client_request.ts";
import { ClientResponse } from "./client_response.ts";
import { phasesOf } from "./client_timeout.ts";
import type { Phases } from "./client_timeout.ts";
import { Tracer } from "./client_tracing.ts";
import { openWebSocket } from "./client_websocket.ts";
import type { ClientWebSocketResponse } from "./client_websocket.ts";

/** Methods that `fetch` refuses. */
const NO_METHODS = ["CONNECT", "TRACE", "TRACK"];

const PROTOCOLS = ["http:", "https:"];
const WS_PROTOCOLS = ["ws:", "wss:", ...PROTOCOLS];

const NO_COOKIES: Readonly<Record<string, string>> = {};
const NO_HISTORY: readonly ClientResponse[] = [];
const NO_MIDDLEWARES: readonly ClientMiddleware[] = [];

/** The options of Deno's `fetch`. */
type FetchInit = RequestInit & { client: Deno.HttpClient };

/** The state of one call of a session. */
interface Context {
  readonly call: Call;
  readonly options: ClientRequestOptions;
  /** The context of its trace events. */
  trace: Record<string, unknown> | undefined;
  /** The redirects so far. */
  history: readonly ClientResponse[];
}

/**
 * Makes requests, and keeps cookies and connections for later ones.
 *
 * `await using` closes it; a session that is never closed is reported, with the place where it was
 * created. Counterpart of Python's `aiohttp.ClientSession`.
 *
 * @example
 * ```ts
 * import { run } from "@aio/asyncio";
 * import { ClientSession } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using site = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response("hello"));
 * const text = await run(async () => {
 *   await using session = new ClientSession();
 *   await using response = await session.get(`http://127.0.0.1:${site.addr.port}/`);
 *   return await response.text();
 * });
 * assertEquals(text, "hello");
 * ```
 *
 * @example A JSON API, from a generator
 * ```ts
 * import { run } from "@aio/asyncio";
 * import { ClientSession } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using site = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) =>
 *   Response.json({ path: new URL(request.url).pathname, got: await request.json() }));
 * await run(function* () {
 *   const session = new ClientSession({
 *     baseUrl: `http://127.0.0.1:${site.addr.port}/api/`,
 *     timeout: 10,
 *     raiseForStatus: true,
 *   });
 *   try {
 *     const response = yield* session.post("items", { json: { name: "pen" } });
 *     assertEquals(yield* response.json(), { path: "/api/items", got: { name: "pen" } });
 *   } finally {
 *     session.close();
 *   }
 * });
 * ```
 */
export class ClientSession implements AsyncDisposable {
  /** The cookie jar, or null if no cookies are kept. */
  readonly cookieJar: CookieJar | null;
  readonly #options: ClientSessionOptions;
  readonly #baseUrl: URL | undefined;
  /** Null if there are none. */
  #headers: Headers | null;
  readonly #phases: Phases;
  readonly #connector: TCPConnector;
  readonly #ownsConnector: boolean;
  readonly #watch: ReturnType<typeof watchSession>;
  /** The calls in progress; a call lasts until its response has ended. */
  readonly #calls = new Deadlines<Call>();
  #closed = false;

  /**
   * Opens a session.
   *
   * @param options The settings that its requests share.
   * @throws {TypeError} If a URL or a header is malformed, or there are `cookies` but no `baseUrl`
   * or no jar.
   * @throws {RangeError} If a timeout is not above 0, a cookie is malformed, or the path of
   * `baseUrl` does not end with a slash.
   */
  constructor(options: ClientSessionOptions = {}) {
    const { baseUrl, cookieJar, cookies = {} } = options;
    this.#options = options;
    this.#baseUrl = baseUrl === undefined ? undefined : new URL(baseUrl);
    if (this.#baseUrl?.pathname.endsWith("/") === false) {
      // A relative URL would replace the last segment of the path.
      throw new RangeError(
        `Cannot use baseUrl: its path "${this.#baseUrl.pathname}" has no slash at the end`,
      );
    }
    this.#headers = options.headers === undefined ? null : new Headers(options.headers);
    this.#phases = phasesOf(options.timeout);
    this.cookieJar = cookieJar === undefined ? new CookieJar() : cookieJar;
    if (Object.keys(cookies).length > 0) {
      if (this.#baseUrl === undefined || this.cookieJar === null) {
        throw new TypeError("Cannot keep cookies: they need a jar and a baseUrl");
      }
      this.cookieJar.updateCookies(cookies, this.#baseUrl);
    }
    const connector = options.connector ?? new TCPConnector();
    this.#connector = connector;
    this.#ownsConnector = options.connectorOwner ?? true;
    const free = this.#ownsConnector ? (): void => connector.close() : (): void => {};
    this.#watch = watchSession(this, free);
  }

  /** Whether the session was closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * The headers of all later requests. Counterpart of Python's `session.headers`.
   *
   * @example A token that is known only later
   * ```ts
   * import { ClientSession } from "@aio/asyncio/http";
   *
   * await using session = new ClientSession({ baseUrl: "https://api.example.com/" });
   * session.headers.set("authorization", "Bearer 1234");
   * ```
   */
  get headers(): Headers {
    return this.#headers ??= new Headers();
  }

  /** The connector that keeps its connections. */
  get connector(): TCPConnector {
    return this.#connector;
  }

  // -- Requests --

  /**
   * Makes a request.
   *
   * @param method The method.
   * @param url The URL; it may be relative if the session has a `baseUrl`.
   * @param options What to send, and how.
   * @returns An awaitable of the response: its head has arrived, its body may still be on its way.
   * @throws {ClientConnectionError} If no response came: a {@linkcode ClientConnectorError} if no
   * connection could be made, a {@linkcode ServerDisconnectedError} if the server closed it.
   * @throws {InvalidURL} If the URL is malformed.
   * @throws {ServerTimeoutError} If the request took too long.
   * @throws {TooManyRedirects} If the request was redirected too often.
   * @throws {TypeError} If the method, a header or a body can't be sent.
   * @throws {RuntimeError} If the session is closed.
   */
  request(
    method: string,
    url: string | URL,
    options: ClientRequestOptions = {},
  ): Awaitable<ClientResponse> {
    return new Operation(() => this.#request(method, url, options));
  }

  *#request(
    method: string,
    url: string | URL,
    options: ClientRequestOptions,
  ): Steps<ClientResponse> {
    this.#checkOpen();
    const first = this.#build(method, url, options);
    const call = this.#begin(first.url, phasesOf(options.timeout, this.#phases), options.signal);
    const context: Context = { call, options, trace: options.traceContext, history: NO_HISTORY };
    const middlewares = options.middlewares ?? this.#options.middlewares ?? NO_MIDDLEWARES;
    const check = options.raiseForStatus ?? this.#options.raiseForStatus ?? false;
    try {
      let request = first;
      let response: ClientResponse;
      for (;;) {
        response = yield* middlewares.length === 0
          ? this.#send(request, context)
          : this.#throughMiddlewares(middlewares, request, context);
        const next = this.#redirectOf(request, response, context);
        if (next === null) break;
        // Its body does not matter, even if it is slow or broken. Where it came along with the
        // head, the runtime reuses the connection all the same.
        response.close();
        context.history = [...context.history, response];
        request = next;
      }
      if (check !== false) yield* checkStatus(response, check, call);
      call.check();
      response._becomeLastOf(call);
      return response;
    } catch (error) {
      // Any error, even a CancelledError, ends the requests that the call has in progress.
      call.fail(error);
      throw error;
    }
  }

  #begin(url: URL, phases: Phases, signal: AbortSignal | undefined): Call {
    return new Call({ url: withoutFragment(url), phases, signal, calls: this.#calls });
  }

  #checkOpen(): void {
    if (this.#closed) throw new RuntimeError("Cannot make request: Session is closed");
    this.#connector._checkOpen();
  }

  /** The first request of a call. */
  #build(method: string, url: string | URL, options: ClientRequestOptions): ClientRequest {
    const name = method.toUpperCase();
    if (!TOKEN.test(name) || NO_METHODS.includes(name)) {
      throw new TypeError(`Cannot make request: fetch rejects method ${JSON.stringify(method)}`);
    }
    const target = requestUrl(url, this.#baseUrl, PROTOCOLS);
    addParams(target, this.#options.params, options.params);
    const body = bodyOf(options, this.#options.jsonSerialize);
    if (body !== null && (name === "GET" || name === "HEAD")) {
      throw new TypeError(`Cannot make request: fetch can't send a body with ${name}`);
    }
    const headers = this.#headersFor(target, options);
    const { cookies = NO_COOKIES, proxy } = options;
    const request = new ClientRequest({ method: name, url: target, headers, body, cookies, proxy });
    if (body !== null) describeBody(body, request.headers);
    return request;
  }

  /**
   * Returns the headers of the session and of the request, or null if there are none. Removes a
   * name and a password from the URL.
   */
  #headersFor(url: URL, options: Pick<ClientRequestOptions, "headers" | "auth">): Headers | null {
    const fromUrl = authorizationIn(url);
    const isBare = this.#headers === null && options.headers === undefined &&
      options.auth === undefined && this.#options.auth === undefined;
    if (isBare && fromUrl === null) return null;
    const headers = new Headers(this.#headers ?? undefined);
    const own = new Headers(options.headers);
    if (own.has("authorization") && (options.auth !== undefined || fromUrl !== null)) {
      throw new RangeError(
        "Cannot combine an Authorization header with auth or with credentials in the URL",
      );
    }
    own.forEach((value, name) => headers.set(name, value));
    const given = options.auth?.encode() ?? fromUrl;
    if (given !== null) headers.set("authorization", given);
    else if (this.#options.auth && !headers.has("authorization") && this.#isHome(url)) {
      headers.set("authorization", this.#options.auth.encode());
    }
    return headers;
  }

  /** Whether the session's name and password are for this URL. */
  #isHome(url: URL): boolean {
    return this.#baseUrl === undefined || this.#baseUrl.origin === url.origin;
  }

  /** Returns the request that a redirect leads to; null if the response is not one to follow. */
  #redirectOf(
    request: ClientRequest,
    response: ClientResponse,
    context: Context,
  ): ClientRequest | null {
    const { options, history } = context;
    const first = history[0] ?? response;
    const { allowRedirects = first.method !== "HEAD", maxRedirects = 10 } = options;
    const next = allowRedirects ? redirectOf(request, response) : null;
    if (next === null) return null;
    if (history.length >= maxRedirects) {
      const { url } = first.requestInfo;
      const text = `Cannot follow redirects of ${url}: more than ${maxRedirects}`;
      throw new TooManyRedirects(text, [...history, response]);
    }
    const { status, headers } = response;
    const location = next.url.href;
    this.#tracer(request, context)?.tell("onRequestRedirect", { status, headers, location });
    return next;
  }

  *#throughMiddlewares(
    middlewares: readonly ClientMiddleware[],
    request: ClientRequest,
    context: Context,
  ): Steps<ClientResponse> {
    const send: ClientHandler = (sent) => new Operation(() => this.#send(sent, context));
    const handler = middlewares.reduceRight<ClientHandler>(
      (next, middleware) => (passed) =>
        new Operation(() => runInTask(() => middleware(passed, next))),
      send,
    );
    // They run in a task of their own, so that what ends the call can cancel them wherever they
    // wait.
    const task = context.call.loop.createTask(() => handler(request));
    const response: unknown = yield* context.call.follow(task);
    if (response instanceof ClientResponse) return response;
    throw new TypeError(`Cannot return response: a middleware returned ${response}`);
  }

  /** Returns the tracer of a request; null if the session has no trace configurations. */
  #tracer(request: ClientRequest, context: Context): Tracer | null {
    const { traceConfigs = [] } = this.#options;
    if (traceConfigs.length === 0) return null;
    const { call } = context;
    const trace = context.trace ??= {};
    const url = withoutFragment(request.url);
    const event = { context: trace, method: request.method, url };
    return new Tracer(
      traceConfigs,
      event,
      (exception) =>
        call.loop.callExceptionHandler({ message: "Error in trace callback", exception }),
    );
  }

  /** Makes one request. */
  *#send(request: ClientRequest, context: Context): Steps<ClientResponse> {
    this.#checkOpen();
    const { call, history } = context;
    const tracer = this.#tracer(request, context);
    const exchange = new Exchange(call, withoutFragment(request.url), tracer);
    tracer?.tell("onRequestStart", { headers: request.headers });
    const attempts = ++request._attempts;
    try {
      const limiter = this.#connector._limiter;
      const host = hostOf(limiter, request.url, request._proxy);
      if (!exchange.tryAcquire(limiter, host)) yield* exchange.acquire(limiter, host);
      const body = this.#openBody(request, exchange);
      const init = this.#init(request, exchange, body);
      let response: Response;
      try {
        const promise = fetch(exchange.url, init);
        response = yield* exchange.waitFor(promise, "headers");
        exchange.waited();
        exchange.check();
      } catch (error) {
        throw fetchError(error, exchange);
      }
      tracer?.tell("onResponseHeaders", { status: response.status, headers: response.headers });
      this.#keepCookies(response.headers, request.url);
      return new ClientResponse(response, exchange, { request, attempts, history });
    } catch (error) {
      // After any error, even a CancelledError, nothing of the request remains.
      exchange.fail(error);
      throw error;
    }
  }

  #openBody(request: ClientRequest, exchange: Exchange): OpenBody | null {
    if (request._body === null) return null;
    const body = request._body.open(request.method, exchange.url, {
      onChunk(size) {
        exchange.touch();
        exchange.tracer?.tell("onRequestChunkSent", { size });
      },
      // Also while the response is read: otherwise its reader would only see it break off.
      onError: (error) => exchange.fail(uploadError(error, exchange.url)),
    });
    exchange.atEnd(() => body.close());
    return body;
  }

  /** Returns the options for `fetch`, without defaults: `fetch` looks at every option given. */
  #init(request: ClientRequest, exchange: Exchange, body: OpenBody | null): FetchInit {
    const client = this.#connector._client(request._proxy);
    const init: FetchInit = { redirect: "manual", signal: exchange.signal, client };
    if (request.method !== "GET") init.method = request.method;
    const headers = this.#withCookies(request._givenHeaders, request.url, request._cookies);
    if (headers !== null) init.headers = headers;
    if (body !== null) init.body = body.init;
    return init;
  }

  #keepCookies(headers: Headers, url: URL): void {
    const jar = this.cookieJar;
    if (jar === null) return;
    for (const header of headers.getSetCookie()) jar.setCookie(header, url);
  }

  /** Returns the headers with the cookies of the jar and the request; the latter override. */
  #withCookies(
    given: Headers | null,
    url: URL,
    cookies: Readonly<Record<string, string>>,
  ): Headers | null {
    const jar = this.cookieJar?.filterCookies(url) ?? "";
    if (jar === "" && cookies === NO_COOKIES) return given;
    const own = Object.entries(cookies).map(([name, value]) => cookiePair(name, value)).join("; ");
    if (jar === "" && own === "") return given;
    const headers = new Headers(given ?? undefined);
    headers.set("cookie", joinCookies([headers.get("cookie") ?? "", jar, own]));
    return headers;
  }

  /**
   * Makes a GET request.
   *
   * @param url The URL.
   * @param options What to send, and how.
   * @returns An awaitable of the response; see {@linkcode ClientSession.request}.
   */
  get(url: string | URL, options: ClientRequestOptions = {}): Awaitable<ClientResponse> {
    return this.request("GET", url, options);
  }

  /**
   * Makes a HEAD request. Redirects are followed only if `allowRedirects` is true.
   *
   * @param url The URL.
   * @param options What to send, and how.
   * @returns An awaitable of the response; see {@linkcode ClientSession.request}.
   */
  head(url: string | URL, options: ClientRequestOptions = {}): Awaitable<ClientResponse> {
    return this.request("HEAD", url, options);
  }

  /**
   * Makes an OPTIONS request.
   *
   * @param url The URL.
   * @param options What to send, and how.
   * @returns An awaitable of the response; see {@linkcode ClientSession.request}.
   */
  options(url: string | URL, options: ClientRequestOptions = {}): Awaitable<ClientResponse> {
    return this.request("OPTIONS", url, options);
  }

  /**
   * Makes a POST request.
   *
   * @param url The URL.
   * @param options What to send, and how.
   * @returns An awaitable of the response; see {@linkcode ClientSession.request}.
   */
  post(url: string | URL, options: ClientRequestOptions = {}): Awaitable<ClientResponse> {
    return this.request("POST", url, options);
  }

  /**
   * Makes a PUT request.
   *
   * @param url The URL.
   * @param options What to send, and how.
   * @returns An awaitable of the response; see {@linkcode ClientSession.request}.
   */
  put(url: string | URL, options: ClientRequestOptions = {}): Awaitable<ClientResponse> {
    return this.request("PUT", url, options);
  }

  /**
   * Makes a PATCH request.
   *
   * @param url The URL.
   * @param options What to send, and how.
   * @returns An awaitable of the response; see {@linkcode ClientSession.request}.
   */
  patch(url: string | URL, options: ClientRequestOptions = {}): Awaitable<ClientResponse> {
    return this.request("PATCH", url, options);
  }

  /**
   * Makes a DELETE request.
   *
   * @param url The URL.
   * @param options What to send, and how.
   * @returns An awaitable of the response; see {@linkcode ClientSession.request}.
   */
  delete(url: string | URL, options: ClientRequestOptions = {}): Awaitable<ClientResponse> {
    return this.request("DELETE", url, options);
  }

  // -- WebSockets --

  /**
   * Opens a WebSocket. It holds one of the connector's places until it is closed.
   *
   * Redirects are not followed, and middlewares do not run: the runtime makes this request itself.
   * Counterpart of Python's `ws_connect()`.
   *
   * @param url The URL, with the scheme `ws`, `wss`, `http` or `https`; it may be relative if the
   * session has a `baseUrl`.
   * @param options Protocols, headers, limits.
   * @returns An awaitable of the open WebSocket.
   * @throws {WSServerHandshakeError} If the server answers, but refuses the WebSocket. Over TLS it
   * is a {@linkcode ClientConnectionError}: the runtime then tries HTTP/2, and reports only that
   * attempt.
   * @throws {ClientConnectionError} If no answer came, as for {@linkcode ClientSession.request}.
   * @throws {ServerTimeoutError} If opening it took too long.
   * @throws {RuntimeError} If the session is closed.
   */
  wsConnect(
    url: string | URL,
    options: WebSocketConnectOptions = {},
  ): Awaitable<ClientWebSocketResponse> {
    return new Operation(() => this.#wsConnect(url, options));
  }

  *#wsConnect(
    url: string | URL,
    options: WebSocketConnectOptions,
  ): Steps<ClientWebSocketResponse> {
    this.#checkOpen();
    const target = requestUrl(url, this.#baseUrl, WS_PROTOCOLS);
    target.protocol = target.protocol.replace("ws", "http");
    target.hash = "";
    addParams(target, this.#options.params, options.params);
    const headers = this.#withCookies(this.#headersFor(target, options), target, {});
    const timeout = typeof options.timeout === "object" ? options.timeout : undefined;
    const phases = { ...phasesOf(timeout, this.#phases), total: null };
    const call = this.#begin(target, phases, options.signal);
    const request = new ClientRequest({
      method: "GET",
      url: target,
      headers,
      body: null,
      cookies: {},
      proxy: options.proxy,
    });
    const context: Context = { call, options: {}, trace: undefined, history: NO_HISTORY };
    try {
      const tracer = this.#tracer(request, context);
      const exchange = new Exchange(call, target.href, tracer);
      tracer?.tell("onRequestStart", { headers: request.headers });
      const limiter = this.#connector._limiter;
      const host = hostOf(limiter, target, options.proxy);
      if (!exchange.tryAcquire(limiter, host)) yield* exchange.acquire(limiter, host);
      const client = this.#connector._client(options.proxy);
      const socket = yield* openWebSocket(exchange, { request, client, options });
      exchange.becomeLastOf(call);
      return socket;
    } catch (error) {
      // Any error, even a CancelledError, ends the requests that the call has in progress.
      call.fail(error);
      throw error;
    }
  }

  // -- The end --

  /**
   * Closes the session, and its connector unless `connectorOwner` is false. Requests in progress
   * fail.
   *
   * Closing twice is harmless.
   */
  close(): void {
    if (this.#closed) return;
    this._retire();
    for (const call of this.#calls) {
      call.fail(new ClientConnectionError(`Cannot go on with ${call.url}: Session is closed`));
    }
  }

  /** @ignore Refuses new requests. Those in progress go on, and keep their connections. */
  _retire(): void {
    this.#closed = true;
    forgetSession(this.#watch);
    if (this.#ownsConnector) this.#connector.close();
  }

  /** Closes the session. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }
}

/** Returns the key by which `limitPerHost` counts a request. */
function hostOf(limiter: Limiter, url: URL, proxy: string | URL | undefined): string {
  if (!limiter.distinguishesHosts) return "";
  return proxy === undefined ? url.origin : `${url.origin} by ${proxy}`;
}

/** Returns what to throw for an error of `fetch`. */
function fetchError(error: unknown, exchange: Exchange): unknown {
  const known = exchange.errorFor(error);
  if (exchange.failure !== null || !isNetworkError(known)) return known;
  return connectionError(known, exchange.url);
}

function* checkStatus(
  response: ClientResponse,
  check: Exclude<RaiseForStatus, false>,
  call: Call,
): Steps<void> {
  if (check === true) return response.raiseForStatus();
  // It runs in a task of its own, as middlewares do.
  yield* call.follow(call.loop.createTask(async () => await check(response)));
}
