/**
 * A socket of `node:dgram`, driven as a transport.
 *
 * Counterpart of `_SelectorDatagramTransport` in Python's `asyncio.selector_events`. It is in one
 * of these states:
 *
 * 1. OPEN: datagrams are received and sent.
 * 2. CLOSING: `close()` was called; what is buffered is still sent, nothing is received.
 * 3. LOST: the socket is being closed; what is buffered is dropped.
 * 4. CLOSED: `connectionLost()` was called.
 *
 * Invariants: one datagram is sent at a time, in the order given; every callback of the protocol
 * but `pauseWriting()` is called by the loop, in the context in which the transport was made.
 *
 * @module
 */

import { copyContext, Handle, KeyboardInterrupt } from "../loop/mod.ts";
import type { EventLoop, Future } from "../loop/mod.ts";
import { withAction } from "./_channel.ts";
import type { NodeAddress, NodeDatagramSocket } from "./_node.ts";
import { marks } from "./_write_buffer.ts";
import type { DatagramProtocol } from "./protocols.ts";
import type { DatagramTransport, ProtocolCalls, SocketAddress } from "./transports.ts";

const OPEN = 1;
const CLOSING = 2;
const LOST = 3;
const CLOSED = 4;
const STATE_NAMES = ["", "open", "closing", "lost", "closed"];

/** What each datagram counts for in addition to its length, in bytes. */
const HEADER = 8;

/** A datagram that waits to be sent. */
interface Outgoing {
  readonly data: Uint8Array;
  /** Null for the address that the socket is connected to. */
  readonly to: SocketAddress | null;
}

const ERRORS_BY_CODE: Readonly<Record<string, new (message: string, init: ErrorOptions) => Error>> =
  {
    EACCES: Deno.errors.PermissionDenied,
    EADDRINUSE: Deno.errors.AddrInUse,
    EADDRNOTAVAIL: Deno.errors.AddrNotAvailable,
    ECONNREFUSED: Deno.errors.ConnectionRefused,
    EPERM: Deno.errors.PermissionDenied,
  };

/** Returns the Deno error for one of Node's. */
export function systemError(action: string, error: Error): Error {
  const { code = "" } = error as { code?: string };
  const type = ERRORS_BY_CODE[code];
  if (type === undefined) return withAction(action, error);
  return new type(`Cannot ${action}: ${error.message}`, { cause: error });
}

/** Returns an address in its canonical form; an IPv6 address can be written in many ways. */
function canonical(address: string): string {
  return address.includes(":") ? new URL(`http://[${address.split("%")[0]}]`).hostname : address;
}

/** See the module's description. */
export class SocketDatagramTransport implements DatagramTransport {
  readonly #loop: EventLoop;
  readonly #socket: NodeDatagramSocket;
  readonly #context = copyContext();
  #protocol: DatagramProtocol;
  readonly #extra: Readonly<Record<string, unknown>>;
  readonly #remote: SocketAddress | null;
  /** The same with the address in canonical form, for comparison. */
  readonly #peer: SocketAddress | null;
  #state = OPEN;

  readonly #queue: Outgoing[] = [];
  #size = 0;
  #low: number;
  #high: number;
  #isPaused = false;
  #isSending = false;
  readonly #sender: Handle;
  #sent: { readonly size: number; readonly error: Error | null } | null = null;

  constructor(
    loop: EventLoop,
    socket: NodeDatagramSocket,
    protocol: DatagramProtocol,
    remote: SocketAddress | null,
    waiter: Future<void>,
  ) {
    this.#loop = loop;
    loop._residents.add(this);
    this.#socket = socket;
    this.#protocol = protocol;
    this.#remote = remote;
    this.#peer = remote && [canonical(remote[0]), remote[1]];
    const { address, port } = socket.address();
    this.#extra = { sockname: [address, port], peername: remote, socket };
    [this.#low, this.#high] = marks(null, null);
    this.#sender = this.#handle(() => this.#goOnSending());
    loop._enqueue(this.#handle(() => this.#protocol.connectionMade(this)));
    loop._enqueue(this.#handle(() => this.#listen()));
    loop._enqueue(this.#handle(() => waiter.done() || waiter.setResult()));
  }

  #handle(callback: () => void): Handle {
    return new Handle(callback, [], this.#loop, this.#context);
  }

  #schedule(handle: Handle): void {
    if (!this.#loop.isClosed()) this.#loop._enqueue(handle);
  }

  // -- Information --

  isClosing(): boolean {
    return this.#state !== OPEN;
  }

  getExtraInfo(name: string, fallback: unknown = null): never {
    return (this.#extra[name] ?? fallback) as never;
  }

  setProtocol(protocol: ProtocolCalls): void {
    this.#protocol = protocol as DatagramProtocol;
  }

  getProtocol(): ProtocolCalls {
    return this.#protocol;
  }

  // -- Receiving --

  #listen(): void {
    this.#socket.on("error", (error) => {
      this.#schedule(this.#handle(() => this.#onError(error)));
    });
    this.#socket.on("message", (data, from) => {
      if (this.#state === OPEN) this.#schedule(this.#handle(() => this.#deliver(data, from)));
    });
  }

  #deliver(data: Uint8Array, { address, port }: NodeAddress): void {
    if (this.#state !== OPEN) return;
    // Deno also delivers datagrams from other senders.
    const peer = this.#peer;
    if (peer !== null && !(port === peer[1] && canonical(address) === peer[0])) return;
    this.#protocol.datagramReceived(data, [address, port]);
  }

  #onError(error: Error): void {
    if (this.#state < LOST) this.#protocol.errorReceived(systemError("receive", error));
  }

  // -- Sending --

  sendto(data: Uint8Array, addr: SocketAddress | null = null): void {
    if (!(data instanceof Uint8Array)) {
      throw new TypeError(`Cannot send: data must be a Uint8Array, not ${typeof data}`);
    }
    const remote = this.#remote;
    if (remote === null && addr === null) {
      throw new TypeError("Cannot send: an address is needed, as the endpoint is not connected");
    }
    if (remote !== null && addr !== null && addr.join(" ") !== remote.join(" ")) {
      const text = `Invalid address: must be null or ${remote.join(":")}`;
      throw new RangeError(`Cannot send: ${text}`);
    }
    if (this.#state >= LOST) return;
    this.#queue.push({ data: data.slice(), to: remote === null ? addr : null });
    this.#size += data.byteLength + HEADER;
    if (!this.#isSending) this.#schedule(this.#sender);
    this.#isSending = true;
    this.#pauseIfFull(); // last: the protocol may close the transport when it is told to pause
  }

  #goOnSending(): void {
    if (this.#state >= LOST) return;
    if (this.#sent !== null) this.#onSent(this.#sent.size, this.#sent.error);
    if (this.#state >= LOST) return; // the protocol has called abort()
    const next = this.#queue.shift();
    if (next !== undefined) return this.#send(next);
    this.#isSending = false;
    if (this.#state === CLOSING) this.#lose();
  }

  #send({ data, to }: Outgoing): void {
    const size = data.byteLength + HEADER;
    const done = (error: Error | null): void => {
      this.#sent = { size, error };
      this.#schedule(this.#sender);
    };
    try {
      if (to === null) this.#socket.send(data, done);
      else this.#socket.send(data, to[1], to[0], done);
    } catch (error) {
      done(error as Error); // Node itself checks addresses, and throws
    }
  }

  #onSent(size: number, error: Error | null): void {
    this.#sent = null;
    this.#size -= size;
    if (error) this.#call("errorReceived", systemError("send", error));
    if (!this.#isPaused || this.#size > this.#low) return;
    this.#isPaused = false;
    this.#call("resumeWriting");
  }

  #pauseIfFull(): void {
    if (this.#isPaused || this.#size <= this.#high) return;
    this.#isPaused = true;
    this.#call("pauseWriting");
  }

  /** Calls the protocol where the transport must go on even if that throws. */
  #call(method: "errorReceived" | "pauseWriting" | "resumeWriting", error?: Error): void {
    const protocol = this.#protocol;
    try {
      protocol[method](error);
    } catch (exception) {
      if (exception instanceof KeyboardInterrupt) {
        if (method === "pauseWriting") throw exception; // out of `sendto()`
        return this.#loop._interrupt(exception);
      }
      const message = `protocol.${method}() failed`;
      this.#loop.callExceptionHandler({ message, exception, transport: this, protocol });
    }
  }

  setWriteBufferLimits(high: number | null = null, low: number | null = null): void {
    [this.#low, this.#high] = marks(high, low);
    this.#pauseIfFull();
  }

  getWriteBufferSize(): number {
    return this.#size;
  }

  getWriteBufferLimits(): [low: number, high: number] {
    return [this.#low, this.#high];
  }

  // -- Ending --

  close(): void {
    if (this.#state !== OPEN) return;
    this.#state = CLOSING;
    if (!this.#isSending) this.#lose();
  }

  abort(): void {
    if (this.#state < LOST) this.#lose();
  }

  #lose(): void {
    this.#state = LOST;
    this.#loop._residents.delete(this);
    this.#queue.length = 0;
    this.#size = 0;
    const ending = this.#handle(() => this.#end());
    this.#socket.on("close", () => this.#schedule(ending));
    this.#socket.close();
  }

  _endWithLoop(): void {
    if (this.#state === OPEN) console.warn(`unclosed transport ${this}`);
    this.#lose();
  }

  #end(): void {
    this.#state = CLOSED;
    this.#protocol.connectionLost(null);
  }

  toString(): string {
    const name = (this.#extra["sockname"] as SocketAddress).join(":");
    return `<DatagramTransport ${STATE_NAMES[this.#state]} ${name}>`;
  }
}
