/**
 * What a transport sends and receives through, and what can be known about it.
 *
 * A Deno connection is a channel as it is; a pipe, or TLS on top of another transport, is wrapped
 * in one.
 *
 * @module
 */

import type { ExtraInfo, SocketAddress } from "./transports.ts";

/** A way for bytes, shaped like a Deno connection. One read and one write may be in progress. */
export interface Channel {
  /** Receives into `buffer`, and resolves to the number of bytes, or to null at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Sends some of `data`, and resolves to the number of bytes. */
  write(data: Uint8Array): Promise<number>;
  /** Tells the other side that no more will come. Missing for pipes, which can only be closed. */
  closeWrite?(): Promise<void>;
  /** Closes it at once; unless `isOrderly` is true, data that it still holds is dropped. */
  close(isOrderly?: boolean): void;
}

const MAPPED_IPV4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/;

const IPV4 = /^\d{1,3}(\.\d{1,3}){3}$/;

/** Returns the family of an address, or 0 for a host name. */
export function familyOf(host: string): 0 | 4 | 6 {
  if (host.includes(":")) return 6;
  return IPV4.test(host) ? 4 : 0;
}

/** Converts an address of Deno's. */
export function socketAddress(address: Deno.Addr): SocketAddress {
  if (address.transport === "unix" || address.transport === "unixpacket") {
    return [address.path ?? "", 0];
  }
  const { hostname, port } = address as Deno.NetAddr;
  // A socket that listens for both IPv6 and IPv4 shows IPv4 addresses mapped to IPv6.
  return [MAPPED_IPV4.exec(hostname)?.[1] ?? hostname, port];
}

/** Returns what `getExtraInfo()` knows about a Deno connection. */
export function infoOf(conn: Deno.Conn): Partial<ExtraInfo> {
  return {
    peername: socketAddress(conn.remoteAddr),
    sockname: socketAddress(conn.localAddr),
    socket: conn,
  };
}

/** Whether an error comes from the system, or from Deno's I/O, rather than from program code. */
export function isSystemError(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  return SYSTEM_ERRORS.some((type) => error instanceof type) ||
    typeof (error as { code?: unknown }).code === "string";
}

const SYSTEM_ERRORS = Object.values(Deno.errors);

/** Returns an error of the same class as `error` that says first what could not be done. */
export function withAction(action: string, error: Error): Error {
  const text = `Cannot ${action}: ${error.message}`;
  const type = SYSTEM_ERRORS.find((type) => error instanceof type) ?? Error;
  return new type(text, { cause: error });
}
