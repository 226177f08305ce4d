/**
 * What has come by a WebSocket and nobody has taken yet: of both kinds of WebSockets, to clients and
 * to servers.
 *
 * The end is a message, too. Invariants: it is the last one, and stays; one at a time waits.
 *
 * @module
 */

import { getRunningLoop, RuntimeError, TimeoutError } from "../loop/mod.ts";
import type { EventLoop, Future, TimerHandle } from "../loop/mod.ts";
import type { Steps } from "../loop/coroutines.ts";

/** A message that has come: a text, or bytes. */
export type WebSocketData = string | Uint8Array<ArrayBuffer>;

/** What a WebSocket gives: a message, or that it was closed, which is always the last. */
export type WebSocketMessage =
  | { readonly type: "text"; readonly data: string }
  | { readonly type: "binary"; readonly data: Uint8Array<ArrayBuffer> }
  | { readonly type: "close"; readonly data: number; readonly reason: string };

/** Options for the `receive()` of a WebSocket, and its like. */
export interface ReceiveOptions {
  /** Seconds to wait; null for any time. By default what the WebSocket was made with. */
  timeout?: number | null;
}

interface Entry {
  readonly message: WebSocketMessage;
  /** In bytes, or what else is counted. */
  readonly size: number;
  next: Entry | null;
}

/** See the module's description. */
export class WebSocketInbox {
  readonly #loop: EventLoop = getRunningLoop();
  /** What is received from, for errors. */
  readonly #name: string;
  /** Makes what is thrown where a message is needed and it was closed. */
  readonly #closedError: (text: string) => Error;
  /** Seconds, or null. */
  readonly #timeout: number | null;
  #first: Entry | null = null;
  #last: Entry | null = null;
  #size = 0;
  #receiver: Future<void> | null = null;

  constructor(name: string, timeout: number | null, closedError: (text: string) => Error) {
    this.#name = name;
    this.#timeout = timeout;
    this.#closedError = closedError;
  }

  /** How much waits to be taken. */
  get size(): number {
    return this.#size;
  }

  /** Whether somebody waits for a message. */
  get isAwaited(): boolean {
    return this.#receiver !== null;
  }

  /** Adds a message. */
  put(message: WebSocketMessage, size = 0): void {
    const entry = { message, size, next: null };
    if (this.#last === null) this.#first = entry;
    else this.#last.next = entry;
    this.#last = entry;
    this.#size += size;
    if (this.#receiver !== null && !this.#receiver.done()) this.#receiver.setResult();
  }

  /** Takes a message, if there is one. */
  takeNowait(): WebSocketMessage | null {
    const entry = this.#first;
    if (entry === null) return null;
    if (entry.message.type === "close") return entry.message;
    this.#first = entry.next;
    if (entry.next === null) this.#last = null;
    this.#size -= entry.size;
    return entry.message;
  }

  /** Takes a message; waits for it. */
  *take({ timeout = this.#timeout }: ReceiveOptions): Steps<WebSocketMessage> {
    for (;;) {
      const message = this.takeNowait();
      if (message !== null) return message;
      if (this.#receiver !== null) {
        throw new RuntimeError(`Cannot receive from ${this.#name}: somebody waits already`);
      }
      const receiver = this.#receiver = this.#loop.createFuture<void>();
      const timer = timeout === null ? null : this.#expireLater(receiver, timeout);
      try {
        yield* receiver;
      } finally {
        timer?.cancel();
        this.#receiver = null;
      }
    }
  }

  #expireLater(receiver: Future<void>, timeout: number): TimerHandle {
    return this.#loop.callLater(timeout, () => {
      const text = `Cannot receive from ${this.#name}: no message within ${timeout} s`;
      if (!receiver.done()) receiver.setException(new TimeoutError(text));
    });
  }

  /** Takes a message, which must be a text or bytes. */
  takeAs(type: "text", options: ReceiveOptions): Steps<string>;
  takeAs(type: "binary", options: ReceiveOptions): Steps<Uint8Array<ArrayBuffer>>;
  *takeAs(type: "text" | "binary", options: ReceiveOptions): Steps<WebSocketData> {
    const message = yield* this.take(options);
    const action = `Cannot receive from ${this.#name}`;
    if (message.type === "close") {
      throw this.#closedError(`${action}: it was closed (code ${message.data})`);
    }
    if (message.type === type) return message.data;
    throw new TypeError(`${action}: ${type} was expected, not ${message.type}`);
  }

  /** Takes a message, which must be JSON. */
  *takeJson<T>(options: ReceiveOptions): Steps<T> {
    return JSON.parse(yield* this.takeAs("text", options));
  }
}
