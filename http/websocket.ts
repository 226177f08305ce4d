/**
 * WebSockets to clients.
 *
 * Counterpart of Python's `aiohttp.web_ws`, on `Deno.upgradeWebSocket`. Such a response is in one of
 * these states:
 *
 * 1. CREATED: nothing was sent.
 * 2. OPEN: messages go both ways. Those that have arrived but were not received yet are kept, up to
 *    a limit.
 * 3. CLOSING: `close()` was called, or the handler has ended; messages that still arrive are
 *    dropped.
 * 4. CLOSED: the close message is the last one; every further `receive()` gives it again.
 *
 * When the handler ends, the WebSocket is closed: with 1000, with 1001 if the handler was
 * cancelled, as when the server stops, or with 1011 if it failed.
 *
 * When the client leaves, a handler that waits for a message gets the close message. One that is
 * busy with something else is cancelled, according to `onDisconnect`, unless the client has closed
 * the WebSocket properly and the handler receives messages: it will come to the close message by
 * itself.
 *
 * Deno handles the frames: it answers pings, sends them according to `heartbeat`, and breaks the
 * connection off on a malformed frame.
 *
 * @module
 */

import { RuntimeError, sleep } from "../loop/mod.ts";
import type { Awaitable } from "../loop/mod.ts";
import { Claim } from "../loop/claims.ts";
import { Operation } from "../loop/coroutines.ts";
import type { Steps } from "../loop/coroutines.ts";
import { jsonText } from "./_json_text.ts";
import { quietLegacyAbort } from "./_legacy_abort.ts";
import { taskOf } from "./_request_task.ts";
import type { RequestTask } from "./_request_task.ts";
import { WebSocketConnection } from "./_websocket_connection.ts";
import type { ConnectionLimits } from "./_websocket_connection.ts";
import type {
  ReceiveOptions,
  WebSocketData,
  WebSocketInbox,
  WebSocketMessage,
} from "./_websocket_inbox.ts";
import type { WebSocketCloseOptions } from "./client_websocket.ts";
import { HTTPBadRequest } from "./exceptions.ts";

export type { WebSocketMessage };

/** Options for {@linkcode WebSocketResponse}. */
export interface WebSocketResponseOptions {
  /** The protocols that the handler speaks; the client's first one that is among them is chosen. */
  protocols?: readonly string[];
  /**
   * Seconds of silence after which the client is pinged; if it stays silent for as long again, it
   * counts as gone. Null, the default, for no pings. A client that does not read what is sent can't
   * be pinged: in the end the operating system finds out that it is gone.
   */
  heartbeat?: number | null;
  /** Seconds that `receive()` waits; null, the default, for no limit. */
  receiveTimeout?: number | null;
  /**
   * Seconds that `close()` waits for the client's answer. The connection of a client that never
   * answers stays until the client leaves or the server ends.
   *
   * @default {10}
   */
  closeTimeout?: number;
  /**
   * How large a message may be, in bytes; a larger one closes the WebSocket with code 1009. Beyond
   * 64 MiB, Deno breaks the connection off.
   *
   * @default {4194304}
   */
  maxMsgSize?: number;
  /**
   * How many bytes of messages are kept for a slow handler, counting 64 more for each message;
   * beyond that, the WebSocket is closed with code 1008, since a client can't be told to wait.
   *
   * @default {16777216}
   */
  maxQueueSize?: number;
}

const CLOSE_TIMEOUT = 10;
const MAX_MSG_SIZE = 4 * 1024 * 1024;
const MAX_QUEUE_SIZE = 16 * 1024 * 1024;
/** Seconds that Deno takes to tell that a client has left. */
const MOMENT = 0.001;
/** Sent to a client that is refused: the protocol version that it would have to speak. */
const VERSION = { "sec-websocket-version": "13" };

/**
 * A WebSocket to a client.
 *
 * It is an async iterable of its messages, up to the end. Counterpart of Python's
 * `aiohttp.web.WebSocketResponse`.
 *
 * @example
 * ```ts
 * import { Application, TestServer, WebSocketResponse } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * const app = new Application();
 * app.router.addGet("/echo", async (request) => {
 *   const ws = new WebSocketResponse();
 *   await ws.prepare(request);
 *   for await (const message of ws) await ws.sendStr(`${message}!`);
 *   return ws;
 * });
 *
 * await using server = await TestServer.start(app);
 * const socket = new WebSocket(server.url("/echo", "ws"));
 * socket.onopen = () => socket.send("hello");
 * const answer = await new Promise((resolve) => socket.onmessage = ({ data }) => resolve(data));
 * const closed = new Promise((resolve) => socket.onclose = resolve);
 * socket.close();
 * await closed;
 * assertEquals(answer, "hello!");
 * ```
 */
export class WebSocketResponse extends Response implements AsyncIterable<WebSocketData> {
  readonly #protocols: readonly string[];
  readonly #limits: ConnectionLimits;
  /** Null before `prepare()`. */
  #connection: WebSocketConnection | null = null;

  /**
   * Creates a response. Nothing is sent before `prepare()`.
   *
   * @param options Its protocols, limits and times.
   * @throws {RangeError} If the heartbeat is not a positive number.
   */
  constructor(options: WebSocketResponseOptions = {}) {
    const { heartbeat = null, receiveTimeout = null, protocols = [] } = options;
    if (heartbeat !== null && !(heartbeat > 0)) {
      throw new RangeError(`Cannot create WebSocket: heartbeat must be > 0, not ${heartbeat}`);
    }
    super(null);
    this.#protocols = protocols;
    this.#limits = {
      heartbeat,
      receiveTimeout,
      closeTimeout: options.closeTimeout ?? CLOSE_TIMEOUT,
      maxMsgSize: options.maxMsgSize ?? MAX_MSG_SIZE,
      maxQueueSize: options.maxQueueSize ?? MAX_QUEUE_SIZE,
    };
  }

  /**
   * Returns whether a request asks for a WebSocket. Counterpart of `can_prepare()`.
   *
   * @param request The request.
   * @returns Whether it asks for one.
   */
  canPrepare(request: Request): boolean {
    const { headers, method } = request;
    const connection = headers.get("connection") ?? "";
    return method === "GET" && headers.get("upgrade")?.toLowerCase() === "websocket" &&
      connection.split(",").some((option) => option.trim().toLowerCase() === "upgrade") &&
      headers.get("sec-websocket-version") === "13" && isKey(headers.get("sec-websocket-key"));
  }

  /**
   * Opens the WebSocket.
   *
   * @param request The request that asks for it.
   * @returns An awaitable that ends when it is open.
   * @throws {HTTPBadRequest} If the request does not ask for a WebSocket, or not correctly.
   * @throws {RuntimeError} If the request was answered already, or did not come over a connection.
   * @throws {Deno.errors.ConnectionReset} If the client has left meanwhile.
   */
  prepare(request: Request): Awaitable<void> {
    return new Operation(() => this.#prepare(request));
  }

  *#prepare(request: Request): Steps<void> {
    if (this.#connection !== null) {
      throw new RuntimeError("Cannot prepare WebSocket: it was prepared already");
    }
    const task = taskOf(request, "prepare WebSocket");
    checkUnanswered(task);
    if (!this.canPrepare(request)) {
      throw new HTTPBadRequest({ text: "400: No WebSocket was asked for", headers: VERSION });
    }
    if (task.info === undefined) {
      const text = "the request has no connection; use a TestServer";
      throw new RuntimeError(`Cannot prepare WebSocket: ${text}`);
    }
    yield* checkClient(task);
    const offered = (request.headers.get("sec-websocket-protocol") ?? "").split(",");
    const isSpoken = (name: string): boolean => this.#protocols.includes(name);
    const protocol = offered.map((name) => name.trim()).find(isSpoken) ?? null;
    this.#connection = new WebSocketConnection(task, protocol, this.#limits);
    task.answerEarly(this.#connection.response, this);
    yield* this.#connection.open();
  }

  // -- State --

  /** The protocol that was agreed on; null if none. */
  get protocol(): string | null {
    return this.#connection?.protocol ?? null;
  }

  /** Whether it is closed or closing: nothing can be sent. */
  get closed(): boolean {
    return this.#connection?.closed ?? false;
  }

  /** The code it was closed with; 1006 if the connection broke off; null while it is open. */
  get closeCode(): number | null {
    return this.#connection?.closeCode ?? null;
  }

  /**
   * Returns what went wrong. Counterpart of aiohttp's `ws.exception()`.
   *
   * @returns The error, or null.
   */
  exception(): unknown {
    return this.#connection?.exception ?? null;
  }

  #prepared(action: string): WebSocketConnection {
    if (this.#connection === null) {
      throw new RuntimeError(`Cannot ${action} WebSocket: it is not open; await prepare() first`);
    }
    return this.#connection;
  }

  // -- Receiving --

  /**
   * Waits for the next message.
   *
   * @param options How long to wait.
   * @returns An awaitable of the message. After the close message, it is that one again.
   * @throws {TimeoutError} If none came in time; the WebSocket stays open.
   * @throws {RuntimeError} If another task waits already, or the WebSocket is not prepared.
   */
  receive(options: ReceiveOptions = {}): Awaitable<WebSocketMessage> {
    return this.#receiving().take(options);
  }

  #receiving(): WebSocketInbox {
    const connection = this.#prepared("receive from");
    connection.receives = true;
    return connection.inbox;
  }

  /**
   * Waits for the next message, which must be text.
   *
   * @param options How long to wait.
   * @returns An awaitable of the text.
   * @throws {TypeError} If the message is bytes.
   * @throws {Deno.errors.ConnectionReset} If the WebSocket was closed.
   * @throws {TimeoutError} If none came in time.
   */
  receiveStr(options: ReceiveOptions = {}): Awaitable<string> {
    return this.#receiving().takeAs("text", options);
  }

  /**
   * Waits for the next message, which must be bytes.
   *
   * @param options How long to wait.
   * @returns An awaitable of the bytes.
   * @throws {TypeError} If the message is text.
   * @throws {Deno.errors.ConnectionReset} If the WebSocket was closed.
   * @throws {TimeoutError} If none came in time.
   */
  receiveBytes(options: ReceiveOptions = {}): Awaitable<Uint8Array<ArrayBuffer>> {
    return this.#receiving().takeAs("binary", options);
  }

  /**
   * Waits for the next message, which must be JSON.
   *
   * @typeParam T The type of the value; it is not checked.
   * @param options How long to wait.
   * @returns An awaitable of the value.
   * @throws {TypeError} If the message is bytes.
   * @throws {SyntaxError} If the text is not JSON.
   * @throws {Deno.errors.ConnectionReset} If the WebSocket was closed.
   * @throws {TimeoutError} If none came in time.
   */
  receiveJson<T = unknown>(options: ReceiveOptions = {}): Awaitable<T> {
    return this.#receiving().takeJson<T>(options);
  }

  /**
   * Iterates over the messages, up to the end. If an error ended it, `exception()` returns that.
   */
  [Symbol.asyncIterator](): AsyncIterator<WebSocketData, void, void> {
    return this.#receiving().messages(() => {});
  }

  // -- Sending --

  /**
   * Sends a text. If too much is waiting to be sent, it first waits for room.
   *
   * @param data The text.
   * @returns An awaitable that ends when the message is in the send buffer.
   * @throws {Deno.errors.ConnectionReset} If the WebSocket is closed.
   * @throws {RuntimeError} If it is not prepared.
   */
  sendStr(data: string): Awaitable<void> {
    return this.#send(data);
  }

  /**
   * Sends bytes. If too much is waiting to be sent, it first waits for room.
   *
   * @param data The bytes.
   * @returns An awaitable that ends when the message is in the send buffer.
   * @throws {Deno.errors.ConnectionReset} If the WebSocket is closed.
   * @throws {RuntimeError} If it is not prepared.
   */
  sendBytes(data: Uint8Array<ArrayBuffer>): Awaitable<void> {
    return this.#send(data);
  }

  /**
   * Sends a value as JSON. If too much is waiting to be sent, it first waits for room.
   *
   * @param data The value.
   * @returns An awaitable that ends when the message is in the send buffer.
   * @throws {TypeError} If the value can't be written as JSON.
   * @throws {Deno.errors.ConnectionReset} If the WebSocket is closed.
   * @throws {RuntimeError} If it is not prepared.
   */
  sendJson(data: unknown): Awaitable<void> {
    return this.sendStr(jsonText(data));
  }

  #send(data: WebSocketData): Awaitable<void> {
    return new Claim(this.#prepared("send to").sending, data);
  }

  // -- Closing --

  /**
   * Closes the WebSocket, and waits for the client's answer, at most `closeTimeout`. Messages that
   * arrive meanwhile are dropped; a pending `receive()` gets the close message when the client
   * answers, while in aiohttp it gets one at once.
   *
   * @param options The code and the reason.
   * @returns An awaitable: false if it was closed already.
   * @throws {RangeError} If the code can't be sent, or the reason is too long.
   * @throws {RuntimeError} If it is not prepared.
   */
  close(options: WebSocketCloseOptions = {}): Awaitable<boolean> {
    const { code = 1000, reason = "" } = options;
    return new Operation(() => this.#prepared("close").close(code, reason));
  }

  /** @ignore */
  get _isEndless(): boolean {
    return !this.closed;
  }

  /** @ignore */
  _handlerEnded(error: unknown): void {
    this.#prepared("answer with").handlerEnded(error);
  }
}

/**
 * Throws if the client has left: its connection would never open, and would hold up the end of the
 * server. The request's signal tells that only a moment after it was asked for.
 */
function* checkClient(task: RequestTask): Steps<void> {
  quietLegacyAbort();
  const { signal } = task.request;
  yield* sleep(MOMENT);
  checkUnanswered(task);
  if (!signal.aborted) return;
  task.clientLeft();
  throw new Deno.errors.ConnectionReset("Cannot prepare WebSocket: the client has left");
}

function checkUnanswered({ early }: RequestTask): void {
  if (early === null) return;
  throw new RuntimeError("Cannot prepare WebSocket: the request was answered already");
}

/** Whether it is a key as RFC 6455 defines it: 16 bytes in Base64. */
function isKey(key: string | null): boolean {
  return key !== null && /^[A-Za-z0-9+/]{22}==$/.test(key);
}
