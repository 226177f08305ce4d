/**
 * Calls functions whose workers die of an error that nobody catches, and prints what becomes of the
 * calls.
 *
 * @module
 */

import { moduleFunctions, run, WorkerPoolExecutor } from "@aio/asyncio/loop";

const { add, die } = moduleFunctions<typeof import("./work.ts")>(
  new URL("work.ts", import.meta.url),
);

await run(async () => {
  await using pool = new WorkerPoolExecutor({ maxWorkers: 1 });
  for (const kind of ["error", "rejection"]) {
    await pool.submit(die, kind).then(undefined, (error) => {
      console.log(`${error}, for ${(error as Error).cause}`);
    });
  }
  console.log(await pool.submit(add, 1, 2));
});
