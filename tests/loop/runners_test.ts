/**
 * run() and Runner.
 *
 * @module
 */

import {
  allTasks,
  CancelledError,
  Context,
  ContextVar,
  createTask,
  currentTask,
  getRunningLoop,
  KeyboardInterrupt,
  newEventLoop,
  run,
  Runner,
  RuntimeError,
  sleep,
} from "@aio/asyncio/loop";
import type { EventLoop } from "@aio/asyncio/loop";
import { assertEquals, assertMatch, assertRejects } from "../_support/assert.ts";
import { assertStrictEquals, assertStringIncludes, assertThrows } from "../_support/assert.ts";
import { Program } from "../_support/program.ts";
import type { End } from "../_support/program.ts";
import { newVirtualLoop, runVirtual } from "../_support/run.ts";
import type { Steps } from "../_support/run.ts";

const options = { loopFactory: newVirtualLoop };

Deno.test("run() drops what is left of an async function that was called without await", async () => {
  const seen: string[] = [];
  async function work(): Promise<void> {
    seen.push("begun");
    await sleep(0);
    seen.push("went on with its caller");
    await sleep(1);
    seen.push("outlived run()");
  }
  await run(async () => {
    work();
    await sleep(0);
  }, options);
  await runVirtual(() => sleep(2));
  assertEquals(seen, ["begun", "went on with its caller"]);
});

Deno.test("run() gives what main returns, of each kind", async () => {
  assertEquals(await run(async () => 1), 1);
  assertEquals(
    await run(function* (): Steps<number> {
      yield* sleep(0);
      return 2;
    }),
    2,
  );
  function* object(): Steps<number> {
    return 3;
  }
  assertEquals(await run(object()), 3);
  assertEquals(await run(() => sleep(0, 4)), 4);
});

Deno.test("run() closes its loop and leaves none running, however main ends", async () => {
  const loops: EventLoop[] = [];
  const loopFactory = (): EventLoop => {
    loops.push(newVirtualLoop());
    return loops.at(-1)!;
  };
  await run(async () => {}, { loopFactory });
  const fail = async (): Promise<void> => {
    throw new RangeError("main");
  };
  await assertRejects(() => run(fail, { loopFactory }), RangeError, "main");
  await assertRejects(() => run(42 as never, { loopFactory }), TypeError, "not 42");
  assertEquals(loops.map((loop) => loop.isClosed()), [true, true, true]);
  assertThrows(getRunningLoop, RuntimeError);
});

Deno.test("run() throws when a loop runs already, and does not start main", async () => {
  let calls = 0;
  const main = async (): Promise<number> => ++calls;
  await runVirtual(async () => {
    const error = await assertRejects(() => run(main), RuntimeError);
    assertEquals(error.message, "asyncio.run() cannot be called from a running event loop");
  });
  assertEquals(calls, 0);
});

Deno.test("run() sets debug mode only when it is told to", async () => {
  const isDebug = async (): Promise<boolean> => getRunningLoop().getDebug();
  const loopFactory = (): EventLoop => newEventLoop({ debug: true });
  assertEquals(await run(isDebug), false);
  assertEquals(await run(isDebug, { debug: true }), true);
  assertEquals(await run(isDebug, { loopFactory }), true);
  assertEquals(await run(isDebug, { loopFactory, debug: false }), false);
});

Deno.test("run() cancels leftover tasks and waits for their cleanup", async () => {
  const seen: string[] = [];
  const loop = newVirtualLoop();
  await run(async () => {
    for (const name of ["a", "b"]) {
      createTask(async () => {
        try {
          await sleep(3600);
        } finally {
          await sleep(1);
          seen.push(name);
        }
      });
    }
    await sleep(0);
  }, { loopFactory: () => loop });
  assertEquals([seen, loop.time(), allTasks(loop).size], [["a", "b"], 1, 0]);
});

Deno.test("run() throws the error of main rather than those of leftover tasks", async () => {
  const reports: unknown[] = [];
  await assertRejects(
    () =>
      run(async () => {
        getRunningLoop().setExceptionHandler((_loop, context) => reports.push(context));
        createTask(async () => {
          try {
            await sleep(3600);
          } catch {
            throw new URIError("leftover");
          }
        }, { name: "leftover" });
        await sleep(0);
        throw new RangeError("main");
      }, options),
    RangeError,
    "main",
  );
  const [{ message, exception, task }] = reports as [Record<string, unknown>];
  assertEquals(message, "unhandled exception during asyncio.run() shutdown");
  assertEquals(String(exception), "URIError: leftover");
  assertStringIncludes(String(task), "<Task finished name='leftover'");
  assertEquals(reports.length, 1);
});

Deno.test("run() throws the CancelledError of a main that is cancelled", async () => {
  const main = async (): Promise<void> => {
    currentTask()!.cancel("msg");
    await sleep(0);
  };
  await assertRejects(() => run(main, options), CancelledError, "msg");
});

Deno.test("run() throws a KeyboardInterrupt as it is, and cleans up", async () => {
  const seen: string[] = [];
  const main = async (): Promise<void> => {
    createTask(async () => {
      try {
        await sleep(3600);
      } finally {
        seen.push("cleanup");
      }
    });
    await sleep(0);
    throw new KeyboardInterrupt("by hand");
  };
  await assertRejects(() => run(main, options), KeyboardInterrupt, "by hand");
  assertEquals(seen, ["cleanup"]);
});

Deno.test("Runner.run() runs on the same loop and in the same context each time", async () => {
  const variable = new ContextVar("v", { defaultValue: 0 });
  const loops: EventLoop[] = [];
  const count = async (): Promise<number> => {
    loops.push(getRunningLoop());
    variable.set(variable.get() + 1);
    await sleep(1);
    return variable.get();
  };
  const runner = new Runner(options);
  assertEquals([await runner.run(count), await runner.run(count)], [1, 2]);
  assertEquals(loops.map((loop) => loop === runner.getLoop()), [true, true]);
  assertEquals(runner.getLoop().time(), 2);
  const context = new Context();
  assertEquals(await runner.run(count, { context }), 1);
  assertEquals([context.get(variable), variable.get()], [1, 0]);
  assertEquals(await runner.run(count), 3);
  await runner.close();
});

Deno.test("Runner copies the context it is first used in", async () => {
  const variable = new ContextVar("v", { defaultValue: "none" });
  const context = new Context();
  context.run(() => variable.set("outside"));
  const runner = new Runner(options);
  context.run(() => runner.getLoop());
  assertEquals(await runner.run(async () => variable.get()), "outside");
  await runner.run(async () => void variable.set("inside"));
  assertEquals(context.get(variable), "outside");
  await runner.close();
});

Deno.test("Runner goes on after a main that throws", async () => {
  const runner = new Runner(options);
  const fail = async (): Promise<void> => {
    throw new RangeError("main");
  };
  await assertRejects(() => runner.run(fail), RangeError, "main");
  assertEquals(await runner.run(async () => "next"), "next");
  await runner.close();
});

Deno.test("Runner leaves tasks between its runs, and close() cancels them", async () => {
  const seen: string[] = [];
  const runner = new Runner(options);
  await runner.run(async () => {
    createTask(async () => {
      try {
        for (let step = 0;; step++) {
          seen.push(`step ${step}`);
          await sleep(1);
        }
      } finally {
        seen.push("cleanup");
      }
    });
    await sleep(0);
  });
  await runner.run(() => sleep(1.5));
  assertEquals(seen, ["step 0", "step 1"]);
  await runner.close();
  assertEquals(seen, ["step 0", "step 1", "cleanup"]);
});

Deno.test("Runner.getLoop() makes the loop when it is needed, once", async () => {
  let made = 0;
  const loopFactory = (): EventLoop => {
    made++;
    return newVirtualLoop();
  };
  const runner = new Runner({ loopFactory });
  assertEquals(made, 0);
  assertStrictEquals(runner.getLoop(), runner.getLoop());
  assertEquals(made, 1);
  await runner.close();
  const unused = new Runner({ loopFactory });
  await unused.close();
  assertEquals(made, 1);
});

Deno.test("Runner.close() closes the loop; closing twice is harmless", async () => {
  const runner = new Runner(options);
  const loop = runner.getLoop();
  await runner.close();
  await runner.close();
  assertEquals(loop.isClosed(), true);
  const text = "Cannot use runner: Runner is closed";
  assertEquals(assertThrows(() => runner.getLoop(), RuntimeError).message, text);
  const error = await assertRejects(() => runner.run(async () => {}), RuntimeError);
  assertEquals(error.message, text);
});

Deno.test("Runner.run() throws when a loop runs already", async () => {
  const runner = new Runner(options);
  await runVirtual(async () => {
    const error = await assertRejects(() => runner.run(async () => {}), RuntimeError);
    assertEquals(error.message, "Runner.run() cannot be called from a running event loop");
  });
  await runner.close();
});

Deno.test("Runner is closed at the end of its block", async () => {
  let loop: EventLoop;
  {
    await using runner = new Runner(options);
    loop = runner.getLoop();
    await runner.run(() => sleep(1));
    assertEquals(loop.isClosed(), false);
  }
  assertEquals(loop.isClosed(), true);
});

/** Starts a program that waits for Ctrl-C, and sends it one when it is ready. */
async function interrupt(mode: string): Promise<Program> {
  const url = new URL("programs/interruptible.ts", import.meta.url);
  const program = new Program(url, [], [mode]);
  assertEquals(await program.line(), "ready");
  program.signal("SIGINT");
  return program;
}

async function endOf(program: Promise<Program>): Promise<End> {
  return await (await program).end();
}

// What python3 does in each of these cases was observed on 3.11 and 3.13.
for (const mode of ["waits", "waits as a generator", "saturated"]) {
  Deno.test(`parity: 104 run() throws KeyboardInterrupt when Ctrl-C has cancelled main, which ${mode}`, async () => {
    const { code, out, err } = await endOf(interrupt(mode));
    const lines = ["cancelled", "KeyboardInterrupt, loop closed: true", ""];
    assertEquals([code, out.split("\n"), err], [0, lines, ""]);
  });
}

Deno.test("run() throws KeyboardInterrupt at once when Ctrl-C comes a second time", async () => {
  const program = await interrupt("cleans up for ever");
  assertEquals(await program.line(), "cancelled");
  program.signal("SIGINT");
  // The main task has to be cancelled once more before the loop can be closed.
  const { code, out } = await program.end();
  assertEquals([code, out], [0, "KeyboardInterrupt, loop closed: true\n"]);
});

Deno.test("parity: 104 run() gives the result of a main that goes on after Ctrl-C", async () => {
  const { code, out, err } = await endOf(interrupt("goes on"));
  assertEquals([code, out, err], [0, "cancelled\nmain returned\n", ""]);
});

Deno.test("parity: 104 run() throws CancelledError when others than Ctrl-C have cancelled main, too", async () => {
  const { code, out, err } = await endOf(interrupt("cancelled before"));
  assertEquals([code, out, err], [0, "cancelled\nCancelledError, loop closed: true\n", ""]);
});

Deno.test("run() leaves Ctrl-C to a program that listens for it", async () => {
  const { code, out, err } = await endOf(interrupt("listens itself"));
  assertEquals([code, out, err], [0, "its own listener\nmain returned\n", ""]);
});

Deno.test("run() ends the program with an error when nobody catches the KeyboardInterrupt", async () => {
  const { code, out, err } = await endOf(interrupt("catches nothing"));
  assertEquals([code, out], [1, "cancelled\n"]);
  assertMatch(err, /Uncaught.* KeyboardInterrupt/);
});

Deno.test("run() leaves no listener for Ctrl-C", async () => {
  const url = new URL("programs/interruptible.ts", import.meta.url);
  const program = new Program(url, [], ["has ended"]);
  assertEquals([await program.line(), await program.line()], ["ready", "main returned"]);
  program.signal("SIGINT");
  assertEquals((await program.end()).signal, "SIGINT");
});
