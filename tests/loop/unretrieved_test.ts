/**
 * Exceptions of futures that are never retrieved. A program can't control when an object is
 * garbage-collected, so each case is a program of its own.
 *
 * @module
 */

import { assertEquals, assertMatch } from "../_support/assert.ts";
import { runProgram } from "../_support/program.ts";

const program = new URL("programs/unretrieved.ts", import.meta.url);

/** The futures and exceptions that the program loses. */
const LOST = [
  ["Future", "RangeError: future"],
  ["Task", "RangeError: task"],
  ["Task", "RangeError: task at once"],
  ["Task", "RangeError: generator"],
  ["Task", "RangeError: generator at once"],
  ["Task", "RangeError: timeout"],
  ["Task", "RangeError: group"],
];

Deno.test("parity: 77 Future reports an exception that was never retrieved, at exit", async () => {
  const { code, out, err } = await runProgram(program);
  assertEquals([code, out], [0, "end of the program\n"]);
  assertMatch(err, /^Future exception was never retrieved\nfuture: <Future finished exc/);
  assertMatch(err, /^Task exception was never retrieved\nfuture: <Task finished name='lost' /m);
  const errors = LOST.map(([, error]) => error);
  assertEquals(err.match(/^RangeError: .*/gm)!.toSorted(), errors.toSorted());
  assertEquals(err.match(/^.*never retrieved$/gm)!.length, LOST.length);
});

Deno.test("parity: 77 Future reports an exception that was never retrieved, once its memory is reclaimed", async () => {
  const { code, out, err } = await runProgram(program, ["--v8-flags=--expose-gc"]);
  const lines = out.split("\n");
  const reports = LOST.map(([kind, error]) =>
    `${kind} exception was never retrieved | ${error} | exception future message`
  );
  assertEquals(lines.slice(0, -2).toSorted(), reports.toSorted());
  assertEquals([code, lines.at(-2), err], [0, "end of the program", ""]);
});

Deno.test("Runner reports no KeyboardInterrupt of the main task: it was thrown", async () => {
  const { code, out, err } = await runProgram(new URL("programs/interrupted.ts", import.meta.url));
  assertEquals([code, out, err], [0, "KeyboardInterrupt: from main\n", ""]);
});
