/**
 * Servers: listening sockets and the connections accepted on them.
 *
 * Counterpart of `Server` of Python's `asyncio.base_events`. A server is in one of these states:
 *
 * 1. BOUND: its sockets are bound; connections wait in the backlog.
 * 2. SERVING: connections are accepted.
 * 3. CLOSING: its sockets are closed; the connections it accepted stay open.
 * 4. CLOSED: the last of those connections is closed, too.
 *
 * @module
 */

import { copyContext, Handle, RuntimeError } from "../loop/mod.ts";
import type { Awaitable, EventLoop, Future } from "../loop/mod.ts";
import { HostWaiter } from "../loop/claims.ts";
import { Operation } from "../loop/coroutines.ts";
import type { Steps } from "../loop/coroutines.ts";
import { socketAddress } from "./_channel.ts";
import type { SocketAddress, Transport } from "./transports.ts";

const BOUND = 1;
const SERVING = 2;
const CLOSING = 3;
const CLOSED = 4;

/** Seconds to wait when the system refuses to accept, as when too many files are open. */
const ACCEPT_RETRY_DELAY = 1;

/** What a server needs of a Deno listener. */
export interface ServerListener {
  /** The address it listens on. */
  readonly addr: Deno.Addr;
  /**
   * Waits for a connection.
   *
   * @returns The connection.
   */
  accept(): Promise<Deno.Conn>;
  /** Stops listening. */
  close(): void;
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
 * Accepts connections and gives each a protocol.
 *
 * `createServer()` creates one; `await using` closes it and waits until its connections have ended.
 * Counterpart of Python's `asyncio.Server`.
 */
export class Server implements AsyncDisposable {
  readonly #loop: EventLoop;
  readonly #listeners: readonly ServerListener[];
  readonly #makeTransport: (conn: Deno.Conn, server: Server) => void;
  readonly #transports = new Set<Transport>();
  #state = BOUND;
  #forever: Future<void> | null = null;
  readonly #closedWaiters = new Set<Future<void>>();
  readonly #acceptors: readonly Acceptor[];

  /** @ignore Servers come from `createServer()`. */
  constructor(
    loop: EventLoop,
    listeners: readonly ServerListener[],
    makeTransport: (conn: Deno.Conn, server: Server) => void,
  ) {
    this.#loop = loop;
    this.#listeners = listeners;
    this.#makeTransport = makeTransport;
    this.#acceptors = listeners.map((listener) => new Acceptor(loop, listener, this));
    loop._residents.add(this);
  }

  /** The sockets that the server listens on; none once it is closed. */
  get sockets(): readonly ServerSocket[] {
    if (this.#state >= CLOSING) return [];
    return this.#listeners.map(({ addr }) => new ServerSocket(socketAddress(addr)));
  }

  /**
   * Returns the event loop. Counterpart of Python's `Server.get_loop()`.
   *
   * @returns The loop that the server runs on.
   */
  getLoop(): EventLoop {
    return this.#loop;
  }

  /**
   * Returns whether the server accepts connections. Counterpart of `is_serving()`.
   *
   * @returns Whether it does.
   */
  isServing(): boolean {
    return this.#state === SERVING;
  }

  /**
   * Starts accepting connections, if it does not already. Counterpart of `start_serving()`.
   *
   * @returns An awaitable.
   * @throws {RuntimeError} If the server is closed.
   */
  startServing(): Awaitable<void> {
    return new Operation(() => this.#startServing());
  }

  *#startServing(): Steps<void> {
    this._accept();
    yield; // One turn of the loop, as in Python: connections may come in from here on.
  }

  /** @ignore Starts accepting connections. */
  _accept(): void {
    if (this.#state === SERVING) return;
    if (this.#state !== BOUND) throw new RuntimeError(`Cannot serve: server ${this} is closed`);
    this.#state = SERVING;
    for (const acceptor of this.#acceptors) acceptor.accept();
  }

  /**
   * Accepts connections until it is cancelled, or until `close()` is called, which cancels it.
   *
   * When cancelled, it closes the server and waits until its connections have ended. Counterpart of
   * `serve_forever()`.
   *
   * @returns An awaitable that ends only by throwing, as a rule a `CancelledError`.
   * @throws {RuntimeError} If the server is closed, or `serveForever()` is already being awaited.
   */
  serveForever(): Awaitable<never> {
    return new Operation(() => this.#serveForever());
  }

  *#serveForever(): Steps<never> {
    if (this.#forever !== null) {
      throw new RuntimeError(`Cannot serve: server ${this} is already being awaited`);
    }
    this._accept();
    const forever = new HostWaiter({ loop: this.#loop });
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
    this.#stopListening();
    this.#forever?.cancel();
    this._finishIfOver();
  }

  #stopListening(): void {
    this.#state = CLOSING;
    this.#loop._residents.delete(this);
    for (const acceptor of this.#acceptors) acceptor.close();
  }

  /** @ignore */
  _endWithLoop(): void {
    console.warn(`unclosed ${this}`);
    this.#stopListening();
  }

  /** Closes all connections, each once its data has been sent. Counterpart of `close_clients()`. */
  closeClients(): void {
    for (const transport of [...this.#transports]) transport.close();
  }

  /** Closes all connections without sending what is buffered. Counterpart of `abort_clients()`. */
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
    const waiter = new HostWaiter({ loop: this.#loop });
    this.#closedWaiters.add(waiter);
    try {
      yield* waiter;
    } finally {
      this.#closedWaiters.delete(waiter);
    }
  }

  /** Closes the server and waits until its connections have ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.waitClosed();
  }

  /** @ignore Serves a connection. */
  _serve(conn: Deno.Conn): void {
    if (this.#state !== SERVING) return conn.close();
    try {
      this.#makeTransport(conn, this);
    } catch (error) {
      conn.close();
      throw error;
    }
  }

  /** @ignore Called when the transport of an accepted connection is created. */
  _attach(transport: Transport): void {
    this.#transports.add(transport);
  }

  /** @ignore Called when such a transport is closed. */
  _detach(transport: Transport): void {
    this.#transports.delete(transport);
    this._finishIfOver();
  }

  /** @ignore */
  _finishIfOver(): void {
    if (this.#state !== CLOSING || this.#transports.size > 0 || this.#loop.isClosed()) return;
    if (this.#acceptors.some(({ isAccepting }) => isAccepting)) return;
    this.#state = CLOSED;
    for (const waiter of this.#closedWaiters) if (!waiter.done()) waiter.setResult();
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

/**
 * Accepts the connections of one socket until it is closed. The system closes the socket a little
 * later, once the pending accept has ended.
 */
class Acceptor {
  isAccepting = false;
  readonly #loop: EventLoop;
  readonly #listener: ServerListener;
  readonly #server: Server;
  readonly #context = copyContext();
  #retry: Handle | null = null;

  constructor(loop: EventLoop, listener: ServerListener, server: Server) {
    this.#loop = loop;
    this.#listener = listener;
    this.#server = server;
  }

  accept(): void {
    this.isAccepting = true;
    this.#listener.accept().then(this.#onAccept, this.#onError);
  }

  close(): void {
    this.#retry?.cancel();
    this.#listener.close();
  }

  readonly #onAccept = (conn: Deno.Conn): void => {
    this.isAccepting = false;
    if (this.#loop.isClosed()) return conn.close();
    const { _residents } = this.#loop;
    const arrived = { _endWithLoop: () => conn.close() };
    _residents.add(arrived);
    const serve = (): void => {
      _residents.delete(arrived);
      this.#server._serve(conn);
    };
    this.#loop._enqueue(new Handle(serve, [], this.#loop, this.#context));
    if (this.#server.isServing()) this.accept();
    else this.#server._finishIfOver();
  };

  readonly #onError = (error: unknown): void => {
    this.isAccepting = false;
    if (!this.#server.isServing()) return this.#server._finishIfOver();
    if (isOverAlready(error)) return this.accept();
    this.#loop.callExceptionHandler({
      message: "socket.accept() out of system resource",
      exception: error,
      server: this.#server,
    });
    this.#retry = this.#loop.callLater(ACCEPT_RETRY_DELAY, () => {
      if (this.#server.isServing()) this.accept();
    });
  };
}

/** Whether an accept failed only because the client has already ended that one connection. */
function isOverAlready(error: unknown): boolean {
  const { ConnectionAborted, ConnectionReset, NotConnected } = Deno.errors;
  return [ConnectionAborted, ConnectionReset, NotConnected].some((type) => error instanceof type);
}
