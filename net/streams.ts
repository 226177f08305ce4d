/**
 * Streams: connections that coroutines read from and write to.
 *
 * Counterpart of Python's `asyncio.streams`.
 *
 * @module
 */

import { getRunningLoop } from "../loop/mod.ts";
import type { Awaitable, Coroutine, EventLoop, Suspension } from "../loop/mod.ts";
import { Operation } from "../loop/coroutines.ts";
import type { Steps } from "../loop/coroutines.ts";
import { FlowControl } from "./_flow_control.ts";
import { createConnection, createUnixConnection } from "./connections.ts";
import type { ConnectionOptions, UnixConnectionOptions } from "./connections.ts";
import { createServer, createUnixServer } from "./create_server.ts";
import type { ServerOptions, UnixServerOptions } from "./create_server.ts";
import { Protocol } from "./protocols.ts";
import type { Server } from "./server.ts";
import { DEFAULT_LIMIT, StreamReader } from "./stream_reader.ts";
import { StreamWriter } from "./stream_writer.ts";
import type { WriterProtocol } from "./stream_writer.ts";
import type { Transport } from "./transports.ts";

/**
 * Called for each connection that a server accepts. It runs as a task; if it throws, the error is
 * reported to the exception handler and the connection is closed.
 */
export type ClientConnectedCallback = (
  reader: StreamReader,
  writer: StreamWriter,
) => PromiseLike<unknown> | Generator<Suspension, unknown, unknown> | void;

/** Options of every stream. */
export interface StreamOptions {
  /**
   * The longest line, in bytes. Reading pauses when more than twice that is buffered.
   *
   * @default {65536}
   */
  limit?: number;
}

/** Options for {@linkcode openConnection}. */
export interface OpenConnectionOptions extends ConnectionOptions, StreamOptions {}

/** Options for {@linkcode openUnixConnection}. */
export interface OpenUnixConnectionOptions extends UnixConnectionOptions, StreamOptions {}

/** Options for {@linkcode startServer}. */
export interface StartServerOptions extends ServerOptions, StreamOptions {}

/** Options for {@linkcode startUnixServer}. */
export interface StartUnixServerOptions extends UnixServerOptions, StreamOptions {}

/**
 * Feeds a reader with what a transport receives and, on a server, starts a task for each
 * connection.
 *
 * `openConnection()` and `startServer()` use it. Counterpart of Python's
 * `asyncio.StreamReaderProtocol`.
 *
 * @example
 * ```ts
 * import {
 *   createConnection,
 *   run,
 *   startServer,
 *   StreamReader,
 *   StreamReaderProtocol,
 *   StreamWriter,
 * } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * await run(async () => {
 *   await using server = await startServer((_, writer) => writer.close(), "127.0.0.1", 0);
 *   const [host, port] = server.sockets[0]!.getsockname();
 *   const reader = new StreamReader();
 *   const factory = () => new StreamReaderProtocol(reader);
 *   const [transport, protocol] = await createConnection(factory, host, port);
 *   await using writer = new StreamWriter(transport, protocol, reader);
 *   assertEquals((await reader.read()).length, 0);
 *   assertEquals(writer.transport, transport);
 * });
 * ```
 */
export class StreamReaderProtocol extends Protocol implements WriterProtocol {
  /** @ignore */
  readonly _flow: FlowControl = new FlowControl();
  /** @ignore */
  readonly _isServerSide: boolean;
  readonly #loop: EventLoop = getRunningLoop();
  readonly #reader: StreamReader;
  readonly #onConnected: ClientConnectedCallback | null;
  #transport: Transport | null = null;
  #isOverTls = false;

  /**
   * Creates the protocol of one connection.
   *
   * @param streamReader The reader to feed.
   * @param clientConnectedCb On a server: called when the connection is made.
   * @throws {RuntimeError} If no loop runs.
   */
  constructor(
    streamReader: StreamReader,
    clientConnectedCb: ClientConnectedCallback | null = null,
  ) {
    super();
    this.#reader = streamReader;
    this.#onConnected = clientConnectedCb;
    this._isServerSide = clientConnectedCb !== null;
  }

  /** @ignore */
  override connectionMade(transport: Transport): void {
    this.#transport = transport;
    this.#reader.setTransport(transport);
    this.#isOverTls = transport.getExtraInfo("sslcontext") !== null;
    if (this.#onConnected !== null) this.#startTask(transport, this.#onConnected);
  }

  #startTask(transport: Transport, onConnected: ClientConnectedCallback): void {
    const reader = this.#reader;
    const writer = new StreamWriter(transport, this, reader);
    // It may also be a plain function that returns nothing.
    const handle = (() => onConnected(reader, writer) ?? Promise.resolve()) as Coroutine<unknown>;
    const task = this.#loop.createTask(handle);
    const loop = this.#loop;
    task.addDoneCallback(() => {
      if (!task.cancelled()) {
        const exception = task.exception();
        if (exception === null) return;
        const message = "Unhandled exception in clientConnectedCb";
        loop.callExceptionHandler({ message, exception, transport });
      }
      this.#transport!.close();
    });
  }

  /** @ignore */
  override connectionLost(exception: unknown): void {
    if (exception === null) this.#reader.feedEof();
    else this.#reader.setException(exception);
    this._flow.lose(exception);
  }

  /** @ignore */
  override dataReceived(data: Uint8Array): void {
    this.#reader.feedData(data);
  }

  /** @ignore */
  override eofReceived(): boolean {
    this.#reader.feedEof();
    // TLS can't be half-closed: returning true would only cause a warning.
    return !this.#isOverTls;
  }

  /** @ignore */
  override pauseWriting(): void {
    this._flow.pauseWriting();
  }

  /** @ignore */
  override resumeWriting(): void {
    this._flow.resumeWriting();
  }

  /** @ignore */
  _replaceTransport(transport: Transport): void {
    this.#transport = transport;
    this.#isOverTls = transport.getExtraInfo("sslcontext") !== null;
    this.#reader._moveTo(transport);
  }

  /** @ignore */
  _takeUnread(): Uint8Array {
    return this.#reader._takeUnread();
  }
}

/**
 * Opens a connection to a TCP server, with a reader and a writer.
 *
 * Counterpart of Python's `asyncio.open_connection()`.
 *
 * @param host The host name or address; null for localhost, or if `sock` is given.
 * @param port The port.
 * @param options How to connect; see `createConnection()`.
 * @returns An awaitable of the reader and the writer.
 * @throws {TypeError} If the arguments contradict each other or are incomplete.
 * @throws {Deno.errors.ConnectionRefused} If nothing listens there.
 * @throws {Deno.errors.NotFound} If the host name can't be resolved.
 * @throws {Deno.errors.InvalidData} If the certificate is not trusted, or the other side does not
 * speak TLS.
 *
 * @example
 * ```ts
 * import { openConnection, run, startServer } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * await run(async () => {
 *   await using server = await startServer(async (reader, writer) => {
 *     for await (const line of reader) writer.write(line);
 *     writer.close();
 *   }, "127.0.0.1", 0);
 *   const [host, port] = server.sockets[0]!.getsockname();
 *   const [reader, writer] = await openConnection(host, port);
 *   writer.write(new TextEncoder().encode("one\ntwo\n"));
 *   writer.writeEof();
 *   assertEquals(new TextDecoder().decode(await reader.read()), "one\ntwo\n");
 *   writer.close();
 * });
 * ```
 */
export function openConnection(
  host: string | null = null,
  port: number | null = null,
  options: OpenConnectionOptions = {},
): Awaitable<[reader: StreamReader, writer: StreamWriter]> {
  return new Operation(() =>
    open(options, (factory) => createConnection(factory, host, port, options))
  );
}

/**
 * Opens a connection to a server on a Unix socket, with a reader and a writer.
 *
 * Counterpart of Python's `asyncio.open_unix_connection()`.
 *
 * @param path The path of the socket; null if `sock` is given.
 * @param options How to connect.
 * @returns An awaitable of the reader and the writer.
 * @throws {TypeError} If the arguments contradict each other or are incomplete.
 * @throws {Deno.errors.NotFound} If there is no socket at the path.
 * @throws {Deno.errors.ConnectionRefused} If nothing listens there.
 *
 * @example
 * ```ts
 * import { openUnixConnection, run, startUnixServer } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * const path = `${Deno.makeTempDirSync()}/socket`;
 * await run(async () => {
 *   await using server = await startUnixServer((_, writer) => {
 *     writer.write(new Uint8Array([1, 2, 3]));
 *     writer.close();
 *   }, path);
 *   const [reader, writer] = await openUnixConnection(path);
 *   assertEquals(await reader.readexactly(3), new Uint8Array([1, 2, 3]));
 *   writer.close();
 * });
 * ```
 */
export function openUnixConnection(
  path: string | null = null,
  options: OpenUnixConnectionOptions = {},
): Awaitable<[reader: StreamReader, writer: StreamWriter]> {
  return new Operation(() =>
    open(options, (factory) => createUnixConnection(factory, path, options))
  );
}

function* open(
  options: StreamOptions,
  connect: (
    factory: () => StreamReaderProtocol,
  ) => Awaitable<[transport: Transport, protocol: StreamReaderProtocol]>,
): Steps<[reader: StreamReader, writer: StreamWriter]> {
  const reader = new StreamReader(options.limit);
  const [transport, protocol] = yield* connect(() => new StreamReaderProtocol(reader));
  return [reader, new StreamWriter(transport, protocol, reader)];
}

/**
 * Starts a TCP server that serves each connection with a coroutine.
 *
 * Counterpart of Python's `asyncio.start_server()`.
 *
 * @param clientConnectedCb Called for each connection; it runs as a task.
 * @param host The address or host name to listen on, or several; null or "" for all interfaces.
 * @param port The port; 0 for any free port.
 * @param options How to listen; see `createServer()`.
 * @returns An awaitable of the server.
 * @throws {RuntimeError} If no loop runs.
 * @throws {TypeError} If the TLS options are incomplete or invalid.
 * @throws {Deno.errors.AddrInUse} If the port is in use.
 *
 * @example
 * ```ts
 * import { openConnection, run, startServer } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * await run(async () => {
 *   await using server = await startServer(async (reader, writer) => {
 *     writer.write(await reader.readexactly(5));
 *     writer.close();
 *   }, "127.0.0.1", 0);
 *   const [host, port] = server.sockets[0]!.getsockname();
 *   const [reader, writer] = await openConnection(host, port);
 *   writer.write(new TextEncoder().encode("hello"));
 *   assertEquals(new TextDecoder().decode(await reader.read()), "hello");
 *   writer.close();
 * });
 * ```
 */
export function startServer(
  clientConnectedCb: ClientConnectedCallback,
  host: string | readonly string[] | null = null,
  port = 0,
  options: StartServerOptions = {},
): Awaitable<Server> {
  return createServer(streamFactory(clientConnectedCb, options), host, port, options);
}

/**
 * Starts a server on a Unix socket that serves each connection with a coroutine.
 *
 * Counterpart of Python's `asyncio.start_unix_server()`; see also `openUnixConnection()`.
 *
 * @param clientConnectedCb Called for each connection; it runs as a task.
 * @param path The path of the socket.
 * @param options How to listen.
 * @returns An awaitable of the server.
 * @throws {RuntimeError} If no loop runs.
 * @throws {TypeError} If the TLS options are incomplete or invalid.
 * @throws {Deno.errors.AddrInUse} If there is a file at the path that is not a socket.
 *
 * @example
 * ```ts
 * import { run, startUnixServer } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * const path = `${Deno.makeTempDirSync()}/socket`;
 * await run(async () => {
 *   await using server = await startUnixServer((_, writer) => writer.close(), path);
 *   assertEquals(server.sockets[0]!.getsockname(), [path, 0]);
 * });
 * ```
 */
export function startUnixServer(
  clientConnectedCb: ClientConnectedCallback,
  path: string,
  options: StartUnixServerOptions = {},
): Awaitable<Server> {
  return createUnixServer(streamFactory(clientConnectedCb, options), path, options);
}

function streamFactory(
  clientConnectedCb: ClientConnectedCallback,
  { limit = DEFAULT_LIMIT }: StreamOptions,
): () => StreamReaderProtocol {
  if (!(limit > 0)) throw new RangeError("Cannot create reader: Limit cannot be <= 0");
  return () => new StreamReaderProtocol(new StreamReader(limit), clientConnectedCb);
}
