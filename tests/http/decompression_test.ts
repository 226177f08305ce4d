/**
 * Compressed request bodies.
 *
 * @module
 */

import {
  Application,
  ClientSession,
  decompression,
  matchInfo,
  readBytes,
  readChunks,
  readJson,
  readText,
  TestServer,
} from "@aio/asyncio/http";
import { assertEquals } from "../_support/assert.ts";
import { captureReports, test } from "./_support.ts";

const LIMIT = 1000;

/** 64 MiB of zeros. */
const BROTLI_BOMB = "z///fwAkAOKxQHLv//n//w+ABEAcFoDu/T////8BkACIwwLQvf/P//9/ABIAcVgAuvf/";

type Bytes = Uint8Array<ArrayBuffer>;

async function compressed(text: string, ...formats: CompressionFormat[]): Promise<Bytes> {
  let body = new Blob([text]).stream();
  for (const format of formats) body = body.pipeThrough(new CompressionStream(format));
  return await new Response(body).bytes();
}

function application(): Application {
  const app = new Application({ middlewares: [decompression()], clientMaxSize: LIMIT });
  app.router.addPost("/text/{name}", async (request) => {
    const { headers } = request;
    const seen = [headers.get("content-encoding"), headers.get("content-length"), headers.get("x")];
    return Response.json([matchInfo(request).name, ...seen, await readText(request)]);
  });
  app.router.addPost("/json", async (request) => Response.json(await readJson(request)));
  app.router.addPost("/size", async (request) => Response.json((await readBytes(request)).length));
  app.router.addPost("/any", async (request) => Response.json((await readBytes(request)).length), {
    clientMaxSize: null,
  });
  return app;
}

/** Posts `body`, and returns the status and the text of the answer. */
async function post(
  server: TestServer,
  path: string,
  encoding: string,
  body: Bytes | string,
): Promise<[number, string]> {
  const headers = { "content-encoding": encoding, x: "1" };
  const response = await server.request(path, { method: "POST", headers, body });
  return [response.status, await response.text()];
}

test("decompression() gives handlers what was compressed, as if it had not been", async () => {
  await using server = await TestServer.start(application());
  const cases: [encoding: string, formats: CompressionFormat[]][] = [
    ["gzip", ["gzip"]],
    ["X-GZip", ["gzip"]],
    ["deflate", ["deflate"]],
    ["br", ["brotli"]],
    ["deflate, gzip", ["deflate", "gzip"]],
  ];
  for (const [encoding, formats] of cases) {
    const body = await compressed("hällo", ...formats);
    const answer = await post(server, "/text/a%20b", encoding, body);
    assertEquals([encoding, ...answer], [encoding, 200, '["a b",null,null,"1","hällo"]']);
  }
  const [, plain] = await post(server, "/text/a", "identity", "hello");
  assertEquals(plain, '["a","identity","5","1","hello"]');
  const none = await server.request("/text/a", { method: "POST", body: "hello" });
  assertEquals(await none.text(), '["a",null,"5",null,"hello"]');
});

test("decompression() takes what ClientSession compresses", async () => {
  await using server = await TestServer.start(application());
  await using session = new ClientSession({ baseUrl: server.url("/") });
  for (const compress of [true, "gzip", "deflate"] as const) {
    await using response = await session.post("/json", { json: { a: [1] }, compress });
    assertEquals([response.status, await response.json()], [200, { a: [1] }]);
  }
});

test("decompression() limits what comes out as well as what comes in", async () => {
  await using server = await TestServer.start(application());
  const bomb = await compressed("0".repeat(500_000), "gzip");
  assertEquals(bomb.length < LIMIT, true);
  assertEquals((await post(server, "/size", "gzip", bomb))[0], 413);
  assertEquals((await post(server, "/json", "gzip", bomb))[0], 413);
  assertEquals(await post(server, "/any", "gzip", bomb), [200, "500000"]);
  const whole = await compressed("0".repeat(LIMIT), "gzip");
  assertEquals(await post(server, "/size", "gzip", whole), [200, `${LIMIT}`]);
});

test("decompression() makes no more at a time than it takes to count it", async () => {
  const app = new Application({ middlewares: [decompression()], clientMaxSize: null });
  app.router.addPost("/", async (request) => {
    let largest = 0;
    let size = 0;
    for await (const piece of readChunks(request)) {
      largest = Math.max(largest, piece.length);
      size += piece.length;
      if (request.headers.has("x-once")) break;
    }
    return Response.json([largest, size]);
  });
  await using server = await TestServer.start(app);
  const ask = async (encoding: string, body: Bytes, once: HeadersInit = {}): Promise<number[]> => {
    const headers = { "content-encoding": encoding, ...once };
    return await (await server.request("/", { method: "POST", body, headers })).json();
  };
  const gzip = await compressed("0".repeat(16 * 2 ** 20), "gzip");
  const [largest, size] = await ask("gzip", gzip);
  assertEquals([largest! < 2 * 2 ** 20, size], [true, 16 * 2 ** 20]);
  const [first] = await ask("br", Uint8Array.fromBase64(BROTLI_BOMB), { "x-once": "1" });
  assertEquals(first! <= 32 * 2 ** 20, true);
});

test("decompression() answers 400 and 415 to what it can't decompress, and logs nothing", async () => {
  using reports = captureReports();
  await using server = await TestServer.start(application());
  const good = await compressed("hello hello", "gzip");
  const cases: [encoding: string, body: Bytes, status: number][] = [
    ["gzip", new TextEncoder().encode("no gzip"), 400],
    ["gzip", good.slice(0, -4), 400],
    ["deflate", good, 400],
    ["zstd", good, 415],
    ["gzip, none", good, 415],
  ];
  for (const [encoding, body, status] of cases) {
    for (const path of ["/text/a", "/json", "/size"]) {
      const answer = await post(server, path, encoding, body);
      assertEquals([encoding, path, answer[0]], [encoding, path, status]);
    }
  }
  const headers = { "content-encoding": "zstd" };
  const refused = await server.request("/json", { method: "POST", body: "x", headers });
  assertEquals(refused.headers.get("accept-encoding"), "gzip, deflate, br");
  assertEquals(reports.messages, []);
});
