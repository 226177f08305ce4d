/**
 * Events that are sent as they happen, to a browser's `EventSource`.
 *
 * Counterpart of `EventSourceResponse` in Python's `aiohttp_sse`, on {@linkcode StreamResponse}: it
 * waits for a client that is slow, and when the client leaves, or the server stops, its handler is
 * cancelled. Pings keep proxies from taking the connection for dead, and find out whether the client
 * is there.
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
   * Seconds between pings, which no client sees; null for none.
   *
   * @default {15}
   */
  ping?: number | null;
  /** Seconds after which a client that has lost the connection comes back. */
  retry?: number;
}

/** Options for {@linkcode EventSourceResponse.send}. */
export interface ServerSentEventOptions {
  /** The kind of event, which the client listens to; by default `message`. */
  event?: string;
  /** What a client that comes back names as the last it has got, by {@linkcode lastEventId}. */
  id?: string;
  /** Seconds after which a client that has lost the connection comes back. */
  retry?: number;
}

/**
 * A stream of events.
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
   * @param options Its headers and its times.
   * @throws {RangeError} If a time is not one.
   */
  constructor(options: EventSourceOptions = {}) {
    const headers = new Headers(options.headers);
    headers.set("content-type", "text/event-stream");
    if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
    // Proxies that collect what they pass on are told not to.
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
      // A client that is slow has something to read as it is.
      this._pushNowait(":\n\n");
      this.#pingLater(seconds);
    });
  }

  /**
   * Sends an event, and waits if the client is slow.
   *
   * @param data What happened. It may have several lines.
   * @param options Its kind and its id.
   * @returns An awaitable that ends when more may be sent.
   * @throws {TypeError} If the data are no string.
   * @throws {RangeError} If the kind or the id has a line break, or the id a NUL.
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
    // Events are whole: where the server stops, the stream ends, and need not break off.
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
 * Returns the id of the last event that a client has got, if it comes back after it has lost the
 * connection.
 *
 * @param request The request.
 * @returns The id; null if it is there for the first time.
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
