/**
 * The example that fetches several URLs at once, against the four sites that were recorded with
 * aiohttp: what it prints is what the chapter's script printed; and what can't be fetched costs a
 * line of its own, where it costs the chapter's script everything.
 *
 * @module
 */

import { assertEquals, assertMatch } from "../_support/assert.ts";
import { freePort, runScript, test } from "./_support.ts";
import { transcripts } from "./_transcripts.ts";

const recorded = transcripts.scripts.asyncio_url_fetch;

/** The recorded sites, which answer in the recorded order, whatever order they are asked in. */
class Sites implements AsyncDisposable {
  /** Which have answered, in order. */
  readonly answered: string[] = [];
  readonly #turns: Map<string, PromiseWithResolvers<void>>;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    this.#turns = new Map(recorded.answer_order.map((path) => [path, Promise.withResolvers()]));
    const options = { hostname: "127.0.0.1", port: 0, onListen: (): void => {} };
    this.#server = Deno.serve(options, (request, info) => this.#answer(request, info));
    this.#turns.get(recorded.answer_order[0]!)!.resolve();
  }

  get urls(): string[] {
    return recorded.sites.map(({ path }) => `http://127.0.0.1:${this.#server.addr.port}${path}`);
  }

  async #answer(request: Request, info: Deno.ServeHandlerInfo): Promise<Response> {
    const { pathname } = new URL(request.url);
    const site = recorded.sites.find(({ path }) => path === pathname)!;
    await this.#turns.get(pathname)!.promise;
    info.completed.then(() => this.#next(pathname));
    const body = Uint8Array.fromBase64(site.body_base64);
    return new Response(body, { headers: { "content-type": site.content_type } });
  }

  #next(pathname: string): void {
    this.answered.push(pathname);
    const next = recorded.answer_order[this.answered.length];
    if (next !== undefined) this.#turns.get(next)!.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** Answers each connection with these bytes, whatever it says, and closes it. */
function serveBytes(answer: string): { url: string } & AsyncDisposable {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const conn of listener) {
      await conn.read(new Uint8Array(4096));
      await conn.write(new TextEncoder().encode(answer));
      conn.close();
    }
  })();
  return {
    url: `http://127.0.0.1:${listener.addr.port}/`,
    async [Symbol.asyncDispose](): Promise<void> {
      listener.close();
      await serving;
    },
  };
}

test("parity: asyncio_url_fetch prints aiohttp's lines when the last URL answers first", async () => {
  await using sites = new Sites();
  const { code, lines, err } = await runScript("asyncio_url_fetch", sites.urls);
  assertEquals(lines, recorded.stdout);
  assertEquals([code, err], [0, ""]);
  assertEquals(sites.answered, recorded.answer_order);
});

test("asyncio_url_fetch loses no other page when a URL in the middle can't be reached", async () => {
  await using sites = new Sites();
  const nowhere = `http://127.0.0.1:${freePort()}/`;
  const urls = sites.urls.toSpliced(2, 0, nowhere);
  const { code, lines, err } = await runScript("asyncio_url_fetch", urls);
  const index = recorded.stdout.findIndex((line) => line.startsWith("<p>异步"));
  const [line] = lines.splice(index, 1);
  assertMatch(line!, new RegExp(`^Cannot reach ${nowhere}: .*Connection refused`));
  assertEquals(lines, recorded.stdout);
  assertEquals([code, err], [0, ""]);
});

test("asyncio_url_fetch gives each a line when sites answer with no HTTP or half a page", async () => {
  await using garbage = serveBytes("\0\xff garbage\r\n\r\n");
  await using silent = serveBytes("");
  await using half = serveBytes("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<p>half");
  await using page = serveBytes("HTTP/1.1 500 Oh\r\nContent-Length: 4\r\n\r\nsad\n");
  const urls = [garbage.url, silent.url, half.url, "ftp://127.0.0.1/", page.url];
  const { code, lines, err } = await runScript("asyncio_url_fetch", urls);
  const [notHttp, closed, cut, scheme, ...rest] = lines;
  assertMatch(notHttp!, new RegExp(`^Cannot reach ${garbage.url}: `));
  assertMatch(closed!, new RegExp(`^Cannot reach ${silent.url}: `));
  assertMatch(cut!, new RegExp(`^Cannot read response of ${half.url}: `));
  assertMatch(scheme!, new RegExp("^Cannot reach ftp://127.0.0.1/: .*'ftp' not supported"));
  assertEquals(rest, ["sad", ""]);
  assertEquals([code, err], [0, ""]);
});
