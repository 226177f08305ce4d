/**
 * asyncio for Deno: the event loop, tasks that can be cancelled, protocols and transports.
 *
 * @example A task that is cancelled cleans up before it ends
 * ```ts
 * import { createTask, run, sleep } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * const seen: string[] = [];
 * await run(async () => {
 *   const task = createTask(async () => {
 *     try {
 *       await sleep(3600);
 *     } finally {
 *       seen.push("cleaned up");
 *     }
 *   });
 *   await sleep(0.01);
 *   task.cancel();
 * });
 * assertEquals(seen, ["cleaned up"]);
 * ```
 *
 * @module
 */

export * from "./loop/mod.ts";
export * from "./net/mod.ts";
