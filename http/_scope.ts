/**
 * What requests go through before they reach a handler: the middlewares and the settings of the
 * applications that a route is in, and its own settings.
 *
 * A route's plan is made once, at its first request; a request then calls one function.
 *
 * @module
 */

import { Operation, runInTask } from "../loop/coroutines.ts";
import type { Awaitable, Coroutine, Suspension } from "../loop/mod.ts";
import { dropRestOf } from "./_body_rest.ts";
import { FileResponse } from "./file_response.ts";

/** Answers a request. It runs as a task, and may be an async, generator, or plain function. */
export type Handler = (
  request: Request,
) => Response | PromiseLike<Response> | Generator<Suspension, Response, unknown>;

/**
 * Wraps a handler: it may look at the request and the response, change them, answer by itself, or
 * catch what the handler throws.
 *
 * Call `handler(request)` and `await` it, or `yield*` it in a generator, or return it as it is.
 * Counterpart of Python's `@aiohttp.web.middleware`.
 *
 * @example What aiohttp's middlewares keep in their request, such as `request["user"]`
 * ```ts
 * import { ContextVar } from "@aio/asyncio";
 * import { Application } from "@aio/asyncio/http";
 * import type { Middleware } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * const user = new ContextVar<string>("user"); // of the request that is being answered
 *
 * const authenticate: Middleware = (request, handler) => {
 *   user.set(request.headers.get("x-user") ?? "nobody");
 *   return handler(request);
 * };
 *
 * await using app = new Application({ middlewares: [authenticate] });
 * app.router.addGet("/", async () => new Response(`Hello, ${user.get()}`));
 * const response = await app.request("/", { headers: { "x-user": "Ada" } });
 * assertEquals(await response.text(), "Hello, Ada");
 * ```
 */
export type Middleware = (
  request: Request,
  handler: (request: Request) => Awaitable<Response>,
) => Response | PromiseLike<Response> | Generator<Suspension, Response, unknown>;

/**
 * Changes the headers of a response before it is sent. It can't wait; a middleware can.
 *
 * Counterpart of the callbacks of Python's `on_response_prepare`.
 */
export type ResponsePrepareCallback = (request: Request, response: Response) => void | undefined;

/**
 * What happens to a handler when its client leaves: `"cancel"` cancels its task, `"ignore"` lets it
 * run to its end.
 */
export type OnDisconnect = "cancel" | "ignore";

/** Settings of an application, or of one route of it. */
export interface HandlerOptions {
  /**
   * How many bytes the body of a request may have; null for no limit. A larger one is answered with
   * 413. Counterpart of Python's `client_max_size`.
   *
   * @default {1048576}
   */
  clientMaxSize?: number | null;
  /**
   * What happens to a handler when its client leaves.
   *
   * @default {"cancel"}
   */
  onDisconnect?: OnDisconnect;
  /**
   * Seconds after which a handler that has not answered is cancelled; null, the default, for none.
   */
  timeout?: number | null;
  /**
   * What the client gets when a handler was cancelled because of `timeout`.
   *
   * @default {503}
   */
  timeoutStatus?: 503 | 504;
}

/** An application, as far as its routes need to know it. */
export interface Scope {
  /** The outermost first. */
  readonly middlewares: readonly Middleware[];
  /** Called, in order, with each response. */
  readonly onResponsePrepare: readonly ResponsePrepareCallback[];
  /** Its settings. */
  readonly _options: HandlerOptions;
  /** The application that this one is part of, or null. */
  readonly parent: Scope | null;
}

/** How the requests of a route are handled. */
export interface Plan {
  /** The handler inside all middlewares. */
  readonly handler: Handler;
  /** Called with the response; those of the outermost application first. */
  readonly onResponsePrepare: readonly ResponsePrepareCallback[];
  /** The innermost application of the route. */
  readonly scope: Scope | null;
  /** Bytes, or Infinity. */
  readonly maxSize: number;
  readonly cancels: boolean;
  /** Seconds, or null. */
  readonly timeout: number | null;
  readonly timeoutStatus: 503 | 504;
}

/** How large a body may be by default, in bytes: 1 MiB, as in aiohttp. */
const CLIENT_MAX_SIZE = 1024 ** 2;

/** Throws if a setting is invalid. */
export function checkOptions(action: string, options: HandlerOptions): void {
  const { clientMaxSize = null, onDisconnect = "cancel", timeout = null } = options;
  if (clientMaxSize !== null && !(clientMaxSize >= 0)) {
    throw new RangeError(`Cannot ${action}: clientMaxSize must be >= 0, not ${clientMaxSize}`);
  }
  if (onDisconnect !== "cancel" && onDisconnect !== "ignore") {
    throw new RangeError(`Cannot ${action}: onDisconnect must be "cancel" or "ignore"`);
  }
  if (timeout !== null && !(timeout > 0)) {
    throw new RangeError(`Cannot ${action}: timeout must be > 0, not ${timeout}`);
  }
}

/** Throws if a middleware is not a function: early, and not at each request. */
export function checkMiddlewares(action: string, middlewares: readonly unknown[]): void {
  for (const middleware of middlewares) {
    if (typeof middleware === "function") continue;
    throw new TypeError(
      `Cannot ${action}: a middleware must be a function, not ${String(middleware)}`,
    );
  }
}

/** The plan of a route: its own settings override those of its application, and so on outwards. */
export function planOf(handler: Handler, options: HandlerOptions, scope: Scope | null): Plan {
  const all = [options];
  const onResponsePrepare: ResponsePrepareCallback[] = [];
  let wrapped = handler;
  for (let outer = scope; outer !== null; outer = outer.parent) {
    all.push(outer._options);
    onResponsePrepare.unshift(...outer.onResponsePrepare);
    for (const middleware of outer.middlewares.toReversed()) wrapped = layer(middleware, wrapped);
  }
  const { clientMaxSize = CLIENT_MAX_SIZE, onDisconnect, timeout = null, timeoutStatus = 503 } =
    merged(all);
  return {
    handler: wrapped,
    onResponsePrepare,
    scope,
    maxSize: clientMaxSize ?? Infinity,
    cancels: onDisconnect !== "ignore",
    timeout,
    timeoutStatus,
  };
}

/** Merges settings: the first ones win, and undefined ones are ignored. */
function merged(all: readonly HandlerOptions[]): HandlerOptions {
  const said = all.toReversed().flatMap(Object.entries).filter(([, value]) => value !== undefined);
  return Object.fromEntries(said);
}

function layer(middleware: Middleware, inner: Handler): Handler {
  return (request) =>
    middleware(request, (passed) => {
      if (passed !== request) dropRestOf(passed);
      return new Call(inner, passed);
    });
}

/**
 * Whether the result of a handler has to be awaited. Anything else is its answer, even if it is not
 * a response, which the task of the request reports.
 */
export function isAwaited(
  result: ReturnType<Handler>,
): result is Exclude<ReturnType<Handler>, Response> {
  if (result instanceof Response || typeof result !== "object" || result === null) return false;
  return "then" in result || Symbol.iterator in result;
}

/** A call of a handler that starts when it is awaited, in the task that awaits it. */
class Call implements Awaitable<Response> {
  readonly #handler: Handler;
  readonly #request: Request;

  constructor(handler: Handler, request: Request) {
    this.#handler = handler;
    this.#request = request;
  }

  then<R1 = Response, R2 = never>(
    onFulfilled?: ((value: Response) => R1 | PromiseLike<R1>) | null,
    onRejected?: ((reason: unknown) => R2 | PromiseLike<R2>) | null,
  ): PromiseLike<R1 | R2> {
    let result: ReturnType<Handler>;
    try {
      result = this.#handler(this.#request);
    } catch (error) {
      // For the task that awaits this, even a CancelledError.
      return Promise.reject<Response>(error).then(onFulfilled, onRejected);
    }
    const promise = isAwaited(result) ? result : Promise.resolve(result);
    if (Symbol.iterator in promise) {
      return new Operation(() => this.#run(promise)).then(onFulfilled, onRejected);
    }
    return promise.then<R1 | R2, R2>((response) => {
      if (response instanceof FileResponse) {
        return response.prepare(this.#request).then(onFulfilled, onRejected);
      }
      return onFulfilled ? onFulfilled(response) : response as R1;
    }, onRejected);
  }

  *[Symbol.iterator](): Generator<Suspension, Response, unknown> {
    return yield* this.#run(() => {
      const result = this.#handler(this.#request);
      return isAwaited(result) ? result : Promise.resolve(result);
    });
  }

  *#run(coroutine: Coroutine<Response>): Generator<Suspension, Response, unknown> {
    const response = yield* runInTask(coroutine);
    if (!(response instanceof FileResponse)) return response;
    return yield* runInTask(() => response.prepare(this.#request));
  }
}
