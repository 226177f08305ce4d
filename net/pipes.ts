/**
 * Transports of pipes.
 *
 * Counterpart of `loop.connect_read_pipe()` and `loop.connect_write_pipe()` of Python's asyncio,
 * for what Deno can read from and write to: standard input and output, FIFOs and files opened by
 * path, web streams. Raw file descriptors are not supported.
 *
 * @module
 */

import { getRunningLoop } from "../loop/mod.ts";
import type { Awaitable } from "../loop/mod.ts";
import { HostWaiter } from "../loop/claims.ts";
import { Operation } from "../loop/coroutines.ts";
import type { Steps } from "../loop/coroutines.ts";
import type { Channel } from "./_channel.ts";
import type { StreamProtocol } from "./_establishing.ts";
import { readChannel, writeChannel } from "./_pipe_channels.ts";
import type { DirectReader, DirectWriter } from "./_pipe_channels.ts";
import { SocketTransport } from "./_socket_transport.ts";
import type { BaseProtocol } from "./protocols.ts";
import type { ReadTransport, WriteTransport } from "./transports.ts";

export type { DirectReader, DirectWriter };

/** A pipe to read from. */
export type ReadPipe = ReadableStream<Uint8Array> | DirectReader;

/** A pipe to write to. */
export type WritePipe = WritableStream<Uint8Array> | DirectWriter;

/**
 * Opens a transport that reads from a pipe.
 *
 * Counterpart of Python's `loop.connect_read_pipe()`.
 *
 * @typeParam P The type of the protocol.
 * @param protocolFactory Called to create the protocol.
 * @param pipe The pipe: `Deno.stdin`, an open FIFO or a web stream. The transport closes it.
 * @returns An awaitable of the transport and the protocol, whose `connectionMade()` was called.
 *
 * @example
 * ```ts
 * import { connectReadPipe, run, StreamReader, StreamReaderProtocol } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * await run(async () => {
 *   const pipe = new Blob(["hello\n", "world\n"]).stream();
 *   const reader = new StreamReader();
 *   await connectReadPipe(() => new StreamReaderProtocol(reader), pipe);
 *   assertEquals(new TextDecoder().decode(await reader.readline()), "hello\n");
 *   assertEquals((await reader.read()).length, 6);
 * });
 * ```
 */
export function connectReadPipe<P extends StreamProtocol>(
  protocolFactory: () => P,
  pipe: ReadPipe,
): Awaitable<[transport: ReadTransport, protocol: P]> {
  return new Operation(() => connect(protocolFactory, readChannel(pipe)));
}

/**
 * Opens a transport that writes to a pipe.
 *
 * Counterpart of Python's `loop.connect_write_pipe()`.
 *
 * @typeParam P The type of the protocol.
 * @param protocolFactory Called to create the protocol.
 * @param pipe The pipe: `Deno.stdout`, an open FIFO or a web stream. The transport closes it.
 * @returns An awaitable of the transport and the protocol, whose `connectionMade()` was called.
 *
 * @example
 * ```ts
 * import { BaseProtocol, connectWritePipe, run } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
 * const text = new Response(readable).text();
 * await run(async () => {
 *   const [transport] = await connectWritePipe(() => new BaseProtocol(), writable);
 *   transport.write(new TextEncoder().encode("hello"));
 *   transport.close();
 *   assertEquals(await text, "hello");
 * });
 * ```
 */
export function connectWritePipe<P extends BaseProtocol>(
  protocolFactory: () => P,
  pipe: WritePipe,
): Awaitable<[transport: WriteTransport, protocol: P]> {
  return new Operation(() => connect(protocolFactory, writeChannel(pipe)));
}

function* connect<P extends BaseProtocol>(
  protocolFactory: () => P,
  channel: Channel,
): Steps<[transport: SocketTransport, protocol: P]> {
  const loop = getRunningLoop();
  const waiter = new HostWaiter({ loop });
  const protocol = protocolFactory();
  // A transport that only writes calls no callback for received data.
  const stream = protocol as unknown as StreamProtocol;
  const transport = new SocketTransport(loop, channel, stream, { extra: {}, waiter });
  try {
    yield* waiter;
  } catch (error) {
    transport.close();
    throw error;
  }
  return [transport, protocol];
}
