/**
 * Runs all examples, one after another, on loopback only: shows what each prints, what a client
 * sent to each server and received, and at the end which of them did what they should.
 *
 * Run: deno task examples
 *
 * @module
 */

import {
  CancelledError,
  createTask,
  type Future,
  gather,
  getRunningLoop,
  run,
  sleep,
  type Task,
} from "@aio/asyncio";
import { ClientSession } from "@aio/asyncio/http";
import { type Example, examples, type Exchange, fileOf } from "./_table.ts";

/** How long an example may take, in seconds; the first run may have to download a package. */
const TIME_LIMIT = 50;
/** How often to report that an example is still running, in seconds. */
const PROGRESS_INTERVAL = 1;

/** What a server prints when it listens. */
const LISTENING = /(?:Running on http:\/\/127\.0\.0\.1:|Serving on \('127\.0\.0\.1', )(\d+)/;

/** A running example. */
interface Running {
  child: Deno.ChildProcess;
  /** The port, once it listens; null if it ends without listening. */
  port: Future<number | null>;
  /** Done when all of its output was shown. */
  output: Task<void>;
}

/** Starts an example, and shows its output as it arrives. */
function start(example: Example, flags: string[]): Running {
  const permissions = example.permissions.map((permission) =>
    permission === "net" ? "--allow-net=127.0.0.1" : `--allow-${permission}`
  );
  const child = new Deno.Command("deno", {
    args: ["run", "--no-prompt", ...permissions, fileOf(example), ...flags],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const port = getRunningLoop().createFuture<number | null>();
  const output = createTask(async () => {
    await gather([
      () =>
        forEachLine(child.stdout, (line) => {
          console.log(`  │ ${line}`);
          const match = LISTENING.exec(line);
          if (match && !port.done()) port.setResult(Number(match[1]));
        }),
      () => forEachLine(child.stderr, (line) => console.log(`  ! ${line}`)),
    ]);
    if (!port.done()) port.setResult(null);
  });
  return { child, port, output };
}

async function forEachLine(
  stream: ReadableStream<Uint8Array>,
  callback: (line: string) => void,
): Promise<void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    lines.forEach(callback);
  }
  if (rest !== "") callback(rest);
}

async function portOf(running: Running): Promise<number> {
  const port = await running.port;
  if (port === null) throw new Error("it ended before it listened");
  return port;
}

/** Makes requests to a web server, and stops it like Ctrl-C. */
async function talkToWebServer(running: Running, exchanges: Exchange[]): Promise<void> {
  const port = await portOf(running);
  await using session = new ClientSession({ baseUrl: `http://127.0.0.1:${port}/` });
  for (const { send, status, expect } of exchanges) {
    console.log(`  → GET ${send}`);
    await using response = await session.get(send);
    const text = await response.text();
    console.log(`  ← ${response.status} ${text.trimEnd().replaceAll("\n", "\n    ")}`);
    check(text, expect);
    check(String(response.status), String(status));
  }
  console.log("  → Ctrl-C");
  running.child.kill("SIGINT");
}

/** Sends lines to a command server, the last of which stops it. */
async function talkToCommandServer(running: Running, exchanges: Exchange[]): Promise<void> {
  const port = await portOf(running);
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const reader = conn.readable.pipeThrough(new TextDecoderStream()).getReader();
  for (const { send, expect } of exchanges) {
    console.log(`  → ${send}`);
    await conn.write(new TextEncoder().encode(`${send}\n`));
    const { value = "" } = await reader.read();
    console.log(`  ← ${value.trimEnd()}`);
    check(value, expect);
  }
  console.log("  → shutdown");
  await conn.write(new TextEncoder().encode("shutdown\n"));
  await reader.read();
}

function check(actual: string, expected: string): void {
  if (!actual.includes(expected)) throw new Error(`"${actual}" is not "${expected}"`);
}

/** Starts four sites for the URL fetch, which may answer in any order. */
function startLocalSites(): { urls: string[] } & AsyncDisposable {
  const names = ["one", "two", "three", "four"];
  const options = { hostname: "127.0.0.1", port: 0, onListen: (): void => {} };
  const server = Deno.serve(options, (request): Response => {
    const name = new URL(request.url).pathname.slice(1);
    return new Response(`<title>Site ${name}</title>${`<p>Welcome to site ${name}</p>`.repeat(9)}`);
  });
  return {
    urls: names.map((name) => `http://127.0.0.1:${server.addr.port}/${name}`),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Runs an example to its end. */
async function runExample(example: Example): Promise<void> {
  const isFetch = example.name === "asyncio_url_fetch";
  await using sites = isFetch ? startLocalSites() : null;
  const flags = sites?.urls ?? example.flags ?? [];
  console.log(`\n━━ ${example.title} ━━ ${example.name}.ts ${flags.join(" ")}`);
  const running = start(example, flags);
  const kill = (): void => {
    try {
      running.child.kill("SIGKILL");
    } catch (error) {
      // It has ended already.
      if (!(error instanceof TypeError)) throw error;
    }
  };
  const deadline = getRunningLoop().callLater(TIME_LIMIT, kill);
  const progress = createTask(showProgress);
  try {
    if (example.web) await talkToWebServer(running, example.web);
    if (example.commands) await talkToCommandServer(running, example.commands);
    const { code } = await running.child.status;
    check(`exit code ${code}`, "exit code 0");
  } catch (error) {
    // No error, not even a cancellation, may leave a process behind.
    kill();
    throw error;
  } finally {
    await running.child.status;
    await running.output;
    deadline.cancel();
    progress.cancel();
  }
}

async function showProgress(): Promise<void> {
  for (let seconds = PROGRESS_INTERVAL;; seconds += PROGRESS_INTERVAL) {
    await sleep(PROGRESS_INTERVAL);
    console.log(`  … ${seconds} s`);
  }
}

/** Runs all examples, and returns whether all went well. */
async function main(): Promise<boolean> {
  const failures = new Map<Example, unknown>();
  for (const example of examples) {
    try {
      await runExample(example);
    } catch (error) {
      if (error instanceof CancelledError) throw error;
      failures.set(example, error);
      console.log(`  ✗ ${error}`);
    }
  }
  console.log("\n━━ All examples ━━");
  for (const example of examples) {
    console.log(`  ${failures.has(example) ? "✗" : "✓"} ${example.name}`);
  }
  return failures.size === 0;
}

if (!await run(main)) Deno.exit(1);
