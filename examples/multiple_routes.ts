/**
 * A web application with two routes.
 *
 * Chapter: 多路由 Web 应用, `multiple_routes.py`
 * Run: deno task example multiple_routes [--host HOST] [--port PORT]
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

function index(): Response {
  return new Response("This is the home page");
}

function about(): Response {
  return new Response("This is the about page");
}

const app = new Application();
app.router.addGet("/", index);
app.router.addGet("/about", about);

await runApp(app, { host: flags.host, port: Number(flags.port) });
