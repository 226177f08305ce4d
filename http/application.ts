/**
 * An application: its routes, its middlewares, its shared state, its start-up and clean-up.
 *
 * Counterpart of Python's `aiohttp.web_app`. Its life goes in these steps: the `cleanupCtx`
 * generators run, each up to its `yield`; the `onStartup` callbacks; the same for its
 * sub-applications; requests; the `onShutdown` callbacks; then, on the way back, the
 * sub-applications are cleaned up in reverse order, the generators run to their ends in reverse
 * order, and the `onCleanup` callbacks are called. Whatever fails, what was started is cleaned up,
 * and no error is lost.
 *
 * `app.fetch` is a web-standard `(Request) => Response` handler. Under `runApp()` the loop is
 * already running and the application has started. Elsewhere the first request starts the
 * application, once, and the default loop in the background; if that fails, the request is answered
 * with 500, and the next one tries again.
 *
 * @module
 */

import { getEventLoop, RuntimeError, sleep, wait } from "../loop/mod.ts";
import type { EventLoop } from "../loop/mod.ts";
import { requestedPath } from "./_authority.ts";
import { limitBody } from "./_body_limit.ts";
import { dropRest } from "./_body_rest.ts";
import { asTask, holdLoop } from "./_in_loop.ts";
import { endContext, freeze, runAll } from "./_life_cycle.ts";
import { ClientWatch, reportError, RequestTask, tasksOf } from "./_request_task.ts";
import type { RequestOwner, ServeInfo } from "./_request_task.ts";
import { Served } from "./_served.ts";
import { checkMiddlewares, checkOptions } from "./_scope.ts";
import type { HandlerOptions, Middleware, ResponsePrepareCallback } from "./_scope.ts";
import { AppKey } from "./app_key.ts";
import { HTTPBadRequest, HTTPException, HTTPInternalServerError } from "./exceptions.ts";
import { HTTPServiceUnavailable } from "./exceptions.ts";
import type { Route, RouteMatch } from "./route.ts";
import { Router } from "./router.ts";
import type { RouteDef } from "./router.ts";

export { AppKey };
export type { ResponsePrepareCallback, ServeInfo };

/** Called with the application when it starts, shuts down, or is cleaned up. */
export type AppCallback = (app: Application) => void | PromiseLike<void>;

/**
 * Something that lives as long as the application: set up before the `yield`, cleaned up after it.
 */
export type CleanupContext = (app: Application) => AsyncGenerator<void, void, void>;

/** Options for {@linkcode Application}. */
export interface ApplicationOptions extends HandlerOptions {
  /** The middlewares around all handlers, the outermost first. */
  middlewares?: Iterable<Middleware>;
}

/** Seconds that the last responses get to be sent. */
const SENDING = 0.1;

const CREATED = 1;
const STARTING = 2;
const STARTED = 3;
const ENDED = 4;

/**
 * Answers requests according to its routes. Each request runs as a task of the loop.
 *
 * `runApp()` serves it. Counterpart of Python's `aiohttp.web.Application`.
 *
 * @example
 * ```ts
 * import { Application } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using app = new Application();
 * app.router.addGet("/", () => new Response("Hello, World!"));
 *
 * const response = await app.request("/");
 * assertEquals(await response.text(), "Hello, World!");
 * ```
 *
 * @example Served by `deno serve`, on all cores
 * ```ts
 * import { Application } from "@aio/asyncio/http";
 *
 * const app = new Application();
 * app.router.addGet("/", () => new Response("Hello, World!"));
 * export default app;
 * ```
 */
export class Application implements AsyncDisposable {
  /** Its routes. */
  readonly router: Router;
  /** The middlewares around all handlers, the outermost first; fixed at start-up. */
  readonly middlewares: Middleware[];
  /**
   * Called, in order, with each request and its response before the response is sent: also for
   * streams, WebSockets and errors, even where no route was found. They may change its headers. For
   * requests of a sub-application, the callbacks of the outer application come first. What a
   * callback throws is reported and answered with 500. Once the application has started, none can
   * be added. Counterpart of Python's `on_response_prepare`.
   *
   * @example
   * ```ts
   * import { Application } from "@aio/asyncio/http";
   * import { assertEquals } from "@std/assert";
   *
   * await using app = new Application();
   * app.onResponsePrepare.push((_request, { headers }) => headers.set("x-frame-options", "DENY"));
   * const response = await app.request("/nowhere");
   * assertEquals([response.status, response.headers.get("x-frame-options")], [404, "DENY"]);
   * ```
   */
  readonly onResponsePrepare: ResponsePrepareCallback[] = [];
  /** Called, in order, before the first request; once the application has started, none can be added. */
  readonly onStartup: AppCallback[] = [];
  /** Called, in order, when no more requests are accepted. */
  readonly onShutdown: AppCallback[] = [];
  /** Called, in order, after the last request. */
  readonly onCleanup: AppCallback[] = [];
  /**
   * Run up to their `yield` before `onStartup`, and to their end, in reverse order, before
   * `onCleanup`. Once the application has started, none can be added.
   */
  readonly cleanupCtx: CleanupContext[] = [];
  /** @ignore */
  readonly _options: HandlerOptions;

  readonly #values = new Map<AppKey<unknown>, unknown>();
  readonly #contexts: AsyncGenerator<void, void, void>[] = [];
  readonly #subapps: Application[] = [];
  #parent: Application | null = null;
  #state = CREATED;
  #starting: Promise<void> | null = null;
  #closing: Promise<void> | null = null;
  /** What all request tasks share; bound to the loop on which `fetch()` starts them directly. */
  #owner: RequestOwner | null = null;
  /** Set while a host that runs no loop, such as `deno serve`, serves the application. */
  #served: Served | null = null;

  /**
   * Creates an application.
   *
   * @param options The middlewares, and settings for all routes.
   * @throws {RangeError} If a setting is invalid.
   * @throws {TypeError} If a middleware is not a function.
   */
  constructor(options: ApplicationOptions = {}) {
    const { middlewares = [], ...rest } = options;
    checkOptions("create application", rest);
    this.middlewares = [...middlewares];
    checkMiddlewares("create application", this.middlewares);
    this._options = rest;
    this.router = new Router(this);
  }

  // -- Shared state --

  /**
   * Stores a value for the handlers.
   *
   * @typeParam T The type of the value.
   * @param key The key.
   * @param value The value.
   * @throws {RuntimeError} If the application has started: its handlers may have seen another value.
   */
  set<T>(key: AppKey<T>, value: T): void {
    if (this.#state >= STARTED) {
      throw new RuntimeError(`Cannot set "${key.name}": the application has started`);
    }
    this.#values.set(key, value);
  }

  /**
   * Returns a value that is stored in this application or in an outer one.
   *
   * Counterpart of Python's `request.config_dict[key]`.
   *
   * @typeParam T The type of the value.
   * @param key The key.
   * @returns The value.
   * @throws {RangeError} If no value is stored (Python's `KeyError`).
   */
  get<T>(key: AppKey<T>): T {
    const owner = this.#ownerOf(key);
    if (owner === null) throw new RangeError(`Cannot get "${key.name}": it is not set`);
    return owner.#values.get(key) as T;
  }

  /**
   * Returns whether a value is stored in this application or in an outer one.
   *
   * @typeParam T The type of the value.
   * @param key The key.
   * @returns Whether there is a value.
   */
  has<T>(key: AppKey<T>): boolean {
    return this.#ownerOf(key) !== null;
  }

  #ownerOf(key: AppKey<unknown>): Application | null {
    if (this.#values.has(key)) return this;
    return this.#parent === null ? null : this.#parent.#ownerOf(key);
  }

  // -- Parts --

  /** The application that this one is part of, or null. */
  get parent(): Application | null {
    return this.#parent;
  }

  /**
   * Adds routes that were defined elsewhere. Counterpart of Python's `add_routes()`.
   *
   * @param routes The routes, such as a {@linkcode RouteTableDef}.
   * @returns The routes that were added.
   * @throws {RangeError} If a route is malformed or exists already.
   * @throws {RuntimeError} If the application has started.
   */
  addRoutes(routes: Iterable<RouteDef>): Route[] {
    return this.router.addRoutes(routes);
  }

  /**
   * Mounts another application below a prefix. It answers for all paths there, with its own routes,
   * middlewares (inside those of this one), state and settings. Counterpart of Python's
   * `add_subapp()`.
   *
   * @param prefix The prefix of its paths, such as `/admin`.
   * @param app The sub-application.
   * @throws {RangeError} If the prefix is malformed or has an application already.
   * @throws {RuntimeError} If either application has started, or the sub-application already has a
   * parent.
   */
  addSubapp(prefix: string, app: Application): void {
    this.#checkPart(prefix, app);
    this.router._addRouter(prefix, app.router);
    this.#addPart(app);
  }

  /**
   * Lets another application answer for a host, where this one has no route and no sub-application
   * for the path. Otherwise it works as {@linkcode Application.addSubapp} does. If several hosts
   * match, the application that was added first answers. Counterpart of Python's `add_domain()`.
   *
   * @param domain The host, such as `api.example.com`, with its port unless that is the default
   * one; `*` stands for any text, as in `*.example.com`.
   * @param app The sub-application.
   * @throws {RangeError} If the domain is not a host.
   * @throws {RuntimeError} If either application has started, or the sub-application already has a
   * parent.
   *
   * @example
   * ```ts
   * import { Application } from "@aio/asyncio/http";
   * import { assertEquals } from "@std/assert";
   *
   * const api = new Application();
   * api.router.addGet("/", () => Response.json({ hello: "API" }));
   *
   * await using app = new Application();
   * app.addDomain("api.example.com", api);
   * assertEquals((await app.request("http://api.example.com/")).status, 200);
   * assertEquals((await app.request("http://example.com/")).status, 404);
   * ```
   */
  addDomain(domain: string, app: Application): void {
    this.#checkPart(domain, app);
    this.router._addDomain(domain, app.router);
    this.#addPart(app);
  }

  #checkPart(place: string, app: Application): void {
    if (app === this || app.#parent !== null || this.#isWithin(app)) {
      throw new RuntimeError(`Cannot add sub-application ${place}: it is part of one already`);
    }
    if (app.#state !== CREATED) {
      throw new RuntimeError(`Cannot add sub-application ${place}: it has started`);
    }
  }

  #addPart(app: Application): void {
    app.#parent = this;
    this.#subapps.push(app);
  }

  #isWithin(app: Application): boolean {
    return this.#parent !== null && (this.#parent === app || this.#parent.#isWithin(app));
  }

  // -- Requests --

  /**
   * Answers a request. It has the shape of any web-standard handler.
   *
   * @param request The request.
   * @param info What the server knows about the request.
   * @returns The response, or a promise of it; an error thrown by the handler becomes a response,
   * too.
   */
  readonly fetch = (request: Request, info?: ServeInfo): Response | Promise<Response> => {
    const owner = this.#owner;
    if (owner === null || !owner.loop.isRunning()) return this.#fetchFirst(request, info);
    const { method, url } = request;
    const path = requestedPath(request);
    if (path === null) return new HTTPBadRequest({ text: "400: Bad Host" }).toResponse();
    const match = this.router.find(method, path, url);
    const { maxSize } = match.route._plan;
    if (method === "GET" || method === "HEAD" || maxSize === Infinity) {
      return new RequestTask(request, match, info, owner).start();
    }
    const [limited, found] = withLimit(request, match, maxSize);
    if (limited !== request) dropRest(limited, info?.completed);
    return new RequestTask(limited, found, info, owner).start();
  };

  /** Answers a request when no loop runs, or the application has not started on it. */
  async #fetchFirst(request: Request, info: ServeInfo | undefined): Promise<Response> {
    // A client whose connection was still open gets a 503; a program that goes on calling gets an
    // error.
    if (this.#state === ENDED && info !== undefined) return endedAlready();
    const background = holdLoop();
    // A caller that passes `info` is a server, and will pass on more requests. `deno serve` stops
    // accepting at the first signal, which may come during the start-up; there may be no second one.
    if (info !== undefined && background !== null) {
      this.#served ??= new Served(() => this[Symbol.asyncDispose]());
    }
    try {
      await this.#startOnce();
      this.#useLoop(getEventLoop());
      return await this.fetch(request, info);
    } catch (error) {
      // The start-up has failed: no handler runs for this request, so it is answered here.
      reportError(getEventLoop(), request, error);
      if (this.#state === CREATED) await this.#releaseServed(); // there is nothing to end
      return new HTTPInternalServerError().toResponse();
    } finally {
      await background?.release();
    }
  }

  #startOnce(): Promise<void> {
    if (this.#state === STARTED) return Promise.resolve();
    if (this.#state === ENDED) {
      throw new RuntimeError("Cannot answer a request: the application has ended");
    }
    return this.#starting ??= asTask(() => this.startup()).finally(() => {
      this.#starting = null;
    });
  }

  #useLoop(loop: EventLoop): void {
    if (this.#owner?.loop === loop) return;
    const watch = new ClientWatch(loop);
    this.#owner = { loop, eagerStart: true, name: "request", watch, isLeaving: false };
  }

  /**
   * Sends a request to the application without a server, for tests.
   *
   * @param path The path and query of the URL, or a URL, or a request.
   * @param init The method, headers and body, as `fetch` takes them.
   * @returns The response.
   *
   * @example A test that takes no real time
   * ```ts
   * import { newEventLoop, run, sleep, VirtualClock } from "@aio/asyncio";
   * import { Application } from "@aio/asyncio/http";
   * import { assertEquals } from "@std/assert";
   *
   * await run(async () => {
   *   await using app = new Application({ timeout: 60 });
   *   app.router.addGet("/", async () => {
   *     await sleep(3600);
   *     return new Response("late");
   *   });
   *   assertEquals((await app.request("/")).status, 503); // at once
   * }, { loopFactory: () => newEventLoop({ clock: new VirtualClock() }) });
   * ```
   */
  async request(path: string | URL | Request, init?: RequestInit): Promise<Response> {
    const url = path instanceof Request ? path : new URL(path, "http://localhost");
    const request = new Request(url, init);
    const response = await this.fetch(request);
    if (request.method !== "HEAD") return response;
    // As a server does; otherwise a handler that writes the body would wait for ever.
    await response.body?.cancel();
    return new Response(null, response);
  }

  /** @ignore Makes each response from now on the last one on its connection. */
  _leave(): void {
    if (this.#owner !== null) this.#owner.isLeaving = true;
  }

  /** @ignore The tasks of the requests that are being answered. */
  get _running(): RequestTask[] {
    return this.#owner === null ? [] : tasksOf(this.#owner);
  }

  /** @ignore The handlers of open WebSockets and event streams, which run until told to end. */
  get _streaming(): RequestTask[] {
    return this._running.filter(({ early }) => early?._isEndless ?? false);
  }

  /** @ignore The handlers of requests whose bodies may still be arriving. */
  get _uploading(): RequestTask[] {
    return this._running.filter((handler) => handler.isUploading);
  }

  // -- Start-up and clean-up --

  /**
   * Starts the application: requests can be answered, and routes and middlewares can't be added any
   * more. If something fails, what was started is cleaned up, and the application can be started
   * again.
   *
   * @throws {unknown} What a callback throws, in an {@linkcode ExceptionGroup} if the clean-up
   * fails, too.
   * @throws {RuntimeError} If the application has started already.
   * @throws {TypeError} If a middleware is not a function.
   */
  async startup(): Promise<void> {
    if (this.#state === STARTING || this.#state === STARTED) {
      throw new RuntimeError("Cannot start the application: it has started already");
    }
    this.#state = STARTING;
    try {
      for (const context of this.cleanupCtx) {
        const generator = context(this);
        this.#contexts.push(generator);
        await generator.next();
      }
      for (const callback of this.onStartup) await callback(this);
      for (const app of this.#subapps) await app.startup();
      checkMiddlewares("start the application", this.middlewares);
    } catch (error) {
      await runAll("Multiple errors on start-up", [
        () => raise(error),
        () => this.cleanup(),
        () => {
          this.#state = CREATED; // as before: it can be tried again
        },
      ]);
    }
    this.#state = STARTED;
    this.router._freeze();
    freeze(this.middlewares, "middlewares");
    freeze(this.onResponsePrepare, "onResponsePrepare");
    freeze(this.onStartup, "onStartup");
    freeze(this.cleanupCtx, "cleanupCtx");
    this.#useLoop(getEventLoop());
  }

  /**
   * Tells the application that no more requests come: calls the `onShutdown` callbacks.
   *
   * @throws {unknown} What a callback throws, in an {@linkcode ExceptionGroup} if several do.
   */
  async shutdown(): Promise<void> {
    await runAll("Multiple errors on shutdown", [
      ...this.onShutdown.map((callback) => () => callback(this)),
      ...this.#subapps.map((app) => () => app.shutdown()),
    ]);
  }

  /**
   * Ends the application: undoes what `startup()` has done.
   *
   * @throws {unknown} What a callback throws, in an {@linkcode ExceptionGroup} if several do.
   */
  async cleanup(): Promise<void> {
    if (this.#state === CREATED || this.#state === ENDED) return;
    this.#state = ENDED;
    // These came on connections that were still open when the other handlers had been told to end.
    for (const handler of this._running) {
      if (handler.cancelling() === 0) handler.cancel("the server stops");
    }
    this.#owner = null;
    const contexts = this.#contexts.splice(0).reverse();
    await runAll("Multiple errors on clean-up", [
      ...this.#subapps.toReversed().map((app) => () => app.cleanup()),
      ...contexts.map((generator) => () => endContext(generator)),
      ...this.onCleanup.map((callback) => () => callback(this)),
    ]);
  }

  /**
   * Ends an application that was used through `app.fetch` or `app.request()`: waits for its
   * handlers, cleans it up, and ends the loop in the background. Ending twice is harmless.
   *
   * @throws {unknown} What a callback throws.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    const background = holdLoop();
    try {
      await this.#closeOnce();
    } finally {
      await this.#releaseServed();
      await background?.release();
    }
  }

  async #releaseServed(): Promise<void> {
    const served = this.#served;
    this.#served = null;
    await served?.release();
  }

  #closeOnce(): Promise<void> {
    const isIdle = this.#starting === null && this.#state === CREATED;
    if (isIdle || this.#state === ENDED) return this.#closing ?? Promise.resolve();
    return this.#closing ??= asTask(() => this.#close()).finally(() => {
      this.#closing = null;
    });
  }

  async #close(): Promise<void> {
    // Nothing tells here when a response has been sent, and the process may end after this.
    const sending = this.#served === null ? 0 : SENDING;
    // What the start-up begins has to be ended; its error goes to the request that began it.
    await this.#starting?.catch(() => {});
    if (this.#state === CREATED) return void await sleep(sending);
    this._leave();
    await runAll("Multiple errors at the end", [
      () => this.shutdown(),
      async () => {
        for (const handler of this._streaming) handler.cancel("the server stops");
        const running = this._running;
        if (running.length > 0) await wait(running);
        await sleep(sending);
      },
      () => this.cleanup(),
    ]);
  }
}

/** The request with its body limited, and its route; one that throws if the body is too large. */
function withLimit(request: Request, match: RouteMatch, maxSize: number): [Request, RouteMatch] {
  try {
    return [limitBody(request, maxSize), match];
  } catch (error) {
    if (!(error instanceof HTTPException)) throw error;
    return [request, match.route._failing(error)];
  }
}

function endedAlready(): Response {
  return new HTTPServiceUnavailable({ headers: { connection: "close" } }).toResponse();
}

function raise(error: unknown): never {
  throw error;
}
