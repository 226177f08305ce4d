/**
 * The HTTP benchmark: one workload, for the servers or the clients of all sides.
 *
 *     deno run bench/http.ts SCALE WORKLOAD SIDE…
 *
 * What is measured, a server or a client, runs on one core, and its counterpart on the other. All
 * sides are started and warmed up; then they take turns in short slices of time, so that a machine
 * that is slower for a while is slower for all of them. `wrk` requests pages on 64 connections. The
 * WebSocket load comes from this program: 32 connections, each of which sends 1 or 16 messages of
 * 100 bytes and waits for all of them to come back. Prints one JSON object: for each side that has
 * the workload, its name to requests or messages a second.
 *
 * @module
 */

import type { Workload } from "./http_workloads.ts";

/** How long each side is measured at a scale of 1, in seconds, after it was warmed up. */
const SECONDS = 4;
/** The longest slice, in seconds. */
const SLICE = 0.5;
const CONNECTIONS = 64;

const SOCKETS = 32;
const MESSAGE_BYTES = 100;

const [scale = "", workload = "", ...sides] = Deno.args;
const name = workload as Workload;
const slices = Math.max(1, Math.round(SECONDS * Number(scale) / SLICE));
const seconds = Math.max(0.1, SECONDS * Number(scale) / slices);
const here = new URL(".", import.meta.url).pathname;
const folder = await Deno.makeTempDir();
const FILE = Uint8Array.from({ length: 10 * 1024 }, (_, i) => i & 255);
const POST = `wrk.method = "POST"
wrk.body = '{"id": 42, "name": "Ada", "tags": ["a", "b"]}'
wrk.headers["Content-Type"] = "application/json"
`;

/** The exit code of `taskset` if there is no such program. */
const NOT_FOUND = 127;

/** Returns a command that runs on one of the cores. */
function onCore(core: number, ...[program, ...args]: string[]): Deno.Command {
  const pinned = ["-c", String(core), program!, ...args];
  const options = { stdin: "piped", stdout: "piped", stderr: "inherit" } as const;
  return new Deno.Command("taskset", { args: pinned, ...options });
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

/** Measures for a number of seconds, and returns how much was done per second. */
type Measure = (seconds: number) => Promise<number>;
/** Makes a side ready to be measured, until `stack` is disposed of. */
type Start = (side: string, stack: AsyncDisposableStack) => Promise<Measure>;

/** A program that prints one number at a time. */
class Speaker implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #said: AsyncIterator<string>;
  readonly #name: string;

  constructor(command: Deno.Command, name: string) {
    this.#child = command.spawn();
    this.#said = this.#child.stdout.pipeThrough(new TextDecoderStream()).values();
    this.#name = name;
  }

  async number(): Promise<number> {
    const { value, done } = await this.#said.next();
    if (done) throw new Error(`the ${this.#name} ended`);
    return Number(value);
  }

  async tell(text: string): Promise<void> {
    const writer = this.#child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(text));
    writer.releaseLock();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended already
    }
    await this.#child.status;
  }
}

/** Starts the server of a side, and returns its port. */
function startServer(side: string, stack: AsyncDisposableStack, core = 1): Promise<number> {
  const command = side === "aiohttp"
    ? onCore(core, "/usr/bin/python3", `${here}http_aiohttp.py`, folder)
    : onDeno(core, "http_servers.ts", side, folder);
  return stack.use(new Speaker(command, `server of ${side}`)).number();
}

// -- Pages --

/** Lets `wrk` request a page for some seconds, and returns the answers per second. */
async function wrk(seconds: number, ...args: string[]): Promise<number> {
  const output = await runWrk(seconds, args);
  // On a busy machine it may not have begun when it was told to stop.
  if (output === "") return await wrk(2 * seconds, ...args);
  const rate = Number(/^Requests\/sec:\s+([\d.]+)/m.exec(output)?.[1]);
  if (rate > 0 && !/Non-2xx|Socket errors/.test(output)) return rate;
  throw new Error(`wrk ${args.join(" ")}:\n${output}`);
}

/** Runs `wrk`. It knows whole seconds only, so it is told when to stop. */
async function runWrk(seconds: number, args: string[]): Promise<string> {
  // A signal that comes while it begins may be lost: then it ends by itself at this time.
  const latest = `-d${Math.ceil(seconds) + 1}s`;
  const child = onCore(0, "wrk", "-t1", `-c${CONNECTIONS}`, latest, ...args).spawn();
  const timer = setTimeout(() => child.kill("SIGINT"), seconds * 1000);
  const output = await new Response(child.stdout).text();
  const { code } = await child.status;
  clearTimeout(timer);
  if (code === NOT_FOUND) throw new Deno.errors.NotFound("wrk is not installed");
  return output;
}

function page(path: string, ...args: string[]): Start {
  return async (side, stack) => {
    const port = await startServer(side, stack);
    return (seconds) => wrk(seconds, ...args, `http://127.0.0.1:${port}${path}`);
  };
}

// -- WebSockets --

/** Sends messages again and again, each time after all have come back. */
class EchoClient {
  readonly #conn: Deno.TcpConn;
  readonly #sent: Uint8Array;
  readonly #answered: number;
  readonly #buffer = new Uint8Array(64 * 1024);

  /** Uses an open connection; `depth` messages are under way at a time. */
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
      if (count === null) throw new Error(`it opened no WebSocket: ${answer}`);
    }
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let left = bytes; left.length > 0;) left = left.subarray(await this.#conn.write(left));
  }

  /** Sends the messages once, and waits until they have come back. */
  async exchange(): Promise<void> {
    await this.#write(this.#sent);
    for (let left = this.#answered; left > 0;) {
      const count = await this.#conn.read(this.#buffer);
      if (count === null) throw new Error("it closed a WebSocket");
      left -= count;
    }
  }
}

function echo(depth: number): Start {
  return async (side, stack) => {
    const port = await startServer(side, stack);
    const clients = await Promise.all(Array.from({ length: SOCKETS }, async () => {
      const conn = stack.use(await Deno.connect({ hostname: "127.0.0.1", port }));
      const client = new EchoClient(conn, depth);
      await client.open();
      return client;
    }));
    return async (seconds) => await exchangeAll(clients, seconds) * depth;
  };
}

/** Returns how many exchanges per second all clients make together. */
async function exchangeAll(clients: EchoClient[], seconds: number): Promise<number> {
  let count = 0;
  const begin = performance.now();
  const end = begin + seconds * 1000;
  await Promise.all(clients.map(async (client) => {
    for (; performance.now() < end; count++) await client.exchange();
  }));
  return count / (performance.now() - begin) * 1000;
}

// -- Clients --

/** Starts a client, and a bare server of its own to measure it against. */
async function client(side: string, stack: AsyncDisposableStack): Promise<Measure> {
  const port = await startServer("Deno", stack, 0);
  const command = onDeno(1, "http_client.ts", side, `http://127.0.0.1:${port}/text`);
  const speaker = stack.use(new Speaker(command, `client of ${side}`));
  return async (seconds) => {
    await speaker.tell(String(seconds));
    return await speaker.number();
  };
}

// -- All of it --

const workloads: Record<Workload, Start> = {
  text: page("/text"),
  json: page("/json"),
  "route-query": page("/user/42?q=hi"),
  "post-json": page("/echo", "-s", `${folder}/post.lua`),
  "static-10k": page("/static/file.bin"),
  websocket: echo(1),
  "websocket-16": echo(16),
  "client-64": client,
};

/** Whether a side has the workload. Hono has no WebSockets of its own here: it uses Deno's. */
function isThere(side: string): boolean {
  if (name === "client-64") return side === "@aio/asyncio" || side === "Deno";
  return !(side === "Hono" && name.startsWith("websocket"));
}

/** Returns the measured figures by side; sides that fail are left out, and named. */
async function measureAll(stack: AsyncDisposableStack): Promise<Map<string, number[]>> {
  const measures = new Map<string, Measure>();
  const figures = new Map<string, number[]>();
  const attempt = async (side: string, step: () => Promise<unknown>): Promise<void> => {
    try {
      await step();
    } catch (error) {
      console.error(`${name} of ${side} is left out: ${(error as Error).message}`);
      measures.delete(side);
      figures.delete(side);
    }
  };
  for (const side of sides.filter(isThere)) {
    await attempt(side, async () => {
      const measure = await workloads[name](side, stack);
      await measure(slices / 2 * seconds); // to warm up
      measures.set(side, measure);
      figures.set(side, []);
    });
  }
  for (let slice = 0; slice < slices; slice++) {
    for (const [side, measure] of measures) {
      await attempt(side, async () => figures.get(side)!.push(await measure(seconds)));
    }
  }
  return figures;
}

await Deno.writeFile(`${folder}/file.bin`, FILE);
await Deno.writeTextFile(`${folder}/post.lua`, POST);
try {
  await using stack = new AsyncDisposableStack();
  const means = Array.from(await measureAll(stack), ([side, figures]) => {
    return [side, { [name]: figures.reduce((sum, figure) => sum + figure) / figures.length }];
  });
  console.log(JSON.stringify(Object.fromEntries(means)));
} finally {
  await Deno.remove(folder, { recursive: true });
}
