/**
 * Protocols: what a program implements to handle a connection or a child process.
 *
 * Counterpart of Python's `asyncio.protocols`. The order of calls is always: `connectionMade()`
 * once; any number of `dataReceived()`; at most one `eofReceived()`; `connectionLost()` once, and
 * last. `pauseWriting()` and `resumeWriting()` alternate between the first and the last. Instead of
 * `dataReceived()`, a buffered protocol gets `getBuffer()` and `bufferUpdated()`, which alternate,
 * and a datagram protocol gets `datagramReceived()`, but no `eofReceived()`.
 *
 * @module
 */

import type { BaseTransport, ProtocolCalls, SocketAddress } from "./transports.ts";

/**
 * The callbacks that every protocol has.
 *
 * Counterpart of Python's `asyncio.BaseProtocol`.
 */
export class BaseProtocol implements ProtocolCalls {
  /**
   * Called when the connection is made. Counterpart of `connection_made()`.
   *
   * @param _transport The transport of the connection.
   */
  connectionMade(_transport: BaseTransport): void {}

  /**
   * Called when the connection is lost, or closed by either side. Counterpart of
   * `connection_lost()`.
   *
   * @param _exception The error that ended it, or null if there was none.
   */
  connectionLost(_exception: unknown): void {}

  /**
   * Called when the transport's write buffer exceeds its high-water mark. Counterpart of
   * `pause_writing()`.
   */
  pauseWriting(): void {}

  /**
   * Called when the write buffer has drained to its low-water mark. Counterpart of
   * `resume_writing()`.
   */
  resumeWriting(): void {}
}

/**
 * A protocol for a stream of bytes.
 *
 * Counterpart of Python's `asyncio.Protocol`.
 *
 * @example A server that sends back what it receives
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
   * Called when data has arrived, in chunks of any size. Counterpart of `data_received()`.
   *
   * @param _data The bytes, lent: they are valid until this call returns. Copy them to keep them.
   */
  dataReceived(_data: Uint8Array): void {}

  /**
   * Called when the other side has said that it will send no more. Counterpart of `eof_received()`.
   *
   * @returns True to keep the connection open for writing; otherwise it is closed.
   */
  eofReceived(): boolean | void {}
}

/**
 * A protocol for a stream of bytes that are received directly into its own buffer.
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
   * Called to get the buffer to receive into. It is in use until `bufferUpdated()` or
   * `connectionLost()` is called, even while reading is paused. Counterpart of `get_buffer()`.
   *
   * @param sizehint The recommended size in bytes, or -1 if it is not known.
   * @returns The buffer, of at least one byte.
   */
  getBuffer(sizehint: number): Uint8Array {
    return new Uint8Array(sizehint > 0 ? sizehint : 64 * 1024);
  }

  /**
   * Called when bytes have been received into the buffer. Counterpart of `buffer_updated()`.
   *
   * @param _count How many, from the start of the buffer.
   */
  bufferUpdated(_count: number): void {}

  /**
   * Called when the other side has said that it will send no more. Counterpart of `eof_received()`.
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
 * @example A service that sends back what it receives
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
   * @param _addr The address of the sender.
   */
  datagramReceived(_data: Uint8Array, _addr: SocketAddress): void {}

  /**
   * Called when a datagram could not be sent or received. Counterpart of `error_received()`. Unlike
   * in Python, it is not called when nothing listens at the destination: Deno does not connect the
   * socket in the operating system.
   *
   * @param _exception The error.
   */
  errorReceived(_exception: unknown): void {}
}

/**
 * A protocol for a child process.
 *
 * `processExited()` and `pipeConnectionLost()` are called in any order; `connectionLost()` is last.
 * Counterpart of Python's `asyncio.SubprocessProtocol`.
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
   * Called when the process has written to a pipe. Counterpart of `pipe_data_received()`.
   *
   * @param _fd 1 for its standard output, 2 for its standard error.
   * @param _data The bytes, lent: they are valid until this call returns. Copy them to keep them.
   */
  pipeDataReceived(_fd: number, _data: Uint8Array): void {}

  /**
   * Called when a pipe is closed, at either end. Counterpart of `pipe_connection_lost()`.
   *
   * @param _fd 0 for the standard input of the process, 1 for its standard output, 2 for its
   * standard error.
   * @param _exception The error that ended it, or null if there was none.
   */
  pipeConnectionLost(_fd: number, _exception: unknown): void {}

  /** Called when the process has ended. Counterpart of `process_exited()`. */
  processExited(): void {}
}
