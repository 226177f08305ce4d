/**
 * The servers of the HTTP benchmark on Deno: the same answers from this project, from bare
 * `Deno.serve`, and from Hono. `http_aiohttp.py` has those of aiohttp.
 *
 *     deno run bench/http_servers.ts @aio/asyncio|Deno|Hono FOLDER
 *
 * Prints its port on 127.0.0.1, and serves until it is killed.
 *
 * @module
 */

import { Hono } from "hono";
import { serveStatic } from "hono/deno";
import {
  Application,
  matchInfo,
  query,
  readJson,
  runApp,
  WebSocketResponse,
} from "@aio/asyncio/http";

const HOSTNAME = "127.0.0.1";
const TEXT = "Hello, World!";
const MESSAGE = { message: TEXT };

const servers: Record<string, (folder: string) => unknown> = {
  "@aio/asyncio"(folder) {
    const app = new Application();
    app.router.addGet("/text", () => new Response(TEXT));
    app.router.addGet("/json", () => Response.json(MESSAGE));
    app.router.addGet("/user/{id}", (request) => {
      const { id } = matchInfo<"id">(request);
      return new Response(id + (query(request).get("q") ?? ""));
    });
    app.router.addPost("/echo", async (request) => Response.json(await readJson(request)));
    app.router.addStatic("/static", folder);
    app.router.addGet("/ws", async (request) => {
      const ws = new WebSocketResponse();
      await ws.prepare(request);
      for await (const message of ws) await ws.sendStr(message as string);
      return ws;
    });
    const onListen = ({ port }: Deno.NetAddr): void => console.log(port);
    return runApp(app, { host: HOSTNAME, port: 0, print: null, onListen });
  },

  Deno(folder) {
    return Deno.serve({ ...ANYWHERE, onListen }, (request) => answerBarely(request, folder));
  },

  Hono(folder) {
    const app = new Hono();
    app.get("/text", (c) => c.text(TEXT));
    app.get("/json", (c) => c.json(MESSAGE));
    app.get("/user/:id", (c) => c.text(c.req.param("id") + (c.req.query("q") ?? "")));
    app.post("/echo", async (c) => c.json(await c.req.json()));
    const rewriteRequestPath = (path: string): string => path.slice("/static".length);
    app.get("/static/*", serveStatic({ root: folder, rewriteRequestPath }));
    return Deno.serve({ ...ANYWHERE, onListen }, app.fetch);
  },
};

const ANYWHERE = { hostname: HOSTNAME, port: 0 };

function onListen({ port }: Deno.NetAddr): void {
  console.log(port);
}

/** Does no more than each answer takes. */
async function answerBarely(request: Request, folder: string): Promise<Response> {
  const start = request.url.indexOf("/", 8);
  const mark = request.url.indexOf("?", start);
  const path = mark < 0 ? request.url.slice(start) : request.url.slice(start, mark);
  if (path === "/text") return new Response(TEXT);
  if (path === "/json") return Response.json(MESSAGE);
  if (path === "/echo") return Response.json(await request.json());
  if (path === "/ws") {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onmessage = ({ data }) => socket.send(data);
    return response;
  }
  if (path.startsWith("/user/")) {
    const params = new URLSearchParams(mark < 0 ? "" : request.url.slice(mark));
    return new Response(path.slice("/user/".length) + (params.get("q") ?? ""));
  }
  if (path.startsWith("/static/")) return await sendFile(folder + path.slice("/static".length));
  return new Response("404: Not Found", { status: 404 });
}

/** Opens a file and streams it. */
async function sendFile(path: string): Promise<Response> {
  const file = await Deno.open(path);
  const { size } = await file.stat();
  const headers = { "content-length": String(size), "content-type": "application/octet-stream" };
  return new Response(file.readable, { headers });
}

const [name = "", folder = ""] = Deno.args;
await servers[name]!(folder);
