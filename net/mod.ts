/**
 * The network half of asyncio: protocols, transports and servers, on Deno's own sockets.
 *
 * @example A server that counts the bytes it gets
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

export * from "./protocols.ts";
export * from "./server.ts";
export * from "./transports.ts";
