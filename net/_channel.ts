/**
 * What a transport sends and receives by, and what it is told about it.
 *
 * A connection of the runtime is a channel as it is; a pipe, or TLS on top of another transport,
 * is made one.
 *
 * @module
 */

import type { ExtraInfo, SocketAddress } from "./transports.ts";

/** A way for bytes, as the runtime offers it. One read and one write may be in progress. */
export interface Channel {
  /** Receives into `buffer`, and gives how much; null at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Sends some of `data`, and gives how much. */
  write(data: Uint8Array): Promise<number>;
  /** Says to the other side that no more will come. A pipe can only be closed. */
  closeWrite?(): Promise<void>;
  /** Ends it at once; unless that is orderly, what it still holds itself is dropped. */
  close(isOrderly?: boolean): void;
}

const MAPPED_IPV4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/;

const IPV4 = /^\d{1,3}(\.\d{1,3}){3}$/;

/** The family of an address, or 0 if it is a name. */
export function familyOf(host: string): 0 | 4 | 6 {
  if (host.includes(":")) return 6;
  return IPV4.test(host) ? 4 : 0;
}

/** The address in an address of the runtime. */
export function socketAddress(address: Deno.Addr): SocketAddress {
  if (address.transport === "unix" || address.transport === "unixpacket") {
    return [address.path ?? "", 0];
  }
  const { hostname, port } = address as Deno.NetAddr;
  // A socket that listens for IPv6 and IPv4 alike shows the latter in the clothes of the former.
  return [MAPPED_IPV4.exec(hostname)?.[1] ?? hostname, port];
}

/** What `getExtraInfo()` tells of a connection of the runtime. */
export function infoOf(conn: Deno.Conn): Partial<ExtraInfo> {
  return {
    peername: socketAddress(conn.remoteAddr),
    sockname: socketAddress(conn.localAddr),
    socket: conn,
  };
}

/** Whether an error comes from the system, or the runtime's part of it, rather than from code. */
export function isSystemError(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  return SYSTEM_ERRORS.some((type) => error instanceof type) ||
    typeof (error as { code?: unknown }).code === "string";
}

const SYSTEM_ERRORS = Object.values(Deno.errors);

/** An error of the same class as `error`, that says first what could not be done. */
export function withAction(action: string, error: Error): Error {
  const text = `Cannot ${action}: ${error.message}`;
  const type = SYSTEM_ERRORS.find((type) => error instanceof type) ?? Error;
  return new type(text, { cause: error });
}
