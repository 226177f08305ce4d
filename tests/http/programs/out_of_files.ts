/**
 * A server that can't accept a connection, as too many files are open, and later can.
 *
 * @module
 */

import { Event, getRunningLoop, run, sleep } from "@aio/asyncio";
import { Application, AppRunner, TCPSite } from "@aio/asyncio/http";

const app = new Application();
app.router.addGet("/", () => new Response("hello"));

/** Opens as many files as there may be, save one. */
function openFiles(): Deno.FsFile[] {
  const files: Deno.FsFile[] = [];
  try {
    for (;;) files.push(Deno.openSync("/dev/null"));
  } catch {
    files.pop()!.close();
  }
  return files;
}

async function ask(url: string): Promise<string> {
  try {
    return await (await fetch(url)).text();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    await sleep(0.02); // it does not listen yet
    return await ask(url);
  }
}

await run(async () => {
  await using runner = new AppRunner(app);
  await runner.setup();
  const site = new TCPSite(runner, "127.0.0.1", 0);
  site.start();
  await ask(site.name);
  const failed = new Event();
  getRunningLoop().setExceptionHandler((_, { message, exception }) => {
    console.log(message.replace(site.name, "URL"), String(exception));
    failed.set();
  });
  const files = openFiles();
  const address = { hostname: "127.0.0.1", port: site.address.port };
  const refused = Deno.connect(address).then((client) => client.close(), () => {});
  await failed.wait();
  await refused;
  for (const file of files) file.close();
  console.log(await ask(site.name));
});
