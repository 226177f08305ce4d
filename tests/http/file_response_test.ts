/**
 * Large files, and those that change while they are sent.
 *
 * @module
 */

import { Application, FileResponse, HTTPNotFound, TestServer } from "@aio/asyncio/http";
import type { Middleware } from "@aio/asyncio/http";
import { assertEquals, assertRejects } from "../_support/assert.ts";
import { makeCertificate } from "./_certificate.ts";
import { Client, test } from "./_support.ts";

const SIZE = 200_000;

/** Makes a file whose bytes tell their own position; it exists until it is disposed of. */
async function makeFile(): Promise<{ path: string; bytes: Uint8Array } & AsyncDisposable> {
  const path = await Deno.makeTempFile();
  const bytes = Uint8Array.from({ length: SIZE }, (_, i) => i * 31 >>> 4);
  await Deno.writeFile(path, bytes);
  return { path, bytes, [Symbol.asyncDispose]: () => Deno.remove(path) };
}

/** Serves a file; `change` is called when the size of the file is already known. */
function application(path: string, change: () => void): Application {
  const app = new Application();
  app.router.addGet("/", () => new FileResponse(path));
  app.onResponsePrepare.push(change);
  return app;
}

/** Each is read in another way: through JavaScript, or without it. */
const RANGES: Record<string, [first: number, end: number]> = {
  "bytes=0-": [0, SIZE],
  "bytes=100000-": [100_000, SIZE],
  "bytes=1000-99999": [1000, 100_000],
};

function startServer(app: Application, scheme: string): Promise<TestServer> {
  return scheme === "http" ? TestServer.start(app) : startSecureServer(app);
}

async function startSecureServer(app: Application): Promise<TestServer> {
  const { cert, key } = await makeCertificate();
  return await TestServer.start(app, { cert, key, caCerts: [cert] });
}

for (const scheme of ["http", "https"]) {
  test(`FileResponse sends as much as it says of a file that grows (${scheme})`, async () => {
    await using file = await makeFile();
    const app = application(file.path, () => {
      Deno.writeFileSync(file.path, new Uint8Array(SIZE), { append: true });
    });
    await using server = await startServer(app, scheme);
    for (const [range, [first, end]] of Object.entries(RANGES)) {
      await Deno.truncate(file.path, SIZE);
      const response = await server.request("/", { headers: { range } });
      assertEquals([range, response.status], [range, 206]);
      assertEquals(await response.bytes(), file.bytes.slice(first, end), range);
    }
    await Deno.truncate(file.path, SIZE);
    assertEquals(await (await server.request("/")).bytes(), file.bytes);
  });

  test(`FileResponse breaks off when a file shrinks, and the server goes on (${scheme})`, async () => {
    await using file = await makeFile();
    const app = application(file.path, () => Deno.truncateSync(file.path, 150_000));
    await using server = await startServer(app, scheme);
    for (let i = 0; i < 2; i++) {
      await Deno.writeFile(file.path, file.bytes);
      const response = await server.request("/");
      assertEquals(response.headers.get("content-length"), String(SIZE));
      await assertRejects(() => response.bytes());
    }
  });
}

test("FileResponse lets go of a large file when its client leaves, or asks for its head", async () => {
  await using file = await makeFile();
  await Deno.truncate(file.path, 50 * SIZE);
  const app = application(file.path, () => {});
  {
    await using server = await TestServer.start(app);
    for (const method of ["GET", "HEAD"]) {
      using client = await Client.connect(server.port);
      await client.send(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`);
      assertEquals(await client.line(), "HTTP/1.1 200 OK\r\n");
    }
  }
  // The test's sanitizers check that nothing is left open.
});

const OWN_PATH = import.meta.filename!;

Deno.test({
  name: "FileResponse needs the permission to read its file, and no other",
  permissions: { read: [OWN_PATH] },
  async fn() {
    await using app = new Application();
    app.router.addGet("/", () => new FileResponse(OWN_PATH));
    const headers = { "accept-encoding": "br, gzip" };
    const response = await app.request("/", { headers });
    assertEquals([response.status, response.headers.get("content-encoding")], [200, null]);
    assertEquals(await response.text(), await Deno.readTextFile(OWN_PATH));
  },
});

test("FileResponse lets go of a large file that a middleware does not send", async () => {
  await using file = await makeFile();
  const folder = await Deno.makeTempDir();
  await Deno.copyFile(file.path, `${folder}/file`);
  const drops: Middleware[] = [
    async (request, handler) => {
      await handler(request);
      return new Response("another one");
    },
    function* (request, handler) {
      yield* handler(request);
      throw new HTTPNotFound({ text: "another one" });
    },
  ];
  for (const drop of drops) {
    const app = new Application({ middlewares: [drop] });
    app.router.addGet("/", () => new FileResponse(file.path));
    app.router.addStatic("/static", folder);
    await using server = await TestServer.start(app);
    // The test fails if anything stays open.
    for (const path of ["/", "/static/file"]) {
      assertEquals(await (await server.request(path)).text(), "another one");
    }
  }
  await Deno.remove(folder, { recursive: true });
});
