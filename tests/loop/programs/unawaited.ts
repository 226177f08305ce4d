/**
 * Forgets to await, in debug mode; with `--v8-flags=--expose-gc` it waits for what is reported.
 *
 * @module
 */

import { createTask, gather, Queue, run, sleep, timeout, waitFor } from "@aio/asyncio";

const collect = (globalThis as { gc?: () => void }).gc;
let warned = 0;

function forget(): void {
  sleep(1);
  new Queue<number>().put(1);
  timeout(1).run(async () => {});
}

async function main(): Promise<void> {
  forget();
  // None of these is forgotten.
  await Promise.all([sleep(0.01), new Queue<number>(1).put(1)]);
  const gathered = gather([sleep(1), sleep(2)]);
  gathered.cancel();
  await gathered.then(undefined, () => {});
  await waitFor(sleep(1), 0).then(undefined, () => {});
  const task = createTask(function* () {
    yield* sleep(1);
  });
  await sleep(0);
  task.cancel();
  if (collect === undefined) return;
  while (warned < 3) {
    collect();
    await new Promise((resolve) => setTimeout(resolve));
  }
}

if (collect !== undefined) {
  console.warn = (text: string) => {
    warned++;
    console.log(text);
  };
}
await run(main, { debug: Deno.args[0] !== "--quiet" });
console.log("end of the program");
