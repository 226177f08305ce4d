/**
 * What a program implements to take part in a connection.
 *
 * Counterpart of Python's `asyncio.protocols`. The order of calls is always: `connectionMade()`
 * once; any number of `dataReceived()`; at most one `eofReceived()`; `connectionLost()` once, and
 * last. `pauseWriting()` and `resumeWriting()` come between the first and the last, in turns.
 *
 * @module
 */

import type { BaseTransport, ProtocolCalls } from "./transports.ts";

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
