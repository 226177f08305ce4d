/**
 * Host names and their addresses.
 *
 * Counterpart of `loop.getaddrinfo()` and `loop.getnameinfo()` of Python's asyncio.
 *
 * @module
 */

import { wrapFuture } from "../loop/mod.ts";
import type { Awaitable } from "../loop/mod.ts";
import { Operation } from "../loop/coroutines.ts";
import type { Steps } from "../loop/coroutines.ts";
import { familyOf } from "./_channel.ts";
import { nodeModule } from "./_node.ts";
import type { SocketAddress } from "./transports.ts";

/** One of the addresses of a host. */
export type AddressInfo = readonly [family: 4 | 6, address: SocketAddress];

/** Options for {@linkcode getaddrinfo}. */
export interface GetaddrinfoOptions {
  /**
   * Which addresses to look for: 4 for IPv4, 6 for IPv6, 0 for both.
   *
   * @default {0}
   */
  family?: 0 | 4 | 6;
}

/**
 * Looks up the addresses of a host, in the order in which they should be tried.
 *
 * Counterpart of Python's `loop.getaddrinfo()`; of its tuples it returns only the family, as 4 or
 * 6, and the address.
 *
 * @param host The host name or address; null for localhost.
 * @param port The port to put into the addresses.
 * @param options Which addresses to look for.
 * @returns An awaitable of the addresses, at least one.
 * @throws {Deno.errors.NotFound} If the host name can't be resolved, or is an address of another
 * family.
 *
 * @example
 * ```ts
 * import { getaddrinfo, run } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await run(() => getaddrinfo("127.0.0.1", 80)), [[4, ["127.0.0.1", 80]]]);
 * ```
 */
export function getaddrinfo(
  host: string | null,
  port: number,
  options: GetaddrinfoOptions = {},
): Awaitable<AddressInfo[]> {
  return new Operation(() => lookUp(host || "localhost", port, options.family ?? 0));
}

function* lookUp(host: string, port: number, wanted: 0 | 4 | 6): Steps<AddressInfo[]> {
  const family = familyOf(host);
  if (family !== 0) {
    if (wanted === 0 || wanted === family) return [[family, [host, port]]];
    const text = "Address family for hostname not supported";
    throw new Deno.errors.NotFound(`Cannot look up ${host}: ${text}`);
  }
  const { promise, resolve, reject } = Promise.withResolvers<AddressInfo[]>();
  nodeModule("node:dns").lookup(host, { all: true, family: wanted }, (error, found) => {
    if (error !== null) reject(lookupError(`look up ${host}`, error));
    else resolve(found.map(({ address, family }) => [family, [address, port]]));
  });
  promise.catch(() => {}); // the waiting task may have been cancelled
  return yield* wrapFuture(promise);
}

function lookupError(action: string, error: Error): Error {
  const { code } = error as { code?: unknown };
  const isDenied = code === "EPERM";
  const type = isDenied ? Deno.errors.NotCapable : Deno.errors.NotFound;
  const text = isDenied ? "no permission to use the network" : "Name or service not known";
  return new type(`Cannot ${action}: ${text}`, { cause: error });
}

/**
 * Looks up the names of a host and a service.
 *
 * Counterpart of Python's `loop.getnameinfo()`.
 *
 * @param sockaddr The address and the port.
 * @returns An awaitable of the two names; what has no name is given as it is, the port as text.
 * @throws {Deno.errors.NotFound} If the address is invalid.
 *
 * @example
 * ```ts
 * import { getnameinfo, run } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * const [, service] = await run(() => getnameinfo(["127.0.0.1", 1]));
 * assertEquals(typeof service, "string");
 * ```
 */
export function getnameinfo(
  sockaddr: SocketAddress,
): Awaitable<[hostname: string, service: string]> {
  return new Operation(() => nameOf(sockaddr));
}

function* nameOf([host, port]: SocketAddress): Steps<[hostname: string, service: string]> {
  const names = yield* lookUpNames(host, port);
  if (names !== null) return names;
  // Node looks up both or none; the service has its name whatever the host is.
  const [, service] = (yield* lookUpNames("127.0.0.1", port)) ?? [];
  return [host, service ?? String(port)];
}

/** Looks up both names; null if the host has none. */
function* lookUpNames(host: string, port: number): Steps<[string, string] | null> {
  const { promise, resolve, reject } = Promise.withResolvers<[string, string] | null>();
  promise.catch(() => {}); // the waiting task may have been cancelled
  try {
    nodeModule("node:dns").lookupService(host, port, (error, hostname, service) => {
      if (error === null) resolve([hostname, service]);
      else if ((error as { code?: unknown }).code === "ENOTFOUND") resolve(null);
      else reject(lookupError(`look up the name of ${host}`, error));
    });
  } catch (error) {
    // Node itself checks the arguments, and throws.
    reject(lookupError(`look up the name of ${host}`, error as Error));
  }
  return yield* wrapFuture(promise);
}
