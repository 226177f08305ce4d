/**
 * A child process and its pipes, driven as a transport.
 *
 * Counterpart of Python's `asyncio.base_subprocess`. It is in one of these states:
 *
 * 1. RUNNING: the process runs.
 * 2. EXITED: it has ended and `processExited()` was called; a pipe may still be open, since another
 *    process may hold its other end.
 * 3. OVER: all pipes are closed, too, and `connectionLost()` was called.
 *
 * Invariants: the end of the process is always awaited, whichever task is cancelled, so that no
 * zombie is left; every callback of the protocol but `pauseWriting()` is called by the loop, in the
 * context of the transport.
 *
 * @module
 */

import { copyContext, getRunningLoop, Handle, KeyboardInterrupt } from "../loop/mod.ts";
import type { EventLoop, Future } from "../loop/mod.ts";
import { HostWaiter } from "../loop/claims.ts";
import type { Steps } from "../loop/coroutines.ts";
import { readChannel, writeChannel } from "./_pipe_channels.ts";
import { SocketTransport } from "./_socket_transport.ts";
import { ProcessLookupError } from "./exceptions.ts";
import { Protocol } from "./protocols.ts";
import type { SubprocessProtocol } from "./protocols.ts";
import type {
  ProtocolCalls,
  ReadTransport,
  SubprocessTransport,
  WriteTransport,
} from "./transports.ts";

/** The exit code of a process that was ended by a signal is this plus the signal's number. */
const SIGNAL_BASE = 128;

/** Which of the three streams are pipes. */
export type Piped = readonly [stdin: boolean, stdout: boolean, stderr: boolean];

/** Passes what happens to a pipe on to the transport. */
class PipeProtocol extends Protocol {
  readonly #owner: ChildTransport;
  readonly #fd: number;

  constructor(owner: ChildTransport, fd: number) {
    super();
    this.#owner = owner;
    this.#fd = fd;
  }

  override dataReceived(data: Uint8Array): void {
    this.#owner._onPipeData(this.#fd, data);
  }

  override connectionLost(exception: unknown): void {
    this.#owner._onPipeLost(this.#fd, exception);
  }

  override pauseWriting(): void {
    this.#owner._protocol.pauseWriting();
  }

  override resumeWriting(): void {
    this.#owner._protocol.resumeWriting();
  }
}

/** See the module's description. */
export class ChildTransport implements SubprocessTransport {
  _protocol: SubprocessProtocol;
  readonly #loop: EventLoop;
  readonly #child: Deno.ChildProcess;
  readonly #context = copyContext();
  readonly #pipes = new Map<number, SocketTransport>();
  readonly #openPipes = new Set<number>();
  readonly #exitWaiters = new Set<Future<void>>();
  #returncode: number | null = null;
  #isClosed = false;
  #isFinishing = false;
  /** Whether `connectionLost()` has returned: there is no process to send a signal to. */
  #isOver = false;

  constructor(
    loop: EventLoop,
    child: Deno.ChildProcess,
    protocol: SubprocessProtocol,
    piped: Piped,
    waiter: Future<void>,
  ) {
    this.#loop = loop;
    loop._residents.add(this);
    this.#child = child;
    this._protocol = protocol;
    if (piped[0]) this.#addPipe(0, writeChannel(child.stdin));
    if (piped[1]) this.#addPipe(1, readChannel(child.stdout));
    if (piped[2]) this.#addPipe(2, readChannel(child.stderr));
    this.#enqueue(() => this._protocol.connectionMade(this));
    this.#enqueue(() => waiter.done() || waiter.setResult());
    child.status.then(({ code, signal }) => {
      this.#enqueue(() => this.#onExit(signal === null ? code : SIGNAL_BASE - code));
    });
  }

  #addPipe(fd: number, channel: ReturnType<typeof readChannel>): void {
    const protocol = new PipeProtocol(this, fd);
    const setup = { extra: {}, isSilent: true };
    this.#pipes.set(fd, new SocketTransport(this.#loop, channel, protocol, setup));
    this.#openPipes.add(fd);
  }

  #enqueue(callback: () => void): void {
    if (this.#loop.isClosed()) return;
    this.#loop._enqueue(new Handle(callback, [], this.#loop, this.#context));
  }

  // -- Information --

  getPid(): number {
    return this.#child.pid;
  }

  getReturncode(): number | null {
    return this.#returncode;
  }

  getPipeTransport(fd: 0): WriteTransport | null;
  getPipeTransport(fd: number): ReadTransport | null;
  getPipeTransport(fd: number): SocketTransport | null {
    return this.#pipes.get(fd) ?? null;
  }

  getExtraInfo(name: string, fallback: unknown = null): never {
    return (name === "subprocess" ? this.#child : fallback) as never;
  }

  isClosing(): boolean {
    return this.#isClosed;
  }

  setProtocol(protocol: ProtocolCalls): void {
    this._protocol = protocol as SubprocessProtocol;
  }

  getProtocol(): ProtocolCalls {
    return this._protocol;
  }

  // -- Signals --

  sendSignal(signal: Deno.Signal): void {
    if (this.#isOver) {
      throw new ProcessLookupError("Cannot send signal: the process has ended");
    }
    if (this.#returncode !== null) return;
    try {
      this.#child.kill(signal);
    } catch (error) {
      // The process has ended already, which is about to be reported.
      if (!isGone(error)) throw error;
    }
  }

  terminate(): void {
    this.sendSignal("SIGTERM");
  }

  kill(): void {
    this.sendSignal("SIGKILL");
  }

  // -- Ending --

  /** Closes the pipes and kills the process. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const pipe of this.#pipes.values()) pipe.close();
    if (!this.#isOver) this.kill();
  }

  /** Waits for the end of the process. */
  *wait(): Steps<number> {
    if (this.#returncode === null) {
      const waiter = new HostWaiter({ loop: getRunningLoop() });
      this.#exitWaiters.add(waiter);
      try {
        yield* waiter;
      } finally {
        this.#exitWaiters.delete(waiter);
      }
    }
    return this.#returncode!;
  }

  /** Kills the process, as Python does when its transport is garbage-collected. */
  _endWithLoop(): void {
    if (!this.#isClosed) console.warn(`unclosed transport ${this}`);
    this.kill();
  }

  #onExit(returncode: number): void {
    this.#returncode = returncode;
    this.#loop._residents.delete(this);
    // Nobody reads standard input any more.
    this.#pipes.get(0)?.abort();
    // What it has written can still be read. If that is more than is buffered and nobody reads it, its
    // pipe would stay open for ever.
    for (const pipe of this.#pipes.values()) pipe._forget();
    try {
      this._protocol.processExited();
    } finally {
      this.#finishIfOver();
      // Tasks that wait go on after `connectionLost()`, unless a pipe is still open.
      for (const waiter of this.#exitWaiters) if (!waiter.done()) waiter.setResult();
    }
  }

  /** The pipe stays open if the protocol throws: in Python, too, this is a separate callback. */
  _onPipeData(fd: number, data: Uint8Array): void {
    const protocol = this._protocol;
    try {
      protocol.pipeDataReceived(fd, data);
    } catch (exception) {
      if (exception instanceof KeyboardInterrupt) throw exception;
      const message = "protocol.pipeDataReceived() failed";
      this.#loop.callExceptionHandler({ message, exception, transport: this, protocol });
    }
  }

  _onPipeLost(fd: number, exception: unknown): void {
    this.#openPipes.delete(fd);
    try {
      this._protocol.pipeConnectionLost(fd, exception);
    } finally {
      this.#finishIfOver();
    }
  }

  #finishIfOver(): void {
    if (this.#returncode === null || this.#openPipes.size > 0 || this.#isFinishing) return;
    this.#isFinishing = this.#isClosed = true;
    this.#enqueue(() => {
      try {
        this._protocol.connectionLost(null);
      } finally {
        this.#isOver = true;
      }
    });
  }

  toString(): string {
    const state = this.#returncode === null ? "running" : `returncode=${this.#returncode}`;
    return `<SubprocessTransport pid=${this.#child.pid} ${state}>`;
  }
}

/** Whether the process has ended, which Deno may say only in the text of an error. */
function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    (error instanceof TypeError && error.message.includes("terminated"));
}
