/**
 * An application: its routes, its shared state, its beginning and its end.
 *
 * Counterpart of Python's `aiohttp.web_app`. Its life goes in these steps: the `cleanupCtx`
 * generators, each up to its `yield`; the `onStartup` callbacks; requests; the `onShutdown`
 * callbacks; the rest of the generators in reverse order; the `onCleanup` callbacks. What was begun
 * is ended whatever fails, and no error is lost.
 *
 * @module
 */

import { CancelledError, ExceptionGroup, getRunningLoop, RuntimeError } from "../loop/mod.ts";
import type { EventLoop, Task } from "../loop/mod.ts";
import { HTTPException, HTTPInternalServerError, HTTPServiceUnavailable } from "./exceptions.ts";
import { Router } from "./router.ts";
import type { Handler } from "./router.ts";

/** Called with the application when it starts, shuts down, or is cleaned up. */
export type AppCallback = (app: Application) => void | PromiseLike<void>;

/**
 * Something that lives as long as the application: made before the `yield`, ended after it.
 */
export type CleanupContext = (app: Application) => AsyncGenerator<void, void, void>;

/**
 * The name of a value that an application keeps, with the type of the value.
 *
 * Counterpart of Python's `aiohttp.web.AppKey`.
 *
 * @typeParam T The type of the value.
 */
export class AppKey<T> {
  /** The name, for people to read. */
  readonly name: string;
  /** Never there: it ties the key to its type. */
  declare readonly _type: T;

  /**
   * Creates a key, different from all others.
   *
   * @param name A name for people to read.
   */
  constructor(name: string) {
    this.name = name;
  }
}

/**
 * Answers requests by its routes. Each request runs as a task of the loop.
 *
 * `runApp()` serves it. Counterpart of Python's `aiohttp.web.Application`.
 *
 * @example
 * ```ts
 * import { run } from "@aio/asyncio";
 * import { Application } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * const app = new Application();
 * app.router.addGet("/", () => new Response("Hello, World!"));
 *
 * await run(async () => {
 *   const response = await app.fetch(new Request("http://localhost/"));
 *   assertEquals(await response.text(), "Hello, World!");
 * });
 * ```
 */
export class Application {
  /** Its routes. */
  readonly router: Router = new Router();
  /** Called, in order, before the first request. */
  readonly onStartup: AppCallback[] = [];
  /** Called, in order, when no more requests are accepted. */
  readonly onShutdown: AppCallback[] = [];
  /** Called, in order, after the last request. */
  readonly onCleanup: AppCallback[] = [];
  /** Run up to their `yield` before `onStartup`, and to their end, in reverse, before `onCleanup`. */
  readonly cleanupCtx: CleanupContext[] = [];

  readonly #values = new Map<AppKey<unknown>, unknown>();
  readonly #contexts: AsyncGenerator<void, void, void>[] = [];
  readonly #handling = new Set<Task<Response>>();

  // -- Shared state --

  /**
   * Keeps a value for the handlers.
   *
   * @typeParam T The type of the value.
   * @param key Its name.
   * @param value The value.
   */
  set<T>(key: AppKey<T>, value: T): void {
    this.#values.set(key, value);
  }

  /**
   * Returns a value that was kept.
   *
   * @typeParam T The type of the value.
   * @param key Its name.
   * @returns The value.
   * @throws {RangeError} If there is none (Python's `KeyError`).
   */
  get<T>(key: AppKey<T>): T {
    if (!this.#values.has(key)) throw new RangeError(`Cannot get "${key.name}": it is not set`);
    return this.#values.get(key) as T;
  }

  // -- Requests --

  /**
   * Answers a request: the same shape of function as everywhere on the web platform.
   *
   * @param request The request.
   * @returns The response; an error of the handler is one, too.
   * @throws {RuntimeError} If no loop runs.
   */
  readonly fetch = (request: Request): Promise<Response> => {
    const loop = getRunningLoop();
    let handler: Handler;
    try {
      handler = this.router.resolve(request.method, new URL(request.url).pathname);
    } catch (error) {
      return Promise.resolve(errorResponse(loop, request, error));
    }
    const task = loop.createTask(() => started(handler(request)));
    this.#handling.add(task);
    return new Promise((resolve) => {
      task.addDoneCallback(() => {
        this.#handling.delete(task);
        resolve(responseOf(loop, request, task));
      });
    });
  };

  /** @ignore The tasks of the requests that are being answered. */
  get _handling(): ReadonlySet<Task<Response>> {
    return this.#handling;
  }

  // -- Beginning and end --

  /**
   * Begins: after it, requests can be answered. If something fails, what was begun is ended.
   *
   * @throws {unknown} What a callback throws.
   */
  async startup(): Promise<void> {
    this.router._freeze();
    try {
      for (const context of this.cleanupCtx) {
        const generator = context(this);
        this.#contexts.push(generator);
        await generator.next();
      }
      for (const callback of this.onStartup) await callback(this);
    } catch (error) {
      await this.cleanup();
      throw error;
    }
  }

  /**
   * Says that no more requests come.
   *
   * @throws {unknown} What a callback throws, in an {@linkcode ExceptionGroup} if several do.
   */
  async shutdown(): Promise<void> {
    await runAll(this.onShutdown.map((callback) => () => callback(this)));
  }

  /**
   * Ends: undoes what `startup()` has done.
   *
   * @throws {unknown} What a callback throws, in an {@linkcode ExceptionGroup} if several do.
   */
  async cleanup(): Promise<void> {
    const contexts = this.#contexts.splice(0).reverse();
    await runAll([
      ...contexts.map((generator) => () => endContext(generator)),
      ...this.onCleanup.map((callback) => () => callback(this)),
    ]);
  }
}

/** What a handler gave, as something that a task can go on with. */
function started(
  result: ReturnType<Handler>,
): PromiseLike<Response> | Exclude<ReturnType<Handler>, Response | PromiseLike<Response>> {
  return result instanceof Response ? Promise.resolve(result) : result;
}

function responseOf(loop: EventLoop, request: Request, task: Task<Response>): Response {
  try {
    const response: unknown = task.result();
    if (response instanceof Response) return response;
    throw new TypeError(`Cannot answer: the handler must return a Response, not ${response}`);
  } catch (error) {
    // The task has ended: a CancelledError in it has done its work.
    return errorResponse(loop, request, error);
  }
}

/** The response for an error; one that is no response itself is reported, and not shown. */
function errorResponse(loop: EventLoop, request: Request, error: unknown): Response {
  if (error instanceof HTTPException) return error.toResponse();
  if (error instanceof CancelledError) return new HTTPServiceUnavailable().toResponse();
  loop.callExceptionHandler({
    message: "Error handling request",
    exception: error,
    request: `${request.method} ${request.url}`,
  });
  return new HTTPInternalServerError({
    text: "500 Internal Server Error\n\nServer got itself in trouble",
  }).toResponse();
}

async function endContext(generator: AsyncGenerator<void, void, void>): Promise<void> {
  const { done } = await generator.next();
  if (done) return;
  await generator.return();
  throw new RuntimeError("Cannot clean up: a cleanup context has more than one yield");
}

/** Calls all of them, whatever they throw, and throws that at the end. */
async function runAll(callbacks: (() => void | PromiseLike<void>)[]): Promise<void> {
  const errors: unknown[] = [];
  for (const callback of callbacks) {
    try {
      await callback();
    } catch (error) {
      // A CancelledError, too: the rest is done first, then it goes on.
      errors.push(error);
    }
  }
  const cancelled = errors.find((error) => error instanceof CancelledError);
  if (cancelled !== undefined) throw cancelled;
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw new ExceptionGroup("Multiple errors on clean-up", errors);
}
