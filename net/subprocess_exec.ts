/**
 * Child processes, for protocols.
 *
 * Counterpart of `loop.subprocess_exec()` and `loop.subprocess_shell()` of Python's asyncio.
 *
 * @module
 */

import type { Awaitable } from "../loop/mod.ts";
import { Operation } from "../loop/coroutines.ts";
import { PIPE, programArgv, shellArgv, spawn } from "./_spawning.ts";
import type { SubprocessOptions } from "./_spawning.ts";
import type { SubprocessProtocol } from "./protocols.ts";
import type { SubprocessTransport } from "./transports.ts";

/** Sets Python's defaults: pipes. */
function withPipes(options: SubprocessOptions): SubprocessOptions {
  const { stdin = PIPE, stdout = PIPE, stderr = PIPE } = options;
  return { ...options, stdin, stdout, stderr };
}

/**
 * Starts a program as a child process, with a protocol.
 *
 * Counterpart of Python's `loop.subprocess_exec()`.
 *
 * @typeParam P The type of the protocol.
 * @param protocolFactory Called to create the protocol.
 * @param program The program.
 * @param args Its arguments.
 * @param options Its streams (pipes by default), working directory and environment.
 * @returns An awaitable of the transport and the protocol, whose `connectionMade()` was called.
 * @throws {TypeError} If `args` is a string or not an iterable.
 * @throws {Deno.errors.NotFound} If there is no such program.
 *
 * @example
 * ```ts
 * import { getRunningLoop, run, subprocessExec, SubprocessProtocol } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * let text = "";
 * await run(async () => {
 *   const over = getRunningLoop().createFuture<void>();
 *   class Listener extends SubprocessProtocol {
 *     override pipeDataReceived(_fd: number, data: Uint8Array) {
 *       text += new TextDecoder().decode(data);
 *     }
 *     override connectionLost() {
 *       over.setResult();
 *     }
 *   }
 *   const [transport] = await subprocessExec(() => new Listener(), "echo", ["hello"]);
 *   await over;
 *   assertEquals(transport.getReturncode(), 0);
 * });
 * assertEquals(text, "hello\n");
 * ```
 */
export function subprocessExec<P extends SubprocessProtocol>(
  protocolFactory: () => P,
  program: string,
  args: Iterable<string> = [],
  options: SubprocessOptions = {},
): Awaitable<[transport: SubprocessTransport, protocol: P]> {
  const settings = withPipes(options);
  return new Operation(() =>
    spawn(protocolFactory, programArgv(program, args, settings), settings)
  );
}

/**
 * Starts a shell command as a child process, with a protocol.
 *
 * Counterpart of Python's `loop.subprocess_shell()`.
 *
 * @typeParam P The type of the protocol.
 * @param protocolFactory Called to create the protocol.
 * @param cmd The command. Text from untrusted sources must be quoted.
 * @param options Its streams (pipes by default), working directory and environment.
 * @returns An awaitable of the transport and the protocol, whose `connectionMade()` was called.
 *
 * @example
 * ```ts
 * import { getRunningLoop, run, SubprocessProtocol, subprocessShell } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * await run(async () => {
 *   const exited = getRunningLoop().createFuture<void>();
 *   class Listener extends SubprocessProtocol {
 *     override processExited() {
 *       exited.setResult();
 *     }
 *   }
 *   const [transport] = await subprocessShell(() => new Listener(), "exit 3");
 *   await exited;
 *   assertEquals(transport.getReturncode(), 3);
 *   transport.close();
 * });
 * ```
 */
export function subprocessShell<P extends SubprocessProtocol>(
  protocolFactory: () => P,
  cmd: string,
  options: SubprocessOptions = {},
): Awaitable<[transport: SubprocessTransport, protocol: P]> {
  const settings = withPipes(options);
  return new Operation(() => spawn(protocolFactory, shellArgv(cmd, settings), settings));
}
