/**
 * ClientSession against aiohttp's own server. Without aiohttp, these tests are shown as ignored.
 *
 * @module
 */

import { createTask, run, sleep } from "@aio/asyncio/loop";
import {
  BasicAuth,
  ClientPayloadError,
  ClientResponseError,
  ClientSession,
  MultipartWriter,
  ServerTimeoutError,
  TCPConnector,
  TooManyRedirects,
} from "@aio/asyncio/http";
import { assertEquals, assertRejects } from "../_support/assert.ts";

const PYTHON = "/usr/bin/python3";

async function hasAiohttp(): Promise<boolean> {
  try {
    const args = ["-c", "import aiohttp"];
    return (await new Deno.Command(PYTHON, { args, stderr: "null" }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

const ignore = !await hasAiohttp();

/** Runs a test with a session whose base is a server of aiohttp. */
function test(name: string, body: (session: ClientSession) => Promise<void>): void {
  Deno.test({
    name: `ClientSession, with aiohttp's server, ${name}`,
    ignore,
    async fn() {
      const script = new URL("client_aiohttp_server.py", import.meta.url).pathname;
      const server = new Deno.Command(PYTHON, { args: [script], stdin: "piped", stdout: "piped" })
        .spawn();
      try {
        const reader = server.stdout.pipeThrough(new TextDecoderStream()).getReader();
        const { value } = await reader.read();
        const baseUrl = `http://127.0.0.1:${value!.trim()}/`;
        await run(async () => {
          await using session = new ClientSession({ baseUrl });
          await body(session);
        });
        await reader.cancel();
      } finally {
        server.kill("SIGKILL"); // its own shutdown is not tested here
        await server.stdin.abort();
        await server.status;
      }
    },
  });
}

interface Echo {
  method: string;
  path: string;
  type: string;
  auth: string;
  cookies: Record<string, string>;
  body: string;
}

test("sends bodies of each kind", async (session) => {
  const echo = async (...args: Parameters<typeof session.request>): Promise<Echo> => {
    await using response = await session.request(...args);
    return await response.json<Echo>();
  };
  const json = await echo("PUT", "echo", { json: [1], params: { q: "ä b" } });
  assertEquals([json.method, json.path, json.type, json.body], [
    "PUT",
    "/echo?q=%C3%A4+b",
    "application/json",
    "[1]",
  ]);
  const chunks = async function* (): AsyncGenerator<string> {
    for (let i = 0; i < 1000; i++) yield "x".repeat(1000);
  };
  assertEquals((await echo("POST", "echo", { data: chunks })).body.length, 1_000_000);
  assertEquals((await echo("POST", "echo", { data: "plain", compress: "gzip" })).body, "plain");
  assertEquals((await echo("POST", "echo", { data: "plain", compress: true })).body, "plain");
});

test("sends forms, with files and without", async (session) => {
  const post = async (data: MultipartWriter | Record<string, string>): Promise<unknown> => {
    await using response = await session.post("form", { data });
    return await response.json();
  };
  assertEquals(await post({ a: "1 ä", b: "&=" }), [["a", null, "1 ä"], ["b", null, "&="]]);
  const writer = new MultipartWriter();
  writer.append("field", "vä");
  writer.append("file", new Blob(["content"]).stream(), { filename: "f.txt" });
  assertEquals(await post(writer), [["field", null, "vä"], ["file", "f.txt", "content"]]);
});

test("follows redirects with cookies", async (session) => {
  await using response = await session.post("redirect/307/3", { data: "body" });
  const { method, cookies, body } = await response.json<Echo>();
  assertEquals([method, body, Object.keys(cookies).sort()], ["POST", "body", [
    "step1",
    "step2",
    "step3",
  ]]);
  assertEquals(response.history.map(({ status }) => status), [307, 307, 307]);
  await using got = await session.post("redirect/303/1", { data: "body" });
  assertEquals((await got.json<Echo>()).method, "GET");
  await assertRejects(
    async () => await session.get("redirect/302/5", { maxRedirects: 4 }),
    TooManyRedirects,
  );
});

test("reads streams, compressed ones too, and notices those that break", async (session) => {
  for (const params of [{}, { compress: 1 }]) {
    await using response = await session.get("stream", { params });
    const lines = await Array.fromAsync(response.iterLines());
    assertEquals([lines.length, lines[99]], [100, "line 99"]);
  }
  await using response = await session.get("broken");
  await assertRejects(async () => await response.read(), ClientPayloadError);
  await using latin = await session.get("latin");
  assertEquals(await latin.text(), "é");
});

test("proves who asks, and takes no for an answer", async (session) => {
  await using inside = await session.get("private", { auth: new BasicAuth("me", "secret") });
  assertEquals(await inside.text(), "in");
  const error = await assertRejects(
    async () => await session.get("private", { raiseForStatus: true }),
    ClientResponseError,
  );
  assertEquals(error.status, 401);
});

test("gives up a handler that is silent, and goes on", async (session) => {
  const error = await assertRejects(
    async () => await session.get("silent", { timeout: { headers: 0.05 } }),
    ServerTimeoutError,
  );
  assertEquals(error.phase, "headers");
  const task = createTask(async () => await session.get("silent"));
  await sleep(0.01);
  task.cancel();
  await assertRejects(async () => await task);
  await using response = await session.get("echo");
  assertEquals(response.status, 200);
});

test("makes many requests on few connections", async (session) => {
  const connector = new TCPConnector({ limit: 5 });
  await using first = await session.get("echo");
  await using limited = new ClientSession({ connector });
  const tasks = Array.from({ length: 100 }, (_, i) =>
    createTask(async () => {
      await using response = await limited.get(first.url, { params: { i } });
      return (await response.json<Echo>()).path;
    }));
  for (const [i, task] of tasks.entries()) assertEquals(await task, `/echo?i=${i}`);
});

test("talks over a WebSocket, and answers its heartbeat", async (session) => {
  await using ws = await session.wsConnect("ws", { protocols: ["chat"] });
  assertEquals(ws.protocol, "chat");
  await ws.sendStr("hello");
  assertEquals(await ws.receiveStr(), "hello!");
  await ws.sendBytes(Uint8Array.of(1, 2, 3));
  assertEquals(await ws.receiveBytes(), Uint8Array.of(3, 2, 1));
  await sleep(0.2); // several heartbeats: a client that did not answer would be closed
  await ws.sendStr("close");
  assertEquals(await ws.receive(), { type: "close", data: 4001, reason: "bye" });
});
