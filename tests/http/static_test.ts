/**
 * Files: conditional requests, ranges, compressed files, and folders that requests can't escape.
 *
 * @module
 */

import { sleep } from "@aio/asyncio";
import { Application, FileResponse, HTTPException, setCookie, TestServer } from "@aio/asyncio/http";
import type { Handler, Middleware, StaticOptions } from "@aio/asyncio/http";
import { assert, assertEquals, assertRejects, assertThrows } from "../_support/assert.ts";
import { Client, exchange, output, test } from "./_support.ts";

const TEXT = "0123456789";

/** Makes a folder with files, and one beside it with secrets; removed at the end of the block. */
async function makeFolder(): Promise<{ path: string; root: string } & AsyncDisposable> {
  const path = await Deno.realPath(await Deno.makeTempDir());
  const root = `${path}/root`;
  for (const folder of [`${root}/sub`, `${root}/empty`, `${path}/root2`]) {
    await Deno.mkdir(folder, { recursive: true });
  }
  const files: Record<string, string> = {
    "root/a.txt": TEXT,
    "root/ü b.html": "<p>ü",
    "root/a..b": "dots",
    "root/none": "",
    "root/index.html": "index",
    "root/sub/index.html": "sub index",
    "root/sub/x.json": "{}",
    "secret": "secret",
    "root2/secret": "secret",
  };
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${path}/${name}`, text);
  }
  await Deno.symlink(`${path}/secret`, `${root}/link`);
  await Deno.symlink(`${root}/a.txt`, `${root}/inner`);
  await Deno.symlink(`${path}/root2`, `${root}/linked`);
  await Deno.symlink(`${path}/secret`, `${root}/a.txt.gz`);
  await Deno.symlink(`${root}/loop`, `${root}/loop`);
  return { path, root, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

function applicationOf(root: string, options: StaticOptions = {}): Application {
  const app = new Application();
  app.router.addStatic("/s", root, { name: "static", ...options });
  return app;
}

/** `Range` headers, and the answers for the ten bytes of TEXT. */
const RANGES_OF_TEN: [range: string, status: number, body: string, contentRange: string | null][] =
  [
    ["bytes=0-3", 206, "0123", "bytes 0-3/10"],
    ["bytes=4-", 206, "456789", "bytes 4-9/10"],
    ["bytes=-3", 206, "789", "bytes 7-9/10"],
    ["bytes=9-9", 206, "9", "bytes 9-9/10"],
    ["bytes=0-99", 206, TEXT, "bytes 0-9/10"],
    ["bytes=-99", 206, TEXT, "bytes 0-9/10"],
    ["Bytes = 1-2", 206, "12", "bytes 1-2/10"],
    ["bytes=10-", 416, "416: Requested Range Not Satisfiable", "bytes */10"],
    ["bytes=99-100", 416, "416: Requested Range Not Satisfiable", "bytes */10"],
    ["bytes=-0", 416, "416: Requested Range Not Satisfiable", "bytes */10"],
    ["bytes=0-1,3-4", 200, TEXT, null],
    ["bytes=3-1", 200, TEXT, null],
    ["bytes=-", 200, TEXT, null],
    ["bytes=a-b", 200, TEXT, null],
    ["bytes=--1", 200, TEXT, null],
    ["bytes", 200, TEXT, null],
    ["items=0-1", 200, TEXT, null],
    [`bytes=0-${"9".repeat(400)}`, 206, TEXT, "bytes 0-9/10"],
    ["bytes = 1 - 2 ", 206, "12", "bytes 1-2/10"],
    ["bytes= - 2", 206, "89", "bytes 8-9/10"],
    // Trying all ways to divide so many blanks would take for ever.
    [`bytes=${" ".repeat(5_000_000)}x`, 200, TEXT, null],
    [`bytes=1-${" ".repeat(5_000_000)}x`, 200, TEXT, null],
  ];

test("FileResponse serves the part that is asked for, or all", async () => {
  await using folder = await makeFolder();
  const app = applicationOf(folder.root);
  for (const [range, status, body, contentRange] of RANGES_OF_TEN) {
    const response = await app.request("/s/a.txt", { headers: { range } });
    const seen = [response.status, await response.text(), response.headers.get("content-range")];
    assertEquals([range, ...seen], [range, status, body, contentRange]);
    assertEquals(response.headers.get("accept-ranges"), "bytes");
    if (status !== 416) assertEquals(response.headers.get("content-length"), String(body.length));
  }
  const empty = await app.request("/s/none", { headers: { range: "bytes=0-" } });
  assertEquals([empty.status, empty.headers.get("content-range")], [416, "bytes */0"]);
  const end = await app.request("/s/none", { headers: { range: "bytes=-5" } });
  assertEquals([end.status, await end.text()], [200, ""]); // as RFC 9110, 14.1.2, says
});

test("FileResponse answers HEAD as GET, without the file, and no part of it", async () => {
  await using folder = await makeFolder();
  await using server = await TestServer.start(applicationOf(folder.root));
  const get = await server.request("/s/a.txt");
  const head = await server.request("/s/a.txt", {
    method: "HEAD",
    headers: { range: "bytes=0-1" },
  });
  assertEquals([head.status, await head.text(), await get.text()], [200, "", TEXT]);
  const names = [
    "content-length",
    "content-type",
    "etag",
    "last-modified",
    "accept-ranges",
    "vary",
  ];
  for (const name of names) assertEquals(head.headers.get(name), get.headers.get(name), name);
  assertEquals(get.headers.get("content-type"), "text/plain; charset=utf-8");
});

test("FileResponse answers conditional requests", async () => {
  await using folder = await makeFolder();
  const app = applicationOf(folder.root);
  const { headers } = await app.request("/s/a.txt");
  const [etag, modified] = [headers.get("etag")!, headers.get("last-modified")!];
  const other = '"other"';
  const old = "Thu, 01 Jan 1970 00:00:00 GMT";
  const cases: [headers: Record<string, string>, status: number][] = [
    [{ "if-none-match": etag }, 304],
    [{ "if-none-match": other }, 200],
    [{ "if-modified-since": modified }, 304],
    [{ "if-modified-since": old }, 200],
    [{ "if-match": etag }, 200],
    [{ "if-match": other }, 412],
    [{ "if-unmodified-since": old }, 412],
    [{ range: "bytes=0-1", "if-range": etag }, 206],
    [{ range: "bytes=0-1", "if-range": other }, 200],
    [{ range: "bytes=0-1", "if-range": `W/${etag}` }, 200],
    [{ range: "bytes=0-1", "if-range": modified }, 206],
    [{ range: "bytes=0-1", "if-range": old }, 200],
    [{ range: "bytes=0-1", "if-range": "nonsense" }, 200],
    [{ range: "bytes=0-1", "if-none-match": etag }, 304],
    [{ range: "bytes=99-", "if-match": other }, 412],
  ];
  for (const [headers, status] of cases) {
    const response = await app.request("/s/a.txt", { headers });
    assertEquals([headers, response.status], [headers, status]);
    assertEquals((await response.text()) === "", status === 304);
    if (status === 304) assertEquals(response.headers.get("etag"), etag);
  }
  await Deno.writeTextFile(`${folder.root}/a.txt`, "longer than before");
  assertEquals((await app.request("/s/a.txt", { headers: { "if-none-match": etag } })).status, 200);
});

/** Paths below the prefix, as on the wire, that are not found. */
const NOWHERE = [
  "../secret",
  "..%2fsecret",
  "%2e%2e/secret",
  "%2e%2e%2fsecret",
  ".%2e/secret",
  "sub/../../secret",
  "sub/..%2f..%2fsecret",
  "%252e%252e/secret",
  "..\\secret",
  "..%5csecret",
  "sub%5c..%5c..%5csecret",
  "sub/../a.txt",
  "./a.txt",
  "%2e/a.txt",
  "/a.txt",
  "//a.txt",
  "sub//x.json",
  "%2fetc/passwd",
  "/etc/passwd",
  "//etc/passwd",
  "a.txt%00",
  "a.txt%00.html",
  "%00",
  "a.txt/",
  "a.txt/x",
  "%zz",
  "%ff",
  "a.txt%",
  "c:/windows/win.ini",
  "C:%5cwindows",
  "c:a.txt",
  "%5c%5cserver%5cshare",
  "\\\\server\\share",
  "%c0%ae%c0%ae/secret",
  "..%c0%afsecret",
  "link",
  "inner",
  "linked/secret",
  "linked/",
  "loop",
  "empty/",
  "../root2/secret",
  "x".repeat(300),
  "nothing",
  "file:///etc/passwd",
  "~root",
  "$HOME",
];

test("Router.addStatic() serves nothing outside of its folder", async () => {
  await using folder = await makeFolder();
  await using server = await TestServer.start(applicationOf(folder.root));
  for (const path of NOWHERE) {
    for (const method of ["GET", "HEAD"]) {
      const head = `${method} /s/${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;
      const { status, body } = await exchange(server.port, head);
      assertEquals([path, status, body.includes("secret")], [path, 404, false]);
    }
  }
  assertEquals(await (await server.request("/s/a.txt")).text(), TEXT);
  assertEquals(await output("curl", "-s", "--path-as-is", server.url("/s/a..b")), "dots");
});

test("Router.addStatic() serves what is in its folder, and refuses other methods", async () => {
  await using folder = await makeFolder();
  const app = applicationOf(folder.root);
  const seen: unknown[] = [];
  for (const path of ["/s/", "/s/sub/", "/s/sub/x.json", "/s/%C3%BC%20b.html", "/s/none?x=1"]) {
    const response = await app.request(path);
    seen.push([response.status, response.headers.get("content-type"), await response.text()]);
  }
  assertEquals(seen, [
    [200, "text/html; charset=utf-8", "index"],
    [200, "text/html; charset=utf-8", "sub index"],
    [200, "application/json", "{}"],
    [200, "text/html; charset=utf-8", "<p>ü"],
    [200, "application/octet-stream", ""],
  ]);
  const moved = await app.request("/s/sub?a=b");
  assertEquals([moved.status, moved.headers.get("location")], [301, "/s/sub/?a=b"]);
  assertEquals((await app.request("/s/a.txt", { method: "POST" })).status, 405);
  assertEquals((await app.request("/s")).status, 404);
  assertEquals(app.router.urlFor("static", { filename: "sub/x y" }), "/s/sub/x%20y");
});

test("Router.addStatic() follows links, lists folders, and has no index if told so", async () => {
  await using folder = await makeFolder();
  const links = applicationOf(folder.root, { followSymlinks: true, precompressed: false });
  assertEquals(await (await links.request("/s/link")).text(), "secret");
  assertEquals(await (await links.request("/s/linked/secret")).text(), "secret");
  assertEquals((await links.request("/s/loop")).status, 404);
  await Deno.writeTextFile(`${folder.root}/empty/<i>&"'.txt`, "");
  const listing = applicationOf(folder.root, { showIndex: true });
  const html = await (await listing.request("/s/empty/")).text();
  assert(html.includes('<a href="./..">../</a>') || html.includes('<a href="./../">../</a>'), html);
  assert(html.includes("&lt;i>&amp;&quot;'.txt</a>"), html);
  assert(!html.includes("<i>"), html);
  assertEquals((await applicationOf(folder.root, { index: null }).request("/s/")).status, 404);
});

test("Router.addStatic() may serve all that is left, and in sub-applications", async () => {
  await using folder = await makeFolder();
  const app = new Application();
  const sub = new Application();
  sub.router.addStatic("/files", folder.root);
  app.addSubapp("/sub", sub);
  app.router.addGet("/own", () => new Response("own"));
  app.router.addStatic("/", folder.root);
  for (const [path, text] of [["/own", "own"], ["/a.txt", TEXT], ["/sub/files/a.txt", TEXT]]) {
    assertEquals(await (await app.request(path!)).text(), text);
  }
});

test("Router.addStatic() refuses what is no folder, and prefixes that can't be", async () => {
  await using folder = await makeFolder();
  const { router } = new Application();
  for (const path of [`${folder.root}/a.txt`, `${folder.root}/nothing`]) {
    assertThrows(() => router.addStatic("/s", path), RangeError, "is not a folder");
  }
  for (const prefix of ["", "s", "/s/", "/{s}"]) {
    assertThrows(() => router.addStatic(prefix, folder.root), RangeError, "Cannot add prefix");
  }
  router.addStatic("/s", folder.root);
  assertThrows(() => router.addStatic("/s", folder.root), RangeError, "exists already");
});

test("Router.addStatic() serves what it reads of a file that changes, and refuses what it may not read", async () => {
  await using folder = await makeFolder();
  const app = applicationOf(folder.root);
  app.router.addStatic("/list", folder.root, { showIndex: true, index: null });
  const { readDir, readFile } = Deno;
  const refuse = (): never => {
    throw new Deno.errors.PermissionDenied();
  };
  try {
    Deno.readFile = () => Promise.resolve(new TextEncoder().encode("shrunk"));
    const response = await app.request("/s/a.txt");
    assertEquals([response.status, response.headers.get("content-length")], [200, "6"]);
    assertEquals(await response.text(), "shrunk");
    Deno.readFile = () => Promise.resolve().then(refuse);
    Deno.readDir = refuse;
    assertEquals((await app.request("/s/a.txt")).status, 403);
    assertEquals((await app.request("/list/")).status, 403);
  } finally {
    Deno.readDir = readDir;
    Deno.readFile = readFile;
  }
});

test("FileResponse serves compressed files to those who take them", async () => {
  await using folder = await makeFolder();
  const file = `${folder.root}/page.html`;
  await Deno.writeTextFile(file, "plain");
  const gzip = new Blob(["compressed"]).stream().pipeThrough(new CompressionStream("gzip"));
  await Deno.writeFile(`${file}.gz`, gzip);
  await Deno.writeTextFile(`${file}.br`, "brotli");
  const app = applicationOf(folder.root);
  const cases: [accepts: string | null, encoding: string | null][] = [
    [null, null],
    ["identity", null],
    ["gzip", "gzip"],
    ["gzip, br", "br"],
    ["br;q=0.1, gzip", "gzip"],
    ["deflate", null],
    ["gzip;q=0", null],
  ];
  const etags = new Map<string | null, string>();
  for (const [accepts, encoding] of cases) {
    const headers = accepts === null ? {} : { "accept-encoding": accepts };
    const response = await app.request("/s/page.html", { headers });
    assertEquals([accepts, response.headers.get("content-encoding")], [accepts, encoding]);
    assertEquals(response.headers.get("content-type"), "text/html; charset=utf-8");
    assertEquals(response.headers.get("vary"), "Accept-Encoding");
    etags.set(encoding, response.headers.get("etag")!);
    await response.body?.cancel();
  }
  assertEquals(new Set(etags.values()).size, 3);
  await Deno.remove(`${file}.br`);
  await using server = await TestServer.start(applicationOf(folder.root));
  assertEquals(
    await output("curl", "-s", "--compressed", server.url("/s/page.html")),
    "compressed",
  );
  // The compressed version of this file is a link to a secret.
  assertEquals(await output("curl", "-s", "--compressed", server.url("/s/a.txt")), TEXT);
});

test("FileResponse takes further headers, URLs, and throws what a client may know", async () => {
  await using folder = await makeFolder();
  const request = new Request("http://localhost/");
  const headers = { "content-type": "text/x", "cache-control": "no-store" };
  const url = new URL(`file://${folder.root}/a.txt`);
  const response = await new FileResponse(url, { headers, precompressed: false }).prepare(request);
  assertEquals([response.headers.get("content-type"), await response.text()], ["text/x", TEXT]);
  assertEquals([response.headers.get("cache-control"), response.headers.get("vary")], [
    "no-store",
    null,
  ]);
  for (const path of ["nothing", "sub", "a.txt/x", "x".repeat(300)]) {
    const file = new FileResponse(`${folder.root}/${path}`);
    const error = await assertRejects(() => file.prepare(request), HTTPException);
    assertEquals([path, error.status], [path, 404]);
  }
});

test("FileResponse holds requests against the validators that its program gives it", async () => {
  await using folder = await makeFolder();
  const file = `${folder.root}/page.html`;
  for (const name of [file, `${file}.br`]) await Deno.writeTextFile(name, "page");
  const date = "Sat, 01 Jan 2022 00:00:00 GMT";
  const own = { headers: { "etag": '"own"', "last-modified": date } };
  const cases: [headers: Record<string, string>, status: number, etag: string | null][] = [
    [{ "if-modified-since": date }, 304, '"own"'],
    [{ "if-unmodified-since": date }, 200, '"own"'],
    [{ "if-range": date, range: "bytes=0-1" }, 206, '"own"'],
    [{ "if-none-match": '"own"' }, 304, '"own"'],
    [{ "if-match": '"own*' }, 412, null],
    // A compressed file is another representation.
    [{ "if-none-match": '"own"', "accept-encoding": "br" }, 200, '"own-br"'],
    [{ "if-none-match": '"own-br"', "accept-encoding": "br" }, 304, '"own-br"'],
  ];
  const app = new Application();
  app.router.addGet("/", () => new FileResponse(file, own));
  for (const [headers, status, etag] of cases) {
    const response = await app.request("/", { headers });
    await response.body?.cancel();
    assertEquals([headers, response.status, response.headers.get("etag")], [headers, status, etag]);
  }
});

test("FileResponse sends a file with another status whole, whatever is asked of it", async () => {
  await using folder = await makeFolder();
  const file = `${folder.root}/a.txt`;
  await Deno.writeTextFile(`${file}.br`, "compressed");
  await using app = new Application();
  app.router.addGet("/{path:.*}", () => new FileResponse(file, { status: 404 }));
  const asked: Record<string, string>[] = [
    {},
    { range: "bytes=0-1" },
    { "if-modified-since": new Date(Date.now() + 60_000).toUTCString() },
    { "if-none-match": "*" },
    { "if-match": '"other"' },
  ];
  for (const headers of asked) {
    const response = await app.request("/nowhere", { headers });
    const seen = [response.status, response.headers.get("content-range"), await response.text()];
    assertEquals(seen, [404, null, TEXT]);
  }
  const br = await app.request("/nowhere", { headers: { "accept-encoding": "br" } });
  assertEquals([br.status, br.headers.get("content-encoding")], [404, "br"]);
  assertEquals(await br.text(), "compressed");
  const head = await app.request("/nowhere", { method: "HEAD" });
  assertEquals([head.status, head.headers.get("content-length")], [404, "10"]);
  assertEquals(new FileResponse(file, { status: 404 }).status, 404);
  for (const status of [101, 204, 304, 600]) {
    assertThrows(() => new FileResponse(file, { status }), RangeError);
  }
});

/** Ways to answer with a file. */
const ANSWERS: Record<string, (file: FileResponse) => Handler> = {
  "plain": (file) => () => file,
  "async": (file) => async () => file,
  "late": (file) => async () => {
    await sleep(0);
    return file;
  },
  "generator": (file) =>
    function* () {
      yield* sleep(0);
      return file;
    },
};

/** Middlewares, all of which see the file open. */
const AROUND: Record<string, Middleware[]> = {
  "none": [],
  "passing": [(request, handler) => handler(request)],
  "async": [async (request, handler) => {
    const response = await handler(request);
    return new Response(response.body, response);
  }],
  "generator": [function* (request, handler) {
    const response = yield* handler(request);
    return new Response(response.body, response);
  }],
  "two": [(request, handler) => handler(request), async (request, handler) => {
    const response = await handler(request);
    return new Response(response.body, response);
  }],
};

test("FileResponse is returned by a handler as it is, or by a middleware", async () => {
  await using folder = await makeFolder();
  const path = `${folder.root}/a.txt`;
  for (const [around, middlewares] of Object.entries(AROUND)) {
    await using app = new Application({ middlewares });
    for (const [how, answer] of Object.entries(ANSWERS)) {
      const file = new FileResponse(path);
      setCookie(file, "a", "1");
      app.router.addGet(`/${how}`, answer(file));
      app.router.addGet(`/${how}/missing`, answer(new FileResponse(`${path}.no`)));
    }
    for (const how of Object.keys(ANSWERS)) {
      const response = await app.request(`/${how}`, { headers: { range: "bytes=2-4" } });
      const seen = [response.status, await response.text(), response.headers.getSetCookie().length];
      assertEquals([around, how, ...seen], [around, how, 206, "234", 1]);
      const missing = await app.request(`/${how}/missing`);
      assertEquals([around, how, missing.status], [around, how, 404]);
      await missing.body?.cancel();
    }
  }
  await using app = new Application({ middlewares: [() => new FileResponse(path)] });
  app.router.addGet("/", () => new Response("never"));
  assertEquals(await (await app.request("/")).text(), TEXT);
});

test("FileResponse that comes too late is closed", async () => {
  await using folder = await makeFolder();
  await Deno.writeFile(`${folder.root}/large`, new Uint8Array(1_000_000));
  const gate = Promise.withResolvers<void>();
  await using app = new Application({ timeout: 0.001 });
  app.router.addGet("/", async () => {
    await gate.promise; // a plain promise: no cancellation reaches it
    return new FileResponse(`${folder.root}/large`);
  });
  const response = await app.request("/");
  assertEquals([response.status, await response.text()], [503, "503: Service Unavailable"]);
  gate.resolve();
});

test("FileResponse sends large files whole, in parts, and closes those that are not read", async () => {
  await using folder = await makeFolder();
  const bytes = new Uint8Array(5_000_000).map((_, i) => i % 251);
  await Deno.writeFile(`${folder.root}/large`, bytes);
  await using server = await TestServer.start(applicationOf(folder.root));
  const whole = await server.request("/s/large");
  assertEquals(whole.headers.get("content-length"), "5000000");
  assert((await whole.bytes()).every((byte, i) => byte === i % 251));
  const part = await server.request("/s/large", { headers: { range: "bytes=1000000-3999999" } });
  const received = await part.bytes();
  assert(
    received.length === 3_000_000 && received.every((byte, i) => byte === (i + 1_000_000) % 251),
  );
  {
    using client = await Client.connect(server.port);
    await client.send("GET /s/large HTTP/1.1\r\nHost: a\r\n\r\n");
    await client.line();
  }
  assertEquals(await (await server.request("/s/a.txt")).text(), TEXT);
});
