/**
 * Servers: listening for connections, and a protocol for each.
 *
 * Counterpart of `Server` and `loop.create_server()` of Python's `asyncio.base_events`. A server is
 * in one of these states:
 *
 * 1. BOUND: its sockets are bound, connections wait in the backlog.
 * 2. SERVING: connections are accepted.
 * 3. CLOSING: its sockets are closed, the connections it accepted go on.
 * 4. CLOSED: the last of those connections is closed, too.
 *
 * @module
 */

import { copyContext, getRunningLoop, Handle, RuntimeError } from "../loop/mod.ts";
import type { Awaitable, EventLoop, Future } from "../loop/mod.ts";
import { Operation } from "../loop/coroutines.ts";
import type { Steps } from "../loop/coroutines.ts";
import { socketAddress, SocketTransport } from "./_socket_transport.ts";
import type { Protocol } from "./protocols.ts";
import type { SocketAddress, Transport } from "./transports.ts";

const BOUND = 1;
const SERVING = 2;
const CLOSING = 3;
const CLOSED = 4;

/** How long to accept nothing when the system refuses to, as when too many files are open. */
const ACCEPT_RETRY_DELAY = 1;

/** Options for {@linkcode createServer}. */
export interface ServerOptions {
  /**
   * How many connections may wait to be accepted.
   *
   * @default {100}
   */
  backlog?: number;
  /**
   * Whether several processes may listen on the same port, and share its connections. On Linux.
   *
   * @default {false}
   */
  reusePort?: boolean;
  /**
   * Whether connections are accepted at once, or when `startServing()` or `serveForever()` is called.
   *
   * @default {true}
   */
  startServing?: boolean;
}

/** A socket that a server listens on. */
export class ServerSocket {
  readonly #address: SocketAddress;

  /** @ignore Sockets come from {@linkcode Server.sockets}. */
  constructor(address: SocketAddress) {
    this.#address = address;
  }

  /**
   * Returns the address that the socket is bound to.
   *
   * @returns The host and the port.
   */
  getsockname(): SocketAddress {
    return this.#address;
  }
}

/**
 * Accepts connections, and gives each a protocol.
 *
 * {@linkcode createServer} makes one; `await using` closes it and its connections' end is awaited.
 * Counterpart of Python's `asyncio.Server`.
 */
export class Server implements AsyncDisposable {
  readonly #loop: EventLoop;
  readonly #listeners: Deno.TcpListener[];
  readonly #protocolFactory: () => Protocol;
  readonly #transports = new Set<Transport>();
  #state = BOUND;
  #forever: Future<void> | null = null;
  #closedWaiters: Future<void>[] = [];

  /** @ignore Servers come from {@linkcode createServer}. */
  constructor(loop: EventLoop, listeners: Deno.TcpListener[], protocolFactory: () => Protocol) {
    this.#loop = loop;
    this.#listeners = listeners;
    this.#protocolFactory = protocolFactory;
  }

  /** The sockets that the server listens on; none once it is closed. */
  get sockets(): readonly ServerSocket[] {
    if (this.#state >= CLOSING) return [];
    return this.#listeners.map(({ addr }) => new ServerSocket(socketAddress(addr)));
  }

  /**
   * Returns the loop. Counterpart of Python's `Server.get_loop()`.
   *
   * @returns The loop that the server runs on.
   */
  getLoop(): EventLoop {
    return this.#loop;
  }

  /**
   * Tells whether connections are accepted. Counterpart of `is_serving()`.
   *
   * @returns Whether they are.
   */
  isServing(): boolean {
    return this.#state === SERVING;
  }

  /**
   * Starts to accept connections; harmless when it does already. Counterpart of `start_serving()`.
   *
   * @returns An awaitable.
   * @throws {RuntimeError} If the server is closed.
   */
  startServing(): Awaitable<void> {
    return new Operation(() => this.#startServing());
  }

  *#startServing(): Steps<void> {
    this._accept();
    yield; // One turn of the loop, as Python's: connections may come in from here on.
  }

  /** @ignore Starts to accept connections. */
  _accept(): void {
    if (this.#state === SERVING) return;
    if (this.#state !== BOUND) throw new RuntimeError(`Cannot serve: server ${this} is closed`);
    this.#state = SERVING;
    for (const listener of this.#listeners) new Acceptor(this.#loop, listener, this).accept();
  }

  /**
   * Serves until it is cancelled, or until `close()` is called, which cancels it.
   *
   * When cancelled it closes the server and waits for its connections to end. Counterpart of
   * `serve_forever()`.
   *
   * @returns An awaitable that gives nothing but a CancelledError.
   * @throws {RuntimeError} If the server is closed, or something waits in here already.
   */
  serveForever(): Awaitable<never> {
    return new Operation(() => this.#serveForever());
  }

  *#serveForever(): Steps<never> {
    if (this.#forever !== null) {
      throw new RuntimeError(`Cannot serve: server ${this} is already being awaited`);
    }
    this._accept();
    const forever = this.#loop.createFuture<void>();
    this.#forever = forever;
    try {
      yield* forever;
      throw new RuntimeError("Cannot go on: serving forever has ended");
    } finally {
      this.#forever = null;
      this.close();
      yield* this.waitClosed();
    }
  }

  /**
   * Stops listening. The connections that were accepted stay open.
   *
   * Closing twice is harmless.
   */
  close(): void {
    if (this.#state >= CLOSING) return;
    this.#state = CLOSING;
    for (const listener of this.#listeners) listener.close();
    this.#forever?.cancel();
    if (this.#transports.size === 0) this.#finish();
  }

  /** Closes all connections, each after what was written to it. Counterpart of `close_clients()`. */
  closeClients(): void {
    for (const transport of [...this.#transports]) transport.close();
  }

  /** Closes all connections at once. Counterpart of `abort_clients()`. */
  abortClients(): void {
    for (const transport of [...this.#transports]) transport.abort();
  }

  /**
   * Waits until the server is closed and the last of its connections has ended.
   *
   * It closes nothing itself. Counterpart of `wait_closed()`.
   *
   * @returns An awaitable.
   */
  waitClosed(): Awaitable<void> {
    return new Operation(() => this.#waitClosed());
  }

  *#waitClosed(): Steps<void> {
    if (this.#state === CLOSED) return;
    const waiter = this.#loop.createFuture<void>();
    this.#closedWaiters.push(waiter);
    yield* waiter;
  }

  /** Closes the server, and waits until its connections have ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.waitClosed();
  }

  /** @ignore Serves a connection. */
  _serve(conn: Deno.TcpConn): void {
    if (this.#state !== SERVING) return conn.close();
    let protocol: Protocol;
    try {
      protocol = this.#protocolFactory();
    } catch (error) {
      conn.close();
      throw error;
    }
    new SocketTransport(this.#loop, conn, protocol, this);
  }

  /** @ignore */
  _attach(transport: Transport): void {
    this.#transports.add(transport);
  }

  /** @ignore */
  _detach(transport: Transport): void {
    this.#transports.delete(transport);
    if (this.#state === CLOSING && this.#transports.size === 0) this.#finish();
  }

  #finish(): void {
    this.#state = CLOSED;
    const waiters = this.#closedWaiters;
    this.#closedWaiters = [];
    for (const waiter of waiters) if (!waiter.done()) waiter.setResult();
  }

  /**
   * Returns the server as Python prints it.
   *
   * @returns Such as `<Server sockets=127.0.0.1:8888>`.
   */
  toString(): string {
    const names = this.sockets.map((socket) => socket.getsockname().join(":"));
    return `<Server sockets=${names.join(",")}>`;
  }
}

/** Accepts the connections of one socket, until that is closed. */
class Acceptor {
  readonly #loop: EventLoop;
  readonly #listener: Deno.TcpListener;
  readonly #server: Server;
  readonly #context = copyContext();

  constructor(loop: EventLoop, listener: Deno.TcpListener, server: Server) {
    this.#loop = loop;
    this.#listener = listener;
    this.#server = server;
  }

  accept(): void {
    this.#listener.accept().then(this.#onAccept, this.#onError);
  }

  readonly #onAccept = (conn: Deno.TcpConn): void => {
    const serve = (): void => this.#server._serve(conn);
    this.#loop._enqueue(new Handle(serve, [], this.#loop, this.#context));
    if (this.#server.isServing()) this.accept();
  };

  readonly #onError = (error: unknown): void => {
    if (!this.#server.isServing()) return;
    if (error instanceof Deno.errors.ConnectionAborted) return this.accept();
    this.#loop.callExceptionHandler({
      message: "accept() failed, trying again in one second",
      exception: error,
      server: this.#server,
    });
    this.#loop.callLater(ACCEPT_RETRY_DELAY, () => {
      if (this.#server.isServing()) this.accept();
    });
  };
}

/**
 * Starts a TCP server on the loop that runs.
 *
 * Counterpart of Python's `loop.create_server()`.
 *
 * @param protocolFactory Called for each connection, to make its protocol.
 * @param host The address or name to listen on, or several; null or "" for all interfaces.
 * @param port The port; 0 for any that is free.
 * @param options How to listen.
 * @returns An awaitable of the server.
 * @throws {RuntimeError} If no loop runs.
 * @throws {Deno.errors.AddrInUse} If the port is taken.
 *
 * @example
 * ```ts
 * import { createServer, Protocol, run } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * await run(async () => {
 *   await using server = await createServer(() => new Protocol(), "127.0.0.1", 0);
 *   assertEquals(server.sockets[0]!.getsockname()[0], "127.0.0.1");
 * });
 * ```
 */
export function createServer(
  protocolFactory: () => Protocol,
  host: string | readonly string[] | null = null,
  port = 0,
  options: ServerOptions = {},
): Awaitable<Server> {
  return new Operation(() => startServer(protocolFactory, host, port, options));
}

function* startServer(
  protocolFactory: () => Protocol,
  host: string | readonly string[] | null,
  port: number,
  options: ServerOptions,
): Steps<Server> {
  const loop = getRunningLoop();
  const hosts = typeof host === "string" ? [host] : host ?? [""];
  const server = new Server(loop, listenOnAll(hosts, port, options), protocolFactory);
  if (options.startServing ?? true) yield* server.startServing();
  return server;
}

/** Listens on every host, or on none. */
function listenOnAll(
  hosts: readonly string[],
  port: number,
  options: ServerOptions,
): Deno.TcpListener[] {
  const { backlog = 100, reusePort = false } = options;
  const listeners: Deno.TcpListener[] = [];
  try {
    for (const host of new Set(hosts)) {
      // On systems with IPv6, "::" takes the connections of IPv4, too.
      const hostname = host === "" ? "::" : host;
      listeners.push(Deno.listen({ hostname, port, tcpBacklog: backlog, reusePort }));
    }
  } catch (error) {
    for (const listener of listeners) listener.close();
    throw error;
  }
  return listeners;
}
