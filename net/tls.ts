/**
 * TLS on a connection that is already in use.
 *
 * Counterpart of `loop.start_tls()` of Python's asyncio.
 *
 * @module
 */

import { getRunningLoop, RuntimeError } from "../loop/mod.ts";
import type { Awaitable } from "../loop/mod.ts";
import { HostWaiter } from "../loop/claims.ts";
import { Operation } from "../loop/coroutines.ts";
import type { Steps } from "../loop/coroutines.ts";
import { layTls, planTls } from "./_establishing.ts";
import type { StreamProtocol, TlsPlan } from "./_establishing.ts";
import { SocketTransport } from "./_socket_transport.ts";
import type { Protocol } from "./protocols.ts";
import type { TlsOptions, TlsTimes } from "./tls_options.ts";
import type { Transport } from "./transports.ts";

/** Options for {@linkcode startTls}. */
export interface StartTlsOptions extends TlsTimes {
  /**
   * Whether this is the server side.
   *
   * @default {false}
   */
  serverSide?: boolean;
  /**
   * The host name or address that the server's certificate must match. Required on a client, unless
   * `checkHostname` is false.
   */
  serverHostname?: string;
}

/**
 * Upgrades a plain connection to TLS, as protocols with a STARTTLS command do.
 *
 * The new transport replaces the old one, which must not be used any more. Data that has arrived
 * but was not yet passed to the protocol is part of the TLS stream. Counterpart of Python's
 * `loop.start_tls()`.
 *
 * @param transport The transport of a connection.
 * @param protocol The protocol to call from now on; its `connectionMade()` is not called again.
 * @param sslcontext The TLS options; true to trust the authorities that Deno trusts.
 * @param options Which side this is, the server's name, and the time limits.
 * @returns An awaitable of the new transport.
 * @throws {TypeError} If the transport is not one of a connection, or the options are incomplete.
 * @throws {RuntimeError} If the transport is closing.
 * @throws {Deno.errors.InvalidData} If the certificate is not trusted, or the other side does not
 * speak TLS.
 * @throws {Deno.errors.ConnectionAborted} If the handshake takes too long.
 *
 * @example A client that upgrades to TLS
 * ```ts
 * import { startTls } from "@aio/asyncio";
 * import type { Protocol, Transport } from "@aio/asyncio";
 *
 * // Called when the server has agreed to STARTTLS.
 * async function goOn(plain: Transport, protocol: Protocol) {
 *   return await startTls(plain, protocol, true, { serverHostname: "mail.example.com" });
 * }
 * ```
 */
export function startTls(
  transport: Transport,
  protocol: StreamProtocol,
  sslcontext: TlsOptions | true,
  options: StartTlsOptions = {},
): Awaitable<Transport> {
  return new Operation(() => {
    const { serverSide = false, serverHostname } = options;
    if (!(transport instanceof SocketTransport)) {
      throw new TypeError(
        `Cannot start TLS: transport ${transport} is not supported by startTls()`,
      );
    }
    if (transport.isClosing()) {
      throw new RuntimeError(`Cannot start TLS: transport ${transport} is closing`);
    }
    if (!serverSide && serverHostname === undefined && checksName(sslcontext)) {
      throw new TypeError("Cannot start TLS: serverHostname is missing");
    }
    const side = { isServer: serverSide, serverHostname: serverHostname ?? "" };
    return upgrade(transport, protocol, planTls(sslcontext, side, options));
  });
}

/** Takes what a stream has received but nobody has read: it is the start of the TLS data. */
function takeUnread(protocol: StreamProtocol): Uint8Array {
  const stream = protocol as { _takeUnread?(): Uint8Array };
  return stream._takeUnread?.() ?? new Uint8Array(0);
}

function checksName(options: TlsOptions | true): boolean {
  return options === true || (options.checkHostname ?? true);
}

function* upgrade(
  transport: SocketTransport,
  protocol: StreamProtocol,
  plan: TlsPlan,
): Steps<Transport> {
  const loop = getRunningLoop();
  const waiter = new HostWaiter({ loop });
  let secured: Transport | null = null;
  try {
    const early = takeUnread(protocol);
    secured = layTls(loop, transport, protocol, plan, { waiter, isSilent: true });
    const lower = transport.getProtocol() as Protocol;
    if (early.byteLength > 0) lower.dataReceived(early);
    if (transport._gotEof) lower.eofReceived(); // only the previous protocol got that call
    yield* waiter;
    return secured;
  } catch (error) {
    secured?.close();
    transport.close();
    throw error;
  }
}
