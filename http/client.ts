/**
 * Requests to other servers.
 *
 * Counterpart of Python's `aiohttp.client`, on `fetch`. When the task that waits for a response is
 * cancelled, its request is stopped.
 *
 * @module
 */

import { RuntimeError, wrapFuture } from "../loop/mod.ts";
import type { Awaitable } from "../loop/mod.ts";
import { Operation } from "../loop/coroutines.ts";
import type { Steps } from "../loop/coroutines.ts";

/** Thrown when a request could not be made or its response could not be read. */
export class ClientError extends Error {
  /** Always `"ClientError"`. */
  override name = "ClientError";
}

/** Options for {@linkcode ClientSession}. */
export interface ClientSessionOptions {
  /** What relative URLs are relative to. */
  baseUrl?: string | URL;
  /** Headers of every request. */
  headers?: HeadersInit;
}

/** Options for a request. */
export interface RequestOptions {
  /** Further headers; they go before those of the session. */
  headers?: HeadersInit;
  /** The body, as `fetch` takes it. */
  body?: BodyInit;
  /** A value to send as JSON, instead of a body. */
  json?: unknown;
}

/**
 * A response, and the connection it comes from.
 *
 * Counterpart of Python's `aiohttp.ClientResponse`. `await using` gives up what was not read.
 */
export class ClientResponse implements AsyncDisposable {
  readonly #response: Response;
  readonly #aborter: AbortController;

  /** @ignore Responses come from a {@linkcode ClientSession}. */
  constructor(response: Response, aborter: AbortController) {
    this.#response = response;
    this.#aborter = aborter;
  }

  /** The status code. */
  get status(): number {
    return this.#response.status;
  }

  /** The reason phrase. */
  get reason(): string {
    return this.#response.statusText;
  }

  /** Whether the status is below 400. */
  get ok(): boolean {
    return this.#response.status < 400;
  }

  /** The URL it came from, after redirects. */
  get url(): string {
    return this.#response.url;
  }

  /** The headers. */
  get headers(): Headers {
    return this.#response.headers;
  }

  /**
   * Reads the body as text, in the encoding that its `Content-Type` names; else UTF-8.
   *
   * @returns An awaitable of the text.
   */
  text(): Awaitable<string> {
    return new Operation(() => this.#text());
  }

  *#text(): Steps<string> {
    const bytes = yield* this.#read(() => this.#response.bytes());
    const type = this.headers.get("content-type") ?? "";
    const charset = /;\s*charset="?([^";\s]+)/i.exec(type)?.[1] ?? "utf-8";
    return decoderFor(charset).decode(bytes);
  }

  /**
   * Reads the body as JSON.
   *
   * @typeParam T What to take it for; it is not checked.
   * @returns An awaitable of the value.
   */
  json<T = unknown>(): Awaitable<T> {
    return new Operation(() => this.#read(() => this.#response.json() as Promise<T>));
  }

  /**
   * Reads the body.
   *
   * @returns An awaitable of the bytes.
   */
  read(): Awaitable<Uint8Array> {
    return new Operation(() => this.#read(() => this.#response.bytes()));
  }

  *#read<T>(start: () => Promise<T>): Steps<T> {
    return yield* untilCancelled(start(), this.#aborter, `Cannot read response of ${this.url}`);
  }

  /** Gives up what was not read of the body. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#response.bodyUsed) await this.#response.body?.cancel();
  }
}

/** A decoder for an encoding, or for UTF-8 if the server names one that is unknown. */
function decoderFor(charset: string): TextDecoder {
  try {
    return new TextDecoder(charset);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return new TextDecoder();
  }
}

/** Waits for a promise of `fetch`, and stops it when the task is cancelled. */
function* untilCancelled<T>(
  promise: Promise<T>,
  aborter: AbortController,
  action: string,
): Steps<T> {
  const onCancel = (reason: unknown): void => aborter.abort(reason);
  try {
    return yield* wrapFuture(promise, { onCancel });
  } catch (error) {
    // What fetch throws for the network's sake; a CancelledError is none.
    if (!(error instanceof TypeError) && !(error instanceof Deno.errors.Http)) throw error;
    throw new ClientError(`${action}: ${error.message}`, { cause: error });
  }
}

/**
 * Makes requests, and keeps connections for the next ones.
 *
 * `await using` closes it. Counterpart of Python's `aiohttp.ClientSession`.
 *
 * @example
 * ```ts
 * import { run } from "@aio/asyncio";
 * import { ClientSession } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using site = Deno.serve({ port: 0, onListen() {} }, () => new Response("hello"));
 * const text = await run(async () => {
 *   await using session = new ClientSession();
 *   await using response = await session.get(`http://localhost:${site.addr.port}/`);
 *   return await response.text();
 * });
 * assertEquals(text, "hello");
 * ```
 */
export class ClientSession implements AsyncDisposable {
  readonly #options: ClientSessionOptions;
  #client: Deno.HttpClient | null;

  /**
   * Opens a session.
   *
   * @param options What all its requests have in common.
   */
  constructor(options: ClientSessionOptions = {}) {
    this.#options = options;
    this.#client = Deno.createHttpClient({});
  }

  /** Whether the session was closed. */
  get closed(): boolean {
    return this.#client === null;
  }

  /**
   * Makes a request.
   *
   * @param method The method.
   * @param url The URL; relative if the session has a base.
   * @param options What to send.
   * @returns An awaitable of the response: its head is there, its body may still be on its way.
   * @throws {ClientError} If no response came.
   * @throws {RuntimeError} If the session is closed.
   * @throws {TypeError} If the URL is malformed.
   */
  request(
    method: string,
    url: string | URL,
    options: RequestOptions = {},
  ): Awaitable<ClientResponse> {
    return new Operation(() => this.#request(method, new URL(url, this.#options.baseUrl), options));
  }

  *#request(method: string, url: URL, options: RequestOptions): Steps<ClientResponse> {
    if (this.#client === null) throw new RuntimeError("Cannot make request: Session is closed");
    const headers = new Headers(this.#options.headers);
    new Headers(options.headers).forEach((value, name) => headers.set(name, value));
    let body = options.body;
    if (options.json !== undefined) {
      body = JSON.stringify(options.json);
      if (!headers.has("content-type")) headers.set("content-type", "application/json");
    }
    const aborter = new AbortController();
    const init = { method, headers, signal: aborter.signal, client: this.#client };
    const response = fetch(url, body === undefined ? init : { ...init, body });
    return new ClientResponse(
      yield* untilCancelled(response, aborter, `Cannot reach ${url}`),
      aborter,
    );
  }

  /**
   * Makes a GET request.
   *
   * @param url The URL.
   * @param options What to send.
   * @returns An awaitable of the response; see {@linkcode ClientSession.request}.
   */
  get(url: string | URL, options: RequestOptions = {}): Awaitable<ClientResponse> {
    return this.request("GET", url, options);
  }

  /**
   * Makes a POST request.
   *
   * @param url The URL.
   * @param options What to send.
   * @returns An awaitable of the response; see {@linkcode ClientSession.request}.
   */
  post(url: string | URL, options: RequestOptions = {}): Awaitable<ClientResponse> {
    return this.request("POST", url, options);
  }

  /** Closes the session and its connections. Closing twice is harmless. */
  close(): void {
    this.#client?.close();
    this.#client = null;
  }

  /** Closes the session. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }
}
