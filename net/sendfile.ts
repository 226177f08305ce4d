/**
 * Sending files.
 *
 * Counterpart of `loop.sendfile()` of Python's asyncio. Deno has no access to the system's own
 * `sendfile()`, so the file is copied, block by block, no faster than the other side takes it.
 *
 * @module
 */

import { RuntimeError } from "../loop/mod.ts";
import type { Awaitable } from "../loop/mod.ts";
import { Operation } from "../loop/coroutines.ts";
import { Claim } from "../loop/claims.ts";
import type { Steps } from "../loop/coroutines.ts";
import { FlowControl } from "./_flow_control.ts";
import { obtain } from "./_pending.ts";
import { SocketTransport } from "./_socket_transport.ts";
import { SendfileNotAvailableError } from "./exceptions.ts";
import type { Transport } from "./transports.ts";

/** How much is read at once, in bytes. */
const BLOCK = 256 * 1024;

/** Options for {@linkcode sendfile}. */
export interface SendfileOptions {
  /**
   * Whether the file may be copied. There is no other way: with false, the call fails.
   *
   * @default {true}
   */
  fallback?: boolean;
}

/** During a transfer, any end of the connection is an error. */
class SendfileFlow extends FlowControl {
  override lose(exception: unknown): void {
    super.lose(exception ?? new Deno.errors.ConnectionReset("Cannot send file: Connection lost"));
  }
}

/**
 * Sends a file or a part of it. Reading is paused meanwhile.
 *
 * Counterpart of Python's `loop.sendfile()`.
 *
 * @param transport The transport to send through.
 * @param file The file. Afterwards its position is just behind what was sent.
 * @param offset Where to start, in bytes.
 * @param count How much to send, in bytes; null for all.
 * @param options Whether the file may be copied.
 * @returns An awaitable of the number of bytes sent.
 * @throws {RuntimeError} If the transport is closing, is not that of a connection, or is already
 * sending a file.
 * @throws {SendfileNotAvailableError} If the file may not be copied.
 * @throws {Deno.errors.ConnectionReset} If the connection is closed or lost meanwhile.
 *
 * @example
 * ```ts
 * import { createConnection, Protocol, run, sendfile, startServer } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile();
 * await Deno.writeTextFile(path, "hello");
 * await run(async () => {
 *   await using server = await startServer(async (reader, writer) => {
 *     assertEquals(new TextDecoder().decode(await reader.read()), "hello");
 *     writer.close();
 *   }, "127.0.0.1", 0);
 *   const [host, port] = server.sockets[0]!.getsockname();
 *   const [transport] = await createConnection(() => new Protocol(), host, port);
 *   using file = await Deno.open(path);
 *   assertEquals(await sendfile(transport, file), 5);
 *   transport.close();
 * });
 * await Deno.remove(path);
 * ```
 */
export function sendfile(
  transport: Transport,
  file: Deno.FsFile,
  offset = 0,
  count: number | null = null,
  options: SendfileOptions = {},
): Awaitable<number> {
  return new Operation(() => {
    if (transport.isClosing()) throw new RuntimeError("Cannot send file: Transport is closing");
    if (!(options.fallback ?? true)) {
      const text = "fallback is disabled and native sendfile is not supported";
      throw new SendfileNotAvailableError(`Cannot send file: ${text}`);
    }
    if (!(transport instanceof SocketTransport)) {
      throw new RuntimeError(`Cannot send file: not supported for transport ${transport}`);
    }
    if (transport._sending !== null) {
      throw new RuntimeError("Cannot send file: another one is being sent");
    }
    return copy(transport, file, offset, count ?? Infinity);
  });
}

function* copy(
  transport: SocketTransport,
  file: Deno.FsFile,
  offset: number,
  count: number,
): Steps<number> {
  const flow = new SendfileFlow();
  if (transport._isWritingPaused) flow.pauseWriting();
  const wasReading = transport.isReading();
  transport.pauseReading();
  transport._sending = flow;
  const block = new Uint8Array(Math.min(BLOCK, count));
  let total = 0;
  try {
    yield* wait(() => file.seek(offset, Deno.SeekMode.Start));
    while (total < count) {
      const part = block.subarray(0, Math.min(block.byteLength, count - total));
      const size = yield* wait(() => file.read(part));
      if (size === null) break;
      yield* new Claim(flow.room, undefined);
      if (transport.isClosing()) {
        throw new Deno.errors.ConnectionReset("Cannot send file: the transport was closed");
      }
      transport.write(part.subarray(0, size));
      total += size;
    }
    yield* new Claim(flow.room, undefined);
    return total;
  } finally {
    transport._sending = null;
    if (wasReading) transport.resumeReading();
    file.seekSync(offset + total, Deno.SeekMode.Start);
  }
}

function wait<T>(start: () => Promise<T>): Steps<T> {
  return obtain(start, () => {});
}
