/**
 * Exceptions of futures that nobody looks at. When an object is gone is not for a program to say,
 * so that each case is a program of its own.
 *
 * @module
 */

import { assertEquals, assertMatch } from "../_support/assert.ts";
import { runProgram } from "../_support/program.ts";

const program = new URL("programs/unretrieved.ts", import.meta.url);

Deno.test("parity: 77 Future reports an exception that was never retrieved, at exit", async () => {
  const { code, out, err } = await runProgram(program);
  assertEquals([code, out], [0, "end of the program\n"]);
  assertMatch(err, /^Future exception was never retrieved\nfuture: <Future finished exc/);
  assertMatch(err, /^Task exception was never retrieved\nfuture: <Task finished name='lost' /m);
  const errors = ["RangeError: future", "RangeError: task", "RangeError: generator"];
  assertEquals(err.match(/^RangeError: .*/gm)!.toSorted(), errors.toSorted());
  assertEquals(err.match(/^.*never retrieved$/gm)!.length, 3);
});

Deno.test("parity: 77 Future reports an exception that was never retrieved, once its memory is reclaimed", async () => {
  const { code, out, err } = await runProgram(program, ["--v8-flags=--expose-gc"]);
  const lines = out.split("\n");
  assertEquals(lines.slice(0, -2).toSorted(), [
    "Future exception was never retrieved | RangeError: future | exception future message",
    "Task exception was never retrieved | RangeError: task | exception future message",
  ]);
  assertEquals([code, lines.at(-2), err], [0, "end of the program", ""]);
});

Deno.test("Runner reports no KeyboardInterrupt of the main task: it was thrown", async () => {
  const { code, out, err } = await runProgram(new URL("programs/interrupted.ts", import.meta.url));
  assertEquals([code, out, err], [0, "KeyboardInterrupt: from main\n", ""]);
});
