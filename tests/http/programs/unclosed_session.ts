/**
 * Loses a session, a response, and a stream of one, and closes others. Where garbage collection is exposed, it waits
 * until they were reported.
 *
 * @module
 */

import { getRunningLoop, run, sleep } from "@aio/asyncio/loop";
import { ClientSession, TCPConnector } from "@aio/asyncio/http";

const collect = (globalThis as { gc?: () => void }).gc;
const reports: string[] = [];

function openCarelessly(): void {
  new ClientSession();
}

async function loseResponse(session: ClientSession, url: string): Promise<void> {
  const response = await session.get(url);
  if (response.status !== 200) throw new Error("it failed");
}

async function loseStream(session: ClientSession, url: string): Promise<void> {
  const { content } = await session.get(url);
  if (content.locked) throw new Error("it failed");
}

/** Has memory reclaimed until so many reports have come, or for a while. */
async function collectUntil(count: number): Promise<void> {
  for (let i = 0; reports.length < count && i < 200; i++) {
    collect!();
    await sleep(0.001);
  }
}

await run(async () => {
  if (collect !== undefined) {
    getRunningLoop().setExceptionHandler((_loop, { message }) => void reports.push(message));
    console.error = (text: string) => void reports.push(text);
  }
  const size = 1024 * 1024;
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response(new Uint8Array(size)),
  );
  const connector = new TCPConnector({ limit: 1 });
  {
    await using session = new ClientSession({ connector });
    openCarelessly();
    const url = `http://127.0.0.1:${server.addr.port}/`;
    if (collect !== undefined) {
      await loseResponse(session, url);
      await collectUntil(2);
      await loseStream(session, url); // there is a place for it
      await collectUntil(3);
      const { content } = await session.get(url);
      await collectUntil(4); // nobody has lost this one
      console.log("next", (await new Response(content).bytes()).length === size);
    }
  }
  await server.shutdown();
});
for (const report of reports.sort()) {
  console.log(report.replace(/127.0.0.1:\d+/, "HOST").split("\n").slice(0, 2).join(" | "));
}
console.log("end of the program");
