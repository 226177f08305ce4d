/**
 * A web server for one page from a file; 404 if the file is not there.
 *
 * Chapter: 简单的静态页面服务器, `static_page_server.py`. The chapter's
 * handler reads the file synchronously, which keeps all other requests waiting; this one does not.
 * Run: deno task example static_page_server [--file FILE] [--host HOST] [--port PORT]
 * Permissions: net, read
 */

import { parseArgs } from "node:util";
import { Application, runApp } from "@aio/asyncio/http";

const { values: flags } = parseArgs({
  options: {
    file: { type: "string" },
    host: { type: "string", default: "0.0.0.0" },
    port: { type: "string", default: "8080" },
  },
});
const file = flags.file ?? new URL("index.html", import.meta.url);

async function handle(): Promise<Response> {
  try {
    const content = await Deno.readTextFile(file);
    return new Response(content, { headers: { "content-type": "text/html; charset=utf-8" } });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return new Response("Page not found", { status: 404 });
  }
}

const app = new Application();
app.router.addGet("/", handle);

await runApp(app, { host: flags.host, port: Number(flags.port) });
