/**
 * Listening on every address of every host, and on Unix sockets.
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

/** Listens on every address of every host, or on none if one fails. */
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
  // With permission for the name only, Deno has to do the lookup.
  return addresses.every(mayUse) ? addresses : [[host, port]];
}

/** Whether the program has permission for an address, without a prompt. */
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

/** Listens on "::", which accepts IPv4, too; on "0.0.0.0" where there is no IPv6. */
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
  // Without that flag, which adds this name, Deno would end the process here.
  if (reusePort && !("listenDatagram" in Deno)) {
    throw new Deno.errors.NotSupported("reusePort needs the flag --unstable-net of the runtime");
  }
  return watched(Deno.listen({ hostname, port, tcpBacklog: backlog, reusePort }));
}

/**
 * Listens on a path. A socket that was left there is removed first. When the listener is closed,
 * its own socket is removed unless it is to be kept; a file that has replaced it stays.
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

/** The ends of listeners that are being closed. */
const closings = new Set<Promise<void>>();

/** Waits for listeners that are being closed: one may hold the port or path that is wanted now. */
function* closedOnesGone(): Steps<void> {
  if (closings.size > 0) yield* wrapFuture(Promise.all(closings));
}

/**
 * Wraps a listener so that its end can be awaited: only once the pending accept has ended does the
 * system close it, and Deno remove whatever is at its path.
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

/** Gives a file a second name, and returns a function that restores the first. */
function keepFile(path: string): () => void {
  const elsewhere = `${path}.${crypto.randomUUID()}`;
  Deno.linkSync(path, elsewhere);
  return () => {
    try {
      Deno.renameSync(elsewhere, path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error; // somebody has removed the folder
    }
  };
}

/** Returns the inode of a file; null if there is none, or, with `socketOnly`, no socket. */
function inodeOf(path: string, socketOnly: boolean): number | null {
  try {
    const { ino, isSocket } = Deno.lstatSync(path);
    return socketOnly && !isSocket ? null : ino;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
