/**
 * Opening connections: to hosts, to Unix sockets, and from sockets accepted elsewhere.
 *
 * Counterpart of `loop.create_connection()` and `loop.connect_accepted_socket()` of Python's
 * `asyncio.base_events`, and of `loop.create_unix_connection()` of `asyncio.unix_events`. A call
 * that fails or is cancelled leaves nothing open.
 *
 * @module
 */

import type { Awaitable } from "../loop/mod.ts";
import { Operation } from "../loop/coroutines.ts";
import type { Steps } from "../loop/coroutines.ts";
import { connectToHost, connectToPath } from "./_connecting.ts";
import { establish, planTls } from "./_establishing.ts";
import type { StreamProtocol, TlsPlan } from "./_establishing.ts";
import type { TlsOptions, TlsTimes } from "./tls_options.ts";
import type { Transport } from "./transports.ts";

/** Options of every connection. */
export interface BaseConnectionOptions extends TlsTimes {
  /** The TLS options; true to trust the authorities that Deno trusts, null for no TLS. */
  ssl?: TlsOptions | true | null;
  /** The host name or address that the server's certificate must match; the host by default. */
  serverHostname?: string;
  /** An open connection to use instead of a new one. */
  sock?: Deno.Conn;
}

/** Options for {@linkcode createConnection}. */
export interface ConnectionOptions extends BaseConnectionOptions {
  /**
   * Which addresses of a host name to try: 4 for IPv4, 6 for IPv6, 0 for both.
   *
   * @default {0}
   */
  family?: 0 | 4 | 6;
  /**
   * Seconds to wait for an address to answer before the next one is tried, too ("Happy Eyeballs",
   * RFC 8305; 0.25 is a good value). By default, the next one is tried once that one has failed.
   */
  happyEyeballsDelay?: number;
  /**
   * How many addresses of the first family are tried before the families alternate; 0 for the order
   * in which they were found. By default 1 if `happyEyeballsDelay` is given, otherwise 0.
   */
  interleave?: number;
  /**
   * Whether the errors of all addresses are thrown, as an `ExceptionGroup`, if none can be reached.
   *
   * @default {false}
   */
  allErrors?: boolean;
}

/** Options for {@linkcode createUnixConnection}. */
export interface UnixConnectionOptions extends BaseConnectionOptions {}

/** Options for {@linkcode connectAcceptedSocket}. */
export interface AcceptedSocketOptions extends TlsTimes {
  /** The TLS options of the server side, with its certificate; null for no TLS. */
  ssl?: TlsOptions | null;
}

/**
 * Connects to a TCP server.
 *
 * Tries the addresses of the host until one answers. Counterpart of Python's
 * `loop.create_connection()`.
 *
 * @typeParam P The type of the protocol.
 * @param protocolFactory Called once the connection is open, to create its protocol.
 * @param host The host name or address; null for localhost, or if `sock` is given.
 * @param port The port.
 * @param options How to connect.
 * @returns An awaitable of the transport and the protocol, whose `connectionMade()` was called.
 * @throws {TypeError} If the arguments contradict each other or are incomplete.
 * @throws {Deno.errors.ConnectionRefused} If nothing listens there.
 * @throws {Deno.errors.NotFound} If the host name can't be resolved.
 * @throws {Deno.errors.InvalidData} If the certificate is not trusted, or the other side does not
 * speak TLS.
 * @throws {ExceptionGroup} If no address can be connected to and `allErrors` is true.
 *
 * @example
 * ```ts
 * import { createConnection, createServer, Protocol, run } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * await run(async () => {
 *   await using server = await createServer(() => new Protocol(), "127.0.0.1", 0);
 *   const [host, port] = server.sockets[0]!.getsockname();
 *   const [transport] = await createConnection(() => new Protocol(), host, port);
 *   assertEquals(transport.getExtraInfo("peername"), [host, port]);
 *   transport.close();
 * });
 * ```
 */
export function createConnection<P extends StreamProtocol>(
  protocolFactory: () => P,
  host: string | null = null,
  port: number | null = null,
  options: ConnectionOptions = {},
): Awaitable<[transport: Transport, protocol: P]> {
  return new Operation(() => {
    const plan = planClientTls(options, host ?? "");
    const { sock } = options;
    if ((host !== null || port !== null) && sock !== undefined) {
      const text = "host/port and sock can not be specified at the same time";
      throw new TypeError(`Cannot connect: ${text}`);
    }
    if (sock !== undefined) return establish(sock, protocolFactory, plan);
    if (port === null) {
      throw new TypeError("Cannot connect: port was not specified and no sock specified");
    }
    return toHost(protocolFactory, host, port, plan, options);
  });
}

function* toHost<P extends StreamProtocol>(
  protocolFactory: () => P,
  host: string | null,
  port: number,
  plan: TlsPlan | null,
  options: ConnectionOptions,
): Steps<[transport: Transport, protocol: P]> {
  const { family = 0, happyEyeballsDelay = null, allErrors = false } = options;
  const interleave = options.interleave ?? (happyEyeballsDelay === null ? 0 : 1);
  const choice = { family, happyEyeballsDelay, interleave, allErrors };
  const conn = yield* connectToHost(host, port, choice);
  return yield* establish(conn, protocolFactory, plan);
}

function planClientTls(options: BaseConnectionOptions, host: string): TlsPlan | null {
  const { ssl = null, sslHandshakeTimeout, sslShutdownTimeout } = options;
  if (ssl === null) {
    if (options.serverHostname !== undefined) {
      throw new TypeError("Cannot connect: serverHostname is only meaningful with ssl");
    }
    if (sslHandshakeTimeout !== undefined || sslShutdownTimeout !== undefined) {
      throw new TypeError("Cannot connect: the timeouts of TLS are only meaningful with ssl");
    }
    return null;
  }
  const serverHostname = options.serverHostname ?? host;
  if (serverHostname === "" && (ssl === true || (ssl.checkHostname ?? true))) {
    const text = "You must set serverHostname when using ssl without a host";
    throw new TypeError(`Cannot connect: ${text}`);
  }
  return planTls(ssl, { isServer: false, serverHostname }, options);
}

/**
 * Connects to a server on a Unix socket.
 *
 * Counterpart of Python's `loop.create_unix_connection()`.
 *
 * @typeParam P The type of the protocol.
 * @param protocolFactory Called once the connection is open, to create its protocol.
 * @param path The path of the socket; null if `sock` is given.
 * @param options How to connect.
 * @returns An awaitable of the transport and the protocol, whose `connectionMade()` was called.
 * @throws {TypeError} If the arguments contradict each other or are incomplete.
 * @throws {Deno.errors.NotFound} If there is no socket at the path.
 * @throws {Deno.errors.ConnectionRefused} If nothing listens there.
 *
 * @example
 * ```ts
 * import { createUnixConnection, createUnixServer, Protocol, run } from "@aio/asyncio";
 *
 * const path = `${Deno.makeTempDirSync()}/socket`;
 * await run(async () => {
 *   await using server = await createUnixServer(() => new Protocol(), path);
 *   const [transport] = await createUnixConnection(() => new Protocol(), path);
 *   transport.close();
 * });
 * ```
 */
export function createUnixConnection<P extends StreamProtocol>(
  protocolFactory: () => P,
  path: string | null = null,
  options: UnixConnectionOptions = {},
): Awaitable<[transport: Transport, protocol: P]> {
  return new Operation(() => {
    const plan = planClientTls(options, "");
    const { sock } = options;
    if ((path === null) === (sock === undefined)) {
      const text = path === null
        ? "no path and sock were specified"
        : "path and sock can not be specified at the same time";
      throw new TypeError(`Cannot connect: ${text}`);
    }
    if (sock !== undefined) return establish(sock, protocolFactory, plan);
    return toPath(protocolFactory, path!, plan);
  });
}

function* toPath<P extends StreamProtocol>(
  protocolFactory: () => P,
  path: string,
  plan: TlsPlan | null,
): Steps<[transport: Transport, protocol: P]> {
  const conn = yield* connectToPath(path);
  return yield* establish(conn, protocolFactory, plan);
}

/**
 * Takes over a connection that was accepted by other means, such as `Deno.listen()`.
 *
 * Counterpart of Python's `loop.connect_accepted_socket()`.
 *
 * @typeParam P The type of the protocol.
 * @param protocolFactory Called to create the protocol.
 * @param sock The connection. The transport owns it from now on.
 * @param options Whether to use TLS.
 * @returns An awaitable of the transport and the protocol, whose `connectionMade()` was called.
 * @throws {TypeError} If the TLS options are incomplete or invalid.
 *
 * @example
 * ```ts
 * import { connectAcceptedSocket, Protocol, run } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * await run(async () => {
 *   using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 *   using client = await Deno.connect({ port: listener.addr.port });
 *   const accepted = await listener.accept();
 *   const [transport] = await connectAcceptedSocket(() => new Protocol(), accepted);
 *   transport.close();
 *   assertEquals(await client.read(new Uint8Array(1)), null);
 * });
 * ```
 */
export function connectAcceptedSocket<P extends StreamProtocol>(
  protocolFactory: () => P,
  sock: Deno.Conn,
  options: AcceptedSocketOptions = {},
): Awaitable<[transport: Transport, protocol: P]> {
  return new Operation(() => {
    const { ssl = null } = options;
    const side = { isServer: true, serverHostname: "" };
    const plan = ssl === null ? null : planTls(ssl, side, options);
    return establish(sock, protocolFactory, plan);
  });
}
