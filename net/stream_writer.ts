/**
 * Writing to a stream of bytes.
 *
 * Counterpart of `StreamWriter` of Python's `asyncio.streams`. Writing never waits; `drain()` does,
 * while more is buffered than the transport's water marks allow.
 *
 * @module
 */

import { getRunningLoop } from "../loop/mod.ts";
import type { Awaitable, EventLoop } from "../loop/mod.ts";
import { Claim, Waiter } from "../loop/claims.ts";
import type { Claimable } from "../loop/claims.ts";
import { Operation } from "../loop/coroutines.ts";
import type { Steps } from "../loop/coroutines.ts";
import { isSystemError } from "./_channel.ts";
import type { StreamProtocol } from "./_establishing.ts";
import type { FlowControl } from "./_flow_control.ts";
import type { StreamReader } from "./stream_reader.ts";
import { startTls } from "./tls.ts";
import type { TlsOptions, TlsTimes } from "./tls_options.ts";
import type { ExtraInfo, Transport, WriteTransport } from "./transports.ts";

/** What a writer needs of its transport's protocol. */
export interface WriterProtocol {
  /** @ignore */
  readonly _flow: FlowControl;
  /** @ignore Whether the connection was accepted rather than opened. */
  readonly _isServerSide?: boolean;
  /** @ignore Called when another transport has replaced the first. */
  _replaceTransport?(transport: Transport): void;
}

/** Options for {@linkcode StreamWriter.startTls}. */
export interface WriterStartTlsOptions extends TlsTimes {
  /**
   * The host name or address that the server's certificate must match. Required on a client, unless
   * `checkHostname` is false.
   */
  serverHostname?: string;
}

/** A waiter for the next turn of the loop. */
class Turn extends Waiter {}

/** Closes the connections of writers that were garbage-collected. */
const registry = new FinalizationRegistry<WriteTransport>((transport) => {
  if (transport.isClosing()) return;
  console.warn(`unclosed <StreamWriter transport=${transport}>`);
  transport.close();
});

/**
 * Lets coroutines write to a connection.
 *
 * `openConnection()` and `startServer()` create one; `await using` closes it. Counterpart of
 * Python's `asyncio.StreamWriter`.
 *
 * @example
 * ```ts
 * import { openConnection, run, startServer } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * await run(async () => {
 *   await using server = await startServer(async (reader, writer) => {
 *     await using _ = writer;
 *     writer.write(await reader.readline());
 *     await writer.drain();
 *   }, "127.0.0.1", 0);
 *   const [host, port] = server.sockets[0]!.getsockname();
 *   const [reader, writer] = await openConnection(host, port);
 *   writer.write(new TextEncoder().encode("hello\n"));
 *   assertEquals(new TextDecoder().decode(await reader.read()), "hello\n");
 *   writer.close();
 *   await writer.waitClosed();
 * });
 * ```
 */
export class StreamWriter implements AsyncDisposable {
  readonly #loop: EventLoop = getRunningLoop();
  #transport: Transport;
  readonly #protocol: WriterProtocol;
  readonly #reader: StreamReader | null;
  #writable: WritableStream<Uint8Array> | null = null;

  /**
   * Creates a writer. `openConnection()` is the usual way.
   *
   * @param transport The transport to send through.
   * @param protocol The protocol of that transport.
   * @param reader The reader of the same connection, if there is one.
   * @throws {RuntimeError} If no loop runs.
   */
  constructor(transport: Transport, protocol: WriterProtocol, reader: StreamReader | null = null) {
    this.#transport = transport;
    this.#protocol = protocol;
    this.#reader = reader;
    registry.register(this, transport, this);
  }

  /** The transport that the writer sends through. */
  get transport(): Transport {
    return this.#transport;
  }

  /**
   * Sends bytes as soon as possible, without waiting. They are copied: the caller may reuse the
   * array.
   *
   * @param data The bytes.
   * @throws {TypeError} If `data` is not a `Uint8Array`.
   * @throws {RuntimeError} If `writeEof()` was called.
   */
  write(data: Uint8Array): void {
    this.#transport.write(data);
  }

  /**
   * Sends several arrays, as if they were one.
   *
   * @param data The arrays.
   */
  writelines(data: Iterable<Uint8Array>): void {
    this.#transport.writelines(data);
  }

  /**
   * Waits until there is room to write more. Call it after each `write()`.
   *
   * @returns An awaitable.
   * @throws {Deno.errors.ConnectionReset} If the connection is lost.
   */
  drain(): Awaitable<void> {
    return new Claim(this.#draining, undefined);
  }

  readonly #draining: Claimable<void> = {
    begin: () => {
      const exception = this.#reader?.exception() ?? null;
      if (exception !== null) throw exception;
      if (!this.#transport.isClosing()) return this.#protocol._flow.room.begin();
      // Lets connectionLost() be called, so that a loop of write() and drain() comes to an end.
      const turn = new Turn({ loop: this.#loop });
      turn.setResult();
      return turn;
    },
    goOn: (waiter, error) => {
      const { room } = this.#protocol._flow;
      return waiter instanceof Turn && error === null ? room.begin() : room.goOn(waiter, error);
    },
  };

  /**
   * Tells the other side, once all buffered data has been sent, that no more will follow. It closes
   * the standard input of a process. Counterpart of `write_eof()`.
   */
  writeEof(): void {
    this.#transport.writeEof();
  }

  /**
   * Returns whether `writeEof()` is supported. Counterpart of `can_write_eof()`.
   *
   * @returns Whether it is; with TLS it is not.
   */
  canWriteEof(): boolean {
    return this.#transport.canWriteEof();
  }

  /**
   * Returns information about the connection. Counterpart of `get_extra_info()`.
   *
   * @typeParam Name One of the names below.
   * @param name What to return: `peername`, `sockname`, `socket`, `sslcontext` or `ssl_object`.
   * @returns The information.
   */
  getExtraInfo<Name extends keyof ExtraInfo>(name: Name): ExtraInfo[Name];
  /**
   * Returns information that only some transports have.
   *
   * @param name What to return.
   * @param fallback What to return if there is no such information; null by default.
   * @returns The information.
   */
  getExtraInfo(name: string, fallback?: unknown): unknown;
  getExtraInfo(name: string, fallback: unknown = null): unknown {
    return this.#transport.getExtraInfo(name, fallback);
  }

  /**
   * Upgrades the connection to TLS. Unread data becomes part of the TLS stream. Counterpart of
   * `start_tls()`.
   *
   * @param sslcontext The TLS options; true to trust the authorities that Deno trusts.
   * @param options The server's name, and the time limits.
   * @returns An awaitable.
   * @throws {Deno.errors.InvalidData} If the certificate is not trusted, or the other side does not
   * speak TLS.
   * @throws {Deno.errors.ConnectionAborted} If the handshake takes too long.
   */
  startTls(sslcontext: TlsOptions | true, options: WriterStartTlsOptions = {}): Awaitable<void> {
    return new Operation(() => this.#startTls(sslcontext, options));
  }

  *#startTls(sslcontext: TlsOptions | true, options: WriterStartTlsOptions): Steps<void> {
    yield* this.drain();
    const protocol = this.#protocol;
    const serverSide = protocol._isServerSide ?? false;
    const settings = { ...options, serverSide };
    const stream = protocol as unknown as StreamProtocol;
    const transport = yield* startTls(this.#transport, stream, sslcontext, settings);
    this.#transport = transport;
    protocol._replaceTransport?.(transport);
    registry.unregister(this);
    registry.register(this, transport, this);
  }

  // -- Ending --

  /** Closes the connection once all buffered data has been sent. Closing twice is harmless. */
  close(): void {
    registry.unregister(this);
    this.#transport.close();
  }

  /**
   * Returns whether the connection is closed or closing. Counterpart of `is_closing()`.
   *
   * @returns Whether it is.
   */
  isClosing(): boolean {
    return this.#transport.isClosing();
  }

  /**
   * Waits until the connection is closed. It closes nothing itself. Counterpart of `wait_closed()`.
   *
   * @returns An awaitable.
   * @throws {unknown} The error that ended the connection, if there was one.
   */
  waitClosed(): Awaitable<void> {
    return new Claim(this.#protocol._flow.end, undefined);
  }

  /**
   * Closes the connection and waits until it is closed. It throws no system errors;
   * {@linkcode StreamWriter.waitClosed} does.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    try {
      await this.waitClosed();
    } catch (error) {
      if (!isSystemError(error)) throw error;
    }
  }

  /**
   * The writer as a web stream. Closing it closes the connection, and aborting it aborts the
   * connection. Use it only while the event loop is running.
   */
  get writable(): WritableStream<Uint8Array> {
    return this.#writable ??= new WritableStream<Uint8Array>({
      write: (data) => {
        this.write(data);
        return this.#asPromise(this.drain());
      },
      close: () => {
        this.close();
        return this.#asPromise(this.waitClosed());
      },
      abort: () => this.#transport.abort(),
    });
  }

  /** Waits for an awaitable in a task of its own. */
  #asPromise(awaitable: Awaitable<void>): Promise<void> {
    const task = this.#loop.createTask(awaitable[Symbol.iterator]());
    return new Promise((resolve, reject) => {
      task.addDoneCallback(() => {
        if (task.cancelled()) reject(task._cancelledError());
        else if (task.exception() !== null) reject(task.exception());
        else resolve();
      });
    });
  }

  /**
   * Returns the writer as Python prints it.
   *
   * @returns Such as `<StreamWriter transport=…>`.
   */
  toString(): string {
    return `<StreamWriter transport=${this.#transport}>`;
  }
}
