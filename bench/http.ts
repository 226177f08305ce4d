/**
 * The HTTP benchmark: one workload of one side, of its server or of its client.
 *
 *     deno run bench/http.ts SIDE SCALE WORKLOAD
 *
 * The side's server runs on one core, what asks it on the other; the client of a side the other way
 * round. `wrk` asks for pages on 64 connections. The WebSockets are spoken here: 32 connections, each
 * of which sends 100 bytes, once or 16 times, and waits for all of that to come back. Prints one
 * JSON object, name to requests or messages a second; an empty one if the side has no such thing.
 *
 * @module
 */

import type { Workload } from "./http_workloads.ts";

/**
 * For how long each workload is measured at a scale of 1, in seconds; after as long, in which V8 compiles
 * what it will run.
 */
const SECONDS = 2;
const CONNECTIONS = 64;

const SOCKETS = 32;
const MESSAGE_BYTES = 100;

const [side = "", scale = ""] = Deno.args;
const name = Deno.args[2] as Workload;
const seconds = Math.max(0.1, SECONDS * Number(scale));
const here = new URL(".", import.meta.url).pathname;
const folder = await Deno.makeTempDir();
const FILE = Uint8Array.from({ length: 10 * 1024 }, (_, i) => i & 255);
const POST = `wrk.method = "POST"
wrk.body = '{"id": 42, "name": "Ada", "tags": ["a", "b"]}'
wrk.headers["Content-Type"] = "application/json"
`;

/** What `taskset` ends with where there is no such program. */
const NOT_FOUND = 127;

/** A command on one of the cores. */
function onCore(core: number, ...[program, ...args]: string[]): Deno.Command {
  const pinned = ["-c", String(core), program!, ...args];
  return new Deno.Command("taskset", { args: pinned, stdout: "piped", stderr: "inherit" });
}

function onDeno(core: number, program: string, ...args: string[]): Deno.Command {
  return onCore(
    core,
    Deno.execPath(),
    "run",
    "--allow-net",
    "--allow-read",
    `${here}${program}`,
    ...args,
  );
}

/** A server, until it is disposed of. */
class Server implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly port: number;

  private constructor(child: Deno.ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  /** Starts it, and waits until it says its port. */
  static async start(command: Deno.Command): Promise<Server> {
    const child = command.spawn();
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      return new Server(child, Number(text));
    }
    throw new Error(`the server of ${side} did not start`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
  }
}

function startServer(core: number, name: string): Promise<Server> {
  return Server.start(
    name === "aiohttp"
      ? onCore(core, "/usr/bin/python3", `${here}http_aiohttp.py`, folder)
      : onDeno(core, "http_servers.ts", name, folder),
  );
}

// -- Pages --

/** Has `wrk` ask for a page for so long, and returns how often a second it was answered. */
async function wrk(seconds: number, ...args: string[]): Promise<number> {
  const output = await runWrk(seconds, args);
  // On a busy machine it may not have begun when it was told to stop.
  if (output === "") return await wrk(2 * seconds, ...args);
  const rate = Number(/^Requests\/sec:\s+([\d.]+)/m.exec(output)?.[1]);
  if (rate > 0 && !/Non-2xx|Socket errors/.test(output)) return rate;
  throw new Error(`wrk ${args.join(" ")}, asking ${side}:\n${output}`);
}

/** Runs it. It knows whole seconds only, so it is told when to stop. */
async function runWrk(seconds: number, args: string[]): Promise<string> {
  const child = onCore(0, "wrk", "-t1", `-c${CONNECTIONS}`, "-d60s", ...args).spawn();
  const timer = setTimeout(() => child.kill("SIGINT"), seconds * 1000);
  const output = await new Response(child.stdout).text();
  const { code } = await child.status;
  clearTimeout(timer);
  if (code === NOT_FOUND) throw new Deno.errors.NotFound("wrk is not installed");
  return output;
}

function page(path: string, ...args: string[]) {
  return async ({ port }: Server): Promise<number> => {
    const asked = [...args, `http://127.0.0.1:${port}${path}`];
    await wrk(seconds, ...asked); // to warm up
    return await wrk(seconds, ...asked);
  };
}

// -- WebSockets --

/** Sends messages again and again, each time once all have come back. */
class EchoClient {
  readonly #conn: Deno.TcpConn;
  readonly #sent: Uint8Array;
  readonly #answered: number;
  readonly #buffer = new Uint8Array(64 * 1024);

  /** On an open connection; `depth` messages are under way at a time. */
  constructor(conn: Deno.TcpConn, depth: number) {
    this.#conn = conn;
    const frame = new Uint8Array(6 + MESSAGE_BYTES).fill(0x61);
    frame.set([0x81, 0x80 | MESSAGE_BYTES, 0, 0, 0, 0]); // a whole text, with a mask of zeros
    this.#sent = new Uint8Array(frame.length * depth);
    for (let i = 0; i < depth; i++) this.#sent.set(frame, i * frame.length);
    this.#answered = (2 + MESSAGE_BYTES) * depth;
  }

  async open(): Promise<void> {
    this.#conn.setNoDelay();
    const head = "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n" +
      "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    await this.#write(new TextEncoder().encode(head));
    let answer = "";
    while (!answer.endsWith("\r\n\r\n")) {
      const count = await this.#conn.read(this.#buffer);
      answer += new TextDecoder().decode(this.#buffer.subarray(0, count ?? 0));
      if (count === null) throw new Error(`${side} opened no WebSocket: ${answer}`);
    }
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let left = bytes; left.length > 0;) left = left.subarray(await this.#conn.write(left));
  }

  /** One time there and back. */
  async exchange(): Promise<void> {
    await this.#write(this.#sent);
    for (let left = this.#answered; left > 0;) {
      const count = await this.#conn.read(this.#buffer);
      if (count === null) throw new Error(`${side} closed a WebSocket`);
      left -= count;
    }
  }
}

function echo(depth: number) {
  return async ({ port }: Server): Promise<number> => {
    await using stack = new AsyncDisposableStack();
    const clients = await Promise.all(Array.from({ length: SOCKETS }, async () => {
      const conn = stack.use(await Deno.connect({ hostname: "127.0.0.1", port }));
      const client = new EchoClient(conn, depth);
      await client.open();
      return client;
    }));
    await exchangeAll(clients, seconds); // to warm up
    return await exchangeAll(clients, seconds) * depth;
  };
}

/** How often a second all of them together send and get. */
async function exchangeAll(clients: EchoClient[], seconds: number): Promise<number> {
  let count = 0;
  const begin = performance.now();
  const end = begin + seconds * 1000;
  await Promise.all(clients.map(async (client) => {
    for (; performance.now() < end; count++) await client.exchange();
  }));
  return count / (performance.now() - begin) * 1000;
}

// -- All of it --

const servers: Record<Exclude<Workload, "client-64">, (server: Server) => Promise<number>> = {
  text: page("/text"),
  json: page("/json"),
  "route-query": page("/user/42?q=hi"),
  "post-json": page("/echo", "-s", `${folder}/post.lua`),
  "static-10k": page("/static/file.bin"),
  websocket: echo(1),
  "websocket-16": echo(16),
};

/** A client, against a bare server. */
async function client(): Promise<number> {
  await using server = await startServer(0, "Deno");
  const url = `http://127.0.0.1:${server.port}/text`;
  const { code, stdout } = await onDeno(1, "http_client.ts", side, url, String(seconds)).output();
  if (code !== 0) throw new Error(`the client of ${side} failed`);
  return Number(new TextDecoder().decode(stdout));
}

/** Undefined if the side has no such thing, or what it takes is not installed. */
async function measure(): Promise<number | undefined> {
  if (name === "client-64") {
    return side === "@aio/asyncio" || side === "Deno" ? await client() : undefined;
  }
  // Hono has no WebSockets of its own here: it takes the runtime's.
  if (side === "Hono" && name.startsWith("websocket")) return undefined;
  await Deno.writeFile(`${folder}/file.bin`, FILE);
  await Deno.writeTextFile(`${folder}/post.lua`, POST);
  await using server = await startServer(1, side);
  try {
    return await servers[name](server);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.error(`${name} is left out: ${error.message}`);
    return undefined;
  }
}

try {
  console.log(JSON.stringify({ [name]: await measure() }));
} finally {
  await Deno.remove(folder, { recursive: true });
}
