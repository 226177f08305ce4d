/**
 * Serving an application until it is told to stop.
 *
 * Counterpart of `run_app()` in Python's `aiohttp.web`. Stopping goes in these steps: accept no more
 * connections; call `onShutdown`; wait for the handlers that run, at most `shutdownTimeout`; cancel
 * those that are left; wait as long for what they answered to be sent; clean up.
 *
 * @module
 */

import { getRunningLoop, KeyboardInterrupt, run, wait, wrapFuture } from "../loop/mod.ts";
import type { Application } from "./application.ts";

/** Options for {@linkcode runApp}. */
export interface RunAppOptions {
  /**
   * The address or name to listen on.
   *
   * @default {"0.0.0.0"}
   */
  host?: string;
  /**
   * The port; 0 for any that is free.
   *
   * @default {8080}
   */
  port?: number;
  /**
   * Seconds to wait for the handlers that run when the server stops.
   *
   * @default {60}
   */
  shutdownTimeout?: number;
  /** Where the line goes that says where the server runs; null for nowhere. Standard output. */
  print?: ((line: string) => void) | null;
  /** Called when the server listens, with its address. */
  onListen?: (address: Deno.NetAddr) => void;
  /** Stops the server when it aborts, as SIGTERM does. */
  signal?: AbortSignal;
}

/**
 * Runs an application until Ctrl-C, SIGTERM, or its signal; then stops it in order.
 *
 * It runs a loop of its own. A second Ctrl-C ends it at once. Counterpart of Python's
 * `aiohttp.web.run_app()`.
 *
 * @param app The application.
 * @param options Where and how to serve.
 * @returns A promise that resolves when the server has stopped.
 * @throws {Deno.errors.AddrInUse} If the port is taken.
 * @throws {RuntimeError} If a loop runs already.
 * @throws {unknown} What the application's start-up or clean-up throws.
 *
 * @example
 * ```ts
 * import { Application, runApp } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * const app = new Application();
 * app.router.addGet("/", () => new Response("Hello, World!"));
 *
 * const stop = new AbortController();
 * await runApp(app, {
 *   host: "127.0.0.1",
 *   port: 0,
 *   print: null,
 *   signal: stop.signal,
 *   async onListen({ hostname, port }) {
 *     const response = await fetch(`http://${hostname}:${port}/`);
 *     assertEquals(await response.text(), "Hello, World!");
 *     stop.abort();
 *   },
 * });
 * ```
 */
export async function runApp(app: Application, options: RunAppOptions = {}): Promise<void> {
  try {
    await run(() => serve(app, options));
  } catch (error) {
    // Ctrl-C is how a server ends.
    if (!(error instanceof KeyboardInterrupt)) throw error;
  }
}

async function serve(app: Application, options: RunAppOptions): Promise<void> {
  const loop = getRunningLoop();
  const stopped = loop.createFuture<void>();
  const stop = (): void => {
    if (!stopped.done()) stopped.setResult();
  };
  loop.addSignalHandler("SIGTERM", stop);
  options.signal?.addEventListener("abort", stop);
  if (options.signal?.aborted) stop();
  try {
    await app.startup();
    try {
      await listen(app, options, stopped);
    } finally {
      await app.cleanup();
    }
  } finally {
    options.signal?.removeEventListener("abort", stop);
    loop.removeSignalHandler("SIGTERM");
  }
}

async function listen(
  app: Application,
  options: RunAppOptions,
  stopped: PromiseLike<void>,
): Promise<void> {
  const { host = "0.0.0.0", port = 8080, print = console.log } = options;
  const server = Deno.serve({
    hostname: host,
    port,
    onListen(address): void {
      const name = address.hostname.includes(":") ? `[${address.hostname}]` : address.hostname;
      print?.(`======== Running on http://${name}:${address.port} ========`);
      print?.("(Press CTRL+C to quit)");
      options.onListen?.(address);
    },
  }, app.fetch);
  try {
    await stopped;
  } finally {
    const timeout = options.shutdownTimeout ?? 60;
    const drained = server.shutdown();
    try {
      await app.shutdown();
      await endHandlers(app, timeout);
      await wait([wrapFuture(drained)], { timeout });
    } finally {
      // A client that takes no end of its response can't be made to: it does not hold us up.
      server.unref();
    }
  }
}

/** Waits for the handlers that run, then cancels those that are left. */
async function endHandlers(app: Application, timeout: number): Promise<void> {
  if (app._handling.size > 0) await wait(app._handling, { timeout });
  for (const task of app._handling) task.cancel();
  if (app._handling.size > 0) await wait(app._handling);
}
