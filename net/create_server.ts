/**
 * Starting servers on hosts and ports or on Unix sockets, with or without TLS.
 *
 * Counterpart of `loop.create_server()` of Python's `asyncio.base_events`, and of
 * `loop.create_unix_server()` of `asyncio.unix_events`.
 *
 * @module
 */

import { getRunningLoop } from "../loop/mod.ts";
import type { Awaitable } from "../loop/mod.ts";
import { Operation } from "../loop/coroutines.ts";
import type { Steps } from "../loop/coroutines.ts";
import { makeTransport, planTls } from "./_establishing.ts";
import type { StreamProtocol, TlsPlan } from "./_establishing.ts";
import { listenOnAll, listenOnPath } from "./_listening.ts";
import { Server } from "./server.ts";
import type { ServerListener } from "./server.ts";
import type { TlsOptions, TlsTimes } from "./tls_options.ts";

/** Options of every server. */
export interface BaseServerOptions extends TlsTimes {
  /** The TLS options, with the server's certificate; null for no TLS. */
  ssl?: TlsOptions | null;
  /**
   * Whether connections are accepted at once, rather than only after a call of `startServing()` or
   * `serveForever()`.
   *
   * @default {true}
   */
  startServing?: boolean;
}

/** Options for {@linkcode createServer}. */
export interface ServerOptions extends BaseServerOptions {
  /**
   * How many connections may wait to be accepted.
   *
   * @default {100}
   */
  backlog?: number;
  /**
   * Whether several processes may listen on the same port and share its connections. Works on Linux
   * only, and only if Deno was started with `--unstable-net`.
   *
   * @default {false}
   */
  reusePort?: boolean;
  /**
   * Which addresses of a host name to listen on: 4 for IPv4, 6 for IPv6, 0 for both.
   *
   * @default {0}
   */
  family?: 0 | 4 | 6;
}

/** Options for {@linkcode createUnixServer}. */
export interface UnixServerOptions extends BaseServerOptions {
  /**
   * Whether the socket's file is removed when the server is closed.
   *
   * @default {true}
   */
  cleanupSocket?: boolean;
}

/**
 * Starts a TCP server on the running event loop.
 *
 * Counterpart of Python's `loop.create_server()`.
 *
 * @param protocolFactory Called for each connection, to create its protocol.
 * @param host The address or host name to listen on, or several; null or "" for all interfaces.
 * @param port The port; 0 for any free port.
 * @param options How to listen.
 * @returns An awaitable of the server.
 * @throws {RuntimeError} If no loop runs.
 * @throws {TypeError} If the TLS options are incomplete or invalid.
 * @throws {Deno.errors.AddrInUse} If the port is in use.
 * @throws {Deno.errors.NotSupported} If `reusePort` is true and Deno lacks `--unstable-net`.
 *
 * @example
 * ```ts
 * import { createServer, Protocol, run } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * await run(async () => {
 *   await using server = await createServer(() => new Protocol(), "127.0.0.1", 0);
 *   assertEquals(server.sockets[0]!.getsockname()[0], "127.0.0.1");
 * });
 * ```
 */
export function createServer(
  protocolFactory: () => StreamProtocol,
  host: string | readonly string[] | null = null,
  port = 0,
  options: ServerOptions = {},
): Awaitable<Server> {
  return new Operation(() => serveHosts(protocolFactory, host, port, options));
}

function* serveHosts(
  protocolFactory: () => StreamProtocol,
  host: string | readonly string[] | null,
  port: number,
  options: ServerOptions,
): Steps<Server> {
  const { backlog = 100, reusePort = false, family = 0 } = options;
  const plan = planServerTls(options);
  const hosts = typeof host === "string" ? [host] : host ?? [""];
  const listeners = yield* listenOnAll(hosts, port, { backlog, reusePort, family });
  return yield* serve(listeners, protocolFactory, plan, options);
}

/**
 * Starts a server on a Unix socket, on the running event loop.
 *
 * A socket that was left at the path is removed first. Counterpart of Python's
 * `loop.create_unix_server()`.
 *
 * @param protocolFactory Called for each connection, to create its protocol.
 * @param path The path of the socket.
 * @param options How to listen.
 * @returns An awaitable of the server.
 * @throws {RuntimeError} If no loop runs.
 * @throws {TypeError} If the TLS options are incomplete or invalid.
 * @throws {Deno.errors.AddrInUse} If there is a file at the path that is not a socket.
 *
 * @example
 * ```ts
 * import { createUnixConnection, createUnixServer, Protocol, run } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * const path = `${Deno.makeTempDirSync()}/socket`;
 * await run(async () => {
 *   await using server = await createUnixServer(() => new Protocol(), path);
 *   const [transport] = await createUnixConnection(() => new Protocol(), path);
 *   assertEquals(transport.getExtraInfo("peername"), [path, 0]);
 *   transport.close();
 * });
 * ```
 */
export function createUnixServer(
  protocolFactory: () => StreamProtocol,
  path: string,
  options: UnixServerOptions = {},
): Awaitable<Server> {
  return new Operation(() => servePath(protocolFactory, path, options));
}

function* servePath(
  protocolFactory: () => StreamProtocol,
  path: string,
  options: UnixServerOptions,
): Steps<Server> {
  const plan = planServerTls(options);
  const listener = yield* listenOnPath(path, options.cleanupSocket ?? true);
  return yield* serve([listener], protocolFactory, plan, options);
}

function planServerTls(options: BaseServerOptions): TlsPlan | null {
  const { ssl = null, sslHandshakeTimeout, sslShutdownTimeout } = options;
  if (ssl !== null) return planTls(ssl, { isServer: true, serverHostname: "" }, options);
  if (sslHandshakeTimeout !== undefined || sslShutdownTimeout !== undefined) {
    throw new TypeError("Cannot serve: the timeouts of TLS are only meaningful with ssl");
  }
  return null;
}

function* serve(
  listeners: readonly ServerListener[],
  protocolFactory: () => StreamProtocol,
  plan: TlsPlan | null,
  options: BaseServerOptions,
): Steps<Server> {
  const loop = getRunningLoop();
  const server = new Server(loop, listeners, (conn, owner) => {
    makeTransport(loop, conn, protocolFactory(), plan, { owner });
  });
  if (!(options.startServing ?? true)) return server;
  try {
    yield* server.startServing();
  } catch (error) {
    server.close();
    throw error;
  }
  return server;
}
