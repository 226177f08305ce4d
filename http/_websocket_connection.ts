/**
 * The open connection of a WebSocket to a client; {@linkcode WebSocketResponse} describes its states.
 *
 * @module
 */

import { CancelledError, getRunningLoop } from "../loop/mod.ts";
import type { Future } from "../loop/mod.ts";
import { HostWaiter } from "../loop/claims.ts";
import type { Claimable, Waiter } from "../loop/claims.ts";
import type { Steps } from "../loop/coroutines.ts";
import type { RequestTask } from "./_request_task.ts";
import { WebSocketEnd } from "./_websocket_end.ts";
import { WebSocketInbox } from "./_websocket_inbox.ts";
import type { InboxLimits, Refusal, WebSocketData } from "./_websocket_inbox.ts";

/** The limits of a connection. */
export interface ConnectionLimits extends InboxLimits {
  /** Seconds, or null. */
  readonly heartbeat: number | null;
  /** Seconds. */
  readonly closeTimeout: number;
}

/** The high-water mark: how many bytes may wait to be sent before a send waits. */
const HIGH_WATER = 1024 * 1024;
/** Seconds between checks whether there are fewer; Deno fires no event for that. */
const DRAIN_INTERVAL = 0.005;
/** Seconds that opening may take: Deno does not tell that a client has left. */
const OPEN_TIMEOUT = 10;
/** The longest time of Deno's timers, in seconds: beyond it, they would fire at once. */
const MAX_TIME = 2_147_483;

const OK = 1000;
const GOING_AWAY = 1001;
const ABNORMAL = 1006;
const INTERNAL_ERROR = 1011;

/** Codes that no close frame may have. */
const NEVER_SENT: readonly number[] = [1004, 1005, ABNORMAL];

/** See the module's description. */
export class WebSocketConnection {
  readonly inbox: WebSocketInbox;
  /** The protocol that was agreed on; null if none. */
  readonly protocol: string | null;
  /** What went wrong, or null. */
  exception: unknown = null;
  /** Whether the handler is one that receives messages. */
  receives = false;
  readonly response: Response;
  /** Sends a message; first waits until there is room. */
  readonly sending: Claimable<void, WebSocketData> = {
    begin: (data) => this.#send(data),
    goOn: (_, error, data) => {
      if (error !== null) throw error;
      return this.#send(data);
    },
  };
  readonly #socket: WebSocket;
  readonly #task: RequestTask;
  readonly #limits: ConnectionLimits;
  /** Done when it is open. */
  readonly #opened: Future<void> = getRunningLoop().createFuture<void>();
  readonly #end = new WebSocketEnd();
  #isClosing = false;

  constructor(task: RequestTask, protocol: string | null, limits: ConnectionLimits) {
    this.#task = task;
    this.#limits = limits;
    this.protocol = protocol;
    const { heartbeat } = limits;
    // Deno pings after half of the time after which it gives up.
    const idleTimeout = heartbeat === null ? 0 : 2 * Math.min(heartbeat, MAX_TIME);
    task._detach();
    const { socket, response } = Deno.upgradeWebSocket(task.request, { idleTimeout });
    // Deno's option for this can't read a client's list of protocols without blanks.
    if (protocol !== null) response.headers.set("sec-websocket-protocol", protocol);
    this.response = response;
    this.#socket = socket;
    this.inbox = new WebSocketInbox(
      "WebSocket",
      limits,
      (text) => new Deno.errors.ConnectionReset(text, { cause: this.exception }),
    );
    this.#listen(socket);
  }

  #listen(socket: WebSocket): void {
    socket.binaryType = "arraybuffer";
    socket.onopen = (): void => {
      if (!this.#opened.done()) this.#opened.setResult();
    };
    socket.onmessage = ({ data }): void => this.#received(data);
    socket.onerror = (event): void => {
      this.exception ??= (event as ErrorEvent).error ?? new Error((event as ErrorEvent).message);
    };
    socket.onclose = ({ code, reason }): void => this.#onClose(code, reason);
  }

  /** Waits until it is open. */
  *open(): Steps<void> {
    const timer = getRunningLoop().callLater(OPEN_TIMEOUT, () => {
      this.#onClose(ABNORMAL, "");
      this.#hangUp(GOING_AWAY);
    });
    try {
      yield* this.#opened;
    } finally {
      timer.cancel();
    }
  }

  /** The code it was closed with; null while it is open. */
  get closeCode(): number | null {
    return this.#end.code;
  }

  /** Whether it is closed or closing: nothing can be sent. */
  get closed(): boolean {
    // Deno knows that the client is closing it before it fires the event.
    return this.#isOver || this.#socket.readyState > WebSocket.OPEN;
  }

  /** Whether it was closed from here, or Deno has reported its end. */
  get #isOver(): boolean {
    return this.#isClosing || this.closeCode !== null;
  }

  #received(data: string | ArrayBuffer): void {
    if (this.#isClosing) return;
    const refusal = this.inbox.put(data);
    if (refusal !== null) this.#refuse(refusal);
  }

  #refuse({ code, state }: Refusal): void {
    this.exception = new RangeError(`Cannot receive from WebSocket: ${state}`);
    this.#hangUp(code);
    this.#hasEnded(code, "");
    this.#task.clientLeft(false); // counts as left: a handler that goes on sending is not at fault
  }

  #onClose(code: number, reason: string): void {
    if (!this.#opened.done()) {
      const text = "Cannot open WebSocket: it was closed";
      this.#opened.setException(new Deno.errors.ConnectionReset(text));
    }
    const hasLeft = !this.#isOver;
    const endsItself = this.inbox.isAwaited || (this.receives && this.exception === null);
    // Deno also gives code 0 if a message has come in place of the client's answer.
    this.#hasEnded(this.exception === null && code !== 0 ? code : ABNORMAL, reason);
    if (hasLeft) this.#task.clientLeft(!endsItself);
  }

  #hasEnded(code: number, reason: string): void {
    if (this.#end.come(code)) this.inbox.end(code, reason);
  }

  #hangUp(code: number, reason?: string): void {
    this.#isClosing = true;
    const socket = this.#socket;
    const { readyState } = socket;
    if (readyState === WebSocket.OPEN) socket.close(code, reason);
    // Before it is open, Deno ignores `close()`.
    else if (readyState === WebSocket.CONNECTING) {
      socket.addEventListener("open", () => socket.close(code, reason));
    }
  }

  #send(data: WebSocketData): void | Waiter {
    const socket = this.#socket;
    if (this.#isOver || socket.readyState !== WebSocket.OPEN) {
      // The client may have closed it, without Deno having reported that yet.
      if (!this.#isClosing) this.#task.clientLeft(false);
      throw new Deno.errors.ConnectionReset("Cannot send to WebSocket: it is closed");
    }
    if (socket.bufferedAmount > HIGH_WATER) return this.#whenDrained();
    socket.send(data);
  }

  #whenDrained(): Waiter {
    const loop = getRunningLoop();
    const waiter = new HostWaiter({ loop });
    loop.callLater(DRAIN_INTERVAL, () => waiter.wake());
    return waiter;
  }

  /** Closes it, and waits for the client's answer; false if it was closed already. */
  *close(code: number, reason: string): Steps<boolean> {
    checkClose(code, reason);
    const wasOpen = !this.closed;
    if (wasOpen) this.#hangUp(code, reason);
    yield* this.#end.wait(this.#limits.closeTimeout, () => this.#hasEnded(ABNORMAL, ""));
    return wasOpen;
  }

  /** Closes it because the handler has ended, with an error or null. */
  handlerEnded(error: unknown): void {
    if (this.closed) return;
    if (error === null) this.#hangUp(OK);
    else this.#hangUp(error instanceof CancelledError ? GOING_AWAY : INTERNAL_ERROR);
  }
}

function checkClose(code: number, reason: string): void {
  const isKnown = code >= OK && code <= 1014 && !NEVER_SENT.includes(code);
  if (!Number.isInteger(code) || !(isKnown || (code >= 3000 && code <= 4999))) {
    throw new RangeError(`Cannot close WebSocket: code ${code} can't be sent`);
  }
  const size = new TextEncoder().encode(reason).length;
  if (size > 123) {
    throw new RangeError(`Cannot close WebSocket: reason has ${size} bytes, more than 123`);
  }
}
