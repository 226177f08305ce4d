/**
 * Which task owns what callbacks and tasks start.
 *
 * @module
 */

import { ContextVar, createTask, currentTask, getRunningLoop, run, sleep } from "@aio/asyncio/loop";
import { getOwner } from "../../loop/_host.ts";
import { assertEquals } from "../_support/assert.ts";
import { runVirtual } from "../_support/run.ts";

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
