/**
 * A connection of the runtime, driven as a transport.
 *
 * Counterpart of `_SelectorSocketTransport` in Python's `asyncio.selector_events`. It is in one of
 * these states:
 *
 * 1. OPEN: data is received (unless paused, or after the end of file) and sent.
 * 2. CLOSING: `close()` was called; what is buffered is still sent, nothing is received.
 * 3. LOST: `connectionLost()` is scheduled; what is buffered is dropped.
 * 4. CLOSED: `connectionLost()` was called and the connection of the runtime is closed.
 *
 * Invariants: at most one read and one write are in progress; every call of the protocol is made by
 * the loop, in the context in which the transport was made; whether an error of the runtime means
 * anything is decided by the state, not by its class.
 *
 * @module
 */

import { copyContext, Handle, KeyboardInterrupt, RuntimeError } from "../loop/mod.ts";
import type { EventLoop } from "../loop/mod.ts";
import { WriteBuffer } from "./_write_buffer.ts";
import type { Protocol } from "./protocols.ts";
import type { ExtraInfo, ProtocolCalls, SocketAddress, Transport } from "./transports.ts";

const OPEN = 1;
const CLOSING = 2;
const LOST = 3;
const CLOSED = 4;
const STATE_NAMES = ["", "open", "closing", "lost", "closed"];

/** The read buffer starts at this size and doubles while reads fill it, in bytes. */
const MIN_READ_BUFFER = 4 * 1024;
const MAX_READ_BUFFER = 256 * 1024;
/** Writes to a lost connection before they are warned of. */
const LOST_WRITES_TO_WARN = 5;

/** Who keeps count of the transports: a server. */
export interface TransportOwner {
  /** Called when the transport is made. */
  _attach(transport: Transport): void;
  /** Called when it is closed. */
  _detach(transport: Transport): void;
}

/** The address in an address of the runtime. */
export function socketAddress(address: Deno.Addr): SocketAddress {
  const { hostname, port } = address as Deno.NetAddr;
  return [hostname, port];
}

/** Errors that end a connection without being anybody's fault. */
function isConnectionError(error: unknown): boolean {
  const { BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, TimedOut } = Deno.errors;
  return [BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, TimedOut]
    .some((type) => error instanceof type);
}

/** See the module's description. */
export class SocketTransport implements Transport {
  readonly #loop: EventLoop;
  readonly #conn: Deno.TcpConn;
  #protocol: Protocol;
  readonly #owner: TransportOwner | null;
  readonly #extra: ExtraInfo;
  #state = OPEN;
  /** Why the connection was lost, for `connectionLost()`. */
  #lostBy: unknown = null;
  readonly #ending: Handle;

  #readBuffer = new Uint8Array(MIN_READ_BUFFER);
  #reading = false;
  #paused = false;
  /** What the last read gave and the protocol has not got: a count, null for the end of file. */
  #received: number | null | undefined = undefined;
  #gotEof = false;
  /** Delivers what was received. There is one, as there is one read. */
  readonly #delivery: Handle;

  readonly #buffer: WriteBuffer = new WriteBuffer({
    pauseWriting: () => this.#callFlowControl("pauseWriting"),
    resumeWriting: () => this.#callFlowControl("resumeWriting"),
  });
  /** Whether a write is in progress, or about to be. */
  #writing = false;
  /** What was taken from the buffer and not sent yet, and how much of it the last write sent. */
  #unsent: Uint8Array | null = null;
  #sentCount = 0;
  #eofWanted = false;
  #lostWrites = 0;
  /** Goes on with writing. There is one, as there is one write. */
  readonly #writer: Handle;

  constructor(
    loop: EventLoop,
    conn: Deno.TcpConn,
    protocol: Protocol,
    owner: TransportOwner | null = null,
  ) {
    this.#loop = loop;
    this.#conn = conn;
    this.#protocol = protocol;
    this.#owner = owner;
    this.#extra = {
      peername: socketAddress(conn.remoteAddr),
      sockname: socketAddress(conn.localAddr),
      socket: conn,
    };
    conn.setNoDelay(true);
    const context = copyContext();
    const handle = (callback: () => void): Handle => new Handle(callback, [], loop, context);
    this.#delivery = handle(() => this.#deliver());
    this.#writer = handle(() => this.#goOnWriting());
    this.#ending = handle(() => this.#end());
    owner?._attach(this);
    loop._enqueue(handle(() => this.#protocol.connectionMade(this)));
    loop._enqueue(handle(() => this.#read()));
  }

  // -- Asking --

  isClosing(): boolean {
    return this.#state !== OPEN;
  }

  getExtraInfo<Name extends keyof ExtraInfo>(name: Name): ExtraInfo[Name];
  getExtraInfo(name: string, fallback?: unknown): unknown;
  getExtraInfo(name: string, fallback: unknown = null): unknown {
    return Object.hasOwn(this.#extra, name) ? this.#extra[name as keyof ExtraInfo] : fallback;
  }

  setProtocol(protocol: ProtocolCalls): void {
    this.#protocol = protocol as Protocol;
  }

  getProtocol(): ProtocolCalls {
    return this.#protocol;
  }

  // -- Reading --

  isReading(): boolean {
    return this.#state === OPEN && !this.#paused;
  }

  pauseReading(): void {
    if (this.#state === OPEN) this.#paused = true;
  }

  resumeReading(): void {
    if (this.#state !== OPEN || !this.#paused) return;
    this.#paused = false;
    if (this.#received !== undefined) this.#loop._enqueue(this.#delivery);
    else this.#read();
  }

  #read(): void {
    if (this.#reading || this.#paused || this.#gotEof || this.#state !== OPEN) return;
    this.#reading = true;
    this.#conn.read(this.#readBuffer).then(this.#onRead, this.#onReadError);
  }

  readonly #onRead = (count: number | null): void => {
    this.#reading = false;
    if (this.#state !== OPEN) return;
    this.#received = count;
    this.#loop._enqueue(this.#delivery);
  };

  readonly #onReadError = (error: unknown): void => {
    this.#reading = false;
    if (this.#state !== OPEN) return;
    this.#fail(error, "Fatal read error on socket transport");
  };

  #deliver(): void {
    const received = this.#received;
    if (received === undefined || this.#paused || this.#state !== OPEN) return;
    this.#received = undefined;
    try {
      if (received === null) this.#deliverEof();
      else this.#protocol.dataReceived(this.#readBuffer.subarray(0, received));
    } catch (error) {
      // A CancelledError has no task to stop here: like any error, it ends this connection.
      if (error instanceof KeyboardInterrupt) throw error;
      const call = received === null ? "eofReceived" : "dataReceived";
      this.#fail(error, `Fatal error: protocol.${call}() call failed.`);
    }
    if (received === this.#readBuffer.length && received < MAX_READ_BUFFER) {
      this.#readBuffer = new Uint8Array(received * 2);
    }
    this.#read();
  }

  #deliverEof(): void {
    this.#gotEof = true;
    if (!this.#protocol.eofReceived()) this.close();
  }

  // -- Writing --

  write(data: Uint8Array): void {
    if (!(data instanceof Uint8Array)) {
      throw new TypeError(`Cannot write: data must be an Uint8Array, not ${typeof data}`);
    }
    if (this.#eofWanted) {
      throw new RuntimeError("Cannot write: Cannot call write() after writeEof()");
    }
    if (data.byteLength === 0) return;
    if (this.#state >= LOST) return this.#countLostWrite();
    this.#buffer.add(data);
    this.#send();
  }

  writelines(list: Iterable<Uint8Array>): void {
    for (const data of list) this.write(data);
  }

  writeEof(): void {
    if (this.#eofWanted || this.#state !== OPEN) return;
    this.#eofWanted = true;
    this.#send();
  }

  canWriteEof(): boolean {
    return true;
  }

  setWriteBufferLimits(high: number | null = null, low: number | null = null): void {
    this.#buffer.setLimits(high, low);
  }

  getWriteBufferSize(): number {
    return this.#buffer.size;
  }

  getWriteBufferLimits(): [low: number, high: number] {
    return this.#buffer.limits;
  }

  #countLostWrite(): void {
    if (++this.#lostWrites >= LOST_WRITES_TO_WARN) {
      console.warn("socket.send() raised exception.");
    }
  }

  /** Starts to send, once the callbacks of this turn have written all they want to. */
  #send(): void {
    if (this.#writing) return;
    this.#writing = true;
    this.#loop._enqueue(this.#writer);
  }

  #goOnWriting(): void {
    const sent = this.#sentCount;
    this.#sentCount = 0;
    if (sent > 0) this.#buffer.sent(sent);
    if (this.#state >= LOST) return;
    this.#unsent ??= this.#buffer.take();
    if (this.#unsent !== null) {
      this.#conn.write(this.#unsent).then(this.#onWrite, this.#onWriteError);
      return;
    }
    this.#writing = false;
    if (this.#state === CLOSING) this.#lose(null);
    else if (this.#eofWanted) this.#conn.closeWrite().catch(this.#onWriteError);
  }

  /** The runtime may have sent only a part. */
  readonly #onWrite = (count: number): void => {
    if (this.#state >= LOST) return;
    const unsent = this.#unsent!;
    this.#unsent = count < unsent.byteLength ? unsent.subarray(count) : null;
    this.#sentCount = count;
    this.#loop._enqueue(this.#writer);
  };

  readonly #onWriteError = (error: unknown): void => {
    if (this.#state < LOST) this.#fail(error, "Fatal write error on socket transport");
  };

  #callFlowControl(method: "pauseWriting" | "resumeWriting"): void {
    try {
      this.#protocol[method]();
    } catch (error) {
      if (error instanceof KeyboardInterrupt) throw error;
      // The connection can go on without flow control; any other error is reported.
      this.#report(error, `protocol.${method}() failed`);
    }
  }

  // -- Ending --

  close(): void {
    if (this.#state !== OPEN) return;
    this.#state = CLOSING;
    if (!this.#writing) this.#lose(null);
  }

  abort(): void {
    if (this.#state < LOST) this.#lose(null);
  }

  /** Ends the connection because of an error; one that is nobody's fault is not reported. */
  #fail(error: unknown, message: string): void {
    if (!isConnectionError(error)) this.#report(error, message);
    if (this.#state < LOST) this.#lose(error);
  }

  #report(error: unknown, message: string): void {
    const protocol = this.#protocol;
    this.#loop.callExceptionHandler({ message, exception: error, transport: this, protocol });
  }

  #lose(error: unknown): void {
    this.#state = LOST;
    this.#lostBy = error;
    this.#buffer.clear();
    this.#unsent = null;
    this.#loop._enqueue(this.#ending);
  }

  #end(): void {
    this.#state = CLOSED;
    try {
      this.#protocol.connectionLost(this.#lostBy);
    } finally {
      this.#conn.close();
      this.#owner?._detach(this);
    }
  }

  toString(): string {
    const [hostname, port] = this.#extra.peername;
    return `<SocketTransport ${STATE_NAMES[this.#state]} ${hostname}:${port}>`;
  }
}
