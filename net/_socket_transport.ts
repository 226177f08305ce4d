/**
 * A Deno connection, driven as a transport.
 *
 * Counterpart of `_SelectorSocketTransport` in Python's `asyncio.selector_events`, and with TLS of
 * `_SSLProtocolTransport` in `asyncio.sslproto`. It is in one of these states:
 *
 * 1. SHAKING: the TLS handshake is in progress; `connectionMade()` was not called yet.
 * 2. OPEN: data is received (unless paused, or after the end of file) and sent.
 * 3. CLOSING: `close()` was called; what is buffered is still sent, nothing is received.
 * 4. PARTING: all is sent; TLS has said goodbye and waits for the other side's goodbye, for which
 *    `eofReceived()` is called, as in Python.
 * 5. LOST: `connectionLost()` is scheduled; what is buffered is dropped.
 * 6. CLOSED: `connectionLost()` was called, except after a failed handshake of a new
 *    connection, and the Deno connection is closed.
 *
 * Invariants: at most one read and one write are in progress; every callback of the protocol but
 * `pauseWriting()` is called by the loop, in the context in which the transport was made; whether
 * an error of Deno's matters is decided by the state, not by the error's class.
 *
 * @module
 */

import { copyContext, Handle, KeyboardInterrupt, RuntimeError } from "../loop/mod.ts";
import type { EventLoop, Future } from "../loop/mod.ts";
import { isSystemError } from "./_channel.ts";
import type { Channel } from "./_channel.ts";
import { closeWhenCollected } from "./_collected.ts";
import type { FlowControl } from "./_flow_control.ts";
import { ReadMemory } from "./_read_memory.ts";
import { closedEarly, handshakeError, noGoodbye, tooSlow } from "./_tls_errors.ts";
import type { TlsSession } from "./_tls_errors.ts";
import { WriteBuffer } from "./_write_buffer.ts";
import { BufferedProtocol } from "./protocols.ts";
import type { Protocol } from "./protocols.ts";
import type { Server } from "./server.ts";
import type { ExtraInfo, ProtocolCalls, Transport } from "./transports.ts";

const SHAKING = 1;
const OPEN = 2;
const CLOSING = 3;
const PARTING = 4;
const LOST = 5;
const CLOSED = 6;
const STATE_NAMES = ["", "shaking hands", "open", "closing", "parting", "lost", "closed"];

/** From this many writes to a lost connection on, a warning is logged. */
const LOST_WRITES_TO_WARN = 5;

/** What a transport is given besides its channel and its protocol. */
export interface TransportSetup {
  /** What `getExtraInfo()` returns. */
  readonly extra: Partial<ExtraInfo>;
  /** The server that accepted the connection. */
  readonly owner?: Server;
  /** With TLS: the handshake and the time limits. */
  readonly tls?: TlsSession | null;
  /** Done once `connectionMade()` was called; fails if the handshake does. */
  readonly waiter?: Future<void>;
  /** Whether `connectionMade()` is not called. */
  readonly isSilent?: boolean;
}

/** The error of a read. */
interface Failure {
  readonly error: unknown;
}

/** See the module's description. */
export class SocketTransport implements Transport {
  readonly #loop: EventLoop;
  readonly #channel: Channel;
  readonly #setup: TransportSetup;
  #protocol!: Protocol | BufferedProtocol;
  /** The protocol, if it is a buffered one. */
  #buffered: BufferedProtocol | null = null;
  #state = OPEN;
  /** Why the connection was lost, for `connectionLost()`. */
  #lostBy: unknown = null;
  #isAborted = false;
  readonly #ending: Handle;
  /** Ends a handshake, or a goodbye, that takes too long. */
  #timer: Handle | null = null;

  readonly #memory: ReadMemory = new ReadMemory((error) =>
    this.#onProtocolError(error, "getBuffer")
  );
  #reading = false;
  #paused = false;
  /** The result of the last read until it is delivered: a count, null for the end, a failure. */
  #received: number | null | Failure | undefined = undefined;
  /** Whether `eofReceived()` was called. */
  _gotEof = false;
  /** Whether the other side has answered the goodbye of TLS. */
  #isAnswered = false;
  /** Delivers what was received, and reads on. One handle will do, as there is one read. */
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
  /** Whether what is written after `close()` is sent, too; see `close()`. */
  #sendsOn = false;
  #lostWrites = 0;
  /** The flow control of a running `sendfile()`, which is also paused, resumed and ended; or null. */
  _sending: FlowControl | null = null;
  /** Goes on with writing. One handle will do, as there is one write. */
  readonly #writer: Handle;

  constructor(
    loop: EventLoop,
    channel: Channel,
    protocol: Protocol | BufferedProtocol,
    setup: TransportSetup,
  ) {
    this.#loop = loop;
    this.#channel = channel;
    this.#setup = setup;
    this.setProtocol(protocol);
    const context = copyContext();
    const handle = (callback: () => void): Handle => new Handle(callback, [], loop, context);
    this.#delivery = handle(() => this.#deliver());
    this.#writer = handle(() => this.#goOnWriting());
    this.#ending = handle(() => this.#end());
    setup.owner?._attach(this);
    loop._residents.add(this);
    if (setup.tls) this.#shakeHands(setup.tls, handle);
    else this.#open(handle);
  }

  #open(handle: (callback: () => void) => Handle): void {
    this.#loop._enqueue(handle(() => this.#announce()));
    this.#loop._enqueue(handle(() => this.#read()));
    if (this.#setup.waiter) this.#loop._enqueue(handle(() => wake(this.#setup.waiter)));
  }

  #announce(): void {
    if (!this.#setup.isSilent) this.#protocol.connectionMade(this);
  }

  // -- Shaking hands --

  #shakeHands(tls: TlsSession, handle: (callback: () => void) => Handle): void {
    this.#state = SHAKING;
    const fail = (error: unknown): void => {
      if (this.#state === SHAKING) this.#loseHandshake(error);
    };
    const { handshakeTimeout } = tls;
    this.#timer = this.#loop.callLater(handshakeTimeout, () => fail(tooSlow(handshakeTimeout)));
    tls.handshake().then(({ alpnProtocol }) => {
      this.#setup.extra.ssl_object = { selectedAlpnProtocol: () => alpnProtocol };
      this.#schedule(handle(() => this.#onHandshake()));
    }, (error) => {
      this.#schedule(handle(() => fail(handshakeError(error))));
    });
  }

  #onHandshake(): void {
    if (this.#state !== SHAKING) return;
    this.#timer?.cancel();
    this.#state = OPEN;
    try {
      this.#announce();
    } finally {
      wake(this.#setup.waiter);
      this.#read();
    }
  }

  /** Calls `connectionLost(lostBy)` only if `connectionMade()` was called, which was before TLS. */
  #loseHandshake(error: unknown, lostBy: unknown = error): void {
    this.#timer?.cancel();
    this.#state = CLOSED;
    const { waiter, owner, isSilent } = this.#setup;
    if (waiter !== undefined && !waiter.done()) waiter.setException(error);
    else if (this.#loop.getDebug() && owner) this.#report(error, "SSL handshake failed");
    if (isSilent) this.#lose(lostBy);
    else this.#closeChannel();
  }

  // -- Information --

  isClosing(): boolean {
    return this.#state > OPEN;
  }

  getExtraInfo<Name extends keyof ExtraInfo>(name: Name): ExtraInfo[Name];
  getExtraInfo(name: string, fallback?: unknown): unknown;
  getExtraInfo(name: string, fallback: unknown = null): unknown {
    const { extra } = this.#setup;
    return Object.hasOwn(extra, name) ? extra[name as keyof ExtraInfo] : fallback;
  }

  setProtocol(protocol: ProtocolCalls): void {
    this.#protocol = protocol as Protocol | BufferedProtocol;
    this.#buffered = protocol instanceof BufferedProtocol ? protocol : null;
  }

  getProtocol(): ProtocolCalls {
    return this.#protocol;
  }

  // -- Reading --

  isReading(): boolean {
    return this.#state <= OPEN && !this.#paused;
  }

  pauseReading(): void {
    if (this.#state <= OPEN) this.#paused = true;
  }

  resumeReading(): void {
    if (this.#state > OPEN || !this.#paused) return;
    this.#paused = false;
    if (this.#state === OPEN && !this.#reading) this.#schedule(this.#delivery);
  }

  /** Starts a read, unless one is in progress; called by the loop only. */
  #read(): void {
    if (this.#reading || this.#paused || this._gotEof || this.#state !== OPEN) return;
    if (this.#received !== undefined) return;
    if (this.#buffered !== null && !this.#memory.borrow(this.#buffered, -1)) return;
    this.#receive();
  }

  #receive(): void {
    this.#reading = true;
    this.#channel.read(this.#memory.target).then(this.#onRead, this.#onReadError);
  }

  readonly #onRead = (count: number | null): void => {
    this.#reading = false;
    if (this.#state === OPEN) {
      this.#received = count;
      this.#schedule(this.#delivery);
    } else if (this.#state === PARTING) {
      this.#isAnswered = count === null;
      if (this.#isAnswered) this.#lose(null);
      else this.#receive();
    }
  };

  readonly #onReadError = (error: unknown): void => {
    this.#reading = false;
    if (this.#state === PARTING) return this.#lose(null);
    if (this.#state !== OPEN) return;
    this.#received = { error };
    this.#schedule(this.#delivery);
  };

  #deliver(): void {
    const received = this.#received;
    if (this.#paused || this.#state !== OPEN) return;
    if (received !== undefined) {
      this.#received = undefined;
      if (received === null) this.#deliverEof();
      else if (typeof received === "number") this.#deliverData(received);
      else this.#fail(received.error, "Fatal read error on socket transport");
    }
    this.#read();
  }

  #deliverData(count: number): void {
    const call = this.#buffered ? "bufferUpdated" : "dataReceived"; // it may switch protocols
    try {
      this.#memory.deliver(this.#protocol, count);
    } catch (error) {
      this.#onProtocolError(error, call);
    }
    if (this.#memory.left === 0) return;
    this.#received = this.#memory.left;
    this.#schedule(this.#delivery);
  }

  #deliverEof(): void {
    this._gotEof = true;
    let isKept: boolean | void = false;
    try {
      isKept = this.#protocol.eofReceived();
    } catch (error) {
      return this.#onProtocolError(error, "eofReceived");
    }
    if (isKept && !this.#setup.tls) return;
    if (isKept) console.warn("returning true from eofReceived() has no effect when using ssl");
    this.close();
  }

  // -- Writing --

  write(data: Uint8Array): void {
    this.#checkData(data);
    this.#checkEof("write");
    if (data.byteLength === 0 || !this.#mayWrite()) return;
    this.#send(); // first: the protocol may close the transport when it is told to pause
    this.#buffer.add(data);
  }

  writelines(list: Iterable<Uint8Array>): void {
    const all = [...list];
    for (const data of all) this.#checkData(data); // before any of it is sent
    this.#checkEof("writelines");
    if (all.every((data) => data.byteLength === 0) || !this.#mayWrite()) return;
    this.#send(); // first, as above
    this.#buffer.addAll(all);
  }

  #checkData(data: unknown): void {
    if (data instanceof Uint8Array) return;
    throw new TypeError(`Cannot write: data must be a Uint8Array, not ${typeof data}`);
  }

  #checkEof(call: string): void {
    if (!this.#eofWanted) return;
    throw new RuntimeError(`Cannot write: Cannot call ${call}() after writeEof()`);
  }

  /** Whether a write can still be sent; logs a warning when lost writes are repeated. */
  #mayWrite(): boolean {
    if (this.#state <= OPEN || (this.#state === CLOSING && this.#sendsOn)) return true;
    if (++this.#lostWrites >= LOST_WRITES_TO_WARN) console.warn("socket.send() raised exception.");
    return false;
  }

  writeEof(): void {
    if (this.#setup.tls) throw new RuntimeError("Cannot write EOF: TLS has no half-closed state");
    if (this.#channel.closeWrite === undefined) return this.close();
    if (this.#eofWanted || this.#state !== OPEN) return;
    this.#eofWanted = true;
    this.#send();
  }

  canWriteEof(): boolean {
    return !this.#setup.tls;
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

  /** Starts sending once the callbacks of this turn have written all they want to. */
  #send(): void {
    if (this.#writing) return;
    this.#writing = true;
    this.#schedule(this.#writer);
  }

  #goOnWriting(): void {
    const sent = this.#sentCount;
    this.#sentCount = 0;
    if (this.#state >= LOST) return;
    if (sent > 0) this.#buffer.sent(sent);
    this.#unsent ??= this.#buffer.take();
    if (this.#unsent !== null) {
      this.#channel.write(this.#unsent).then(this.#onWrite, this.#onWriteError);
      return;
    }
    this.#writing = false;
    if (this.#state === CLOSING) this.#onFlushed();
    else if (this.#eofWanted) this.#channel.closeWrite!().catch(this.#onWriteError);
  }

  /** Deno may have sent only a part. */
  readonly #onWrite = (count: number): void => {
    if (this.#state >= LOST) return;
    const unsent = this.#unsent!;
    this.#unsent = count < unsent.byteLength ? unsent.subarray(count) : null;
    this.#sentCount = count;
    // Only the loop may call the protocol; where no call is due, there is no need for a turn.
    if (this.#buffer.isPaused) this.#schedule(this.#writer);
    else this.#goOnWriting();
  };

  readonly #onWriteError = (error: unknown): void => {
    if (this.#state === PARTING) this.#lose(null);
    else if (this.#state < LOST) this.#fail(error, "Fatal write error on socket transport");
  };

  /** Whether `pauseWriting()` was called last, and not `resumeWriting()`. */
  get _isWritingPaused(): boolean {
    return this.#buffer.isPaused;
  }

  #callFlowControl(method: "pauseWriting" | "resumeWriting"): void {
    this._sending?.[method]();
    try {
      this.#protocol[method]();
    } catch (error) {
      if (error instanceof KeyboardInterrupt) {
        if (method === "pauseWriting") throw error; // out of `write()`
        return this.#loop._interrupt(error);
      }
      // The connection can go on without flow control: the error is only reported.
      this.#report(error, `protocol.${method}() failed`);
    }
  }

  // -- Ending --

  close(): void {
    if (this.#state === SHAKING) return this.#loseHandshake(closedEarly(), null);
    if (this.#state !== OPEN) return;
    this.#state = CLOSING;
    const { tls } = this.#setup;
    // In Python, plain sockets still send what is written behind unsent data, of which there is some
    // as long as the protocol is paused; TLS does not.
    this.#sendsOn = !tls && (this.#unsent !== null || this.#buffer.isPaused);
    if (tls) {
      this.#timer = this.#loop.callLater(tls.shutdownTimeout, () => this.#lose(noGoodbye()));
    }
    if (!this.#writing) this.#onFlushed();
  }

  abort(): void {
    if (this.#state === SHAKING) this.#loseHandshake(closedEarly(), null);
    else if (this.#state < LOST) {
      this.#isAborted = true;
      this.#lose(null);
    }
  }

  /** Called when all buffered data has been sent. */
  #onFlushed(): void {
    if (!this.#setup.tls) return this.#lose(null);
    this.#state = PARTING;
    this.#channel.closeWrite!().then(() => {
      if (this.#state === PARTING && this._gotEof) this.#lose(null);
    }, this.#onWriteError);
    if (!this._gotEof && !this.#reading) this.#receive();
  }

  #onProtocolError(error: unknown, call: string): void {
    // An interrupt ends the run of the loop; the connection goes on with the next one.
    if (error instanceof KeyboardInterrupt) return this.#loop._interrupt(error);
    // A CancelledError has no task to stop here: like any error, it ends this connection.
    this.#fail(error, `Fatal error: protocol.${call}() call failed.`);
  }

  /** Ends the connection because of an error; a system error is not reported. */
  #fail(error: unknown, message: string): void {
    if (!isSystemError(error)) this.#report(error, message);
    if (this.#state < LOST) this.#lose(error);
  }

  #report(error: unknown, message: string): void {
    const protocol = this.#protocol;
    this.#loop.callExceptionHandler({ message, exception: error, transport: this, protocol });
  }

  #lose(error: unknown): void {
    this.#state = LOST;
    this.#timer?.cancel();
    this.#lostBy = error;
    this.#sendLast();
    this.#buffer.clear();
    this.#unsent = null;
    this.#schedule(this.#ending);
  }

  /**
   * Passes what was written in this turn to the system, unless the system has yet to take what was
   * written before: Python's `write()` would have sent it by now.
   */
  #sendLast(): void {
    const rest = this.#unsent === null ? this.#buffer.take() : null;
    if (rest !== null) this.#channel.write(rest).catch(() => {}); // the connection is lost anyway
  }

  #end(): void {
    try {
      if (this.#isAnswered && !this._gotEof) this.#deliverEof();
      this.#state = CLOSED;
      this._sending?.lose(this.#lostBy);
      this.#protocol.connectionLost(this.#lostBy);
    } finally {
      this.#closeChannel();
    }
  }

  #closeChannel(): void {
    try {
      this.#channel.close(this.#lostBy === null && !this.#isAborted);
    } catch (error) {
      // The program may have closed it: `getExtraInfo("socket")` returns it.
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    } finally {
      this.#loop._residents.delete(this);
      this.#setup.owner?._detach(this);
    }
  }

  /** Lets the loop forget it: its channel is closed once it is garbage-collected. */
  _forget(): void {
    if (this.#loop._residents.delete(this)) closeWhenCollected(this, this.#loop, this.#channel);
  }

  _endWithLoop(): void {
    if (this.#state === OPEN && !this.#setup.isSilent) console.warn(`unclosed transport ${this}`);
    this.#isAborted = true;
    this.#lose(null);
    this.#state = CLOSED;
    this.#closeChannel();
  }

  /** Schedules a handle, unless the loop is closed. */
  #schedule(handle: Handle): void {
    if (!this.#loop.isClosed()) this.#loop._enqueue(handle);
  }

  toString(): string {
    const { peername } = this.#setup.extra;
    return `<SocketTransport ${STATE_NAMES[this.#state]} ${peername?.join(":") ?? ""}>`;
  }
}

function wake(waiter: Future<void> | undefined): void {
  if (waiter?.done() === false) waiter.setResult();
}
