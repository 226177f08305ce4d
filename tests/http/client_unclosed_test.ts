/**
 * Sessions and responses that were never closed. A program can't control when an object is
 * garbage-collected, so each case is a program of its own.
 *
 * @module
 */

import { assertEquals, assertMatch } from "../_support/assert.ts";
import { runProgram } from "../_support/program.ts";

const program = new URL("programs/unclosed_session.ts", import.meta.url);

Deno.test("ClientSession that nobody closed is reported at exit, with where it was made", async () => {
  const { code, out, err } = await runProgram(program, ["--allow-net=127.0.0.1"]);
  assertEquals([code, out], [0, "end of the program\n"]);
  assertMatch(
    err,
    /^Unclosed client session, made\n +at openCarelessly \(.*unclosed_session\.ts:15:3\)\n +at .*unclosed_session\.ts:\d+:\d+\n$/,
  );
  assertEquals(err.match(/Unclosed/g)!.length, 1);
});

Deno.test("ClientSession and ClientResponse are reported once their memory is reclaimed, and free their places", async () => {
  const options = ["--allow-net=127.0.0.1", "--v8-flags=--expose-gc"];
  const { code, out, err } = await runProgram(program, options);
  const lines = out.split("\n");
  assertEquals([code, err], [0, ""]);
  assertEquals(lines[0], "next true");
  assertMatch(lines[1]!, /^Unclosed client session, made \| +at openCarelessly/);
  const unclosed = "Unclosed response of http://HOST/";
  assertEquals(lines.slice(2), [unclosed, unclosed, "end of the program", ""]);
});
