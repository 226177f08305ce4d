/**
 * `app.fetch` under other servers: `deno serve`, on one thread and on several, and `Deno.serve`.
 *
 * @module
 */

import { Application } from "@aio/asyncio/http";
import { assertEquals } from "../_support/assert.ts";
import { output, test } from "./_support.ts";

const [APP, LAST, SLOW_START] = ["app", "last", "slow_start"].map((name) =>
  new URL(`programs/${name}.ts`, import.meta.url).pathname
) as [string, string, string];

/**
 * Runs `deno serve`, calls `ask`, ends it by a signal; returns its exit code and output. `until`
 * waits for a text on its standard error.
 */
async function serveAndEnd(
  program: string[],
  signal: Deno.Signal,
  ask: (url: string, until: (words: RegExp) => Promise<void>) => Promise<void>,
): Promise<{ code: number; lines: string[] }> {
  const args = ["serve", "--no-prompt", "--host", "127.0.0.1", "--port", "0", ...program];
  const env = { NO_COLOR: "1", DENO_JOBS: "2" };
  const child = new Deno.Command("deno", { args, env, stdout: "piped", stderr: "piped" }).spawn();
  try {
    const err = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
    const out = new Response(child.stdout).text();
    let text = "";
    const until = async (words: RegExp): Promise<void> => {
      while (!words.test(text)) {
        const { value, done } = await err.read();
        if (done) throw new Error(text);
        text += value;
      }
    };
    await until(/http:\S+\/\s/);
    await ask(/http:\S+\//.exec(text)![0], until);
    child.kill(signal);
    while (!(await err.read()).done);
    const lines = (await out).trim().split("\n").map((line) => line.replace(/^\[.*?\] ?/, ""));
    return { code: (await child.status).code, lines };
  } finally {
    killIfRunning(child);
  }
}

function killIfRunning(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // it has ended
  }
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`deno serve starts an application once, and ends it when it gets ${signal}`, async () => {
    const { code, lines } = await serveAndEnd([APP], signal, async (url) => {
      for (let n = 1; n <= 3; n++) assertEquals(await output("curl", "-s", url), `request ${n}`);
    });
    assertEquals([code, ...lines], [0, "started", "cleaned up after 3"]);
  });
}

test("deno serve ends when the last answers are on their way", async () => {
  let last = Promise.resolve("");
  const { code } = await serveAndEnd([LAST], "SIGTERM", async (url) => {
    last = output("curl", "-s", url);
    while (await output("curl", "-s", `${url}waiting`) !== "1");
  });
  assertEquals([code, await last], [0, "the last"]);
});

test("deno serve ends an application that is told to stop while it starts", async () => {
  let answer = Promise.resolve("");
  const { code, lines } = await serveAndEnd([SLOW_START], "SIGTERM", async (url, until) => {
    answer = output("curl", "-s", url);
    await until(/starting/);
  });
  assertEquals([code, ...lines], [0, "started", "cleaned up"]);
  await answer;
});

test("deno serve ends when it is told to while an application starts, which fails", async () => {
  let answer = Promise.resolve("");
  const { code, lines } = await serveAndEnd([SLOW_START, "fail"], "SIGTERM", async (url, until) => {
    answer = output("curl", "-s", "-w", "%{http_code}", "-o", "/dev/null", url);
    await until(/starting/);
  });
  assertEquals([code, lines, await answer], [0, [""], "500"]);
});

test("deno serve --parallel starts and ends an application once in each thread", async () => {
  const count = 40;
  const { code, lines } = await serveAndEnd(["--parallel", APP], "SIGTERM", async (url) => {
    for (let n = 0; n < count; n++) await output("curl", "-s", url);
  });
  assertEquals(code, 0);
  const ends = lines.flatMap((line) => /^cleaned up after (\d+)$/.exec(line)?.[1] ?? []);
  assertEquals(lines.filter((line) => line === "started").length, ends.length);
  assertEquals(ends.reduce((sum, n) => sum + Number(n), 0), count);
});

test("Deno.serve() can serve an application, which leaves nothing behind when it is disposed of", async () => {
  const app = new Application();
  app.router.addGet("/", () => new Response("hello"));
  {
    await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, app.fetch);
    assertEquals(await output("curl", "-s", `http://127.0.0.1:${server.addr.port}/`), "hello");
    assertEquals(await output("curl", "-s", `http://127.0.0.1:${server.addr.port}/`), "hello");
  }
  await app[Symbol.asyncDispose]();
});
