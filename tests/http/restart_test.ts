/**
 * Restarts: a new process takes over the port of one that stops, and no request is lost.
 *
 * @module
 */

import { run } from "@aio/asyncio";
import { Application, AppRunner, TCPSite } from "@aio/asyncio/http";
import { assert, assertEquals, assertMatch } from "../_support/assert.ts";
import { Program } from "../_support/program.ts";
import { Client, parseResponse, test } from "./_support.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const REQUESTS = 10_000;
const CLIENTS = 32;

/** A server in a process of its own. */
class Server {
  readonly port: number;
  readonly #program: Program;

  private constructor(program: Program, port: number) {
    this.#program = program;
    this.port = port;
  }

  /** Starts a server on a port that it shares, or on any port. */
  static async start(port = 0): Promise<Server> {
    const url = new URL("programs/counting.ts", import.meta.url);
    // Without `--unstable-net`, Deno does not share ports.
    const program = new Program(url, ["--allow-net", "--unstable-net"], [String(port)]);
    const banner = await program.line();
    await program.line();
    return new Server(program, Number(/:(\d+) =/.exec(banner)![1]));
  }

  stop(): void {
    this.#program.signal("SIGTERM");
  }

  /** Waits for its end; returns how many requests it has handled. */
  async end(): Promise<number> {
    const { code, out, err } = await this.#program.end();
    assertEquals([code, err], [0, ""]);
    return Number(/^handled (\d+)$/m.exec(out)![1]);
  }
}

/**
 * Makes requests on one connection after another, as clients do: it opens a new one when an answer
 * says that it is the last, or when the server has closed the connection before answering.
 */
class Keeper implements Disposable {
  readonly #port: number;
  #client: Client | null = null;

  constructor(port: number) {
    this.#port = port;
  }

  /** Makes a request, again and again until there is an answer. */
  async get(): Promise<string> {
    for (;;) {
      const answer = await this.#tryOnce();
      if (answer === null || /^connection: close\r$/im.test(answer)) this[Symbol.dispose]();
      if (answer !== null) return answer;
    }
  }

  async #tryOnce(): Promise<string | null> {
    try {
      const client = this.#client ??= await Client.connect(this.#port);
      await client.send(GET);
      const answer = await readAnswer(client);
      return answer === "" ? null : answer;
    } catch (error) {
      const { ConnectionReset, BrokenPipe } = Deno.errors;
      if (error instanceof ConnectionReset || error instanceof BrokenPipe) return null;
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#client?.[Symbol.dispose]();
    this.#client = null;
  }
}

/** Reads the head and the body, `hello`, of an answer; "" if the connection was closed before. */
async function readAnswer(client: Client): Promise<string> {
  let answer = "";
  while (!answer.endsWith("\r\n\r\n")) {
    const line = await client.line();
    if (line === "") return answer;
    answer += line;
  }
  return answer + await client.take("hello".length);
}

test("runApp() answers until its clients have left for the process that shares its port", async () => {
  const old = await Server.start();
  const client = await Client.connect(old.port);
  await client.send(GET);
  assert(!/^connection:/im.test(await readAnswer(client)));
  old.stop();
  // On the existing connection: the first answer after the signal is its last.
  let answer = "";
  let count = 1;
  for (; !/^connection: close\r$/im.test(answer); count++) {
    await client.send(GET);
    answer = await readAnswer(client);
    assertMatch(answer, /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nhello$/);
  }
  assertEquals(await client.rest(), "");
  client[Symbol.dispose]();
  assertEquals(await old.end(), count);
});

test("AppRunner.cleanup() has the answers that are left say that they are the last ones", async () => {
  const release = Promise.withResolvers<void>();
  const bothRun = Promise.withResolvers<void>();
  let running = 0;
  const answering = (make: () => Response) => async (): Promise<Response> => {
    if (++running === 2) bothRun.resolve();
    await release.promise;
    return make();
  };
  const app = new Application();
  app.router.addGet("/", answering(() => new Response("hello")));
  // The headers of this response can't be changed.
  app.router.addGet("/moved", answering(() => Response.redirect("http://a/", 307)));
  await run(async () => {
    await using runner = new AppRunner(app);
    await runner.setup();
    const site = new TCPSite(runner, "127.0.0.1", 0);
    site.start();
    const answers = ["/", "/moved"].map(async (path) => {
      using client = await Client.connect(site.address.port);
      await client.send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      return parseResponse(await client.rest());
    });
    await bothRun.promise;
    const stopped = runner.cleanup();
    release.resolve();
    const [page, redirect] = await Promise.all(answers);
    await stopped;
    assertEquals([page!.status, page!.body, page!.headers.get("connection")], [
      200,
      "hello",
      "close",
    ]);
    const { status, headers } = redirect!;
    const [location, connection] = [headers.get("location"), headers.get("connection")];
    assertEquals([status, location, connection], [307, "http://a/", "close"]);
  });
});

test(`a restart loses none of ${REQUESTS} requests and more`, async () => {
  const old = await Server.start();
  const { port } = old;
  let made = 0;
  let isRestarted = false;
  const half = Promise.withResolvers<void>();
  const worker = async (): Promise<void> => {
    using keeper = new Keeper(port);
    while (made < REQUESTS || !isRestarted) {
      if (made++ === REQUESTS / 2) half.resolve();
      assertMatch(await keeper.get(), /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nhello$/);
    }
  };
  const work = Promise.all(Array.from({ length: CLIENTS }, worker));
  await half.promise;
  const next = await Server.start(port);
  old.stop();
  const byOld = await old.end();
  isRestarted = true;
  await work;
  next.stop();
  const byNext = await next.end();
  // Every request that a server began to handle was answered: none was made twice.
  assertEquals(byOld + byNext, made);
  assert(byOld > REQUESTS / 2 && byNext > 0);
});
