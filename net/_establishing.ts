/**
 * From a Deno connection to a transport and its protocol, with or without TLS.
 *
 * @module
 */

import { getRunningLoop } from "../loop/mod.ts";
import type { EventLoop, Future } from "../loop/mod.ts";
import { HostWaiter } from "../loop/claims.ts";
import type { Steps } from "../loop/coroutines.ts";
import { infoOf } from "./_channel.ts";
import { SocketTransport } from "./_socket_transport.ts";
import type { NodeSecureContext } from "./_node.ts";
import { secureContextOf, TlsChannel } from "./_tls_channel.ts";
import type { TlsSide } from "./_tls_channel.ts";
import { tlsTimes } from "./_tls_errors.ts";
import { Protocol } from "./protocols.ts";
import type { BufferedProtocol } from "./protocols.ts";
import type { Server } from "./server.ts";
import type { TlsOptions, TlsTimes } from "./tls_options.ts";
import type { Transport } from "./transports.ts";

/** A protocol for a stream of bytes, buffered or not. */
export type StreamProtocol = Protocol | BufferedProtocol;

/** All settings of TLS, checked. */
export interface TlsPlan extends TlsSide {
  readonly options: TlsOptions;
  readonly secureContext: NodeSecureContext;
  readonly handshakeTimeout: number;
  readonly shutdownTimeout: number;
}

/** The TLS options if none are given. */
const ANY_OPTIONS: TlsOptions = {};

/** Checks the TLS options. */
export function planTls(options: TlsOptions | true, side: TlsSide, times: TlsTimes): TlsPlan {
  const checked = options === true ? ANY_OPTIONS : options;
  return {
    options: checked,
    secureContext: secureContextOf(checked, side),
    ...side,
    ...tlsTimes(times.sslHandshakeTimeout, times.sslShutdownTimeout),
  };
}

/** What the transport belongs to. */
export interface Attachment {
  readonly owner?: Server;
  readonly waiter?: Future<void>;
  readonly isSilent?: boolean;
}

/** Makes a transport with TLS on top of another one. */
export function layTls(
  loop: EventLoop,
  lower: Transport,
  protocol: StreamProtocol,
  plan: TlsPlan,
  attachment: Attachment,
): SocketTransport {
  const channel = new TlsChannel(lower, plan);
  const extra = {
    peername: lower.getExtraInfo("peername"),
    sockname: lower.getExtraInfo("sockname"),
    socket: lower.getExtraInfo("socket"),
    sslcontext: plan.options,
  };
  const { handshakeTimeout, shutdownTimeout } = plan;
  const tls = { handshake: () => channel.handshake(), handshakeTimeout, shutdownTimeout };
  return new SocketTransport(loop, channel, protocol, { ...attachment, extra, tls });
}

/** Makes the transport of a connection, with TLS on top if there is a plan for it. */
export function makeTransport(
  loop: EventLoop,
  conn: Deno.Conn,
  protocol: StreamProtocol,
  plan: TlsPlan | null,
  attachment: Attachment,
): SocketTransport {
  (conn as Partial<Deno.TcpConn>).setNoDelay?.(true);
  const extra = infoOf(conn);
  if (plan === null) return new SocketTransport(loop, conn, protocol, { ...attachment, extra });
  // TLS replaces this protocol before the loop can call it.
  const lower = new SocketTransport(loop, conn, new Protocol(), { extra, isSilent: true });
  try {
    return layTls(loop, lower, protocol, plan, attachment);
  } catch (error) {
    lower.abort();
    throw error;
  }
}

/** Makes the transport of a connection, and waits until `connectionMade()` was called. */
export function* establish<P extends StreamProtocol>(
  conn: Deno.Conn,
  protocolFactory: () => P,
  plan: TlsPlan | null,
): Steps<[transport: Transport, protocol: P]> {
  const loop = getRunningLoop();
  const waiter = new HostWaiter({ loop });
  let protocol: P;
  let transport: SocketTransport;
  try {
    protocol = protocolFactory();
    transport = makeTransport(loop, conn, protocol, plan, { waiter });
  } catch (error) {
    conn.close();
    throw error;
  }
  try {
    yield* waiter;
  } catch (error) {
    transport.close();
    throw error;
  }
  return [transport, protocol];
}
