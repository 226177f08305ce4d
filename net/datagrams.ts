/**
 * Datagrams (UDP).
 *
 * Counterpart of `loop.create_datagram_endpoint()` of Python's `asyncio.base_events`, on
 * `node:dgram`, which needs no unstable flag of Deno. Deno reports that a datagram could not be
 * sent, but not that it could not be delivered.
 *
 * @module
 */

import { getRunningLoop } from "../loop/mod.ts";
import type { Awaitable } from "../loop/mod.ts";
import { HostWaiter } from "../loop/claims.ts";
import { Operation } from "../loop/coroutines.ts";
import type { Steps } from "../loop/coroutines.ts";
import { SocketDatagramTransport, systemError } from "./_datagram_transport.ts";
import { nodeModule } from "./_node.ts";
import type { NodeDatagramSocket } from "./_node.ts";
import { obtain } from "./_pending.ts";
import { getaddrinfo } from "./addresses.ts";
import type { AddressInfo } from "./addresses.ts";
import type { DatagramProtocol } from "./protocols.ts";
import type { DatagramTransport, SocketAddress } from "./transports.ts";

const MAX_PORT = 65535;

/** Options for {@linkcode createDatagramEndpoint}. */
export interface DatagramEndpointOptions {
  /**
   * Which addresses to use: 4 for IPv4, 6 for IPv6, 0 for the family of those that are given.
   *
   * @default {0}
   */
  family?: 0 | 4 | 6;
  /**
   * Whether several sockets may be bound to the same port. Works on Linux only.
   *
   * @default {false}
   */
  reusePort?: boolean;
  /**
   * Whether datagrams may be sent to broadcast addresses.
   *
   * @default {false}
   */
  allowBroadcast?: boolean;
}

/**
 * Opens a socket for datagrams.
 *
 * Counterpart of Python's `loop.create_datagram_endpoint()`.
 *
 * @typeParam P The type of the protocol.
 * @param protocolFactory Called to create the protocol.
 * @param localAddr The address and port to bind to; null for all interfaces and any free port.
 * @param remoteAddr The only address and port to send to and receive from; null for any.
 * @param options How to open it.
 * @returns An awaitable of the transport and the protocol, whose `connectionMade()` was called.
 * @throws {RangeError} If neither an address nor a family is given, the addresses have no family in
 * common, or a port is invalid.
 * @throws {Deno.errors.AddrInUse} If the port is in use.
 * @throws {Deno.errors.NotFound} If a host name can't be resolved.
 *
 * @example One sends, one receives
 * ```ts
 * import { createDatagramEndpoint, DatagramProtocol, getRunningLoop, run } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * await run(async () => {
 *   const received = getRunningLoop().createFuture<string>();
 *   class Receiver extends DatagramProtocol {
 *     override datagramReceived(data: Uint8Array) {
 *       received.setResult(new TextDecoder().decode(data));
 *     }
 *   }
 *   const any = ["127.0.0.1", 0] as const;
 *   const [receiver] = await createDatagramEndpoint(() => new Receiver(), any);
 *   const address = receiver.getExtraInfo("sockname");
 *   const [sender] = await createDatagramEndpoint(() => new DatagramProtocol(), null, address);
 *   sender.sendto(new TextEncoder().encode("hello"));
 *   assertEquals(await received, "hello");
 *   sender.close();
 *   receiver.close();
 * });
 * ```
 */
export function createDatagramEndpoint<P extends DatagramProtocol>(
  protocolFactory: () => P,
  localAddr: SocketAddress | null = null,
  remoteAddr: SocketAddress | null = null,
  options: DatagramEndpointOptions = {},
): Awaitable<[transport: DatagramTransport, protocol: P]> {
  return new Operation(() => openEndpoint(protocolFactory, localAddr, remoteAddr, options));
}

function* openEndpoint<P extends DatagramProtocol>(
  protocolFactory: () => P,
  localAddr: SocketAddress | null,
  remoteAddr: SocketAddress | null,
  options: DatagramEndpointOptions,
): Steps<[transport: DatagramTransport, protocol: P]> {
  const loop = getRunningLoop();
  const [family, local, remote] = yield* chooseAddresses(localAddr, remoteAddr, options);
  const { reusePort = false, allowBroadcast = false } = options;
  const settings = { type: `udp${family}`, reuseAddr: false, reusePort } as const;
  const socket = nodeModule("node:dgram").createSocket(settings);
  const waiter = new HostWaiter({ loop });
  let transport: SocketDatagramTransport;
  let protocol: P;
  const resident = { _endWithLoop: () => socket.close() };
  loop._residents.add(resident);
  try {
    yield* bind(socket, local ?? [family === 4 ? "0.0.0.0" : "::", 0]);
    if (allowBroadcast) socket.setBroadcast(true);
    if (remote !== null) yield* connect(socket, remote);
    protocol = protocolFactory();
    transport = new SocketDatagramTransport(loop, socket, protocol, remote, waiter);
  } catch (error) {
    socket.close();
    throw error;
  } finally {
    loop._residents.delete(resident);
  }
  try {
    yield* waiter;
  } catch (error) {
    transport.close();
    throw error;
  }
  return [transport, protocol];
}

/** Returns the first addresses that are of the same family. */
function* chooseAddresses(
  localAddr: SocketAddress | null,
  remoteAddr: SocketAddress | null,
  options: DatagramEndpointOptions,
): Steps<[family: 4 | 6, local: SocketAddress | null, remote: SocketAddress | null]> {
  const { family = 0 } = options;
  const locals = yield* lookUp(localAddr, family);
  const remotes = yield* lookUp(remoteAddr, family);
  const families = new Set((locals ?? remotes ?? []).map(([family]) => family));
  if (locals === null && remotes === null) {
    if (family === 0) throw new RangeError("Cannot open endpoint: unexpected address family");
    return [family, null, null];
  }
  for (const family of families) {
    const [, local] = locals?.find(([other]) => other === family) ?? [0, null];
    const [, remote] = remotes?.find(([other]) => other === family) ?? [0, null];
    if ((local === null) === (locals === null) && (remote === null) === (remotes === null)) {
      return [family, local, remote];
    }
  }
  throw new RangeError("Cannot open endpoint: can not get address information");
}

function* lookUp(address: SocketAddress | null, family: 0 | 4 | 6): Steps<AddressInfo[] | null> {
  if (address === null) return null;
  const [host, port] = address;
  return yield* getaddrinfo(host, port, { family });
}

function* bind(socket: NodeDatagramSocket, [address, port]: SocketAddress): Steps<void> {
  // Deno accepts any number, and would bind to another port.
  if (!(Number.isInteger(port) && port >= 0 && port <= MAX_PORT)) {
    throw new RangeError(`Cannot bind to ${address}:${port}: port must be 0-65535`);
  }
  yield* settle(socket, `bind to ${address}:${port}`, (done) => {
    socket.bind({ address, port }, () => done());
  });
}

function* connect(socket: NodeDatagramSocket, [address, port]: SocketAddress): Steps<void> {
  yield* settle(socket, `connect to ${address}:${port}`, (done) => {
    socket.connect(port, address, done);
  });
}

function* settle(
  socket: NodeDatagramSocket,
  action: string,
  start: (done: (error?: Error) => void) => void,
): Steps<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const fail = (error: Error): void => reject(systemError(action, error));
  socket.once("error", fail);
  yield* obtain(() => {
    start((error) => error ? fail(error) : resolve());
    return promise;
  }, () => {});
  socket.off("error", fail);
}
