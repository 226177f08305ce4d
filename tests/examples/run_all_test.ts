/**
 * The two tasks that run examples: `deno task examples`, which runs them all and says which of them
 * did what they should, and `deno task example NAME`, which runs one.
 *
 * @module
 */

import { examples } from "../../examples/_table.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../_support/assert.ts";
import { temporaryFolder, test } from "./_support.ts";

const ROOT = new URL("../../", import.meta.url);
const NAMES = examples.map(({ name }) => name);

/** How a task ended. */
interface TaskEnd {
  code: number;
  out: string;
  err: string;
}

/** A command of Deno, by default in this project. */
function deno(args: string[], cwd: string | URL = ROOT): Deno.Command {
  const env = { NO_COLOR: "1" };
  return new Deno.Command("deno", {
    args,
    cwd,
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    // A process group of its own, as a terminal gives it to what runs in it.
    detached: true,
  });
}

async function runTask(args: string[], cwd: string | URL = ROOT): Promise<TaskEnd> {
  const { code, stdout, stderr } = await deno(["task", ...args], cwd).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

/** Sends a signal to a process group, as a terminal does on Ctrl-C. */
async function signalGroup(pid: number, signal: Deno.Signal): Promise<void> {
  // Deno.kill() takes the permission to run anything; another Deno has it.
  const args = ["eval", `Deno.kill(-${pid}, "${signal}")`];
  const { success } = await new Deno.Command("deno", { args }).output();
  assert(success);
}

/** Runs a command until it has printed `text`, presses Ctrl-C, and waits for its end. */
async function interrupt(args: string[], text: string): Promise<TaskEnd> {
  const child = deno(args).spawn();
  const err = new Response(child.stderr).text();
  let out = "";
  let isInterrupted = false;
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    out += part;
    if (isInterrupted || !out.includes(text)) continue;
    isInterrupted = true;
    await signalGroup(child.pid, "SIGINT");
  }
  const { code } = await child.status;
  assert(isInterrupted, `it never said "${text}": ${out}${await err}`);
  return { code, out, err: await err };
}

/** Copies the examples into a folder, with a configuration that resolves what they import. */
async function copyExamples(path: string): Promise<void> {
  await Deno.mkdir(`${path}/examples`);
  for (const { name } of Deno.readDirSync(new URL("examples", ROOT))) {
    await Deno.copyFile(new URL(`examples/${name}`, ROOT), `${path}/examples/${name}`);
  }
  const { imports, tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  for (const [name, target] of Object.entries<string>(imports)) {
    if (target.startsWith("./")) imports[name] = new URL(target, ROOT).href;
  }
  await Deno.writeTextFile(`${path}/deno.json`, JSON.stringify({ imports, tasks, lock: false }));
}

/** The last lines of what the task printed: one for each example. */
function verdicts(out: string): string[] {
  return out.trimEnd().split("\n").slice(-NAMES.length);
}

test("deno task examples ends with a tick for each when all examples do what they should", async () => {
  assertEquals(NAMES.length, 13);
  const { code, out } = await runTask(["examples"]);
  assertEquals(verdicts(out), NAMES.map((name) => `  ✓ ${name}`));
  assertEquals(code, 0, out);
  assert(!out.includes("✗"));
  // Nor did any of them say anything to standard error.
  assert(!/^ {2}! /m.test(out), out);
});

test("deno task examples ends with a cross and fails when examples fail", async () => {
  await using folder = await temporaryFolder();
  await copyExamples(folder.path);
  const broken: Record<string, string> = {
    "coroutine": 'throw new Error("broken");',
    "run_until_complete": "Deno.exit(3);",
    "create_task": "syntax error",
    "multiple_routes": (await Deno.readTextFile(new URL("examples/multiple_routes.ts", ROOT)))
      .replace("This is the about page", "Something else"),
    "simple_async_server_extended": "// It ends before it listens.",
  };
  for (const [name, source] of Object.entries(broken)) {
    await Deno.writeTextFile(`${folder.path}/examples/${name}.ts`, source);
  }
  const { code, out } = await runTask(["examples"], folder.path);
  assertEquals(verdicts(out), NAMES.map((name) => `  ${name in broken ? "✗" : "✓"} ${name}`));
  assertEquals(code, 1);
  assertStringIncludes(out, "  ! error: Uncaught (in promise) Error: broken\n");
  assertStringIncludes(out, '  ✗ Error: "exit code 1" is not "exit code 0"\n');
  assertStringIncludes(out, '  ✗ Error: "exit code 3" is not "exit code 0"\n');
  assertStringIncludes(out, '  ✗ Error: "Something else" is not "This is the about page"\n');
  assertStringIncludes(out, "  ✗ Error: it ended before it listened\n");
});

test("deno task examples stops when it is interrupted", async () => {
  const { code, out } = await interrupt(["task", "examples"], "Coroutine started");
  assert(code !== 0);
  assert(!out.includes("All examples"));
});

test("deno task example lists the names when told none", async () => {
  const { code, out } = await runTask(["example"]);
  assertEquals(code, 0);
  for (const name of NAMES) assertMatch(out, new RegExp(`^  ${name} +\\S`, "m"));
});

test("deno task example tells the flags of each example when asked for help", async () => {
  assertEquals((await runTask(["example", "--help"])).out, (await runTask(["example"])).out);
  const asked = NAMES.map((name) => runTask(["example", name, "--help"]));
  for (const [i, { code, out }] of (await Promise.all(asked)).entries()) {
    assertEquals(code, 0);
    assertMatch(out, new RegExp(`^Run: deno task example ${NAMES[i]}\\b`, "m"));
    assert(!out.includes("*/"), out);
  }
});

test("deno task example says so and fails when there is no such example", async () => {
  const { code, out, err } = await runTask(["example", "nope"]);
  assertEquals([code, out], [1, ""]);
  assertStringIncludes(err, 'Cannot run example: there is no "nope"');
  for (const name of NAMES) assertStringIncludes(err, `  ${name} `);
});

test("deno task example passes flags on when it runs an example", async () => {
  for (const name of ["coroutine", "coroutine.ts"]) {
    const { code, out } = await runTask(["example", name, "--delay", "0"]);
    assertEquals([code, out], [0, "Coroutine started\nCoroutine finished\n"]);
  }
});

test("deno task example fails as the example does when that fails", async () => {
  const { code, err } = await runTask(["example", "coroutine", "--delay", "soon"]);
  assertEquals(code, 1);
  assertStringIncludes(err, "RangeError: Cannot sleep: delay must be a number, not NaN");
});

for (const name of ["simple_async_web_app", "simple_async_server"]) {
  test(`deno task example ends well when ${name} is interrupted`, async () => {
    const listening = name === "simple_async_server" ? "Serving on" : "CTRL+C to quit";
    // What the task runs, by itself: `deno task` passes Ctrl-C on once more, and if that comes when its
    // command has just ended, it ends with 130.
    const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
    const [, ...task] = tasks.example.split(" ");
    const args = [...task, name, "--host", "127.0.0.1", "--port", "0"];
    const { code, err } = await interrupt(args, listening);
    assertEquals([code, err], [0, ""]);
  });
}
