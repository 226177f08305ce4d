/**
 * WebSockets to other servers.
 *
 * Counterpart of Python's `aiohttp.client_ws`, built on the web platform's `WebSocket`. The runtime
 * answers pings, but has no way to send any, so there is no `heartbeat`: use `receiveTimeout`.
 *
 * @module
 */

import { sleep } from "../loop/mod.ts";
import type { Awaitable } from "../loop/mod.ts";
import { Operation } from "../loop/coroutines.ts";
import type { Steps } from "../loop/coroutines.ts";
import { connectorError } from "./_client_errors.ts";
import type { Exchange } from "./_client_exchange.ts";
import { jsonText } from "./_json_text.ts";
import { WebSocketEnd } from "./_websocket_end.ts";
import { WebSocketInbox } from "./_websocket_inbox.ts";
import type {
  ReceiveOptions,
  Refusal,
  WebSocketData,
  WebSocketMessage,
} from "./_websocket_inbox.ts";
import { ClientConnectionError, ClientError, WSServerHandshakeError } from "./client_exceptions.ts";
import type { WebSocketConnectOptions } from "./client_options.ts";
import type { ClientRequest } from "./client_request.ts";

export type { ReceiveOptions, WebSocketData };

/** What `receive()` returns: a message, or the end of the WebSocket, which always comes last. */
export type ClientWebSocketMessage = WebSocketMessage;

/** Options for {@linkcode ClientWebSocketResponse.close}. */
export interface WebSocketCloseOptions {
  /**
   * The close code: 1000, or 3000 to 4999; a server may also send 1001 to 1014, except 1004 to
   * 1006.
   *
   * @default {1000}
   */
  code?: number;
  /** The reason in words: at most 123 bytes. */
  reason?: string;
}

/** The high-water mark of the send buffer, in bytes: above it `sendStr()` and its like wait. */
const HIGH_WATER = 1024 * 1024;
/** How often to check the send buffer, in seconds: `WebSocket` has no event for it. */
const DRAIN_INTERVAL = 0.005;

const CLOSE_TIMEOUT = 10;
const MAX_MSG_SIZE = 4 * 1024 * 1024;
const MAX_QUEUE_SIZE = 16 * 1024 * 1024;

const ABNORMAL = 1006;
/** Added to a code that clients can't send, it gives the private code used in its place. */
const FROM_CLIENTS = 3000;

/**
 * A WebSocket to a server; `ClientSession.wsConnect()` makes one.
 *
 * It is an async iterable of its messages, up to its end. `await using` closes it. Counterpart of
 * Python's `aiohttp.ClientWebSocketResponse`.
 *
 * @example
 * ```ts
 * import { run } from "@aio/asyncio";
 * import { ClientSession } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using site = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
 *   const { socket, response } = Deno.upgradeWebSocket(request);
 *   socket.onmessage = ({ data }) => data === "bye" ? socket.close() : socket.send(`${data}!`);
 *   return response;
 * });
 * const seen: unknown[] = [];
 * await run(async () => {
 *   await using session = new ClientSession();
 *   await using ws = await session.wsConnect(`ws://127.0.0.1:${site.addr.port}/`);
 *   await ws.sendStr("hello");
 *   for await (const message of ws) {
 *     seen.push(message);
 *     await ws.sendStr("bye");
 *   }
 * });
 * assertEquals(seen, ["hello!"]);
 * ```
 */
export class ClientWebSocketResponse implements AsyncDisposable, AsyncIterable<WebSocketData> {
  readonly #socket: WebSocket;
  readonly #exchange: Exchange;
  /** Seconds. */
  readonly #closeTimeout: number;
  readonly #inbox: WebSocketInbox;
  readonly #end = new WebSocketEnd();
  #closing = false;
  #exception: unknown = null;

  /** @ignore WebSockets come from `ClientSession.wsConnect()`. */
  constructor(socket: WebSocket, exchange: Exchange, options: WebSocketConnectOptions) {
    this.#socket = socket;
    this.#exchange = exchange;
    const { receiveTimeout = null, closeTimeout = CLOSE_TIMEOUT } = options;
    const { maxMsgSize = MAX_MSG_SIZE, maxQueueSize = MAX_QUEUE_SIZE } = options;
    this.#closeTimeout = closeTimeout;
    this.#inbox = new WebSocketInbox(
      this.url,
      {
        receiveTimeout,
        maxMsgSize: maxMsgSize || Infinity,
        maxQueueSize: maxQueueSize || Infinity,
      },
      (text) => new ClientConnectionError(text, { cause: this.#exception }),
    );
    socket.onmessage = ({ data }): void => this.#received(data);
    socket.onerror = (event): void => {
      this.#exception ??= new ClientError(
        `Cannot go on with WebSocket to ${this.url}: ${(event as ErrorEvent).message}`,
        { cause: (event as ErrorEvent).error },
      );
    };
    socket.onclose = ({ code, reason }): void => this.#hasEnded(code || ABNORMAL, reason);
    // The session or the signal has ended it: there is no wait for the server's answer.
    exchange.signal.addEventListener("abort", () => {
      this.#hangUp();
      this.#hasEnded(ABNORMAL, "");
    });
  }

  /** The URL. */
  get url(): string {
    return this.#exchange.url;
  }

  /** The subprotocol that the server picked; null if none. */
  get protocol(): string | null {
    return this.#socket.protocol || null;
  }

  /** Whether it is closed or closing: nothing can be sent. */
  get closed(): boolean {
    // When the server closes it, `readyState` changes before the close event.
    return this.#closing || this.#end.code !== null || this.#socket.readyState > WebSocket.OPEN;
  }

  /** The code that it was closed with; 1006 if it broke off; null while it is open. */
  get closeCode(): number | null {
    return this.#end.code;
  }

  /**
   * Returns the error that ended the WebSocket.
   *
   * @returns The error, or null.
   */
  exception(): unknown {
    return this.#exception;
  }

  #received(data: string | ArrayBuffer): void {
    if (this.#closing) return;
    const refusal = this.#inbox.put(data);
    if (refusal !== null) this.#refuse(refusal);
  }

  #refuse({ code, state }: Refusal): void {
    this.#exception = new ClientError(`Cannot receive from ${this.url}: ${state}`);
    this.#hangUp(code + FROM_CLIENTS);
    this.#hasEnded(code + FROM_CLIENTS, "");
  }

  #hasEnded(code: number, reason: string): void {
    if (!this.#end.come(code)) return;
    this.#exchange.end();
    this.#inbox.end(code, reason);
  }

  #hangUp(code?: number, reason?: string): void {
    if (this.#socket.readyState <= WebSocket.OPEN) this.#socket.close(code, reason);
    this.#closing = true;
  }

  // -- Receiving --

  /**
   * Waits for the next message.
   *
   * @param options How long to wait.
   * @returns An awaitable of the message; after the end, of the same close message each time.
   * @throws {TimeoutError} If none came in time; the WebSocket stays open.
   * @throws {RuntimeError} If another call is already waiting.
   */
  receive(options: ReceiveOptions = {}): Awaitable<ClientWebSocketMessage> {
    return this.#inbox.take(options);
  }

  /**
   * Waits for the next message, which must be text.
   *
   * @param options How long to wait.
   * @returns An awaitable of the text.
   * @throws {TypeError} If the message is binary.
   * @throws {ClientConnectionError} If the WebSocket was closed.
   * @throws {TimeoutError} If none came in time.
   */
  receiveStr(options: ReceiveOptions = {}): Awaitable<string> {
    return this.#inbox.takeAs("text", options);
  }

  /**
   * Waits for the next message, which must be binary.
   *
   * @param options How long to wait.
   * @returns An awaitable of the bytes.
   * @throws {TypeError} If the message is text.
   * @throws {ClientConnectionError} If the WebSocket was closed.
   * @throws {TimeoutError} If none came in time.
   */
  receiveBytes(options: ReceiveOptions = {}): Awaitable<Uint8Array<ArrayBuffer>> {
    return this.#inbox.takeAs("binary", options);
  }

  /**
   * Waits for the next message, which must be JSON.
   *
   * @typeParam T The type of the value; it is not checked.
   * @param options How long to wait.
   * @returns An awaitable of the value.
   * @throws {TypeError} If the message is binary.
   * @throws {SyntaxError} If the message is not valid JSON.
   * @throws {ClientConnectionError} If the WebSocket was closed.
   * @throws {TimeoutError} If none came in time.
   */
  receiveJson<T = unknown>(options: ReceiveOptions = {}): Awaitable<T> {
    return this.#inbox.takeJson<T>(options);
  }

  // -- Sending --

  /**
   * Sends text, then waits while the send buffer is above its high-water mark.
   *
   * @param data The text.
   * @returns An awaitable that completes after that wait.
   * @throws {ClientConnectionError} If the WebSocket is closed.
   */
  sendStr(data: string): Awaitable<void> {
    return new Operation(() => this.#send(data));
  }

  /**
   * Sends bytes, then waits while the send buffer is above its high-water mark.
   *
   * @param data The bytes.
   * @returns An awaitable that completes after that wait.
   * @throws {ClientConnectionError} If the WebSocket is closed.
   */
  sendBytes(data: Uint8Array<ArrayBuffer>): Awaitable<void> {
    return new Operation(() => this.#send(data));
  }

  /**
   * Sends a value as JSON, then waits while the send buffer is above its high-water mark.
   *
   * @param data The value.
   * @returns An awaitable that completes after that wait.
   * @throws {TypeError} If the value has no JSON form.
   * @throws {ClientConnectionError} If the WebSocket is closed.
   */
  sendJson(data: unknown): Awaitable<void> {
    return new Operation(() => this.#send(jsonText(data)));
  }

  *#send(data: string | Uint8Array<ArrayBuffer>): Steps<void> {
    if (this.closed) {
      throw new ClientConnectionError(`Cannot send to ${this.url}: the WebSocket is closed`);
    }
    this.#socket.send(data);
    while (this.#socket.bufferedAmount > HIGH_WATER && !this.closed) yield* sleep(DRAIN_INTERVAL);
  }

  // -- The end --

  /**
   * Closes the WebSocket, and waits up to `closeTimeout` seconds for the server's answer. Messages
   * that arrive meanwhile are dropped. If no answer comes, the runtime keeps the connection open
   * and the process alive until the server ends the connection: a `WebSocket` can't be broken off.
   *
   * @param options The code and the reason.
   * @returns An awaitable: false if it was closed already, else true.
   * @throws {DOMException} If the code or the reason is not allowed.
   */
  close(options: WebSocketCloseOptions = {}): Awaitable<boolean> {
    return new Operation(() => this.#close(options));
  }

  *#close({ code = 1000, reason = "" }: WebSocketCloseOptions): Steps<boolean> {
    const wasOpen = !this.closed;
    this.#hangUp(code, reason);
    yield* this.#end.wait(this.#closeTimeout, () => this.#hasEnded(ABNORMAL, ""));
    return wasOpen;
  }

  /** Yields the messages, up to the end; throws the error that ended the WebSocket, if any. */
  [Symbol.asyncIterator](): AsyncIterator<WebSocketData, void, void> {
    return this.#inbox.messages(() => {
      if (this.#exception !== null) throw this.#exception;
    });
  }

  /** Closes the WebSocket. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** What a WebSocket is opened with. */
export interface WebSocketInit {
  readonly request: ClientRequest;
  readonly client: Deno.HttpClient;
  readonly options: WebSocketConnectOptions;
}

/** Opens a WebSocket; it is closed if the task is cancelled. */
export function* openWebSocket(
  exchange: Exchange,
  { request, client, options }: WebSocketInit,
): Steps<ClientWebSocketResponse> {
  const { protocols = [] } = options;
  const init = { headers: request.headers, protocols, client };
  const socket = new WebSocket(exchange.url.replace("http", "ws"), init);
  socket.binaryType = "arraybuffer";
  const { promise, resolve, reject } = Promise.withResolvers<ClientWebSocketResponse>();
  // Messages, and the end, may arrive before the task goes on: listeners must be there by then.
  socket.onopen = (): void => {
    const { protocol } = socket;
    if (protocol === "" || protocols.includes(protocol)) {
      return resolve(new ClientWebSocketResponse(socket, exchange, options));
    }
    // RFC 6455, 4.1: it must fail. Deno accepts any protocol.
    socket.close();
    const state = `the server picked a protocol that was not offered: ${JSON.stringify(protocol)}`;
    reject(refusedHandshake(request, 101, state));
  };
  socket.onerror = (event): void => reject(handshakeError(event as ErrorEvent, request));
  exchange.signal.addEventListener("abort", () => socket.close());
  return yield* exchange.wait(promise, "headers");
}

function handshakeError(event: ErrorEvent, request: ClientRequest): ClientError {
  const state = event.message.replace(/^NetworkError: failed to connect to WebSocket: /, "");
  const [, status] = /^Invalid status code: (\d+)/.exec(state) ?? [];
  const options = { cause: event.error };
  if (status !== undefined) return refusedHandshake(request, Number(status), state, options);
  return new (connectorError(state) ?? ClientConnectionError)(textOf(request, state), options);
}

/** The error of a handshake; of the response, Deno reveals only the status. */
function refusedHandshake(
  request: ClientRequest,
  status: number,
  state: string,
  options: ErrorOptions = {},
): WSServerHandshakeError {
  const response = { status, headers: new Headers(), requestInfo: request._info() };
  return new WSServerHandshakeError(textOf(request, state), response, options);
}

function textOf({ url }: ClientRequest, state: string): string {
  return `Cannot open WebSocket to ${url}: ${state}`;
}
