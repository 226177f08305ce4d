/**
 * Tasks and foreign promises: a cancellation that comes while a task awaits one is not lost, and a
 * task that one resumes between two runs, or after the end of its loop, does no harm.
 */

import { createTask, newEventLoop, run, sleep } from "@aio/asyncio/loop";
import { assertEquals, assertRejects } from "../_support/assert.ts";

Deno.test("Task.cancel() reaches a task that awaits the host after a race it left a future in", async () => {
  const seen: string[] = [];
  await run(async () => {
    const host = Promise.withResolvers<void>();
    const task = createTask(async () => {
      await Promise.race([sleep(0), sleep(3600)]);
      seen.push("race");
      await host.promise;
      seen.push("host");
      await sleep(3600);
    });
    while (seen.length === 0) await sleep(0);
    await new Promise((resolve) => setTimeout(resolve, 0));
    task.cancel("enough");
    host.resolve();
    await assertRejects(async () => await task, Error, "enough");
    assertEquals(task.cancelled(), true);
  });
  assertEquals(seen, ["race", "host"]);
});

Deno.test("sleep() of a task that the host resumes between two runs goes on in the next one", async () => {
  const loop = newEventLoop();
  const host = Promise.withResolvers<void>();
  const task = loop.createTask(async () => {
    await host.promise;
    return await sleep(0.001, "slept");
  });
  await loop.runUntilComplete(() => sleep(0.001));
  host.resolve();
  await host.promise;
  assertEquals(await loop.runUntilComplete(task), "slept");
  loop.close();
});

Deno.test("Task that ends after its loop was closed calls nobody, and throws nothing", async () => {
  const loop = newEventLoop();
  const reports: string[] = [];
  loop.setExceptionHandler((_, { message }) => reports.push(message));
  const host = Promise.withResolvers<void>();
  const seen: string[] = [];
  const task = loop.createTask(async () => {
    await host.promise;
    seen.push("ended");
  });
  const failing = loop.createTask(async () => {
    await host.promise;
    seen.push("failed");
    throw new RangeError("too late");
  });
  for (const each of [task, failing]) each.addDoneCallback(() => seen.push("called"));
  await loop.runUntilComplete(() => sleep(0.001));
  loop.close();
  host.resolve();
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(seen, ["ended", "failed"]);
  const message = "Task was destroyed but it is pending!";
  assertEquals(reports, [message, message]);
  assertEquals([task.done(), failing.done()], [false, false]);
});
