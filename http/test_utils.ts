/**
 * Testing an application with requests over a real port.
 *
 * Counterpart of Python's `aiohttp.test_utils`. Most tests need no port: `app.request()` calls the
 * application directly. Tests of what depends on connections, such as clients that leave,
 * WebSockets, or the end of a server, need one; {@linkcode TestServer} has one, and leaves nothing
 * behind: no port, no connection, no unread body, no loop.
 *
 * @module
 */

import type { BackgroundLoop } from "./_background.ts";
import { asTask, holdLoop } from "./_in_loop.ts";
import type { Application } from "./application.ts";
import { AppRunner, TCPSite } from "./runner.ts";
import type { AppRunnerOptions, TCPSiteOptions } from "./runner.ts";

/** Options for {@linkcode TestServer.start}. */
export interface TestServerOptions extends AppRunnerOptions, TCPSiteOptions {
  /** Certificates that the client trusts besides the usual ones, in PEM format. */
  caCerts?: string[];
}

/**
 * An application that is served on its own port, and a client for it.
 *
 * It needs no running loop: if none runs, one runs in the background until the server ends.
 * Counterpart of `TestServer` and `TestClient` in Python's `aiohttp.test_utils`.
 *
 * @example
 * ```ts
 * import { Application, TestServer } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * const app = new Application();
 * app.router.addGet("/", () => new Response("hello"));
 *
 * await using server = await TestServer.start(app);
 * const response = await server.request("/");
 * assertEquals(await response.text(), "hello");
 * ```
 *
 * @example With a session, which keeps cookies and opens WebSockets, as aiohttp's `TestClient` does
 * ```ts
 * import { Application, ClientSession, TestServer, WebSocketResponse } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * const app = new Application();
 * app.router.addGet("/ws", async (request) => {
 *   const ws = new WebSocketResponse();
 *   await ws.prepare(request);
 *   await ws.sendStr("hello");
 *   return ws;
 * });
 *
 * await using server = await TestServer.start(app);
 * await using client = new ClientSession({ baseUrl: server.url("/") });
 * await using ws = await client.wsConnect("/ws");
 * assertEquals(await ws.receiveStr(), "hello");
 * ```
 */
export class TestServer implements AsyncDisposable {
  /** The runner of the application. */
  readonly runner: AppRunner;
  readonly #site: TCPSite;
  readonly #client: Deno.HttpClient;
  readonly #background: BackgroundLoop | null;
  readonly #responses: Response[] = [];
  #isOpen = true;

  /** @ignore Servers come from {@linkcode TestServer.start}. */
  private constructor(
    runner: AppRunner,
    site: TCPSite,
    client: Deno.HttpClient,
    background: BackgroundLoop | null,
  ) {
    this.runner = runner;
    this.#site = site;
    this.#client = client;
    this.#background = background;
  }

  /**
   * Starts an application on a free port of 127.0.0.1.
   *
   * @param app The application.
   * @param options TLS, the log, and how long to wait at shutdown, by default a second.
   * @returns The server.
   * @throws {unknown} What the application's start-up throws.
   */
  static async start(app: Application, options: TestServerOptions = {}): Promise<TestServer> {
    const { caCerts = [], shutdownTimeout = 1 } = options;
    const background = holdLoop();
    const runner = new AppRunner(app, { ...options, shutdownTimeout });
    const site = new TCPSite(runner, "127.0.0.1", 0, options);
    try {
      await asTask(() => runner.setup());
      site.start();
    } catch (error) {
      await asTask(() => runner.cleanup()); // does nothing if it is the start-up that has failed
      await background?.release();
      throw error;
    }
    return new TestServer(runner, site, Deno.createHttpClient({ caCerts }), background);
  }

  /** The application. */
  get app(): Application {
    return this.runner.app;
  }

  /** The port. */
  get port(): number {
    return this.#site.address.port;
  }

  /**
   * Returns a URL of the server.
   *
   * @param path The path and query.
   * @param scheme A scheme other than the server's, such as `ws`.
   * @returns The URL.
   */
  url(path: string, scheme?: string): string {
    const base = scheme === undefined ? this.#site.name : `${scheme}://127.0.0.1:${this.port}`;
    return new URL(path, base).href;
  }

  /**
   * Sends a request to the server.
   *
   * @param path The path and query.
   * @param init The method, headers and body, as `fetch` takes them.
   * @returns The response. A redirect is not followed, unless `init` says so.
   */
  async request(path: string, init: RequestInit = {}): Promise<Response> {
    const options = { redirect: "manual", ...init, client: this.#client } as const;
    const response = await fetch(this.url(path), options);
    this.#responses.push(response);
    return response;
  }

  /** Ends the server and its application. Ending twice is harmless. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const { body, bodyUsed } of this.#responses) {
      // A body that broke off has nothing left to cancel.
      if (!bodyUsed) await body?.cancel().catch(() => {});
    }
    try {
      this.#client.close();
      await asTask(() => this.runner.cleanup());
    } finally {
      await this.#background?.release();
    }
  }
}
