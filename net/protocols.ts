/**
 * What a program implements to take part in a connection, or to hear from a process.
 *
 * Counterpart of Python's `asyncio.protocols`. The order of calls is always: `connectionMade()`
 * once; any number of `dataReceived()`; at most one `eofReceived()`; `connectionLost()` once, and
 * last. `pauseWriting()` and `resumeWriting()` come between the first and the last, in turns. In
 * place of `dataReceived()` a buffered protocol gets `getBuffer()` and `bufferUpdated()`, in turns;
 * a datagram protocol gets `datagramReceived()`, and no `eofReceived()`.
 *
 * @module
 */

import type { BaseTransport, ProtocolCalls, SocketAddress } from "./transports.ts";

/**
 * The calls that every protocol gets.
 *
 * Counterpart of Python's `asyncio.BaseProtocol`.
 */
export class BaseProtocol implements ProtocolCalls {
  /**
   * Called when the connection is there. Counterpart of `connection_made()`.
   *
   * @param _transport What to write to, and to ask about the connection.
   */
  connectionMade(_transport: BaseTransport): void {}

  /**
   * Called when the connection is gone, whoever ended it. Counterpart of `connection_lost()`.
   *
   * @param _exception Why, or null if it ended in an orderly way.
   */
  connectionLost(_exception: unknown): void {}

  /**
   * Called when more is waiting to be sent than the transport's high-water mark, in bytes.
   * Counterpart of `pause_writing()`.
   */
  pauseWriting(): void {}

  /** Called when no more than the low-water mark is left. Counterpart of `resume_writing()`. */
  resumeWriting(): void {}
}

/**
 * A protocol for a stream of bytes.
 *
 * Counterpart of Python's `asyncio.Protocol`.
 *
 * @example A server that sends back what it gets
 * ```ts
 * import { createServer, Protocol, run, type Transport } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * class Echo extends Protocol {
 *   #transport?: Transport;
 *   override connectionMade(transport: Transport) {
 *     this.#transport = transport;
 *   }
 *   override dataReceived(data: Uint8Array) {
 *     this.#transport!.write(data);
 *   }
 * }
 *
 * await run(async () => {
 *   await using server = await createServer(() => new Echo(), "127.0.0.1", 0);
 *   const [hostname, port] = server.sockets[0]!.getsockname();
 *   using client = await Deno.connect({ hostname, port });
 *   await client.write(new TextEncoder().encode("hello"));
 *   const buffer = new Uint8Array(5);
 *   await client.read(buffer);
 *   assertEquals(new TextDecoder().decode(buffer), "hello");
 *   server.closeClients();
 * });
 * ```
 */
export class Protocol extends BaseProtocol {
  /**
   * Called when bytes have arrived, in portions of any size. Counterpart of `data_received()`.
   *
   * @param _data The bytes. They are lent: valid until this call returns; who keeps them copies them.
   */
  dataReceived(_data: Uint8Array): void {}

  /**
   * Called when the other side has said that it sends no more. Counterpart of `eof_received()`.
   *
   * @returns True to keep the connection open for writing; otherwise it is closed.
   */
  eofReceived(): boolean | void {}
}

/**
 * A protocol for a stream of bytes that come straight into memory of its own.
 *
 * Counterpart of Python's `asyncio.BufferedProtocol`.
 *
 * @example Count what arrives, in one block of memory
 * ```ts
 * import { BufferedProtocol, createConnection, createServer, run } from "@aio/asyncio";
 * import type { Transport } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * let total = 0;
 * class Counter extends BufferedProtocol {
 *   readonly #block = new Uint8Array(16 * 1024);
 *   override getBuffer() {
 *     return this.#block;
 *   }
 *   override bufferUpdated(count: number) {
 *     total += count;
 *   }
 * }
 * await run(async () => {
 *   const server = await createServer(() => new Counter(), "127.0.0.1", 0);
 *   const [host, port] = server.sockets[0]!.getsockname();
 *   const [transport] = await createConnection(() => new BufferedProtocol(), host, port);
 *   transport.write(new Uint8Array(1000));
 *   transport.close();
 *   server.close();
 *   await server.waitClosed();
 * });
 * assertEquals(total, 1000);
 * ```
 */
export class BufferedProtocol extends BaseProtocol {
  /**
   * Called for the memory to receive into. It is in use from here until `bufferUpdated()` or
   * `connectionLost()`, also while reading is paused. Counterpart of `get_buffer()`.
   *
   * @param sizehint How much would be good, in bytes, or -1 if that is not known.
   * @returns The memory; one byte at least.
   */
  getBuffer(sizehint: number): Uint8Array {
    return new Uint8Array(sizehint > 0 ? sizehint : 64 * 1024);
  }

  /**
   * Called when bytes have arrived in that memory. Counterpart of `buffer_updated()`.
   *
   * @param _count How many, from the start of it.
   */
  bufferUpdated(_count: number): void {}

  /**
   * Called when the other side has said that it sends no more. Counterpart of `eof_received()`.
   *
   * @returns True to keep the connection open for writing; otherwise it is closed.
   */
  eofReceived(): boolean | void {}
}

/**
 * A protocol for datagrams.
 *
 * Counterpart of Python's `asyncio.DatagramProtocol`.
 *
 * @example A service that sends back what it gets
 * ```ts
 * import { createDatagramEndpoint, DatagramProtocol, run } from "@aio/asyncio";
 * import type { DatagramTransport, SocketAddress } from "@aio/asyncio";
 *
 * class Echo extends DatagramProtocol {
 *   #transport!: DatagramTransport;
 *   override connectionMade(transport: DatagramTransport) {
 *     this.#transport = transport;
 *   }
 *   override datagramReceived(data: Uint8Array, addr: SocketAddress) {
 *     this.#transport.sendto(data, addr);
 *   }
 * }
 * await run(async () => {
 *   const [transport] = await createDatagramEndpoint(() => new Echo(), ["127.0.0.1", 0]);
 *   transport.close();
 * });
 * ```
 */
export class DatagramProtocol extends BaseProtocol {
  /**
   * Called when a datagram has arrived. Counterpart of `datagram_received()`.
   *
   * @param _data The datagram.
   * @param _addr Who sent it.
   */
  datagramReceived(_data: Uint8Array, _addr: SocketAddress): void {}

  /**
   * Called when a datagram could not be sent or received. Counterpart of `error_received()`. Unlike
   * with Python, nobody tells that there is none to receive it: the runtime connects no sockets.
   *
   * @param _exception Why.
   */
  errorReceived(_exception: unknown): void {}
}

/**
 * A protocol that hears from a process.
 *
 * The end of the process and the ends of its pipes come in any order; `connectionLost()` comes after
 * all of them. Counterpart of Python's `asyncio.SubprocessProtocol`.
 *
 * @example
 * ```ts
 * import { getRunningLoop, run, subprocessExec, SubprocessProtocol } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * const output: string[] = [];
 * await run(async () => {
 *   const over = getRunningLoop().createFuture<void>();
 *   class Listener extends SubprocessProtocol {
 *     override pipeDataReceived(fd: number, data: Uint8Array) {
 *       output.push(`${fd}: ${new TextDecoder().decode(data)}`);
 *     }
 *     override connectionLost() {
 *       over.setResult();
 *     }
 *   }
 *   await subprocessExec(() => new Listener(), "echo", ["hello"]);
 *   await over;
 * });
 * assertEquals(output, ["1: hello\n"]);
 * ```
 */
export class SubprocessProtocol extends BaseProtocol {
  /**
   * Called when the process has written. Counterpart of `pipe_data_received()`.
   *
   * @param _fd 1 for its standard output, 2 for its errors.
   * @param _data The bytes. They are lent: valid until this call returns; who keeps them copies them.
   */
  pipeDataReceived(_fd: number, _data: Uint8Array): void {}

  /**
   * Called when a pipe is closed, at either end. Counterpart of `pipe_connection_lost()`.
   *
   * @param _fd 0 for the standard input of the process, 1 for its output, 2 for its errors.
   * @param _exception Why, or null if it ended in an orderly way.
   */
  pipeConnectionLost(_fd: number, _exception: unknown): void {}

  /** Called when the process has ended. Counterpart of `process_exited()`. */
  processExited(): void {}
}
