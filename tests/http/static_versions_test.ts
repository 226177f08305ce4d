/**
 * Versions in the URLs of files: they change with the content, and only files have them.
 *
 * @module
 */

import { Application, RouteTableDef } from "@aio/asyncio/http";
import type { StaticOptions } from "@aio/asyncio/http";
import { assert, assertEquals, assertMatch, assertThrows } from "../_support/assert.ts";
import { test } from "./_support.ts";

/** Makes a folder with files, and one beside it with a secret; removed at the end of the block. */
async function makeFolder(): Promise<{ root: string; secret: string } & AsyncDisposable> {
  const path = await Deno.realPath(await Deno.makeTempDir());
  const root = `${path}/root`;
  await Deno.mkdir(`${root}/sub`, { recursive: true });
  await Deno.writeTextFile(`${root}/sub/a b.css`, "one");
  await Deno.writeTextFile(`${path}/secret`, "secret");
  await Deno.symlink(`${path}/secret`, `${root}/link`);
  const remove = (): Promise<void> => Deno.remove(path, { recursive: true });
  return { root, secret: `${path}/secret`, [Symbol.asyncDispose]: remove };
}

function applicationOf(root: string, options: StaticOptions = {}): Application {
  const app = new Application();
  app.router.addStatic("/s", root, { name: "files", ...options });
  return app;
}

const FILE = { filename: "sub/a b.css" };
const URL_OF_FILE = /^\/s\/sub\/a%20b\.css\?v=[\w-]{27}$/;

test("Router.urlFor() gives a file a version that changes with its content", async () => {
  await using folder = await makeFolder();
  const file = `${folder.root}/${FILE.filename}`;
  await using app = applicationOf(folder.root, { appendVersion: true });
  const first = app.router.urlFor("files", FILE);
  assertMatch(first, URL_OF_FILE);
  assertEquals(await (await app.request(first)).text(), "one");
  assertEquals(app.router.urlFor("files", FILE), first);
  await Deno.writeTextFile(file, "two"); // of the same size, at the same moment
  const second = app.router.urlFor("files", FILE);
  assert(second !== first);
  await Deno.utime(file, 1000, 1000);
  assertEquals(app.router.urlFor("files", FILE), second); // the content is the same
  await Deno.writeTextFile(file, "one");
  assertEquals(app.router.urlFor("files", FILE), first);
});

test("Router.urlFor() reads a file that has not changed for a while once", async () => {
  await using folder = await makeFolder();
  await using app = applicationOf(folder.root, { appendVersion: true });
  const { readFileSync } = Deno;
  const { now } = Date;
  let reads = 0;
  try {
    Deno.readFileSync = (path) => {
      reads++;
      return readFileSync(path);
    };
    const ask = (): string => app.router.urlFor("files", FILE);
    const url = ask();
    assertEquals([ask() === url, reads], [true, 2]); // a new file might change again unnoticed
    Date.now = () => now() + 60_000;
    assertEquals([ask() === url, ask() === url, reads], [true, true, 3]);
    await Deno.writeTextFile(`${folder.root}/${FILE.filename}`, "longer");
    assertEquals([ask() === url, reads], [false, 4]);
  } finally {
    Object.assign(Deno, { readFileSync });
    Object.assign(Date, { now });
  }
});

test("Router.urlFor() adds a version where it is asked for, to whatever query there is", async () => {
  await using folder = await makeFolder();
  await using app = applicationOf(folder.root);
  const { router } = app;
  assertEquals(router.urlFor("files", FILE), "/s/sub/a%20b.css");
  const url = router.urlFor("files", FILE, { appendVersion: true });
  assertMatch(url, URL_OF_FILE);
  const version = url.split("=")[1];
  const options = { appendVersion: true, query: { a: "1", v: "0" }, fragment: "x" };
  assertEquals(router.urlFor("files", FILE, options), `/s/sub/a%20b.css?a=1&v=${version}#x`);

  const outer = new Application();
  const inner = new Application();
  inner.addRoutes(
    new RouteTableDef().static("/s", folder.root, { name: "files", appendVersion: true }),
  );
  outer.addSubapp("/inner", inner);
  assertEquals(inner.router.urlFor("files", FILE), `/inner${url}`);
  assertEquals(
    inner.router.urlFor("files", FILE, { appendVersion: false }),
    "/inner/s/sub/a%20b.css",
  );
});

test("Router.urlFor() gives no version to what is not served", async () => {
  await using folder = await makeFolder();
  await using app = applicationOf(folder.root, { appendVersion: true });
  for (const filename of ["none.css", "sub", "", "link", "../secret", "sub/../../secret", "/a"]) {
    assertEquals(app.router.urlFor("files", { filename }).includes("?"), false, filename);
  }
  const following = applicationOf(folder.root, { appendVersion: true, followSymlinks: true });
  assertMatch(following.router.urlFor("files", { filename: "link" }), /^\/s\/link\?v=/);
});

test("Router.urlFor() refuses to make a version of what is no folder", () => {
  const app = new Application();
  app.router.addGet("/{filename}", () => new Response(), { name: "page" });
  assertThrows(
    () => app.router.urlFor("page", { filename: "a" }, { appendVersion: true }),
    RangeError,
    'Cannot append version: "page" is not the name of a static folder',
  );
});
