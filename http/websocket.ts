/**
 * WebSockets to clients.
 *
 * Counterpart of Python's `aiohttp.web_ws`, on `Deno.upgradeWebSocket`. Such a response is in one of
 * these states:
 *
 * 1. CREATED: nothing was sent.
 * 2. OPEN: messages go both ways. Those that have come and nobody has taken are kept, up to a limit.
 * 3. CLOSING: `close()` was called, or the handler has ended; what still comes is dropped.
 * 4. CLOSED: the end is the last message, and stays it.
 *
 * The end of the handler closes the WebSocket: with 1000, with 1001 if it was cancelled, as when the
 * server stops, or with 1011 if it failed. The runtime answers pings, and sends them on `heartbeat`.
 *
 * @module
 */

import { CancelledError, getRunningLoop, RuntimeError, sleep, TimeoutError } from "../loop/mod.ts";
import type { Awaitable, EventLoop, Future } from "../loop/mod.ts";
import { Operation } from "../loop/coroutines.ts";
import type { Steps } from "../loop/coroutines.ts";
import { taskOf } from "./_request_task.ts";
import type { ReceiveOptions, WebSocketCloseOptions, WebSocketData } from "./client_websocket.ts";
import { HTTPBadRequest } from "./exceptions.ts";

/** Options for {@linkcode WebSocketResponse}. */
export interface WebSocketResponseOptions {
  /** The protocols that the handler speaks; the first of the client's that is among them is taken. */
  protocols?: readonly string[];
  /**
   * Seconds without anything from the client after which it is pinged; if it does not answer in the
   * same time, it is taken to have left. Null, as by default, for never.
   */
  heartbeat?: number | null;
  /** Seconds that `receive()` waits; null, as by default, for any time. */
  receiveTimeout?: number | null;
  /**
   * Seconds that `close()` waits for the client's answer.
   *
   * @default {10}
   */
  closeTimeout?: number;
  /**
   * How large a message may be, in bytes; a larger one closes the WebSocket with code 1009.
   *
   * @default {4194304}
   */
  maxMsgSize?: number;
  /**
   * How many bytes of messages are kept for a handler that is slow; more close the WebSocket with
   * code 1008, since a client can't be told to wait.
   *
   * @default {16777216}
   */
  maxQueueSize?: number;
}

/** What a WebSocket gives: a message, or that it was closed, which is always the last. */
export type WebSocketMessage =
  | { readonly type: "text"; readonly data: string }
  | { readonly type: "binary"; readonly data: Uint8Array<ArrayBuffer> }
  | { readonly type: "close"; readonly data: number; readonly reason: string };

/** How much may wait to be sent, in bytes, before `sendStr()` and its like wait. */
const HIGH_WATER = 1024 * 1024;
/** How often to look whether it is less, in seconds: the platform does not tell. */
const DRAIN_INTERVAL = 0.005;
const MAX_MSG_SIZE = 4 * 1024 * 1024;
const MAX_QUEUE_SIZE = 16 * 1024 * 1024;

const GOING_AWAY = 1001;
const POLICY_VIOLATION = 1008;
const TOO_LARGE = 1009;
const INTERNAL_ERROR = 1011;

/** The size of a message in bytes; a text in UTF-8 has at most three for each of its units. */
function sizeOf(data: string | ArrayBuffer, limit: number): number {
  if (typeof data !== "string") return data.byteLength;
  if (data.length * 3 <= limit || data.length > limit) return data.length;
  return new TextEncoder().encode(data).length;
}

/**
 * A WebSocket to a client.
 *
 * It is an async iterator of its messages, up to its end. Counterpart of Python's
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
  readonly #options: WebSocketResponseOptions;
  #socket: WebSocket | null = null;
  #loop: EventLoop | null = null;
  /** What has come and nobody has taken, and how many bytes that is. */
  readonly #messages: WebSocketMessage[] = [];
  #queued = 0;
  #receiver: Future<void> | null = null;
  /** Done at the end, while somebody waits for that. */
  #ended: Future<void> | null = null;
  #isClosing = false;
  #closeCode: number | null = null;
  #exception: unknown = null;

  /**
   * Creates a response. Nothing is sent before `prepare()`.
   *
   * @param options Its protocols, limits and times.
   */
  constructor(options: WebSocketResponseOptions = {}) {
    super(null);
    this.#options = options;
  }

  /**
   * Tells whether a request asks for a WebSocket. Counterpart of `can_prepare()`.
   *
   * @param request The request.
   * @returns Whether it does.
   */
  canPrepare(request: Request): boolean {
    const { headers, method } = request;
    return method === "GET" && headers.get("upgrade")?.toLowerCase() === "websocket" &&
      headers.has("sec-websocket-key");
  }

  /**
   * Opens the WebSocket.
   *
   * @param request The request that asks for it.
   * @returns An awaitable that ends when it is open.
   * @throws {HTTPBadRequest} If the request does not ask for a WebSocket, or asks in a wrong way.
   * @throws {RuntimeError} If the request was answered already.
   * @throws {Deno.errors.ConnectionReset} If the client has left meanwhile.
   */
  prepare(request: Request): Awaitable<void> {
    return new Operation(() => this.#prepare(request));
  }

  *#prepare(request: Request): Steps<void> {
    if (this.#socket !== null) throw new RuntimeError("Cannot prepare WebSocket: it was prepared");
    const task = taskOf(request, "prepare WebSocket");
    if (!this.canPrepare(request)) {
      throw new HTTPBadRequest({ text: "400: No WebSocket was asked for" });
    }
    const { socket, response } = this.#upgrade(task.request);
    const loop = this.#loop = getRunningLoop();
    const opened = loop.createFuture<void>();
    this.#socket = socket;
    this.#listen(socket, opened);
    task.answerEarly(response, this);
    try {
      yield* opened;
    } catch (error) {
      socket.close();
      throw error;
    }
  }

  #upgrade(request: Request): Deno.WebSocketUpgrade {
    const offered = (request.headers.get("sec-websocket-protocol") ?? "").split(",");
    const { protocols = [], heartbeat = null } = this.#options;
    const protocol = offered.map((name) => name.trim()).find((name) => protocols.includes(name));
    const idleTimeout = heartbeat === null ? 0 : Math.max(Math.ceil(heartbeat), 1);
    try {
      const options = protocol === undefined ? {} : { protocol };
      return Deno.upgradeWebSocket(request, { idleTimeout, ...options });
    } catch (error) {
      // What it throws where the headers are not what they should be.
      if (!(error instanceof TypeError || error instanceof Deno.errors.Http)) throw error;
      const refused = new HTTPBadRequest({ text: "400: Malformed WebSocket request" });
      refused.cause = error;
      throw refused;
    }
  }

  #listen(socket: WebSocket, opened: Future<void>): void {
    socket.binaryType = "arraybuffer";
    socket.onopen = (): void => {
      if (!opened.done()) opened.setResult();
    };
    socket.onmessage = ({ data }): void => this.#received(data);
    socket.onerror = (event): void => {
      this.#exception ??= (event as ErrorEvent).error ?? new Error((event as ErrorEvent).message);
    };
    socket.onclose = ({ code, reason }): void => {
      if (!opened.done()) {
        opened.setException(
          new Deno.errors.ConnectionReset("Cannot open WebSocket: it was closed"),
        );
      }
      this.#hasClosed(code, reason);
    };
  }

  // -- State --

  /** The protocol that was agreed on; null if none. */
  get protocol(): string | null {
    return this.#socket?.protocol || null;
  }

  /** Whether it is closed, or being closed: nothing can be sent. */
  get closed(): boolean {
    return this.#isClosing || this.#closeCode !== null;
  }

  /** With which code it was closed; 1006 if it broke off; null if it is open. */
  get closeCode(): number | null {
    return this.#closeCode;
  }

  /**
   * Returns what went wrong. Counterpart of aiohttp's `ws.exception()`.
   *
   * @returns The error, or null.
   */
  exception(): unknown {
    return this.#exception;
  }

  #received(data: string | ArrayBuffer): void {
    if (this.#isClosing) return;
    const { maxMsgSize = MAX_MSG_SIZE, maxQueueSize = MAX_QUEUE_SIZE } = this.#options;
    const size = sizeOf(data, maxMsgSize);
    if (size > maxMsgSize) return this.#refuse(TOO_LARGE, `a message is larger than ${maxMsgSize}`);
    this.#queued += size;
    if (this.#queued > maxQueueSize) {
      return this.#refuse(POLICY_VIOLATION, `more than ${maxQueueSize} bytes wait to be received`);
    }
    this.#deliver(
      typeof data === "string"
        ? { type: "text", data }
        : { type: "binary", data: new Uint8Array(data) },
    );
  }

  #refuse(code: number, state: string): void {
    this.#exception = new RangeError(`Cannot receive from WebSocket: ${state}`);
    this.#hangUp(code);
    this.#hasClosed(code, "");
  }

  #deliver(message: WebSocketMessage): void {
    this.#messages.push(message);
    if (this.#receiver !== null && !this.#receiver.done()) this.#receiver.setResult();
  }

  #hasClosed(code: number, reason: string): void {
    if (this.#closeCode !== null) return; // it was given up before its end has come
    this.#closeCode = code || 1006;
    if (this.#ended !== null && !this.#ended.done()) this.#ended.setResult();
    this.#deliver({ type: "close", data: this.#closeCode, reason });
  }

  #hangUp(code: number): void {
    this.#isClosing = true;
    const socket = this.#socket!;
    if (socket.readyState <= WebSocket.OPEN) socket.close(code);
  }

  #opened(action: string): WebSocket {
    if (this.#socket === null) throw new RuntimeError(`Cannot ${action}: prepare() comes first`);
    return this.#socket;
  }

  // -- Receiving --

  /**
   * Waits for the next message.
   *
   * @param options How long to wait.
   * @returns An awaitable of the message. After the end, it is the end again.
   * @throws {TimeoutError} If none came in time; the WebSocket stays open.
   * @throws {RuntimeError} If somebody waits already, or the WebSocket is not prepared.
   */
  receive(options: ReceiveOptions = {}): Awaitable<WebSocketMessage> {
    this.#opened("receive from WebSocket");
    return new Operation(() => this.#receive(options));
  }

  *#receive({ timeout = this.#options.receiveTimeout ?? null }: ReceiveOptions): Steps<
    WebSocketMessage
  > {
    while (this.#messages.length === 0) yield* this.#waitForMessage(timeout);
    const message = this.#messages[0]!;
    if (message.type === "close") return message;
    this.#messages.shift();
    this.#queued -= message.data.length;
    return message;
  }

  *#waitForMessage(timeout: number | null): Steps<void> {
    if (this.#receiver !== null) {
      throw new RuntimeError("Cannot receive from WebSocket: somebody waits already");
    }
    const receiver = this.#receiver = this.#loop!.createFuture<void>();
    const expire = (): void => {
      const text = `Cannot receive from WebSocket: no message within ${timeout} s`;
      if (!receiver.done()) receiver.setException(new TimeoutError(text));
    };
    const timer = timeout === null ? null : this.#loop!.callLater(timeout, expire);
    try {
      yield* receiver;
    } finally {
      timer?.cancel();
      this.#receiver = null;
    }
  }

  /**
   * Waits for the next message, which must be a text.
   *
   * @param options How long to wait.
   * @returns An awaitable of the text.
   * @throws {TypeError} If bytes have come.
   * @throws {Deno.errors.ConnectionReset} If the WebSocket was closed.
   * @throws {TimeoutError} If none came in time.
   */
  receiveStr(options: ReceiveOptions = {}): Awaitable<string> {
    return new Operation(() => this.#receiveAs("text", options) as Steps<string>);
  }

  /**
   * Waits for the next message, which must be bytes.
   *
   * @param options How long to wait.
   * @returns An awaitable of the bytes.
   * @throws {TypeError} If a text has come.
   * @throws {Deno.errors.ConnectionReset} If the WebSocket was closed.
   * @throws {TimeoutError} If none came in time.
   */
  receiveBytes(options: ReceiveOptions = {}): Awaitable<Uint8Array<ArrayBuffer>> {
    return new Operation(() =>
      this.#receiveAs("binary", options) as Steps<Uint8Array<ArrayBuffer>>
    );
  }

  /**
   * Waits for the next message, which must be JSON.
   *
   * @typeParam T What to take it for; it is not checked.
   * @param options How long to wait.
   * @returns An awaitable of the value.
   * @throws {TypeError} If bytes have come.
   * @throws {SyntaxError} If it is no JSON.
   * @throws {Deno.errors.ConnectionReset} If the WebSocket was closed.
   * @throws {TimeoutError} If none came in time.
   */
  receiveJson<T = unknown>(options: ReceiveOptions = {}): Awaitable<T> {
    return new Operation(() => this.#receiveJson<T>(options));
  }

  *#receiveJson<T>(options: ReceiveOptions): Steps<T> {
    return JSON.parse((yield* this.#receiveAs("text", options)) as string);
  }

  *#receiveAs(type: "text" | "binary", options: ReceiveOptions): Steps<WebSocketData> {
    this.#opened("receive from WebSocket");
    const message = yield* this.#receive(options);
    if (message.type === "close") {
      const text = `Cannot receive from WebSocket: it was closed (code ${message.data})`;
      throw new Deno.errors.ConnectionReset(text, { cause: this.#exception });
    }
    if (message.type === type) return message.data;
    throw new TypeError(`Cannot receive ${type} from WebSocket: ${message.type} has come`);
  }

  /** The messages, up to the end. An error that ended it is in `exception()`. */
  async *[Symbol.asyncIterator](): AsyncGenerator<WebSocketData, void, void> {
    for (;;) {
      const message = await this.receive();
      if (message.type === "close") return;
      yield message.data;
    }
  }

  // -- Sending --

  /**
   * Sends a text. If much waits to be sent, it waits until it is less.
   *
   * @param data The text.
   * @returns An awaitable.
   * @throws {Deno.errors.ConnectionReset} If the WebSocket is closed.
   * @throws {RuntimeError} If it is not prepared.
   */
  sendStr(data: string): Awaitable<void> {
    return new Operation(() => this.#send(data));
  }

  /**
   * Sends bytes. If much waits to be sent, it waits until it is less.
   *
   * @param data The bytes.
   * @returns An awaitable.
   * @throws {Deno.errors.ConnectionReset} If the WebSocket is closed.
   * @throws {RuntimeError} If it is not prepared.
   */
  sendBytes(data: Uint8Array<ArrayBuffer>): Awaitable<void> {
    return new Operation(() => this.#send(data));
  }

  /**
   * Sends a value as JSON. If much waits to be sent, it waits until it is less.
   *
   * @param data The value.
   * @returns An awaitable.
   * @throws {Deno.errors.ConnectionReset} If the WebSocket is closed.
   * @throws {RuntimeError} If it is not prepared.
   */
  sendJson(data: unknown): Awaitable<void> {
    return new Operation(() => this.#send(JSON.stringify(data)));
  }

  *#send(data: string | Uint8Array<ArrayBuffer>): Steps<void> {
    const socket = this.#opened("send to WebSocket");
    if (this.closed || socket.readyState !== WebSocket.OPEN) {
      throw new Deno.errors.ConnectionReset("Cannot send to WebSocket: it is closed");
    }
    socket.send(data);
    while (socket.bufferedAmount > HIGH_WATER && !this.closed) yield* sleep(DRAIN_INTERVAL);
  }

  // -- The end --

  /**
   * Closes the WebSocket, and waits for the client's answer, but not for ever. Messages that come
   * meanwhile are dropped.
   *
   * @param options Why.
   * @returns An awaitable: false if it was closed already.
   * @throws {DOMException} If the code or the reason is not allowed.
   * @throws {RuntimeError} If it is not prepared.
   */
  close(options: WebSocketCloseOptions = {}): Awaitable<boolean> {
    return new Operation(() => this.#close(options));
  }

  *#close({ code = 1000, reason = "" }: WebSocketCloseOptions): Steps<boolean> {
    const socket = this.#opened("close WebSocket");
    const wasOpen = !this.closed;
    if (wasOpen) socket.close(code, reason);
    this.#isClosing = true;
    if (this.#closeCode !== null) return wasOpen;
    const giveUp = (): void => this.#hasClosed(1006, "");
    const timer = this.#loop!.callLater(this.#options.closeTimeout ?? 10, giveUp);
    try {
      yield* this.#ended ??= this.#loop!.createFuture();
    } finally {
      timer.cancel();
    }
    return wasOpen;
  }

  /** @ignore */
  _handlerEnded(error: unknown): void {
    if (this.closed || this.#socket === null) return;
    if (error === null) this.#hangUp(1000);
    else this.#hangUp(error instanceof CancelledError ? GOING_AWAY : INTERNAL_ERROR);
  }
}
