/**
 * Serves one application at a Unix socket, whose path is its argument, and at a port; ends by SIGTERM.
 *
 * @module
 */

import { Application, runApp } from "@aio/asyncio/http";

const app = new Application();
app.router.addGet("/", () => new Response("hello"));
app.onCleanup.push(() => console.log("cleaned up"));

await runApp(app, { host: ["127.0.0.1", "localhost"], port: 0, path: Deno.args[0]! });
