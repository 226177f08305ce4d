/**
 * Serving an application at one or several places, and stopping that in order.
 *
 * Counterpart of Python's `aiohttp.web_runner`. Stopping goes in these steps, each of which takes at
 * most `shutdownTimeout`:
 *
 * 1. No connection is accepted any more. Before that, where another process shares the port, answers
 *    tell the clients for a second that they are the last ones of their connections: who goes on,
 *    connects to the process that has taken over, and no request meets a connection that closes.
 * 2. Connections that wait for a request are closed. Both is Deno's part, and begins at once; but it
 *    cuts off WebSockets, and requests whose bodies are on their way, so where there are any, it
 *    begins when their handlers have ended.
 * 3. `onShutdown` is called; then the handlers of WebSockets and of event streams are cancelled, since
 *    they would go on for ever, and waited for.
 * 4. The other handlers that run are waited for.
 * 5. Those that are left are cancelled, and waited for; for those that do not end, 503 is answered.
 * 6. What was answered is sent. A client that does not take it, or does not send the rest of its
 *    request, is left to itself.
 * 7. The application is cleaned up.
 *
 * Cancelling the task that stops, as a second Ctrl-C does, skips the waiting, not the clean-up.
 *
 * @module
 */

import {
  CancelledError,
  Event,
  getRunningLoop,
  RuntimeError,
  sleep,
  timeout,
} from "../loop/mod.ts";
import { TimeoutError, wait, wrapFuture } from "../loop/mod.ts";
import type { Future } from "../loop/mod.ts";
import { isMalformed, isOfBrokenBody } from "./_broken_body.ts";
import { runAll } from "./_life_cycle.ts";
import { withAccessLog } from "./_logged.ts";
import type { RequestTask } from "./_request_task.ts";
import { AccessLogger } from "./access_log.ts";
import type { AccessLogEntry } from "./access_log.ts";
import type { Application } from "./application.ts";

/** Options for {@linkcode AppRunner}. */
export interface AppRunnerOptions {
  /**
   * Seconds that each step of stopping takes at most.
   *
   * @default {60}
   */
  shutdownTimeout?: number;
  /**
   * Called with a line for each request, and what is known of it; null, as by default, for none. Such
   * as `(line) => console.log(line)`: `console.log` itself would print all that is known, cookies too.
   */
  accessLog?: ((line: string, entry: AccessLogEntry) => void) | null;
  /** The format of those lines; see {@linkcode AccessLogger}. */
  accessLogFormat?: string;
}

/** What a runner serves its application on. */
interface Site {
  readonly name: string;
  readonly _server: Deno.HttpServer | null;
  readonly _sharesPort: boolean;
}

/** How long clients are told to connect to the process that has taken over, in seconds. */
const LEAVING = 1;

/**
 * Starts an application, serves it on sites, and ends all that in order.
 *
 * `await using` ends it. Counterpart of Python's `aiohttp.web.AppRunner`.
 *
 * @example
 * ```ts
 * import { run } from "@aio/asyncio";
 * import { Application, AppRunner, TCPSite } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * const app = new Application();
 * app.router.addGet("/", () => new Response("hello"));
 *
 * await run(async () => {
 *   await using runner = new AppRunner(app);
 *   await runner.setup();
 *   const site = new TCPSite(runner, "127.0.0.1", 0);
 *   site.start();
 *   const response = await fetch(site.name);
 *   assertEquals(await response.text(), "hello");
 * });
 * ```
 */
export class AppRunner implements AsyncDisposable {
  /** The application. */
  readonly app: Application;
  readonly #timeout: number;
  /** How long the steps that wait for others may take: the timeout, or nothing. */
  #patience: number;
  readonly #sites = new Set<Site>();
  /** @ignore */
  readonly _handler: Deno.ServeHandler<Deno.Addr>;
  #isSetUp = false;
  /** While `cleanup()` is in progress: set at its end. */
  #cleaning: Event | null = null;

  /**
   * Creates a runner.
   *
   * @param app The application.
   * @param options How to log, and how long to wait at the end.
   * @throws {RangeError} If the format of the log has an unknown field, or the timeout is negative.
   */
  constructor(app: Application, options: AppRunnerOptions = {}) {
    const { shutdownTimeout = 60, accessLog = null, accessLogFormat } = options;
    if (!(shutdownTimeout >= 0)) {
      const text = `shutdownTimeout must be >= 0, not ${shutdownTimeout}`;
      throw new RangeError(`Cannot create runner: ${text}`);
    }
    this.app = app;
    this.#timeout = this.#patience = shutdownTimeout;
    const logger = new AccessLogger(accessLogFormat);
    const handler = accessLog === null
      ? app.fetch
      : withAccessLog(app.fetch, (entry) => accessLog(logger.format(entry), entry));
    this._handler = handler as Deno.ServeHandler<Deno.Addr>;
  }

  /** The names of the sites that serve the application, such as `http://127.0.0.1:8080`. */
  get sites(): readonly string[] {
    return Array.from(this.#sites, ({ name }) => name);
  }

  /** The addresses that the application is served on. */
  get addresses(): readonly Deno.Addr[] {
    return Array.from(this.#sites, (site) => site._server!.addr);
  }

  /**
   * Starts the application.
   *
   * @throws {unknown} What its start-up throws.
   */
  async setup(): Promise<void> {
    await this.app.startup();
    this.#isSetUp = true;
  }

  /** @ignore */
  _checkSetUp(): void {
    if (!this.#isSetUp) throw new RuntimeError("Cannot start site: call runner.setup() first");
  }

  /** @ignore */
  _add(site: Site): void {
    this.#sites.add(site);
  }

  /** @ignore */
  _remove(site: Site): void {
    this.#sites.delete(site);
  }

  /**
   * Stops serving, and ends the application. Doing so twice is harmless; while it is being done, the
   * second call waits for the end of the first, which throws what there is to throw.
   *
   * @throws {unknown} What the application's shutdown or clean-up throws.
   */
  async cleanup(): Promise<void> {
    if (this.#cleaning !== null) return void await this.#cleaning.wait();
    const cleaning = this.#cleaning = new Event();
    try {
      await this.#clean();
    } finally {
      this.#cleaning = null;
      cleaning.set();
    }
  }

  async #clean(): Promise<void> {
    const { app } = this;
    const servers = Array.from(this.#sites, (site) => site._server!);
    const sharesPort = [...this.#sites].some((site) => site._sharesPort);
    this.#sites.clear();
    const wasSetUp = this.#isSetUp;
    this.#isSetUp = false;
    app._leave();
    let draining: Promise<unknown> | null = null;
    const drain = (): Promise<unknown> =>
      draining ??= Promise.all(servers.map((server) => server.shutdown()));
    const skippable = [
      () => wasSetUp ? this.#limited("onShutdown", () => app.shutdown()) : undefined,
      () => this.#cancel(app._streaming),
      () => this.#waitForHandlers(drain),
      () => this.#cancelHandlers(),
      () => servers.length > 0 ? this.#waitFor([wrapFuture(drain())]) : undefined,
    ];
    await runAll("Multiple errors on clean-up", [
      () => this.#unlessForced(() => sharesPort ? this.#pass(LEAVING) : undefined),
      () => {
        if (app._streaming.length === 0 && app._uploading.length === 0) drain();
      },
      ...skippable.map((step) => () => this.#unlessForced(step)),
      // Where the last step had to give up, the process may end all the same.
      () => servers.forEach((server) => server.unref()),
      () => wasSetUp ? this.#limited("clean-up", () => app.cleanup()) : undefined,
    ]);
  }

  /** Runs a step; once one was cancelled, the others wait for nothing. */
  async #unlessForced(step: () => Promise<void> | undefined): Promise<void> {
    try {
      await step();
    } catch (error) {
      if (error instanceof CancelledError) this.#patience = 0;
      throw error;
    }
  }

  async #pass(seconds: number): Promise<void> {
    await sleep(Math.min(seconds, this.#patience));
  }

  /** Runs a step of the application's; one that takes too long is cancelled and reported. */
  async #limited(name: string, step: () => Promise<void>): Promise<void> {
    const limit = timeout(this.#timeout);
    try {
      await limit.run(step);
    } catch (error) {
      if (!(error instanceof TimeoutError) || !limit.expired()) throw error;
      const message = `${name} of the application took more than ${this.#timeout} seconds`;
      getRunningLoop().callExceptionHandler({ message, exception: error });
    }
  }

  async #waitFor(futures: Iterable<Future<unknown>>, limit = this.#patience): Promise<void> {
    const set = new Set(futures);
    if (set.size > 0) await wait(set, { timeout: Math.max(limit, 0) });
  }

  /** Waits for the handlers that run; calls `drain` when it cuts off none of them. */
  async #waitForHandlers(drain: () => void): Promise<void> {
    const loop = getRunningLoop();
    const deadline = loop.time() + this.#patience;
    // Twice, for bodies that begin meanwhile. Not until there are none: a busy server always has some.
    if (await this.#waitForUploads(deadline) && await this.#waitForUploads(deadline)) drain();
    await this.#waitFor(this.app._running, deadline - loop.time());
  }

  /** Waits for the bodies that are on their way; tells whether they have come, and were answered. */
  async #waitForUploads(deadline: number): Promise<boolean> {
    const uploading = this.app._uploading;
    await this.#waitFor(uploading, deadline - getRunningLoop().time());
    return uploading.every((handler) => handler.done());
  }

  async #cancel(handlers: Iterable<RequestTask>): Promise<void> {
    for (const handler of handlers) handler.cancel("the server stops");
    await this.#waitFor(handlers);
  }

  async #cancelHandlers(): Promise<void> {
    const handlers = this.app._running;
    try {
      await this.#cancel(handlers);
    } finally {
      // Those that await what no cancellation reaches would hold their connections open.
      for (const handler of handlers) if (!handler.done()) handler._answerFor();
    }
  }

  /** The same as {@linkcode AppRunner.cleanup}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.cleanup();
  }
}

/** Options for {@linkcode TCPSite}. */
export interface TCPSiteOptions {
  /** The certificate, in PEM format, to serve HTTPS and HTTP/2. */
  cert?: string;
  /** The private key of the certificate, in PEM format. */
  key?: string;
  /**
   * Whether several processes may listen on the port, and share its connections: a new one can take
   * over before the old one stops. Deno asks for `--unstable-net` then. Linux resets the connections
   * that the old one has not accepted yet, unless `net.ipv4.tcp_migrate_req` is 1, which leaves them
   * to the new one; clients that make a new connection for each request need that.
   */
  reusePort?: boolean;
  /**
   * How many connections wait at most to be accepted; the system may have a limit of its own.
   *
   * @default {511}
   */
  backlog?: number;
}

/**
 * A place that an application is served on: a {@linkcode TCPSite} or a {@linkcode UnixSite}.
 *
 * Counterpart of Python's `aiohttp.web.BaseSite`.
 *
 * @example
 * ```ts
 * import { AppRunner, Application, BaseSite, TCPSite } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * const site: BaseSite = new TCPSite(new AppRunner(new Application()), "::1", 8080);
 * assertEquals(site.name, "http://[::1]:8080");
 * ```
 */
export abstract class BaseSite {
  readonly #runner: AppRunner;
  #server: Deno.HttpServer | null = null;

  /**
   * Creates a site. It serves from `start()` on, until `stop()` or the end of its runner.
   *
   * @param runner The runner.
   */
  constructor(runner: AppRunner) {
    this.#runner = runner;
  }

  /** @ignore Starts a server. */
  protected abstract _serve(handler: Deno.ServeHandler<Deno.Addr>): Deno.HttpServer;

  /** Where it is, for people to read. */
  abstract get name(): string;

  /** @ignore */
  get _server(): Deno.HttpServer | null {
    return this.#server;
  }

  /** @ignore Whether other processes may listen there, too. */
  get _sharesPort(): boolean {
    return false;
  }

  /**
   * Begins to serve.
   *
   * @throws {Deno.errors.AddrInUse} If somebody listens there.
   * @throws {Deno.errors.AddrNotAvailable} If the machine has no such address.
   * @throws {TypeError} If there is a certificate without a key, or a key without one.
   * @throws {RuntimeError} If the runner is not set up, or the site has started already.
   */
  start(): void {
    this.#runner._checkSetUp();
    if (this.#server !== null) throw new RuntimeError("Cannot start site: it has started already");
    try {
      this.#server = this._serve(this.#runner._handler);
    } catch (error) {
      throw error instanceof Error ? withPlace(this.name, error) : error;
    }
    this.#runner._add(this);
  }

  /** Accepts no more connections, and waits until those that are open have ended. */
  async stop(): Promise<void> {
    this.#runner._remove(this);
    await this.#server?.shutdown();
  }
}

/** What the system says without the place that it is about. */
const ADDRESS_ERRORS = [Deno.errors.AddrInUse, Deno.errors.AddrNotAvailable];

function withPlace(name: string, error: Error): Error {
  const type = ADDRESS_ERRORS.find((type) => error instanceof type);
  if (type === undefined) return error;
  return new type(`Cannot start site ${name}: ${error.message}`, { cause: error });
}

const onListen = (): void => {};

/** What Deno calls when a response can't be sent to its end. */
function onError(error: unknown): Response {
  // A stream that was given up on purpose says so by a CancelledError; and what is made of the body of
  // a request ends with that.
  const isExpected = error instanceof CancelledError || isMalformed(error) || isOfBrokenBody(error);
  if (!isExpected) {
    getRunningLoop().callExceptionHandler({ message: "Error sending response", exception: error });
  }
  return new Response("500: Internal Server Error", { status: 500 });
}

/**
 * A host and port that an application is served on.
 *
 * Counterpart of Python's `aiohttp.web.TCPSite`.
 *
 * @example
 * ```ts
 * import { run } from "@aio/asyncio";
 * import { Application, AppRunner, TCPSite } from "@aio/asyncio/http";
 * import { assert } from "@std/assert";
 *
 * await run(async () => {
 *   await using runner = new AppRunner(new Application());
 *   await runner.setup();
 *   const site = new TCPSite(runner, "127.0.0.1", 0);
 *   site.start();
 *   assert(site.address.port > 0);
 * });
 * ```
 */
export class TCPSite extends BaseSite {
  readonly #hostname: string;
  readonly #port: number;
  readonly #options: TCPSiteOptions;

  /**
   * Creates a site. It serves from `start()` on, until `stop()` or the end of its runner.
   *
   * @param runner The runner.
   * @param host The address or name to listen on.
   * @param port The port; 0 for any that is free.
   * @param options TLS, and whether the port is shared.
   */
  constructor(
    runner: AppRunner,
    host: string = "0.0.0.0",
    port: number = 8080,
    options: TCPSiteOptions = {},
  ) {
    super(runner);
    this.#hostname = host;
    this.#port = port;
    // Others than these, which the options may be among, are not for the server. A certificate without
    // a key is: it refuses that.
    const { cert, key, backlog, reusePort = false } = options;
    this.#options = { reusePort };
    if (backlog !== undefined) this.#options.backlog = backlog;
    if (cert !== undefined) this.#options.cert = cert;
    if (key !== undefined) this.#options.key = key;
  }

  /** Its URL; with the port that it has got, once it has started. */
  override get name(): string {
    const address = this._server?.addr as Deno.NetAddr | undefined;
    const host = address?.hostname ?? this.#hostname;
    const scheme = this.#options.cert === undefined ? "http" : "https";
    const shown = host.includes(":") ? `[${host}]` : host;
    return `${scheme}://${shown}:${address?.port ?? this.#port}`;
  }

  /** @ignore */
  override get _sharesPort(): boolean {
    return this.#options.reusePort ?? false;
  }

  /** The address that it listens on, once it has started. */
  get address(): Deno.NetAddr {
    const server = this._server;
    if (server === null) throw new RuntimeError("Cannot get address: the site has not started");
    return server.addr as Deno.NetAddr;
  }

  /** @ignore */
  protected override _serve(handler: Deno.ServeHandler<Deno.Addr>): Deno.HttpServer {
    const { backlog, ...rest } = this.#options;
    const options = { hostname: this.#hostname, port: this.#port, ...rest };
    const queue = backlog === undefined ? {} : { tcpBacklog: backlog };
    return Deno.serve({ ...options, ...queue, onListen, onError }, handler);
  }
}

/**
 * A Unix socket that an application is served on. A socket that somebody left there is removed before.
 *
 * Counterpart of Python's `aiohttp.web.UnixSite`.
 *
 * @example
 * ```ts
 * import { Application, AppRunner, UnixSite } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * const runner = new AppRunner(new Application());
 * assertEquals(new UnixSite(runner, "/run/site").name, "http://unix:/run/site:");
 * ```
 */
export class UnixSite extends BaseSite {
  readonly #path: string;

  /**
   * Creates a site. It serves from `start()` on, until `stop()` or the end of its runner.
   *
   * @param runner The runner.
   * @param path The path of the socket.
   */
  constructor(runner: AppRunner, path: string) {
    super(runner);
    this.#path = path;
  }

  /** Its name, as aiohttp prints it. */
  override get name(): string {
    return `http://unix:${this.#path}:`;
  }

  /** @ignore */
  protected override _serve(handler: Deno.ServeHandler<Deno.Addr>): Deno.HttpServer {
    if (isSocket(this.#path)) Deno.removeSync(this.#path);
    return Deno.serve({ path: this.#path, onListen, onError }, handler);
  }
}

/** Whether there is a socket at a path, such as one that a process has left which was killed. */
function isSocket(path: string): boolean {
  if (path.startsWith("\0")) return false; // it is no path
  try {
    return Deno.lstatSync(path).isSocket ?? false;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
