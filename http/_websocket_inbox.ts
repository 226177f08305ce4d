/**
 * The messages that have arrived on a WebSocket, to a client or to a server, and were not received
 * yet.
 *
 * The end is a message, too. Invariants: it is the last one, and stays; only one receiver waits at
 * a time.
 *
 * @module
 */

import { getRunningLoop, RuntimeError, TimeoutError } from "../loop/mod.ts";
import type { Awaitable, EventLoop, TimerHandle } from "../loop/mod.ts";
import { Claim, HostWaiter } from "../loop/claims.ts";
import type { Claimable, Waiter } from "../loop/claims.ts";

/** A message: a text, or bytes. */
export type WebSocketData = string | Uint8Array<ArrayBuffer>;

/** What a WebSocket receives: a message, or the close message, which is always the last. */
export type WebSocketMessage =
  | { readonly type: "text"; readonly data: string }
  | { readonly type: "binary"; readonly data: Uint8Array<ArrayBuffer> }
  | { readonly type: "close"; readonly data: number; readonly reason: string };

/** Options for the `receive()` of a WebSocket, and its variants. */
export interface ReceiveOptions {
  /** Seconds to wait; null for no limit. By default the setting of the WebSocket. */
  timeout?: number | null;
}

/** The limits of an inbox. */
export interface InboxLimits {
  /** Seconds to wait for a message, or null. */
  readonly receiveTimeout: number | null;
  /** Bytes; Infinity for no limit. */
  readonly maxMsgSize: number;
  /** Bytes; Infinity for no limit. */
  readonly maxQueueSize: number;
}

/** Why a message is refused. */
export interface Refusal {
  /** The code to close the WebSocket with. */
  readonly code: number;
  /** The reason, in words. */
  readonly state: string;
}

const POLICY_VIOLATION = 1008;
const TOO_LARGE = 1009;

/** What a message takes besides its content, in bytes. */
const OVERHEAD = 64;

/** The size of a message in bytes; a text in UTF-8 has at most three for each UTF-16 unit. */
function sizeOf(data: string | ArrayBuffer, limit: number): number {
  if (typeof data !== "string") return data.byteLength;
  if (data.length * 3 <= limit || data.length > limit) return data.length;
  return new TextEncoder().encode(data).length;
}

interface Entry {
  readonly message: WebSocketMessage;
  /** In bytes. */
  readonly size: number;
  next: Entry | null;
}

/** How a message is taken. */
interface Taking<T> {
  /** Converts the message to what was asked for, or throws. */
  readonly convert: (message: WebSocketMessage) => T;
  /** Seconds to wait for it, or null. */
  readonly timeout: number | null;
}

/** See the module's description. */
export class WebSocketInbox implements Claimable<unknown, Taking<unknown>> {
  readonly #loop: EventLoop = getRunningLoop();
  /** The name of what is received from, for errors. */
  readonly #name: string;
  /** Creates the error for a message that was needed when the WebSocket was closed. */
  readonly #closedError: (text: string) => Error;
  readonly #limits: InboxLimits;
  #first: Entry | null = null;
  #last: Entry | null = null;
  #size = 0;
  #receiver: Waiter | null = null;
  /** Ends the waiting of the receiver. */
  #timer: TimerHandle | null = null;

  constructor(name: string, limits: InboxLimits, closedError: (text: string) => Error) {
    this.#name = name;
    this.#limits = limits;
    this.#closedError = closedError;
  }

  /** Whether a receiver waits for a message. */
  get isAwaited(): boolean {
    return this.#receiver !== null;
  }

  /** Adds a message that has arrived, or returns why it is refused. */
  put(data: string | ArrayBuffer): Refusal | null {
    const { maxMsgSize, maxQueueSize } = this.#limits;
    const size = sizeOf(data, maxMsgSize);
    if (size > maxMsgSize) {
      return { code: TOO_LARGE, state: `a message is larger than ${maxMsgSize}` };
    }
    if (this.#size + size + OVERHEAD > maxQueueSize && !this.isAwaited) {
      const state = `more than ${maxQueueSize} bytes wait to be received`;
      return { code: POLICY_VIOLATION, state };
    }
    this.#add(
      typeof data === "string"
        ? { type: "text", data }
        : { type: "binary", data: new Uint8Array(data) },
      size + OVERHEAD,
    );
    return null;
  }

  /** Adds the close message: nothing more comes. */
  end(code: number, reason: string): void {
    this.#add({ type: "close", data: code, reason }, 0);
  }

  #add(message: WebSocketMessage, size: number): void {
    const entry = { message, size, next: null };
    if (this.#last === null) this.#first = entry;
    else this.#last.next = entry;
    this.#last = entry;
    this.#size += size;
    this.#receiver?.wake();
  }

  #takeNowait(): WebSocketMessage | null {
    const entry = this.#first;
    if (entry === null) return null;
    if (entry.message.type === "close") return entry.message;
    this.#first = entry.next;
    if (entry.next === null) this.#last = null;
    this.#size -= entry.size;
    return entry.message;
  }

  // -- Taking --

  /** Waits for a message, and takes it. */
  take({ timeout = this.#limits.receiveTimeout }: ReceiveOptions): Awaitable<WebSocketMessage> {
    return this.#claim((message) => message, timeout);
  }

  /** Waits for a message, which must be of the given type, and takes it. */
  takeAs(type: "text", options: ReceiveOptions): Awaitable<string>;
  takeAs(type: "binary", options: ReceiveOptions): Awaitable<Uint8Array<ArrayBuffer>>;
  takeAs(
    type: "text" | "binary",
    { timeout = this.#limits.receiveTimeout }: ReceiveOptions,
  ): Awaitable<WebSocketData> {
    return this.#claim((message) => this.#dataOf(message, type), timeout);
  }

  /** Waits for a message, which must be JSON, and takes it. */
  takeJson<T>({ timeout = this.#limits.receiveTimeout }: ReceiveOptions): Awaitable<T> {
    return this.#claim((message) => JSON.parse(this.#dataOf(message, "text") as string), timeout);
  }

  #dataOf(message: WebSocketMessage, type: "text" | "binary"): WebSocketData {
    if (message.type === type) return message.data;
    const action = `Cannot receive from ${this.#name}`;
    if (message.type !== "close") {
      throw new TypeError(`${action}: ${type} was expected, not ${message.type}`);
    }
    throw this.#closedError(`${action}: it was closed (code ${message.data})`);
  }

  /** The messages up to the end, where `atEnd` is called, which may throw. */
  messages(atEnd: () => void): AsyncIterator<WebSocketData, void, void> {
    const taking: Taking<IteratorResult<WebSocketData, void>> = {
      convert(message) {
        if (message.type !== "close") return { done: false, value: message.data };
        return { done: true, value: atEnd() };
      },
      timeout: this.#limits.receiveTimeout,
    };
    const next = (): Promise<IteratorResult<WebSocketData, void>> =>
      Promise.resolve(new Claim(this, taking) as Awaitable<IteratorResult<WebSocketData, void>>);
    return { next };
  }

  #claim<T>(convert: (message: WebSocketMessage) => T, timeout: number | null): Awaitable<T> {
    return new Claim(this, { convert, timeout }) as Awaitable<T>;
  }

  /** @ignore */
  begin(taking: Taking<unknown>): unknown {
    const message = this.#takeNowait();
    if (message !== null) return taking.convert(message);
    if (this.#receiver !== null) {
      throw new RuntimeError(`Cannot receive from ${this.#name}: another task is waiting already`);
    }
    const receiver = this.#receiver = new HostWaiter({ loop: this.#loop });
    if (taking.timeout !== null) this.#timer = this.#expireLater(receiver, taking.timeout);
    return receiver;
  }

  /** @ignore */
  goOn(receiver: Waiter, error: unknown | null, taking: Taking<unknown>): unknown {
    this.#receiver = null;
    this.#timer?.cancel();
    this.#timer = null;
    if (error !== null) throw error;
    receiver.result(); // throws the TimeoutError, if it has one
    return this.begin(taking);
  }

  #expireLater(receiver: Waiter, timeout: number): TimerHandle {
    return this.#loop.callLater(timeout, () => {
      const text = `Cannot receive from ${this.#name}: no message within ${timeout} s`;
      if (!receiver.done()) receiver.setException(new TimeoutError(text));
    });
  }
}
