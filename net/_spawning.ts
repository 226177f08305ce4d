/**
 * Starting child processes: from Python's arguments to Deno's.
 *
 * @module
 */

import { getRunningLoop } from "../loop/mod.ts";
import { HostWaiter } from "../loop/claims.ts";
import type { Steps } from "../loop/coroutines.ts";
import { withAction } from "./_channel.ts";
import { ChildTransport } from "./_subprocess_transport.ts";
import type { Piped } from "./_subprocess_transport.ts";
import type { SubprocessProtocol } from "./protocols.ts";

/** A pipe to the child process. Counterpart of Python's `asyncio.subprocess.PIPE`. */
export const PIPE: -1 = -1;
/** For `stderr`: the same as `stdout`. Counterpart of Python's `asyncio.subprocess.STDOUT`. */
export const STDOUT: -2 = -2;
/** The null device. Counterpart of Python's `asyncio.subprocess.DEVNULL`. */
export const DEVNULL: -3 = -3;

/** Where a child's stream comes from or goes to; null for that of this process. */
export type Stdio = typeof PIPE | typeof DEVNULL | null;

/** Options of every child process. */
export interface SubprocessOptions {
  /** Its standard input: {@linkcode PIPE}, {@linkcode DEVNULL}, or null for this process's. */
  stdin?: Stdio;
  /** Its standard output. */
  stdout?: Stdio;
  /**
   * Its standard error; {@linkcode STDOUT} to send it where standard output goes. A shell does
   * that: a missing program then throws no error here; the shell reports it and exits with 127.
   */
  stderr?: Stdio | typeof STDOUT;
  /** Its working directory; by default that of this process. */
  cwd?: string | URL;
  /** Its whole environment; by default that of this process. */
  env?: Readonly<Record<string, string>>;
}

/** A program and its arguments. */
export type Argv = readonly [program: string, ...args: string[]];

const SHELL = "/bin/sh";

/** Returns the shell that runs a command, with `stderr` redirected if it is `STDOUT`. */
export function shellArgv(command: string, options: SubprocessOptions): Argv {
  return [SHELL, "-c", options.stderr === STDOUT ? `exec 2>&1\n${command}` : command];
}

/** Returns the program, or the shell that starts it: Deno can't send errors where output goes. */
export function programArgv(
  program: string,
  args: Iterable<string>,
  options: SubprocessOptions,
): Argv {
  // A string is an iterable, too: of its characters.
  if (typeof args === "string" || !(Symbol.iterator in args)) {
    throw new TypeError(`Cannot start ${program}: its arguments must be an array, not ${args}`);
  }
  if (options.stderr !== STDOUT) return [program, ...args];
  return [SHELL, "-c", 'exec "$0" "$@" 2>&1', program, ...args];
}

/** Starts a process, and waits until its protocol's `connectionMade()` was called. */
export function* spawn<P extends SubprocessProtocol>(
  protocolFactory: () => P,
  argv: Argv,
  options: SubprocessOptions,
): Steps<[transport: ChildTransport, protocol: P]> {
  const loop = getRunningLoop();
  const protocol = protocolFactory();
  const waiter = new HostWaiter({ loop });
  const child = start(argv, options);
  const { stdin, stdout, stderr } = options;
  const piped: Piped = [stdin === PIPE, stdout === PIPE, stderr === PIPE];
  const transport = new ChildTransport(loop, child, protocol, piped, waiter);
  try {
    yield* waiter;
  } catch (error) {
    transport.close();
    yield* transport.wait();
    throw error;
  }
  return [transport, protocol];
}

function start([program, ...args]: Argv, options: SubprocessOptions): Deno.ChildProcess {
  const settings: Deno.CommandOptions = {
    args,
    stdin: modeOf("stdin", options.stdin),
    stdout: modeOf("stdout", options.stdout),
    // If it goes where the output goes, the shell redirects it.
    stderr: options.stderr === STDOUT ? "null" : modeOf("stderr", options.stderr),
  };
  if (options.cwd !== undefined) settings.cwd = options.cwd;
  if (options.env !== undefined) {
    settings.env = { ...options.env };
    settings.clearEnv = true;
  }
  try {
    return new Deno.Command(program, settings).spawn();
  } catch (error) {
    throw error instanceof Error ? withAction(`start ${program}`, error) : error;
  }
}

function modeOf(name: string, stdio: Stdio | undefined): "piped" | "null" | "inherit" {
  switch (stdio ?? null) {
    case null:
      return "inherit";
    case PIPE:
      return "piped";
    case DEVNULL:
      return "null";
    default:
      throw new TypeError(
        `Cannot start process: ${name} must be PIPE, DEVNULL or null, not ${String(stdio)}`,
      );
  }
}
