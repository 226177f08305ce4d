/**
 * The web layer: applications that answer requests, and sessions that make them, on the web
 * platform's own `Request` and `Response`. What aiohttp is to asyncio.
 *
 * @example
 * ```ts
 * import { Application, runApp } from "@aio/asyncio/http";
 *
 * const app = new Application();
 * app.router.addGet("/", () => new Response("Hello, World!"));
 *
 * if (Deno.args.includes("--serve")) await runApp(app);
 * ```
 *
 * @module
 */

export * from "./application.ts";
export * from "./client.ts";
export * from "./exceptions.ts";
export * from "./router.ts";
export * from "./run_app.ts";
