/**
 * loop/ runs without Deno: a suite of scenarios under Node, on the compiled module, once in plain
 * Node and once as in a browser, which carries no context through `await`.
 *
 * @module
 */

import { assertEquals, assertMatch } from "../_support/assert.ts";

const ROOT = new URL("../../", import.meta.url);
const decoder = new TextDecoder();

interface Result {
  readonly title: string;
  readonly actual: unknown[];
  readonly expected: unknown[];
}

/** What a scenario logs, by its title, if that differs. */
type Exceptions = Readonly<Record<string, unknown[]>>;

/** Whether Node is installed; if not, the tests are shown as ignored. */
const hasNode = await new Deno.Command("node", { args: ["--version"] }).output().then(
  ({ success }) => success,
  () => false,
);

/**
 * What differs where nothing carries the current task through `await`: once an async function has
 * awaited a foreign promise, its task is not known any more, so a cancellation does not reach what
 * it awaits then, and takes effect only at the end of the task. The task of a generator is always
 * known.
 */
const inBrowsers: Exceptions = {
  "who runs after a promise of others (async)": ["main", null, null],
  "cancelling after a promise of others (async)": ["sleeps", "slept on", "CancelledError"],
};

for (const [mode, exceptions] of [["node", {} as Exceptions], ["browser", inBrowsers]] as const) {
  Deno.test({ name: `loop/ runs under Node (${mode})`, ignore: !hasNode }, async (t) => {
    const { results, err } = await runSuite(mode);
    for (const { title, actual, expected } of results) {
      await t.step(title, () => assertEquals(actual, exceptions[title] ?? expected));
    }
    await t.step("an exception that nobody looked at is reported at the end", () => {
      assertMatch(err, /^Future exception was never retrieved\nfuture: <Future finished exc/);
      assertMatch(err, /^RangeError: lost/m);
    });
  });
}

/** Compiles the package's loop/ and the suite, and runs it. */
async function runSuite(mode: string): Promise<{ results: Result[]; err: string }> {
  const folder = await Deno.makeTempDir();
  try {
    await bundle("loop/mod.ts", `${folder}/asyncio.mjs`);
    await bundle("loop/_worker.ts", `${folder}/_worker.js`);
    await bundle("tests/loop/programs/any_runtime/main.ts", `${folder}/suite.mjs`);
    await Deno.writeTextFile(`${folder}/package.json`, '{ "type": "module" }');
    const { code, stdout, stderr } = await new Deno.Command("node", {
      args: ["suite.mjs", "./asyncio.mjs", mode],
      cwd: folder,
    }).output();
    const err = decoder.decode(stderr);
    assertEquals(code, 0, err);
    return { results: JSON.parse(decoder.decode(stdout)), err };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Bundles a module and what it imports into one JavaScript file. */
async function bundle(path: string, output: string): Promise<void> {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--no-lock", "--output", output, path],
    cwd: ROOT,
  }).output();
  assertEquals(code, 0, decoder.decode(stderr));
}
