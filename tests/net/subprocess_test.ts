import {
  CancelledError,
  createSubprocessExec,
  createSubprocessShell,
  createTask,
  DEVNULL,
  gather,
  getRunningLoop,
  PIPE,
  ProcessLookupError,
  sleep,
  STDOUT,
  subprocessExec,
  SubprocessProtocol,
  subprocessShell,
  timeout,
  TimeoutError,
} from "@aio/asyncio";
import type { BaseTransport, Process } from "@aio/asyncio";
import { assert, assertEquals, assertRejects, assertThrows } from "../_support/assert.ts";
import { runProgram } from "../_support/program.ts";
import { bytes, captureReports, netTest, randomBytes, text, until } from "./_helpers.ts";

/** Returns the system's state of a process; null if there is none, "Z" for a zombie. */
async function stateOf(pid: number): Promise<string | null> {
  try {
    const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
    return stat.slice(stat.lastIndexOf(")") + 2)[0]!;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

async function outputOf(process: Process): Promise<string> {
  return text((await process.communicate())[0]!);
}

netTest("createSubprocessExec() passes arguments as they are", async () => {
  const args = ["%s|", "one two", "$HOME", "'quoted'", ""];
  const process = await createSubprocessExec("printf", args, { stdout: PIPE });
  assertEquals(await outputOf(process), "one two|$HOME|'quoted'||");
  assertEquals(process.returncode, 0);
  assertEquals(await process.wait(), 0);
});

netTest(
  "createSubprocessExec() takes no string for the arguments, which would be its letters",
  async () => {
    for (const args of ["-r", { stdout: PIPE }]) {
      const text = `Cannot start sort: its arguments must be an array, not ${args}`;
      const protocol = () => new SubprocessProtocol();
      for (
        const start of [
          () => createSubprocessExec("sort", args as string),
          () => subprocessExec(protocol, "sort", args as string),
        ]
      ) {
        assertEquals((await assertRejects(async () => await start(), TypeError)).message, text);
      }
    }
  },
);

netTest("createSubprocessShell() runs a command of the shell", async () => {
  const process = await createSubprocessShell("echo $((6 * 7)); exit 3", { stdout: PIPE });
  assertEquals(await outputOf(process), "42\n");
  assertEquals(process.returncode, 3);
});

netTest("createSubprocessExec() works in a generator", function* () {
  const process = yield* createSubprocessExec("cat", [], { stdin: PIPE, stdout: PIPE });
  const [stdout, stderr] = yield* process.communicate(bytes("hello"));
  assertEquals([text(stdout!), stderr, process.returncode], ["hello", null, 0]);
});

netTest("createSubprocessExec() sets the folder and the environment", async () => {
  const folder = await Deno.makeTempDir();
  const env = { PATH: "/usr/bin:/bin", COLOUR: "blue" };
  const options = { stdout: PIPE, cwd: folder, env } as const;
  const process = await createSubprocessShell("pwd -P; echo $COLOUR; echo $HOME", options);
  assertEquals(await outputOf(process), `${await Deno.realPath(folder)}\nblue\n\n`);
  await Deno.remove(folder);
});

for (
  const [name, start] of Object.entries({
    createSubprocessExec: (options: { stdout: typeof PIPE; stderr: typeof STDOUT }) =>
      createSubprocessExec("sh", ["-c", "echo 1; echo 2 >&2; echo 3; echo 4 >&2; exit 5"], options),
    createSubprocessShell: (options: { stdout: typeof PIPE; stderr: typeof STDOUT }) =>
      createSubprocessShell("echo 1; echo 2 >&2; echo 3; echo 4 >&2; exit 5", options),
  })
) {
  netTest(`${name}() with STDOUT keeps the order of output and errors`, async () => {
    const process = await start({ stdout: PIPE, stderr: STDOUT });
    assertEquals(process.stderr, null);
    assertEquals(await outputOf(process), "1\n2\n3\n4\n");
    assertEquals(process.returncode, 5);
  });
}

netTest("createSubprocessExec() with DEVNULL reads nothing and writes nowhere", async () => {
  const options = { stdin: DEVNULL, stdout: DEVNULL, stderr: DEVNULL } as const;
  const process = await createSubprocessExec("cat", [], options);
  assertEquals([process.stdin, process.stdout, process.stderr], [null, null, null]);
  assertEquals(await process.wait(), 0);
});

netTest("createSubprocessExec() says what can't be started", async () => {
  await assertRejects(
    async () => await createSubprocessExec("/nonexistent"),
    Deno.errors.NotFound,
    "Cannot start /nonexistent",
  );
  await assertRejects(
    async () => await createSubprocessExec("/etc/passwd"),
    Deno.errors.PermissionDenied,
  );
  await assertRejects(
    async () => await createSubprocessExec("true", [], { stdin: STDOUT as never }),
    TypeError,
    "stdin must be PIPE, DEVNULL or null, not -2",
  );
});

netTest("Process.communicate() passes 8 MiB through, both ways at once", async () => {
  const process = await createSubprocessExec("cat", [], { stdin: PIPE, stdout: PIPE });
  const data = randomBytes(8 << 20);
  const [stdout] = await process.communicate(data);
  assert(stdout!.length === data.length && stdout!.every((byte, i) => byte === data[i]));
});

netTest("Process.stdout gives lines while the process runs", async () => {
  const process = await createSubprocessExec("cat", [], { stdin: PIPE, stdout: PIPE });
  for (const word of ["one\n", "two\n"]) {
    process.stdin!.write(bytes(word));
    await process.stdin!.drain();
    assertEquals(text(await process.stdout!.readline()), word);
  }
  process.stdin!.close();
  await process.stdin!.waitClosed();
  assertEquals(await process.wait(), 0);
});

netTest("Process has the number of the signal that ended it, negated", async () => {
  for (
    const [act, returncode] of [
      [(process: Process) => process.terminate(), -15],
      [(process: Process) => process.kill(), -9],
      [(process: Process) => process.sendSignal("SIGHUP"), -1],
    ] as const
  ) {
    const process = await createSubprocessExec("sleep", ["3600"]);
    act(process);
    assertEquals(await process.wait(), returncode);
    assertEquals(process.returncode, returncode);
    assertEquals(await stateOf(process.pid), null);
  }
});

netTest("Process.kill() after the end is a ProcessLookupError", async () => {
  const process = await createSubprocessExec("true");
  await process.wait();
  for (const act of ["kill", "terminate"] as const) {
    assertThrows(() => process[act](), ProcessLookupError, "the process has ended");
  }
  assertThrows(() => process.sendSignal("SIGINT"), ProcessLookupError);
});

netTest("parity: 146 Process.communicate() ignores a broken pipe; drain() does not", async () => {
  const options = { stdin: PIPE, stdout: PIPE } as const;
  const process = await createSubprocessExec("true", [], options);
  const [stdout] = await process.communicate(new Uint8Array(1_000_000));
  assertEquals([stdout!.length, process.returncode], [0, 0]);
  const another = await createSubprocessExec("true", [], { stdin: PIPE });
  await another.wait();
  await assertRejects(async () => {
    another.stdin!.write(new Uint8Array(1_000_000));
    await another.stdin!.drain();
  }, Deno.errors.ConnectionReset);
});

netTest("parity: 147 Process.wait() can be cancelled, and several may wait", async () => {
  const process = await createSubprocessExec("cat", [], { stdin: PIPE, stdout: PIPE });
  const waiters = Array.from({ length: 3 }, () => createTask(() => process.wait()));
  await sleep(0);
  waiters[1]!.cancel();
  process.stdin!.write(bytes("still works"));
  process.stdin!.close();
  const ends: unknown[] = await gather(waiters, { returnExceptions: true });
  assertEquals([ends[0], ends[1] instanceof CancelledError, ends[2]], [0, true, 0]);
  // The process's output can be read after its end.
  assertEquals(text(await process.stdout!.read()), "still works");
  assertEquals(await stateOf(process.pid), null);
});

netTest("Process.wait() that runs out of time leaves the process, and no zombie", async () => {
  const process = await createSubprocessExec("sleep", ["3600"]);
  await assertRejects(async () => await timeout(0.01).run(() => process.wait()), TimeoutError);
  assertEquals(await stateOf(process.pid), "S");
  process.kill();
  await until(() => process.returncode !== null);
  assertEquals(await stateOf(process.pid), null);
});

netTest("Process.communicate() that is cancelled leaves the process to be killed", async () => {
  const process = await createSubprocessExec("sleep", ["3600"], { stdout: PIPE });
  const task = createTask(() => process.communicate());
  for (let i = 0; i < 3; i++) await sleep(0);
  task.cancel();
  await assertRejects(async () => await task, CancelledError);
  process.kill();
  assertEquals(await process.wait(), -9);
  assertEquals((await process.stdout!.read()).length, 0);
});

netTest("createSubprocessExec() that is cancelled leaves no process", async () => {
  const task = createTask(() => createSubprocessExec("sleep", ["3600"], { stdin: PIPE }));
  await sleep(0);
  task.cancel();
  await assertRejects(async () => await task, CancelledError);
});

/** A protocol that logs its callbacks. */
class Listener extends SubprocessProtocol {
  readonly calls: string[] = [];
  readonly over = getRunningLoop().createFuture<void>();

  override connectionMade(_transport: BaseTransport): void {
    this.calls.push("made");
  }

  override pipeDataReceived(fd: number, data: Uint8Array): void {
    this.calls.push(`data ${fd} ${text(data)}`);
  }

  override pipeConnectionLost(fd: number, exception: unknown): void {
    this.calls.push(`pipe lost ${fd} ${exception}`);
  }

  override processExited(): void {
    this.calls.push("exited");
  }

  override connectionLost(exception: unknown): void {
    this.calls.push(`lost ${exception}`);
    this.over.setResult();
  }
}

netTest("subprocessShell() tells the protocol of everything, and of its end last", async () => {
  const command = "echo out; echo err >&2; exit 7";
  const [transport, protocol] = await subprocessShell(() => new Listener(), command);
  await protocol.over;
  assertEquals([protocol.calls[0], protocol.calls.at(-1)], ["made", "lost null"]);
  assertEquals(protocol.calls.slice(1, -1).sort(), [
    "data 1 out\n",
    "data 2 err\n",
    "exited",
    "pipe lost 0 null",
    "pipe lost 1 null",
    "pipe lost 2 null",
  ]);
  assertEquals([transport.getReturncode(), transport.isClosing()], [7, true]);
});

netTest("SubprocessTransport.close() closes the pipes and kills the process", async () => {
  const [transport, protocol] = await subprocessExec(() => new Listener(), "cat");
  assert(transport.getPid() > 0);
  assertEquals(transport.getPipeTransport(1)!.isReading(), true);
  transport.getPipeTransport(0)!.write(bytes("echo"));
  await until(() => protocol.calls.includes("data 1 echo"));
  transport.close();
  transport.close();
  await protocol.over;
  assertEquals(transport.getReturncode(), -9);
});

netTest("subprocessExec() has pipes where its options say nothing", async () => {
  const nothing = { stdin: undefined, stdout: undefined, stderr: undefined } as object;
  const [transport, protocol] = await subprocessExec(() => new Listener(), "cat", [], nothing);
  assert([0, 1, 2].every((fd) => transport.getPipeTransport(fd) !== null));
  transport.close();
  await protocol.over;
});

netTest(
  "parity: SubprocessProtocol.pipeDataReceived() that fails leaves the pipe open",
  async () => {
    const reports = captureReports();
    class Failing extends Listener {
      override pipeDataReceived(fd: number, data: Uint8Array): void {
        super.pipeDataReceived(fd, data);
        transport.getPipeTransport(0)!.write(bytes("\n"));
        throw new Error("in pipeDataReceived");
      }
    }
    const command = "read x; echo one; read x; echo two; read x";
    const [transport, protocol] = await subprocessShell(() => new Failing(), command);
    transport.getPipeTransport(0)!.write(bytes("\n"));
    await protocol.over;
    const calls = protocol.calls.filter((call) => call.includes(" 1 "));
    assertEquals(calls, ["data 1 one\n", "data 1 two\n", "pipe lost 1 null"]);
    assertEquals(reports.map(({ exception }) => (exception as Error).message), [
      "in pipeDataReceived",
      "in pipeDataReceived",
    ]);
  },
);

netTest(
  "parity: SubprocessTransport.kill() is harmless until connectionLost() returns",
  async () => {
    class Killing extends Listener {
      override connectionLost(exception: unknown): void {
        transport.kill();
        super.connectionLost(exception);
      }
    }
    const [transport, protocol] = await subprocessShell(() => new Killing(), "exit 0");
    await protocol.over;
    assertThrows(() => transport.kill(), ProcessLookupError);
  },
);

Deno.test("parity: a pipe that nobody has any more is closed when its process has ended", async () => {
  const program = new URL("programs/unread_output.ts", import.meta.url);
  const { out, err, code } = await runProgram(program, ["--allow-run", "--v8-flags=--expose-gc"]);
  assertEquals([out, err, code], ["ended with 0\nthe pipe is closed\n180000\n", "", 0]);
});
