/**
 * Loses a future and tasks with exceptions, and others whose exceptions were looked at in some way.
 * Where garbage collection is exposed, it waits until those were reported.
 *
 * @module
 */

import {
  createTask,
  gather,
  getRunningLoop,
  run,
  sleep,
  TaskGroup,
  timeout,
  wait,
} from "@aio/asyncio/loop";
import type { ExceptionGroup, Suspension } from "@aio/asyncio/loop";

const collect = (globalThis as { gc?: () => void }).gc;
const LOST = 7;
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

function* inner(): Generator<Suspension, void, unknown> {
  yield* sleep(0);
  throw new RangeError("generator");
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
    await sleep(0);
    throw new RangeError("task");
  };
  createTask(fail, { name: "lost" });
  createTask(async () => {
    throw new RangeError("task at once");
  });
  createTask(function* (): Generator<Suspension, void, unknown> {
    throw new RangeError("generator at once");
  });
  createTask(function* (): Generator<Suspension, void, unknown> {
    yield* inner();
  });
  createTask(() =>
    timeout(60).run(async () => {
      throw new RangeError("timeout");
    })
  );
  createTask(async () => {
    const failing = new TaskGroup().run(function* (): Generator<Suspension, void, unknown> {
      throw new RangeError("group");
    });
    throw await failing.then(() => null, (group: ExceptionGroup) => group.exceptions[0]);
  });
  const [done] = await wait([createTask(fail)]);
  for (const task of done) task.exception();
  for (let i = 0; collect !== undefined && reports < LOST && i < 100; i++) {
    collect();
    await sleep(0.001);
  }
}

await run(main);
console.log("end of the program");
