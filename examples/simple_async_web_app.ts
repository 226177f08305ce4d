/**
 * A web application with one route.
 *
 * Chapter: 简单的异步 Web 应用, `simple-async-web-app`
 * Run: deno task example simple_async_web_app [--host HOST] [--port PORT]
 * Permissions: net
 */

import { parseArgs } from "node:util";
import { Application, runApp } from "@aio/asyncio/http";

const { values: flags } = parseArgs({
  options: {
    host: { type: "string", default: "0.0.0.0" },
    port: { type: "string", default: "8080" },
  },
});

function hello(): Response {
  return new Response("Hello, World!");
}

const app = new Application();
app.router.addGet("/", hello);

await runApp(app, { host: flags.host, port: Number(flags.port) });
