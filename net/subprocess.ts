/**
 * Child processes, for coroutines.
 *
 * Counterpart of Python's `asyncio.subprocess`.
 *
 * @module
 */

import { gather, getRunningLoop } from "../loop/mod.ts";
import type { Awaitable } from "../loop/mod.ts";
import { Operation } from "../loop/coroutines.ts";
import type { Steps } from "../loop/coroutines.ts";
import { isSystemError } from "./_channel.ts";
import { FlowControl } from "./_flow_control.ts";
import { programArgv, shellArgv, spawn } from "./_spawning.ts";
import type { Argv, SubprocessOptions } from "./_spawning.ts";
import type { ChildTransport } from "./_subprocess_transport.ts";
import { SubprocessProtocol } from "./protocols.ts";
import { DEFAULT_LIMIT, StreamReader } from "./stream_reader.ts";
import { StreamWriter } from "./stream_writer.ts";
import type { WriterProtocol } from "./stream_writer.ts";
import type { SubprocessTransport, Transport } from "./transports.ts";

/** Options for {@linkcode createSubprocessExec} and {@linkcode createSubprocessShell}. */
export interface CreateSubprocessOptions extends SubprocessOptions {
  /**
   * The longest line of output, in bytes. Reading pauses when more than twice that is buffered.
   *
   * @default {65536}
   */
  limit?: number;
}

/** Feeds readers with what the process writes. */
class ProcessProtocol extends SubprocessProtocol implements WriterProtocol {
  readonly _flow = new FlowControl();
  readonly #limit: number;
  readonly #readers = new Map<number, StreamReader>();
  #stdin: StreamWriter | null = null;

  constructor(limit: number) {
    super();
    this.#limit = limit;
  }

  override connectionMade(transport: SubprocessTransport): void {
    for (const fd of [1, 2]) {
      const pipe = transport.getPipeTransport(fd);
      if (pipe === null) continue;
      const reader = new StreamReader(this.#limit);
      reader.setTransport(pipe);
      this.#readers.set(fd, reader);
    }
    const pipe = transport.getPipeTransport(0) as Transport | null;
    if (pipe !== null) this.#stdin = new StreamWriter(pipe, this);
  }

  get stdin(): StreamWriter | null {
    return this.#stdin;
  }

  reader(fd: number): StreamReader | null {
    return this.#readers.get(fd) ?? null;
  }

  override pipeDataReceived(fd: number, data: Uint8Array): void {
    this.#readers.get(fd)?.feedData(data);
  }

  override pipeConnectionLost(fd: number, exception: unknown): void {
    const reader = this.#readers.get(fd);
    if (fd === 0) this._flow.lose(exception);
    else if (exception === null) reader?.feedEof();
    else reader?.setException(exception);
  }

  override pauseWriting(): void {
    this._flow.pauseWriting();
  }

  override resumeWriting(): void {
    this._flow.resumeWriting();
  }
}

/**
 * A child process.
 *
 * {@linkcode createSubprocessExec} and {@linkcode createSubprocessShell} create one. Counterpart of
 * Python's `asyncio.subprocess.Process`.
 *
 * @example Talk to a process line by line, then end it
 * ```ts
 * import { createSubprocessExec, PIPE, run } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * await run(async () => {
 *   const process = await createSubprocessExec("cat", [], { stdin: PIPE, stdout: PIPE });
 *   process.stdin!.write(new TextEncoder().encode("hello\n"));
 *   assertEquals(new TextDecoder().decode(await process.stdout!.readline()), "hello\n");
 *   process.kill();
 *   assertEquals(await process.wait(), -9);
 * });
 * ```
 */
export class Process {
  readonly #transport: ChildTransport;
  /** A writer to its standard input, if that is a pipe; otherwise null. */
  readonly stdin: StreamWriter | null;
  /** A reader of its standard output, if that is a pipe; otherwise null. */
  readonly stdout: StreamReader | null;
  /** A reader of its standard error, if that is a pipe; otherwise null. */
  readonly stderr: StreamReader | null;
  /** The process ID. */
  readonly pid: number;

  /** @ignore Processes come from `createSubprocessExec()`. */
  constructor(
    transport: ChildTransport,
    stdin: StreamWriter | null,
    stdout: StreamReader | null,
    stderr: StreamReader | null,
  ) {
    this.#transport = transport;
    this.stdin = stdin;
    this.stdout = stdout;
    this.stderr = stderr;
    this.pid = transport.getPid();
  }

  /** The exit code, or the negated number of the signal that ended it; null while it runs. */
  get returncode(): number | null {
    return this.#transport.getReturncode();
  }

  /**
   * Waits until the process has ended. Any number of tasks may wait; the process goes on if they
   * are cancelled.
   *
   * A process that fills a pipe which nobody reads never ends: use {@linkcode Process.communicate}.
   *
   * @returns An awaitable of the {@linkcode Process.returncode}.
   */
  wait(): Awaitable<number> {
    return new Operation(() => this.#transport.wait());
  }

  /**
   * Sends input, reads all output, and waits until the process has ended. It is not an error if the
   * process does not read all of the input.
   *
   * @param input What to send to its standard input, which is then closed.
   * @returns An awaitable of its standard output and standard error; null for what is not a pipe.
   */
  communicate(
    input: Uint8Array | null = null,
  ): Awaitable<[stdout: Uint8Array<ArrayBuffer> | null, stderr: Uint8Array<ArrayBuffer> | null]> {
    return new Operation(() => this.#communicate(input));
  }

  *#communicate(
    input: Uint8Array | null,
  ): Steps<[stdout: Uint8Array<ArrayBuffer> | null, stderr: Uint8Array<ArrayBuffer> | null]> {
    const [, stdout, stderr] = yield* gather([
      () => this.#feed(input),
      () => readAll(this.stdout),
      () => readAll(this.stderr),
    ]);
    yield* this.wait();
    return [stdout, stderr];
  }

  *#feed(input: Uint8Array | null): Steps<void> {
    const stdin = this.stdin;
    if (stdin === null) return;
    try {
      if (input !== null) {
        stdin.write(input);
        yield* stdin.drain();
      }
    } catch (error) {
      if (!isSystemError(error)) throw error; // the process has closed its input
    }
    stdin.close();
  }

  /**
   * Sends a signal to the process. Counterpart of `send_signal()`.
   *
   * @param signal The signal, such as `"SIGHUP"`.
   * @throws {ProcessLookupError} If the process has ended and its pipes are closed.
   */
  sendSignal(signal: Deno.Signal): void {
    this.#transport.sendSignal(signal);
  }

  /**
   * Asks the process to end: sends `SIGTERM`.
   *
   * @throws {ProcessLookupError} If the process has ended and its pipes are closed.
   */
  terminate(): void {
    this.#transport.terminate();
  }

  /**
   * Kills the process: sends `SIGKILL`.
   *
   * @throws {ProcessLookupError} If the process has ended and its pipes are closed.
   */
  kill(): void {
    this.#transport.kill();
  }

  /**
   * Returns the process as Python prints it.
   *
   * @returns Such as `<Process 1234>`.
   */
  toString(): string {
    return `<Process ${this.pid}>`;
  }
}

function* readAll(reader: StreamReader | null): Steps<Uint8Array<ArrayBuffer> | null> {
  return reader === null ? null : yield* reader.read();
}

/**
 * Starts a program as a child process.
 *
 * Counterpart of Python's `asyncio.create_subprocess_exec()`.
 *
 * @param program The program.
 * @param args Its arguments.
 * @param options Its streams, working directory and environment. With `stderr: STDOUT`, a shell
 * starts the program, and one that can't be found exits with 127 instead of throwing.
 * @returns An awaitable of the process.
 * @throws {TypeError} If `args` is a string or not an iterable.
 * @throws {Deno.errors.NotFound} If there is no such program.
 * @throws {Deno.errors.PermissionDenied} If it can't be executed.
 *
 * @example
 * ```ts
 * import { createSubprocessExec, PIPE, run } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * await run(async () => {
 *   const process = await createSubprocessExec("cat", [], { stdin: PIPE, stdout: PIPE });
 *   const [stdout] = await process.communicate(new TextEncoder().encode("hello"));
 *   assertEquals(new TextDecoder().decode(stdout!), "hello");
 *   assertEquals(process.returncode, 0);
 * });
 * ```
 */
export function createSubprocessExec(
  program: string,
  args: Iterable<string> = [],
  options: CreateSubprocessOptions = {},
): Awaitable<Process> {
  return new Operation(() => create(programArgv(program, args, options), options));
}

/**
 * Starts a shell command as a child process.
 *
 * Counterpart of Python's `asyncio.create_subprocess_shell()`.
 *
 * @param cmd The command. Text from untrusted sources must be quoted.
 * @param options Its streams, working directory and environment.
 * @returns An awaitable of the process.
 *
 * @example
 * ```ts
 * import { createSubprocessShell, PIPE, run } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * await run(async () => {
 *   const process = await createSubprocessShell("echo hello; exit 3", { stdout: PIPE });
 *   const [stdout] = await process.communicate();
 *   assertEquals(new TextDecoder().decode(stdout!), "hello\n");
 *   assertEquals(process.returncode, 3);
 * });
 * ```
 */
export function createSubprocessShell(
  cmd: string,
  options: CreateSubprocessOptions = {},
): Awaitable<Process> {
  return new Operation(() => create(shellArgv(cmd, options), options));
}

function* create(argv: Argv, options: CreateSubprocessOptions): Steps<Process> {
  getRunningLoop();
  const { limit = DEFAULT_LIMIT } = options;
  const [transport, protocol] = yield* spawn(() => new ProcessProtocol(limit), argv, options);
  return new Process(transport, protocol.stdin, protocol.reader(1), protocol.reader(2));
}
