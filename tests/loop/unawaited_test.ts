/**
 * What was never awaited, in debug mode. A program can't control when an object is
 * garbage-collected, so each case is a program of its own.
 *
 * @module
 */

import { assertEquals } from "../_support/assert.ts";
import { Program, runProgram } from "../_support/program.ts";

const program = new URL("programs/unawaited.ts", import.meta.url);
const forgotten = [["sleep", "13:3"], ["Queue.put", "14:23"], ["Timeout.run", "15:14"]];
const reports = forgotten.map(([name, place]) =>
  `${name}() at ${program}:${place} was never awaited, and did nothing`
);

Deno.test("EventLoop in debug mode reports what was never awaited, at exit", async () => {
  const { code, out, err } = await runProgram(program);
  assertEquals([code, out], [0, "end of the program\n"]);
  const lines = err.split("\n").filter((line) => line.includes("never awaited"));
  assertEquals(lines, reports);
});

Deno.test("EventLoop in debug mode reports what was never awaited, once its memory is reclaimed", async () => {
  const { code, out, err } = await runProgram(program, ["--v8-flags=--expose-gc"]);
  const lines = out.split("\n").filter((line) => line.includes("never awaited"));
  assertEquals([code, lines.toSorted(), err], [0, reports.toSorted(), ""]);
});

Deno.test("EventLoop reports nothing that was never awaited outside of debug mode", async () => {
  const { code, out, err } = await new Program(program, [], ["--quiet"]).end();
  assertEquals([code, out], [0, "end of the program\n"]);
  assertEquals(err.includes("never awaited"), false, err);
});
