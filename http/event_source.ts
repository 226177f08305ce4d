/**
 * Server-sent events, for a browser's `EventSource`.
 *
 * Counterpart of `EventSourceResponse` in Python's `aiohttp_sse`, on {@linkcode StreamResponse}: it
 * waits for a slow client, and when the client leaves, or the server stops, its handler is
 * cancelled. Pings keep proxies from taking the connection for dead, and find out whether the
 * client is still there.
 *
 * @module
 */

import { CancelledError, getRunningLoop } from "../loop/mod.ts";
import type { Awaitable, TimerHandle } from "../loop/mod.ts";
import { headerOf } from "./_header_text.ts";
import { StreamResponse } from "./stream_response.ts";

/** Options for {@linkcode EventSourceResponse}. */
export interface EventSourceOptions {
  /** Further headers. */
  headers?: HeadersInit;
  /**
   * Seconds between pings, which clients ignore; null for none.
   *
   * @default {15}
   */
  ping?: number | null;
  /** Seconds after which a client that has lost the connection reconnects. */
  retry?: number;
}

/** Options for {@linkcode EventSourceResponse.send}. */
export interface ServerSentEventOptions {
  /** The type of the event, which the client listens for; by default `message`. */
  event?: string;
  /** The id of the event; {@linkcode lastEventId} returns it when the client reconnects. */
  id?: string;
  /** Seconds after which a client that has lost the connection reconnects. */
  retry?: number;
}

/**
 * A stream of server-sent events.
 *
 * Counterpart of `EventSourceResponse` in Python's `aiohttp_sse`.
 *
 * @example
 * ```ts
 * import { Application, EventSourceResponse } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using app = new Application();
 * app.router.addGet("/events", async (request) => {
 *   const events = new EventSourceResponse({ retry: 2 });
 *   events.prepare(request);
 *   await events.send("hello", { event: "greeting", id: "1" });
 *   await events.send("two\nlines");
 *   return events;
 * });
 * const response = await app.request("/events");
 * assertEquals(
 *   await response.text(),
 *   "retry: 2000\n\nid: 1\nevent: greeting\ndata: hello\n\ndata: two\ndata: lines\n\n",
 * );
 * ```
 */
export class EventSourceResponse extends StreamResponse {
  readonly #ping: number | null;
  readonly #retry: number | undefined;
  #timer: TimerHandle | null = null;

  /**
   * Creates a stream. Nothing is sent before `prepare()`.
   *
   * @param options The headers, and the times of pings and of reconnecting.
   * @throws {RangeError} If `ping` is not > 0, or `retry` not >= 0.
   */
  constructor(options: EventSourceOptions = {}) {
    const headers = new Headers(options.headers);
    headers.set("content-type", "text/event-stream");
    if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
    // Tells proxies not to buffer the stream.
    if (!headers.has("x-accel-buffering")) headers.set("x-accel-buffering", "no");
    super({ headers });
    const { ping = 15, retry } = options;
    if (ping !== null && !(ping > 0)) {
      throw new RangeError(`Cannot create event source: ping must be > 0, not ${ping}`);
    }
    if (retry !== undefined) retryField(retry);
    this.#ping = ping;
    this.#retry = retry;
  }

  /**
   * Sends the headers; events can be sent from then on.
   *
   * @param request The request that it answers.
   * @throws {RuntimeError} If the request was answered already, or no application answers it.
   */
  override prepare(request: Request): void {
    super.prepare(request);
    if (this.#retry !== undefined) this._pushNowait(`${retryField(this.#retry)}\n`);
    if (this.#ping !== null) this.#pingLater(this.#ping);
  }

  #pingLater(seconds: number): void {
    this.#timer = getRunningLoop().callLater(seconds, () => {
      // Nothing is sent to a slow client, which still has something to read.
      this._pushNowait(":\n\n");
      this.#pingLater(seconds);
    });
  }

  /**
   * Sends an event, and waits if the client is slow.
   *
   * @param data The data of the event; it may have several lines.
   * @param options Its type, its id, and when to reconnect.
   * @returns An awaitable that ends when more may be sent.
   * @throws {TypeError} If the data is not a string.
   * @throws {RangeError} If the type or the id has a line break or a NUL, or `retry` is not >= 0.
   * @throws {Deno.errors.ConnectionReset} If the client has left.
   * @throws {RuntimeError} If the stream is not prepared, or has ended.
   */
  send(data: string, options: ServerSentEventOptions = {}): Awaitable<void> {
    if (typeof data !== "string") {
      const text = `data must be a string, such as JSON.stringify(value), not ${String(data)}`;
      throw new TypeError(`Cannot send event: ${text}`);
    }
    const { event, id, retry } = options;
    let text = "";
    if (id !== undefined) text += field("id", id);
    if (event !== undefined) text += field("event", event);
    if (retry !== undefined) text += retryField(retry);
    for (const line of data.split(/\r\n|\r|\n/)) text += `data: ${line}\n`;
    return this.write(`${text}\n`);
  }

  /** @ignore */
  get _isEndless(): boolean {
    return this._isOpen;
  }

  /** @ignore */
  override _handlerEnded(error: unknown): void {
    this.#timer?.cancel();
    // Events are complete: when the server stops, the stream ends, and need not break off.
    super._handlerEnded(error instanceof CancelledError ? null : error);
  }
}

function field(name: "id" | "event", value: string): string {
  if (/[\r\n\0]/.test(value)) {
    throw new RangeError(
      `Cannot send event: ${name} ${JSON.stringify(value)} has a line break or NUL`,
    );
  }
  return `${name}: ${value}\n`;
}

function retryField(seconds: number): string {
  if (!(seconds >= 0 && Number.isFinite(seconds))) {
    throw new RangeError(`Cannot send event: retry must be >= 0, not ${seconds}`);
  }
  return `retry: ${Math.round(seconds * 1000)}\n`;
}

/**
 * Returns the id of the last event that a reconnecting client has received.
 *
 * @param request The request.
 * @returns The id; null if the client connects for the first time.
 *
 * @example
 * ```ts
 * import { lastEventId } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * const request = new Request("http://localhost/", { headers: { "last-event-id": "42" } });
 * assertEquals(lastEventId(request), "42");
 * ```
 */
export function lastEventId(request: Request): string | null {
  return headerOf(request, "last-event-id");
}
