/**
 * Random programs do the same as in CPython, as recorded in parity_programs.json: with async
 * functions, with generators, with coroutines of both kinds at once, and in debug mode.
 *
 * @module
 */

import { newEventLoop, VirtualClock } from "@aio/asyncio/loop";
import { assertEquals } from "../_support/assert.ts";
import { captureErrors } from "../_support/run.ts";
import { generatorsOf } from "./parity/_generators.ts";
import * as asyncFunctions from "./parity/_programs.ts";
import type { Run, Step } from "./parity/_programs.ts";

interface Program {
  readonly tasks: readonly (readonly Step[])[];
  readonly log: readonly string[];
}

const record = new URL("parity_programs.json", import.meta.url);
const { programs } = JSON.parse(await Deno.readTextFile(record)) as { programs: Program[] };
const source = new URL("parity/_programs.ts", import.meta.url).href;
const generators = await import(generatorsOf(source)) as typeof asyncFunctions;

/** Runs some places of a program as async functions, the others as generators. */
const runEither: Run = (world, steps, path) => {
  const codes = Array.from(path, (letter) => letter.charCodeAt(0));
  const isEven = codes.reduce((sum, code) => sum + code, 0) % 2 === 0;
  return (isEven ? asyncFunctions : generators).runSteps(world, steps, path);
};

function registerTest(kind: string, runSteps: Run, debug: boolean): void {
  Deno.test(`parity: ${programs.length} random programs (${kind})`, async () => {
    using _ = captureErrors("warn");
    for (const { tasks, log } of programs) {
      const loop = newEventLoop({ clock: new VirtualClock(), debug });
      const program = (): Promise<string[]> => asyncFunctions.runProgram(tasks, runSteps);
      const seen = await loop.runUntilComplete(program);
      loop.close(); // even if tasks still wait
      assertEquals(seen, [...log], JSON.stringify(tasks));
    }
  });
}

for (const debug of [false, true]) {
  const mode = debug ? ", in debug mode" : "";
  registerTest(`async functions${mode}`, asyncFunctions.runSteps, debug);
  registerTest(`generators${mode}`, generators.runSteps, debug);
  registerTest(`both${mode}`, runEither, debug);
}
