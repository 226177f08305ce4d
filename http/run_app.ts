/**
 * Serves an application until it is told to stop.
 *
 * Counterpart of `run_app()` in Python's `aiohttp.web`: an {@linkcode AppRunner}, its sites, and the
 * signals that end it.
 *
 * @module
 */

import {
  CancelledError,
  currentTask,
  getRunningLoop,
  KeyboardInterrupt,
  run,
  sleep,
} from "../loop/mod.ts";
import { Operation, runInTask } from "../loop/coroutines.ts";
import type { Coroutine } from "../loop/mod.ts";
import { Application } from "./application.ts";
import { AppRunner, TCPSite, UnixSite } from "./runner.ts";
import type { AppRunnerOptions, TCPSiteOptions } from "./runner.ts";

/** Options for {@linkcode runApp}. */
export interface RunAppOptions extends AppRunnerOptions, TCPSiteOptions {
  /**
   * The address or name to listen on, or several.
   *
   * @default {"0.0.0.0", or none if there is a `path`}
   */
  host?: string | readonly string[];
  /**
   * The port; 0 for any free one.
   *
   * @default {8080}
   */
  port?: number;
  /** The path of a Unix socket to listen on, or several. */
  path?: string | readonly string[];
  /** Called with the lines that say where it runs; by default `console.log`, null for none. */
  print?: ((line: string) => void) | null;
  /** Called for each host, with its address, once the server listens. */
  onListen?: (address: Deno.NetAddr) => void;
  /** Stops the server when it aborts, as SIGTERM does. */
  signal?: AbortSignal;
  /**
   * Whether SIGTERM stops the server.
   *
   * @default {true}
   */
  handleSignals?: boolean;
}

/**
 * Serves an application until Ctrl-C, SIGTERM, or its `signal`; then shuts it down gracefully.
 *
 * It runs its own loop. A second Ctrl-C (or SIGTERM) ends it without further waiting. It does not
 * belong in a file that exports an application for `deno serve`: there that file is the main
 * module, too, so `import.meta.main` can't tell the two apart; let another file import the
 * application and call this.
 *
 * A client that neither reads its response nor disconnects is not waited for longer than
 * `shutdownTimeout`, but Deno keeps the process alive for its connection. To end it all the same,
 * call `Deno.exit()` after this. Counterpart of Python's `aiohttp.web.run_app()`.
 *
 * @param app The application; or a coroutine that creates it, if that needs the running loop or has
 * to await something. A coroutine that fails has to clean up by itself what it has begun.
 * @param options Where and how to serve.
 * @returns A promise that resolves when the server has stopped.
 * @throws {Deno.errors.AddrInUse} If the port is taken.
 * @throws {TypeError} If there is a certificate without a key, or a key without one.
 * @throws {RuntimeError} If a loop runs already.
 * @throws {CancelledError} If it was told to stop again while it was stopping.
 * @throws {TypeError} If the coroutine does not return an application.
 * @throws {unknown} What the coroutine, or the application's start-up or clean-up throws.
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
 *
 * @example An application that is created in the loop
 * ```ts
 * import { sleep } from "@aio/asyncio";
 * import { Application, runApp } from "@aio/asyncio/http";
 *
 * async function makeApp() {
 *   await sleep(0.01); // as for a configuration that is fetched
 *   const app = new Application();
 *   app.router.addGet("/", () => new Response("Hello, World!"));
 *   return app;
 * }
 *
 * if (Deno.args.includes("--serve")) await runApp(makeApp);
 * ```
 */
export async function runApp(
  app: Application | Coroutine<Application>,
  options: RunAppOptions = {},
): Promise<void> {
  try {
    await run(() => serve(app, options));
  } catch (error) {
    // Ctrl-C is how a server ends.
    if (!(error instanceof KeyboardInterrupt)) throw error;
  }
}

/** The application, created in the loop that it will run in. */
async function made(app: Application | Coroutine<Application>): Promise<Application> {
  if (app instanceof Application) return app;
  const result: unknown = await new Operation(() => runInTask(app));
  if (result instanceof Application) return result;
  throw new TypeError(
    `Cannot run application: the coroutine must return an Application, not ${result}`,
  );
}

async function serve(
  app: Application | Coroutine<Application>,
  options: RunAppOptions,
): Promise<void> {
  const loop = getRunningLoop();
  const task = currentTask()!;
  const stopped = loop.createFuture<void>();
  let isStarting = true;
  let isCancelled = false;
  const stop = (): void => {
    if (stopped.done()) return void task.cancel("told to stop again, while it was stopping");
    stopped.setResult();
    // Otherwise a long start-up would be killed in the end, and nothing would be cleaned up.
    if (isStarting) isCancelled = task.cancel("told to stop");
  };
  const { handleSignals = true, signal } = options;
  if (handleSignals) loop.addSignalHandler("SIGTERM", stop);
  signal?.addEventListener("abort", stop);
  if (signal?.aborted) stopped.setResult();
  let runner: AppRunner | null = null;
  try {
    runner = new AppRunner(await made(app), options);
    await runner.setup();
    isStarting = false;
    // If the start-up awaited nothing but promises, the cancellation is still to be delivered.
    if (isCancelled) await sleep(0);
    startSites(runner, options);
    await stopped;
  } catch (error) {
    if (!isCancelled || !(error instanceof CancelledError)) throw error;
    task.uncancel();
  } finally {
    try {
      await runner?.cleanup();
    } finally {
      signal?.removeEventListener("abort", stop);
      if (handleSignals) loop.removeSignalHandler("SIGTERM");
    }
  }
}

function startSites(runner: AppRunner, options: RunAppOptions): void {
  const { path = [], port, print = console.log } = options;
  const paths = listOf(path);
  const hosts = listOf(options.host ?? (paths.length === 0 ? "0.0.0.0" : []));
  const sites = hosts.map((host) => new TCPSite(runner, host, port, options));
  for (const site of sites) site.start();
  for (const path of paths) new UnixSite(runner, path).start();
  print?.(`======== Running on ${runner.sites.toSorted().join(", ")} ========`);
  print?.("(Press CTRL+C to quit)");
  for (const site of sites) options.onListen?.(site.address);
}

function listOf(value: string | readonly string[]): readonly string[] {
  return typeof value === "string" ? [value] : value;
}
