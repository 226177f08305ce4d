/**
 * Listening: on every address of every host, and on paths.
 *
 * @module
 */

import { wrapFuture } from "../loop/mod.ts";
import type { Steps } from "../loop/coroutines.ts";
import { familyOf, withAction } from "./_channel.ts";
import { getaddrinfo } from "./addresses.ts";
import type { ServerListener } from "./server.ts";
import type { SocketAddress } from "./transports.ts";

/** How to listen. */
export interface ListenPlan {
  readonly backlog: number;
  readonly reusePort: boolean;
  readonly family: 0 | 4 | 6;
}

/** Listens on every address of every host, or on none. */
export function* listenOnAll(
  hosts: readonly string[],
  port: number,
  plan: ListenPlan,
): Steps<ServerListener[]> {
  yield* closedOnesGone();
  const addresses = new Map<string, SocketAddress>();
  for (const host of hosts) {
    for (const address of yield* addressesOf(host, port, plan)) {
      addresses.set(address.join(" "), address);
    }
  }
  if (addresses.size === 0) {
    const text = "could not bind on any address out of []";
    throw new Deno.errors.AddrNotAvailable(`Cannot listen: ${text}`);
  }
  const listeners: ServerListener[] = [];
  try {
    for (const address of addresses.values()) listeners.push(listen(address, plan));
  } catch (error) {
    for (const listener of listeners) listener.close();
    throw error;
  }
  return listeners;
}

function* addressesOf(host: string, port: number, plan: ListenPlan): Steps<SocketAddress[]> {
  if (host === "" || familyOf(host) !== 0) return [[host, port]];
  const found = yield* getaddrinfo(host, port, { family: plan.family });
  const addresses = found.map(([, address]) => address);
  // Whoever may listen on the name only leaves it to the runtime to look it up.
  return addresses.every(mayUse) ? addresses : [[host, port]];
}

/** Whether the program may use an address, and need not be asked. */
export function mayUse([host, port]: SocketAddress): boolean {
  const name = `${host.includes(":") ? `[${host}]` : host}${port === 0 ? "" : `:${port}`}`;
  return Deno.permissions.querySync({ name: "net", host: name }).state === "granted";
}

function listen([host, port]: SocketAddress, plan: ListenPlan): ServerListener {
  try {
    return host === "" ? listenEverywhere(port, plan) : listenOn(host, port, plan);
  } catch (error) {
    if (!(error instanceof Error) || error instanceof RangeError) throw error;
    throw withAction(`listen on ${host}:${port}`, error);
  }
}

/** A socket on "::" takes the connections of IPv4, too; where there is no IPv6 it can't be had. */
function listenEverywhere(port: number, plan: ListenPlan): ServerListener {
  if (plan.family === 4) return listenOn("0.0.0.0", port, plan);
  try {
    return listenOn("::", port, plan);
  } catch (error) {
    const isForeign = error instanceof Deno.errors.AddrNotAvailable ||
      (error as { code?: unknown }).code === "EAFNOSUPPORT";
    if (!isForeign || plan.family === 6) throw error;
    return listenOn("0.0.0.0", port, plan);
  }
}

function listenOn(hostname: string, port: number, plan: ListenPlan): ServerListener {
  const { backlog, reusePort } = plan;
  // Without its flag, which this tells, the runtime would end the process here.
  if (reusePort && !("listenDatagram" in Deno)) {
    throw new Deno.errors.NotSupported("reusePort needs the flag --unstable-net of the runtime");
  }
  return watched(Deno.listen({ hostname, port, tcpBacklog: backlog, reusePort }));
}

/**
 * Listens on a path. A socket that somebody left there is removed before, and the own one when it is
 * closed, but not what somebody has put in its place, and not if it is to be kept.
 */
export function* listenOnPath(path: string, isCleanedUp: boolean): Steps<ServerListener> {
  yield* closedOnesGone();
  const isFile = !path.startsWith("\0");
  if (isFile && inodeOf(path, true) !== null) Deno.removeSync(path);
  let listener: Deno.UnixListener;
  try {
    listener = Deno.listen({ transport: "unix", path });
  } catch (error) {
    throw error instanceof Error ? withAction(`listen on ${path}`, error) : error;
  }
  if (!isFile) return watched(listener);
  const inode = inodeOf(path, true);
  return watched(listener, () => {
    const current = inodeOf(path, false);
    const isKept = current !== null && !(current === inode && isCleanedUp);
    return isKept ? keepFile(path) : null;
  });
}

/** The ends of listeners that were closed. */
const closings = new Set<Promise<void>>();

/** Waits until what was closed is, as it may have the port or the path that is wanted now. */
function* closedOnesGone(): Steps<void> {
  if (closings.size > 0) yield* wrapFuture(Promise.all(closings));
}

/**
 * A listener whose end can be waited for: the system closes it, and the runtime removes whatever is at
 * its path, only once the accepting that is in progress has ended.
 */
function watched(
  listener: Deno.Listener<Deno.Conn, Deno.Addr>,
  beforeClose: () => (() => void) | null = () => null,
): ServerListener {
  let accepting: Promise<unknown> = Promise.resolve();
  return {
    addr: listener.addr,
    accept: () => {
      const accepted = listener.accept();
      accepting = accepted;
      return accepted;
    },
    close: () => {
      const afterwards = beforeClose();
      listener.close();
      const end = (): void => {
        closings.delete(closing);
        afterwards?.();
      };
      const closing = accepting.then(end, end);
      closings.add(closing);
    },
  };
}

/** Gives a file a second name; what this returns makes it the first name again. */
function keepFile(path: string): () => void {
  const elsewhere = `${path}.${crypto.randomUUID()}`;
  Deno.linkSync(path, elsewhere);
  return () => Deno.renameSync(elsewhere, path);
}

/** The number of a file, or null if there is none, or, if so wanted, none that is a socket. */
function inodeOf(path: string, socketOnly: boolean): number | null {
  try {
    const { ino, isSocket } = Deno.lstatSync(path);
    return socketOnly && !isSocket ? null : ino;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
