/**
 * Debug mode: slow callbacks, swallowed cancellations, where tasks were created.
 *
 * @module
 */

import {
  createTask,
  currentTask,
  getRunningLoop,
  newEventLoop,
  run,
  sleep,
} from "@aio/asyncio/loop";
import type { EventLoop } from "@aio/asyncio/loop";
import { assertEquals, assertMatch, assertRejects } from "../_support/assert.ts";
import { captureErrors } from "../_support/run.ts";
import type { Steps } from "../_support/run.ts";

/** Runs `main` on a loop in debug mode, and returns the warnings. */
async function warnings(
  main: (loop: EventLoop) => Promise<void>,
  slowCallbackDuration: number,
): Promise<string[]> {
  const loop = newEventLoop({ debug: true });
  loop.slowCallbackDuration = slowCallbackDuration;
  using captured = captureErrors("warn");
  await loop.runUntilComplete(() => main(loop));
  loop.close();
  return captured.texts;
}

function busy(): void {
  const end = performance.now() + 3;
  while (performance.now() < end);
}

// There are no calls from a wrong thread: JavaScript's threads don't share a loop.
Deno.test("parity: 112 Debug mode warns of slow callbacks, timers and steps of tasks", async () => {
  const texts = await warnings(async (loop) => {
    loop.callSoon(busy);
    loop.callLater(0, busy);
    await createTask(async () => busy(), { name: "slow start" });
    await createTask(async () => {
      await sleep(0);
      busy();
    }, { name: "slow step" });
    await createTask(function* (): Steps<void> {
      yield* sleep(0);
      busy();
    }, { name: "slow generator" });
  }, 0.003);
  const text = texts.join("\n"); // on a slow machine there may be more
  assertMatch(text, /^Executing <Handle busy\(\)> took \d\.\d\d\d seconds$/m);
  assertMatch(text, /^Executing <TimerHandle when=[\d.]+ busy\(\)> took \d\.\d\d\d seconds$/m);
  for (const name of ["slow start", "slow step", "slow generator"]) {
    assertMatch(text, new RegExp(`^Executing <Task .*name='${name}' .* took \\d.* seconds$`, "m"));
  }
});

Deno.test("Debug mode does not warn of what is quick, nor of waiting", async () => {
  const texts = await warnings(async (loop) => {
    loop.callSoon(() => {});
    await sleep(0.005);
    await new Promise<void>((resolve) => setTimeout(resolve, 1));
  }, 3600);
  assertEquals(texts, []);
});

Deno.test("Without debug mode nothing is warned of", async () => {
  using captured = captureErrors("warn");
  await run(async () => {
    const loop = getRunningLoop();
    assertEquals(loop.slowCallbackDuration, 0.1);
    loop.slowCallbackDuration = 0;
    loop.callSoon(busy);
    await sleep(0);
  });
  assertEquals(captured.texts, []);
});

Deno.test("Debug mode warns of a task that catches its cancellation and goes on", async () => {
  const seen: string[] = [];
  const texts = await warnings(async () => {
    const swallow = async (): Promise<void> => {
      try {
        await sleep(3600);
      } catch {
        seen.push("swallowed");
      }
    };
    const task = createTask(swallow, { name: "swallows" });
    await sleep(0);
    task.cancel();
    await task;
  }, 3600);
  assertEquals([seen, texts.length], [["swallowed"], 1]);
  assertMatch(texts[0]!, /name='swallows' .* caught a CancelledError at .*debug_test\.ts:\d+:\d+ /);
});

Deno.test("Debug mode does not warn of cancellations that end the task or are taken back", async () => {
  const texts = await warnings(async () => {
    const ends = createTask(() => sleep(3600));
    const takesBack = createTask(async () => {
      try {
        await sleep(3600);
      } catch {
        currentTask()!.uncancel();
      }
    });
    const fails = createTask(function* (): Steps<void> {
      try {
        yield* sleep(3600);
      } finally {
        yield* sleep(0);
      }
    });
    await sleep(0);
    for (const task of [ends, takesBack, fails]) task.cancel();
    await takesBack;
    for (const task of [ends, fails]) await assertRejects(async () => await task);
  }, 3600);
  assertEquals(texts, []);
});

Deno.test("Debug mode does not know where a generator lets a turn pass, and says so", async () => {
  const texts = await warnings(async () => {
    const gate = getRunningLoop().createFuture<null>();
    const task = createTask(function* (): Steps<void> {
      yield* gate;
      try {
        yield* sleep(0);
      } catch {
        // swallowed
      }
    }, { name: "t" });
    await sleep(0);
    gate.setResult(null);
    await sleep(0);
    task.cancel();
    await task;
  }, 3600);
  assertEquals(texts.length, 1);
  assertMatch(texts[0]!, / caught a CancelledError at an unknown place and went on$/);
});

Deno.test("Debug mode warns once more when the next cancellation comes", async () => {
  const texts = await warnings(async () => {
    const task = createTask(async () => {
      for (let i = 0; i < 3; i++) {
        try {
          await sleep(3600);
        } catch {
          // swallowed
        }
      }
    }, { name: "t" });
    for (let i = 0; i < 3; i++) {
      await sleep(0);
      await sleep(0);
      task.cancel();
    }
    await task;
  }, 3600);
  assertEquals(texts.length, 3);
});

Deno.test("Debug mode knows nothing of tasks that are older than it, nor of waits outside of tasks", async () => {
  using captured = captureErrors("warn");
  const loop = newEventLoop();
  const old = loop.createTask(async () => {
    try {
      await sleep(3600);
    } catch {
      // swallowed
    }
  });
  await loop.runUntilComplete(async () => {
    loop.setDebug(true);
    loop.slowCallbackDuration = 0.003;
    await sleep(0);
    old.cancel();
    await old;
    const outside = loop.createFuture<void>();
    loop.callSoon(() => sleep(0).then(busy).then(() => outside.setResult()));
    await outside;
  });
  loop.close();
  const text = captured.texts.join("\n");
  assertMatch(text, /^Executing <await outside of a task> took \d\.\d\d\d seconds$/m);
  assertEquals(text.includes("CancelledError"), false);
});

Deno.test("Debug mode tells where a task was created", async () => {
  await warnings(async (loop) => {
    const task = createTask(() => sleep(0), { name: "t" });
    assertMatch(
      String(task),
      /^<Task pending name='t' coro=.* created at .*debug_test\.ts:\d+:\d+>$/,
    );
    loop.setDebug(false);
    const plain = createTask(() => sleep(0), { name: "t" });
    assertEquals(String(plain), "<Task pending name='t' coro=<anonymous()>>");
    await plain;
  }, 3600);
});
