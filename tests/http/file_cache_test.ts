/**
 * The small files of a folder, kept in memory.
 *
 * @module
 */

import { Application } from "@aio/asyncio/http";
import { FileCache } from "../../http/_file_cache.ts";
import { assertEquals, assertStrictEquals } from "../_support/assert.ts";

const MEBIBYTE = 1024 * 1024;

/** A clock that moves only when it is told to. */
class FakeTime implements Disposable {
  readonly #real = performance.now;
  now = 0;

  constructor() {
    performance.now = (): number => this.now;
  }

  [Symbol.dispose](): void {
    performance.now = this.#real;
  }
}

/** Returns the system's information on a file that was last changed a minute ago. */
function infoOf(changes: Partial<Deno.FileInfo> = {}): Deno.FileInfo {
  const time = new Date(Date.now() - 60_000);
  const info = { dev: 1, ino: 2, size: 3, mode: 0o644, mtime: time, ctime: time };
  return { ...info, ...changes } as Deno.FileInfo;
}

Deno.test("FileCache.get() returns a file that was read a moment ago, and no other", () => {
  using time = new FakeTime();
  const cache = new FileCache();
  const [info, bytes] = [infoOf(), new Uint8Array(3)];
  assertEquals(cache.get("/a"), null);
  cache.add("/a", info, bytes);
  assertStrictEquals(cache.get("/a")?.bytes, bytes);
  assertEquals(cache.get("/b"), null);
  time.now += 99;
  assertStrictEquals(cache.get("/a")?.info, info);
  time.now += 1; // whatever the wall clock shows, which may be set back
  assertEquals(cache.get("/a"), null);
});

Deno.test("FileCache.add() keeps no file that has just been changed", () => {
  const soon = new Date(Date.now() + 60_000);
  for (
    const change of [{ mtime: new Date() }, { ctime: new Date() }, { mtime: soon }, { mtime: null }]
  ) {
    const cache = new FileCache();
    cache.add("/a", infoOf(), new Uint8Array(3));
    cache.add("/a", infoOf(change), new Uint8Array(3));
    assertEquals(cache.get("/a"), null);
  }
});

Deno.test("FileCache.add() lets the file go that was read first when there are too many", () => {
  using _ = new FakeTime();
  const cache = new FileCache();
  for (const n of [...Array(16).keys(), 0, 16]) {
    cache.add(`/${n}`, infoOf(), new Uint8Array(MEBIBYTE));
  }
  const kept = [...Array(17).keys()].filter((n) => cache.get(`/${n}`) !== null);
  assertEquals(kept, [0, ...Array(17).keys()].filter((n, i) => i === 0 || n >= 2));
});

Deno.test("FileCache.isMissing() tells what was not there a moment ago, and knows the last ones", () => {
  using time = new FakeTime();
  const cache = new FileCache();
  for (let n = 0; n <= 10_000; n++) cache.addMissing(`/${n}`);
  assertEquals(["/0", "/1", "/10000", "/a"].map((path) => cache.isMissing(path)), [
    false,
    true,
    true,
    false,
  ]);
  time.now += 100;
  assertEquals(cache.isMissing("/1"), false);
});

Deno.test("Router.addStatic() looks for a compressed file again when a moment has passed", async () => {
  using time = new FakeTime();
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/a.txt`, "text");
  const app = new Application();
  app.router.addStatic("/", folder);
  const encoding = async (): Promise<string | null> => {
    const response = await app.request("/a.txt", { headers: { "accept-encoding": "gzip" } });
    await response.bytes();
    return response.headers.get("content-encoding");
  };
  const before = await encoding();
  await Deno.writeTextFile(`${folder}/a.txt.gz`, "compressed");
  const soon = await encoding();
  time.now += 100;
  assertEquals([before, soon, await encoding()], [null, null, "gzip"]);
  await app[Symbol.asyncDispose]();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("Router.addStatic() serves the same file from memory as from disk", async () => {
  const folder = new URL("browser/", import.meta.url);
  const text = await Deno.readTextFile(new URL("page.js", folder));
  const app = new Application();
  app.router.addStatic("/", folder);
  for (let n = 0; n < 3; n++) {
    const response = await app.request("/page.js");
    assertEquals([await response.text(), response.headers.get("content-length")], [
      text,
      String(new TextEncoder().encode(text).length),
    ]);
    const part = await app.request("/page.js", { headers: { range: "bytes=2-9" } });
    assertEquals([part.status, await part.text()], [206, text.slice(2, 10)]);
    assertEquals((await app.request("/page.js", { method: "HEAD" })).status, 200);
  }
  await app[Symbol.asyncDispose]();
});

Deno.test("Router.addStatic() serves what a file holds now when it has just been changed", async () => {
  const folder = await Deno.makeTempDir();
  const app = new Application();
  app.router.addStatic("/", folder);
  const seen: string[] = [];
  for (const text of ["one", "two", "three"]) {
    await Deno.writeTextFile(`${folder}/a.txt`, text);
    await Deno.utime(`${folder}/a.txt`, 1000, 1000);
    for (let n = 0; n < 2; n++) seen.push(await (await app.request("/a.txt")).text());
  }
  await Deno.remove(folder, { recursive: true });
  seen.push(String((await app.request("/a.txt")).status));
  await app[Symbol.asyncDispose]();
  assertEquals(seen, ["one", "one", "two", "two", "three", "three", "404"]);
});
