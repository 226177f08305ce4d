/**
 * Loses a future and a task with exceptions, and others whose exceptions were looked at in some
 * way. Where garbage collection is exposed, it waits until those two were reported.
 *
 * @module
 */

import { createTask, gather, getRunningLoop, run, sleep, wait } from "@aio/asyncio/loop";
import type { Suspension } from "@aio/asyncio/loop";

const collect = (globalThis as { gc?: () => void }).gc;
let reports = 0;

function lose(): void {
  const loop = getRunningLoop();
  const failed = (text: string): ReturnType<typeof loop.createFuture> => {
    const future = loop.createFuture();
    future.setException(new RangeError(text));
    return future;
  };
  failed("future");
  failed("looked at").exception();
  failed("awaited").then(undefined, () => {});
  gather([failed("gathered"), failed("gathered, too")]).then(undefined, () => {});
  loop.createFuture().cancel();
}

async function main(): Promise<void> {
  const loop = getRunningLoop();
  if (collect !== undefined) {
    loop.setExceptionHandler((_loop, { message, exception, ...details }) => {
      reports++;
      const keys = ["exception", "message", ...Object.keys(details)].sort();
      console.log(message, "|", String(exception), "|", ...keys);
    });
  }
  lose();
  const fail = async (): Promise<void> => {
    // Before, an error would keep its task: the host holds on to what its stack goes through.
    await sleep(0);
    throw new RangeError("task");
  };
  createTask(fail, { name: "lost" });
  // The stack of an error that a generator throws goes through its task, too: it is reported at exit.
  if (collect === undefined) {
    createTask(function* (): Generator<Suspension, void, unknown> {
      throw new RangeError("generator");
    });
  }
  const [done] = await wait([createTask(fail)]);
  for (const task of done) task.exception();
  for (let i = 0; collect !== undefined && reports < 2 && i < 100; i++) {
    collect();
    await sleep(0.001);
  }
}

await run(main);
console.log("end of the program");
