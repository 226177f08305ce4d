/**
 * Serves an application on one or several sites, and shuts it down gracefully.
 *
 * Counterpart of Python's `aiohttp.web_runner`. The shutdown goes in these steps, each of which
 * takes at most `shutdownTimeout`:
 *
 * 1. No more connections are accepted. Before that, if the port is shared with another process,
 *    responses tell clients for a second that they are the last ones on their connections: clients
 *    then connect to the process that has taken over, and none sends a request on a closing
 *    connection.
 * 2. Idle connections are closed. Deno does both, and begins at once; but that cuts off WebSockets,
 *    and requests whose bodies are still arriving, so if there are any, it begins when their
 *    handlers have ended.
 * 3. The `onShutdown` callbacks are called; then the handlers of WebSockets and of event streams,
 *    which would go on for ever, are cancelled and waited for.
 * 4. The other running handlers are waited for.
 * 5. Those still running are cancelled and waited for; if a handler does not end, its client gets a
 *    503.
 * 6. The responses are sent. A client that does not read its response, or does not send the rest of
 *    its request, is not waited for any longer. Deno can't close its connection any more, and
 *    keeps the process alive until the client disconnects or the program calls `Deno.exit()`.
 * 7. The application is cleaned up.
 *
 * Cancelling the task that does this, as a second Ctrl-C does, skips the waiting, not the clean-up.
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
import type { EventLoop, Future, TimerHandle } from "../loop/mod.ts";
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
   * Seconds that each step of the shutdown may take.
   *
   * @default {60}
   */
  shutdownTimeout?: number;
  /**
   * Called with a line for each request, and the entry it was made from; null, the default, for no
   * log. Pass `(line) => console.log(line)`, not `console.log`, which would print the whole entry,
   * cookies too.
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
  _end(): readonly Deno.HttpServer[];
}

/** Seconds for which clients are told to connect to the process that has taken over. */
const LEAVING = 1;
/** Seconds to wait when the system refuses to accept a connection, as in asyncio. */
const ACCEPT_RETRY_DELAY = 1;

/**
 * Starts an application, serves it on sites, and shuts it down gracefully.
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
  /** Seconds that the steps that wait for others may take: the timeout, or 0. */
  #patience: number;
  readonly #sites = new Set<Site>();
  /** @ignore */
  readonly _handler: Deno.ServeHandler<Deno.Addr>;
  #isSetUp = false;
  /** Null unless `cleanup()` is in progress; set at its end. */
  #cleaning: Event | null = null;

  /**
   * Creates a runner.
   *
   * @param app The application.
   * @param options How to log, and how long to wait at shutdown.
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
   * @throws {unknown} What the application's start-up throws.
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
   * Stops serving, and ends the application. Calling it twice is harmless: a second call waits
   * until the first one has ended, and only that one throws.
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
    const servers = Array.from(this.#sites, (site) => site._end()).flat();
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
      () => wasSetUp ? this.#limited("clean-up", () => app.cleanup()) : undefined,
    ]);
  }

  /** Runs a step; once a step was cancelled, the later ones wait for nothing. */
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

  /** Runs a step of the application; if it takes too long, it is cancelled and reported. */
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

  /** Waits for the running handlers; calls `drain` as soon as that cuts off none of them. */
  async #waitForHandlers(drain: () => void): Promise<void> {
    const loop = getRunningLoop();
    const deadline = loop.time() + this.#patience;
    // Twice, for bodies that begin meanwhile; not until none is left, as a busy server always has
    // some.
    if (await this.#waitForUploads(deadline) && await this.#waitForUploads(deadline)) drain();
    await this.#waitFor(this.app._running, deadline - loop.time());
  }

  /** Waits for requests whose bodies are arriving; returns whether their handlers have ended. */
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
      // Handlers that await something that can't be cancelled would hold their connections open.
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
   * Whether several processes may listen on the port and share its connections, so that a new one
   * can take over before the old one stops. Deno requires `--unstable-net` for that. Linux resets
   * connections that the old process has not accepted yet, unless `net.ipv4.tcp_migrate_req` is 1,
   * which passes them to the new one; clients that open a new connection for each request need
   * that.
   */
  reusePort?: boolean;
  /**
   * How many connections may wait to be accepted; the system may have its own limit.
   *
   * @default {511}
   */
  backlog?: number;
}

/**
 * A place where an application is served: a {@linkcode TCPSite} or a {@linkcode UnixSite}.
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
  /** The last one listens; the earlier ones, which could not accept, may have open connections. */
  readonly #servers: Deno.HttpServer[] = [];
  #retry: TimerHandle | null = null;
  #hasEnded = false;

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

  /** The name of the site, for people to read. */
  abstract get name(): string;

  /** @ignore */
  get _server(): Deno.HttpServer | null {
    return this.#servers.at(-1) ?? null;
  }

  /** @ignore Stops listening again after failures; returns the servers to shut down. */
  _end(): readonly Deno.HttpServer[] {
    this.#hasEnded = true;
    this.#retry?.cancel();
    return this.#servers;
  }

  /** @ignore Whether other processes may listen there, too. */
  get _sharesPort(): boolean {
    return false;
  }

  /**
   * Starts serving.
   *
   * @throws {Deno.errors.AddrInUse} If something else listens there.
   * @throws {Deno.errors.AddrNotAvailable} If the machine has no such address.
   * @throws {TypeError} If there is a certificate without a key, or a key without one.
   * @throws {RuntimeError} If the runner is not set up, or the site has started already.
   */
  start(): void {
    this.#runner._checkSetUp();
    if (this._server !== null) throw new RuntimeError("Cannot start site: it has started already");
    this.#listen(getRunningLoop());
    this.#runner._add(this);
  }

  #listen(loop: EventLoop): void {
    let server: Deno.HttpServer;
    try {
      server = this._serve(this.#runner._handler);
    } catch (error) {
      throw error instanceof Error ? withPlace(this.name, error) : error;
    }
    this.#servers.push(server);
    server.finished.catch((error) => this.#listenLater(loop, error));
  }

  /** Deno stops listening when it can't accept a connection, as when too many files are open. */
  #listenLater(loop: EventLoop, exception: unknown): void {
    if (this.#hasEnded || !loop.isRunning()) return;
    const message = `Cannot accept connections at ${this.name} for ${ACCEPT_RETRY_DELAY} s`;
    loop.callExceptionHandler({ message, exception });
    this.#retry = loop.callLater(ACCEPT_RETRY_DELAY, () => {
      try {
        this.#listen(loop);
      } catch (error) {
        this.#listenLater(loop, error);
      }
    });
  }

  /** Stops accepting connections, and waits until the open ones have ended. */
  async stop(): Promise<void> {
    this.#runner._remove(this);
    await Promise.all(this._end().map((server) => server.shutdown()));
  }
}

/** Errors in which the system does not name the address. */
const ADDRESS_ERRORS = [Deno.errors.AddrInUse, Deno.errors.AddrNotAvailable];

function withPlace(name: string, error: Error): Error {
  const type = ADDRESS_ERRORS.find((type) => error instanceof type);
  if (type === undefined) return error;
  return new type(`Cannot start site ${name}: ${error.message}`, { cause: error });
}

const onListen = (): void => {};

/** Called by Deno when a response can't be sent to its end. */
function onError(error: unknown): Response {
  // A stream that is broken off on purpose fails with a CancelledError; and a response that is made
  // from the body of a request fails when that body does.
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
   * @param port The port; 0 for any free one.
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
    // The server gets none of the other options that the object may hold. It does get a certificate
    // without a key, which it refuses.
    const { cert, key, backlog, reusePort = false } = options;
    this.#options = { reusePort };
    if (backlog !== undefined) this.#options.backlog = backlog;
    if (cert !== undefined) this.#options.cert = cert;
    if (key !== undefined) this.#options.key = key;
  }

  /** Its URL, with the actual port once it has started. */
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
    // Listening again, it keeps the port that it got.
    const { port } = this._server === null ? { port: this.#port } : this.address;
    const options = { hostname: this.#hostname, port, ...rest };
    const queue = backlog === undefined ? {} : { tcpBacklog: backlog };
    return Deno.serve({ ...options, ...queue, onListen, onError }, handler);
  }
}

/**
 * A Unix socket that an application is served on. A socket left at its path is removed first.
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

/** Whether there is a socket at a path, such as one left by a process that was killed. */
function isSocket(path: string): boolean {
  if (path.startsWith("\0")) return false; // an abstract socket, which is not a path
  try {
    return Deno.lstatSync(path).isSocket ?? false;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
