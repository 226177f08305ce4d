/**
 * The six scripts of the chapter that serve nobody: each prints, line for line, what CPython prints
 * for the chapter's script, but for the spellings in the one table below.
 *
 * @module
 */

import { assertEquals, assertMatch, assertStringIncludes } from "../_support/assert.ts";
import { runScript, test } from "./_support.ts";
import { transcripts } from "./_transcripts.ts";

/** How what CPython prints is spelled here. Nothing else may differ. */
const SPELLINGS: [python: string, here: string][] = [
  // How each elides the middle of a loop's long name: here the loop is no selector loop.
  ["<_UnixSelecto...e debug=False>", "<EventLoop ru...e debug=false>"],
  ["False", "false"],
  ["hello_world", "helloWorld"],
  ["stop_loop", "stopLoop"],
];

type ScriptName =
  | "call_soon"
  | "call_later"
  | "partial"
  | "coroutine"
  | "run_until_complete"
  | "create_task";

/** What CPython printed, in our spelling. */
function pythonLines(name: ScriptName): string[] {
  return transcripts.scripts[name].stdout.map((line) =>
    SPELLINGS.reduce((text, [python, here]) => text.replaceAll(python, here), line)
  );
}

/** Times made equal, as they are in the transcripts. */
function normalise(line: string): string {
  return line.replace(/\bwhen=[\d.]+/, "when=…");
}

/** A test that an example prints CPython's lines, and ends well without saying more. */
function printsPythonLines(name: ScriptName, flags: string[], when: string): void {
  test(`parity: ${name} prints CPython's lines when ${when}`, async () => {
    const { code, lines, err } = await runScript(name, flags);
    assertEquals(lines.map(normalise), pythonLines(name));
    assertEquals([code, err], [0, ""]);
  });
}

printsPythonLines("call_soon", [], "it is run");
printsPythonLines("call_later", ["--virtual-clock"], "time jumps");
printsPythonLines("call_later", ["--hello", "0.01", "--stop", "0.03"], "time passes");
printsPythonLines("partial", [], "it is run");
printsPythonLines("coroutine", ["--delay", "0.01"], "it is run");
printsPythonLines("run_until_complete", ["--delay", "0.01"], "it is run");
printsPythonLines("create_task", ["--delay", "0.01"], "it is run");

test("call_later calls after the chapter's ten and twenty seconds when told nothing", async () => {
  const { lines } = await runScript("call_later", ["--virtual-clock"]);
  assertEquals(lines.slice(0, 2).map((line) => /when=\S+/.exec(line)?.[0]), ["when=10", "when=20"]);
});

test("call_later stops before it says hello when that is due first", async () => {
  const flags = ["--virtual-clock", "--hello", "2", "--stop", "1"];
  const { code, lines, err } = await runScript("call_later", flags);
  assertEquals(lines.slice(2), ["Stopping loop"]);
  assertEquals([code, err], [0, ""]);
});

test("partial shows the function and its arguments when told to inspect", async () => {
  const { code, lines, err } = await runScript("partial", ["--inspect"]);
  assertEquals(lines, [
    ...pythonLines("partial"),
    "partial(<function log>, 'Hello World!')",
    'true [ "Hello World!" ]',
  ]);
  assertEquals([code, err], [0, ""]);
});

test("a script prints nothing and says why when a flag is unknown", async () => {
  for (const name of ["call_later", "partial", "coroutine", "run_until_complete", "create_task"]) {
    const { code, lines, err } = await runScript(name, ["--nope"]);
    assertEquals([code, lines], [1, []], name);
    assertStringIncludes(err, "Unknown option '--nope'");
  }
});

test("a script says why when a delay is no number", async () => {
  for (const [name, flag] of [["call_later", "--hello"], ["create_task", "--delay"]] as const) {
    const { code, err } = await runScript(name, [flag, "soon"]);
    assertEquals(code, 1, name);
    assertMatch(err, /RangeError: Cannot .*: delay must be a number, not NaN/);
  }
});
