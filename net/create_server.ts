/**
 * Starting servers: on hosts and ports, and on paths; with TLS or without.
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
  /** The certificate and what else TLS needs; null for none. */
  ssl?: TlsOptions | null;
  /**
   * Whether connections are accepted at once, or when `startServing()` or `serveForever()` is called.
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
   * Whether several processes may listen on the same port, and share its connections. On Linux, and
   * only where the runtime was started with its flag `--unstable-net`.
   *
   * @default {false}
   */
  reusePort?: boolean;
  /**
   * Which addresses of a name to listen on: 4, 6, or 0 for both.
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
 * Starts a TCP server on the loop that runs.
 *
 * Counterpart of Python's `loop.create_server()`.
 *
 * @param protocolFactory Called for each connection, to make its protocol.
 * @param host The address or name to listen on, or several; null or "" for all interfaces.
 * @param port The port; 0 for any that is free.
 * @param options How to listen.
 * @returns An awaitable of the server.
 * @throws {RuntimeError} If no loop runs.
 * @throws {TypeError} If TLS lacks something.
 * @throws {Deno.errors.AddrInUse} If the port is taken.
 * @throws {Deno.errors.NotSupported} If the port is to be shared, and the runtime may not.
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
 * Starts a server on a Unix socket, on the loop that runs.
 *
 * A socket that somebody left at the path is removed first. Counterpart of Python's
 * `loop.create_unix_server()`.
 *
 * @param protocolFactory Called for each connection, to make its protocol.
 * @param path The path of the socket.
 * @param options How to listen.
 * @returns An awaitable of the server.
 * @throws {RuntimeError} If no loop runs.
 * @throws {TypeError} If TLS lacks something.
 * @throws {Deno.errors.AddrInUse} If there is a file at the path that is no socket.
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
