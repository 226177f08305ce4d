/**
 * The network half of asyncio: transports and protocols, streams, servers,
 * TLS, datagrams and child processes, on Deno's own sockets.
 *
 * @example A server that counts the bytes it receives
 * ```ts
 * import { run } from "@aio/asyncio/loop";
 * import { createServer, Protocol } from "@aio/asyncio/net";
 * import { assertEquals } from "@std/assert";
 *
 * let total = 0;
 * class Counter extends Protocol {
 *   override dataReceived(data: Uint8Array) {
 *     total += data.length;
 *   }
 * }
 * await run(async () => {
 *   await using server = await createServer(() => new Counter(), "127.0.0.1", 0);
 *   const [hostname, port] = server.sockets[0]!.getsockname();
 *   const client = await Deno.connect({ hostname, port });
 *   await client.write(new Uint8Array(100));
 *   client.close();
 * });
 * assertEquals(total, 100);
 * ```
 *
 * @module
 */

export type { StreamProtocol } from "./_establishing.ts";
export { DEVNULL, PIPE, STDOUT } from "./_spawning.ts";
export type { Stdio, SubprocessOptions } from "./_spawning.ts";
export * from "./addresses.ts";
export * from "./connections.ts";
export * from "./create_server.ts";
export * from "./datagrams.ts";
export * from "./exceptions.ts";
export { connectReadPipe, connectWritePipe } from "./pipes.ts";
export type { DirectReader, DirectWriter, ReadPipe, WritePipe } from "./pipes.ts";
export * from "./protocols.ts";
export * from "./sendfile.ts";
export * from "./server.ts";
export { staggeredRace } from "./staggered.ts";
export type { RaceResult } from "./staggered.ts";
export { StreamReader } from "./stream_reader.ts";
export * from "./stream_writer.ts";
export * from "./streams.ts";
export * from "./subprocess.ts";
export * from "./subprocess_exec.ts";
export * from "./tls.ts";
export * from "./tls_options.ts";
export * from "./transports.ts";
