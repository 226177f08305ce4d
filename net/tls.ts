/**
 * TLS on a connection that is in use already.
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
   * Whether this is the side of the server.
   *
   * @default {false}
   */
  serverSide?: boolean;
  /** The name or the address that the certificate of the server must have. A client needs it. */
  serverHostname?: string;
}

/**
 * Goes on with TLS on a connection without it, as protocols with a STARTTLS command do.
 *
 * The transport is not to be used any more: the new one takes its place. What has arrived and was
 * not yet given to the protocol belongs to TLS. Counterpart of Python's `loop.start_tls()`.
 *
 * @param transport The transport of a connection.
 * @param protocol Who gets the calls from now on; it is not told of the connection again.
 * @param sslcontext The certificates; true for the runtime's own.
 * @param options Which side this is, and how long it may take.
 * @returns An awaitable of the new transport.
 * @throws {TypeError} If the transport is closing, or is none of a connection.
 * @throws {Deno.errors.InvalidData} If the certificate is not to be trusted, or the other side does
 * not speak TLS.
 * @throws {Deno.errors.ConnectionAborted} If the handshake took too long.
 *
 * @example A client that is told to go on with TLS
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

/** What has arrived, and a stream has got, but nobody has read: it is the start of TLS. */
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
    if (transport._gotEof) lower.eofReceived(); // it is told once, and was told the one before
    yield* waiter;
    return secured;
  } catch (error) {
    secured?.close();
    transport.close();
    throw error;
  }
}
