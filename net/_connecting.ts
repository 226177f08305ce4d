/**
 * Connecting to one of the addresses of a host, tried one after another or in a race.
 *
 * @module
 */

import { ExceptionGroup } from "../loop/mod.ts";
import type { Steps } from "../loop/coroutines.ts";
import { familyOf, isSystemError, withAction } from "./_channel.ts";
import { mayUse } from "./_listening.ts";
import { closeIt, obtain } from "./_pending.ts";
import { getaddrinfo } from "./addresses.ts";
import type { AddressInfo } from "./addresses.ts";
import { race } from "./staggered.ts";
import type { SocketAddress } from "./transports.ts";

/** How to choose among addresses. */
export interface ConnectPlan {
  readonly family: 0 | 4 | 6;
  /** In seconds; null to try an address only when the one before has failed. */
  readonly happyEyeballsDelay: number | null;
  /** How many addresses of the first family to try before the other; 0 for the order found. */
  readonly interleave: number;
  readonly allErrors: boolean;
}

/** A coroutine that connects to an address. */
export type Connector<C> = (address: SocketAddress) => Steps<C>;

/** Connects to a host by TCP. */
export function* connectToHost(
  host: string | null,
  port: number,
  plan: ConnectPlan,
): Steps<Deno.TcpConn> {
  const found = yield* getaddrinfo(host, port, { family: plan.family });
  // With permission for the name only, Deno has to do the lookup.
  const isLeft = host !== null && familyOf(host) === 0 &&
    !found.every(([, address]) => mayUse(address));
  if (!isLeft) return yield* connectToAny(found, plan, connectTo, closeIt);
  return yield* connectTo([host, port]);
}

function* connectTo([hostname, port]: SocketAddress): Steps<Deno.TcpConn> {
  try {
    const start = (signal: AbortSignal): Promise<Deno.TcpConn> =>
      Deno.connect({ hostname, port, signal: onlyInterrupting(signal) });
    return yield* obtain(start, closeIt);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw withAction(`connect to ${hostname}:${port}`, error);
  }
}

/**
 * Makes a signal interrupt only what is in progress, not what is done: `Deno.connect()` calls
 * `throwIfAborted()` again once it has connected, and would lose the open connection.
 */
function onlyInterrupting(signal: AbortSignal): AbortSignal {
  return Object.defineProperty(signal, "throwIfAborted", { value: () => {} });
}

/** Connects to a Unix socket. */
export function* connectToPath(path: string): Steps<Deno.UnixConn> {
  try {
    return yield* obtain(() => Deno.connect({ transport: "unix", path }), closeIt);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw withAction(`connect to ${path}`, error);
  }
}

/** Connects to the first address that can be connected to. */
export function* connectToAny<C>(
  found: readonly AddressInfo[],
  plan: ConnectPlan,
  connector: Connector<C>,
  discard: (connection: C) => void,
): Steps<C> {
  const { happyEyeballsDelay, interleave, allErrors } = plan;
  const addresses = interleave > 0 ? interleaved(found, interleave) : found;
  if (happyEyeballsDelay === null) return yield* tryEach(addresses, connector, allErrors);
  const attempts = addresses.map(([, address]) => () => connector(address));
  const [connection, winner, exceptions] = yield* race(attempts, happyEyeballsDelay, discard);
  if (winner === null) throw combined(exceptions, allErrors);
  return connection!;
}

function* tryEach<C>(
  addresses: readonly AddressInfo[],
  connector: Connector<C>,
  allErrors: boolean,
): Steps<C> {
  const errors: unknown[] = [];
  for (const [, address] of addresses) {
    try {
      return yield* connector(address);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      errors.push(error);
    }
  }
  throw combined(errors, allErrors);
}

/** Returns the addresses with alternating families, after `firstCount` of the first family. */
export function interleaved(found: readonly AddressInfo[], firstCount: number): AddressInfo[] {
  const firstFamily = found[0]?.[0];
  const first = found.filter(([family]) => family === firstFamily);
  const second = found.filter(([family]) => family !== firstFamily);
  const result = first.splice(0, firstCount - 1);
  while (first.length > 0 || second.length > 0) {
    result.push(...first.splice(0, 1), ...second.splice(0, 1));
  }
  return result;
}

/** Returns one error for those of all addresses. */
function combined(errors: readonly unknown[], allErrors: boolean): unknown {
  if (allErrors) return new ExceptionGroup("Cannot connect: create_connection failed", errors);
  const texts = errors.map((error) => error instanceof Error ? error.message : String(error));
  if (new Set(texts).size === 1) return errors[0];
  const cause = new ExceptionGroup("Cannot connect: create_connection failed", errors);
  const message = `Cannot connect: Multiple exceptions: ${texts.join(", ")}`;
  const type = (errors[0] as Error).constructor as ErrorConstructor;
  const isCommon = errors.every((error) => (error as Error).constructor === type);
  return isCommon ? new type(message, { cause }) : new Error(message, { cause });
}
