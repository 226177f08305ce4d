/**
 * The clients of the HTTP benchmark: 64 requests at a time by this project, or by bare `fetch`.
 *
 *     deno run bench/http_client.ts @aio/asyncio|Deno URL
 *
 * For each number of seconds on standard input, measures that long and prints requests a second.
 *
 * @module
 */

import { gather, run } from "@aio/asyncio/loop";
import { ClientSession } from "@aio/asyncio/http";

const AT_A_TIME = 64;

const [name = "", url = ""] = Deno.args;

/** Makes one request, and reads the body of the response. */
type Get = () => Promise<string>;
/** Runs all workers at the same time. */
type RunAll = (workers: (() => Promise<void>)[]) => PromiseLike<unknown>;

/** Prints how many requests a second `get` makes, for each number of seconds. */
async function measure(get: Get, runAll: RunAll): Promise<void> {
  for await (const seconds of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    console.log(await work(get, runAll, Number(seconds)));
  }
}

async function work(get: Get, runAll: RunAll, seconds: number): Promise<number> {
  let count = 0;
  const begin = performance.now();
  const end = begin + seconds * 1000;
  const worker = async (): Promise<void> => {
    for (; performance.now() < end; count++) await get();
  };
  await runAll(Array.from({ length: AT_A_TIME }, () => worker));
  return count / (performance.now() - begin) * 1000;
}

const clients: Record<string, () => Promise<void>> = {
  "@aio/asyncio": () =>
    run(async () => {
      await using session = new ClientSession();
      await measure(async () => {
        await using response = await session.get(url);
        return await response.text();
      }, gather);
    }),
  Deno: () =>
    measure(
      async () => await (await fetch(url)).text(),
      (workers) => Promise.all(workers.map((worker) => worker())),
    ),
};

await clients[name]!();
