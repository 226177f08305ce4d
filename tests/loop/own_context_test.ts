/**
 * The loop's way back to its own asynchronous context.
 *
 * @module
 */

import { ContextVar, createTask, currentTask, getRunningLoop, run, sleep } from "@aio/asyncio/loop";
import { getOwner, runOwned } from "../../loop/_host.ts";
import { OwnContext } from "../../loop/_own_context.ts";
import { assertEquals, assertStrictEquals } from "../_support/assert.ts";
import { runVirtual } from "../_support/run.ts";

async function microtasks(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

Deno.test("OwnContext.request() has the function called in the context of its creation", async () => {
  const [mine, other] = [{}, {}];
  const seen: unknown[] = [];
  const context = runOwned(mine, () => new OwnContext(() => seen.push(getOwner())));
  for (let i = 1; i <= 3; i++) {
    runOwned(other, () => context.request());
    assertEquals(seen.length, i - 1); // not at once
    await microtasks();
    assertEquals(seen.length, i);
  }
  for (const owner of seen) assertStrictEquals(owner, mine);
});

Deno.test("OwnContext.request() may come before the first wait, and out of the function itself", async () => {
  let calls = 0;
  const context = new OwnContext(() => {
    if (++calls < 5) context.request();
  });
  context.request();
  await microtasks();
  await microtasks();
  assertEquals(calls, 5);
});

Deno.test("What a callback starts belongs to no task, whichever task ran before", async () => {
  const seen: unknown[] = [];
  await run(async () => {
    const loop = getRunningLoop();
    const { promise, resolve } = Promise.withResolvers<void>();
    const busy = createTask(async () => {
      for (let i = 0; i < 3; i++) await sleep(0);
    }, { name: "busy" });
    loop.callSoon(() => {
      seen.push(getOwner());
      setTimeout(() => {
        seen.push(getOwner(), currentTask());
        resolve();
      }, 1);
      queueMicrotask(() => seen.push(getOwner()));
    });
    await busy;
    await promise;
  });
  assertEquals(seen, [undefined, undefined, undefined, null]);
});

Deno.test("What a task starts belongs to that task, whichever task ran before", async () => {
  const variable = new ContextVar("v", { defaultValue: "none" });
  const seen: string[] = [];
  await runVirtual(async () => {
    const tasks = ["a", "b", "c"].map((name) =>
      createTask(async () => {
        variable.set(name);
        const helper = async (): Promise<void> => {
          for (let i = 0; i < 2; i++) {
            await sleep(1);
            seen.push(`${name} ${currentTask()!.getName()} ${variable.get()}`);
          }
        };
        const started = helper();
        await sleep(0);
        await started;
      }, { name })
    );
    for (const task of tasks) await task;
  });
  const lines = ["a a a", "b b b", "c c c"];
  assertEquals(seen, [...lines, ...lines]);
});
