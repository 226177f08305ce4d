/**
 * The responses of servers.
 *
 * Counterpart of Python's `aiohttp.ClientResponse`.
 *
 * @module
 */

import type { Awaitable } from "../loop/mod.ts";
import { Operation } from "../loop/coroutines.ts";
import type { Steps } from "../loop/coroutines.ts";
import { concat } from "../net/bytes.ts";
import { charsetOf, decoderOf } from "./_charset.ts";
import { contentDispositionOf, linksOf } from "./_client_headers.ts";
import type { ClientLink, ContentDisposition } from "./_client_headers.ts";
import { BodyReader } from "./_client_reader.ts";
import { nameAndValue } from "./_client_set_cookie.ts";
import type { Call, Exchange } from "./_client_exchange.ts";
import { forgetResponse, watchResponse } from "./_client_unclosed.ts";
import { ClientResponseError, ContentTypeError } from "./client_exceptions.ts";
import type { RequestInfo } from "./client_exceptions.ts";

/** Options for {@linkcode ClientResponse.text}. */
export interface TextOptions {
  /** The encoding; by default the one that the `Content-Type` names, else UTF-8. */
  encoding?: string;
}

/** Options for {@linkcode ClientResponse.json}. */
export interface JsonOptions extends TextOptions {
  /**
   * The content type that the response must have; null for any. With `application/json`, types such
   * as `application/problem+json` are accepted, too.
   *
   * @default {"application/json"}
   */
  contentType?: string | null;
}

/** The parts of a request that its response shows. */
interface Requested {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
}

/**
 * A response, and the connection it comes from.
 *
 * Its head has arrived; its body may still be on its way, and holds one of the connector's places
 * until it has been read or discarded. `await using` discards what was not read. Counterpart of
 * Python's `aiohttp.ClientResponse`.
 */
export class ClientResponse implements AsyncDisposable {
  /** The redirects that led here, in order. */
  readonly history: readonly ClientResponse[];
  /** How often the session sent the request to get this: more than once if it was retried. */
  readonly attempts: number;
  readonly #response: Response;
  readonly #exchange: Exchange;
  readonly #body: BodyReader;
  readonly #request: Requested;
  /** The URL of the request then; a middleware may send the same request elsewhere later. */
  readonly #requestUrl: string;

  /** @ignore Responses come from a `ClientSession`. */
  constructor(
    response: Response,
    exchange: Exchange,
    details: {
      readonly request: Requested;
      readonly attempts: number;
      readonly history: readonly ClientResponse[];
    },
  ) {
    this.#response = response;
    this.#exchange = exchange;
    this.#request = details.request;
    this.#requestUrl = details.request.url.href;
    this.attempts = details.attempts;
    this.history = details.history;
    this.#body = new BodyReader(response, exchange, exchange.url);
    if (!exchange.ended) watchResponse(this, exchange);
  }

  // -- The head --

  /** The request that it answers. */
  get requestInfo(): RequestInfo {
    const { method, headers } = this.#request;
    return { method, url: this.#requestUrl, headers };
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
    return this.status < 400;
  }

  /** The method of the request. */
  get method(): string {
    return this.#request.method;
  }

  /** The URL it came from, after redirects. */
  get url(): string {
    return this.#exchange.url;
  }

  /** The headers. */
  get headers(): Headers {
    return this.#response.headers;
  }

  /** The cookies of its `Set-Cookie` headers, by name. */
  get cookies(): ReadonlyMap<string, string> {
    return new Map(this.headers.getSetCookie().map(nameAndValue));
  }

  /** The content type without parameters; `application/octet-stream` if the response has none. */
  get contentType(): string {
    const type = (this.headers.get("content-type") ?? "").split(";", 1)[0]!.trim().toLowerCase();
    return type || "application/octet-stream";
  }

  /** The encoding that the `Content-Type` names, or null. */
  get charset(): string | null {
    return charsetOf(this.headers.get("content-type"));
  }

  /**
   * The links of the `Link` header (RFC 8288) by relation, in lower case; of several with the same
   * relation, the first. Their URLs are absolute.
   *
   * @example Reading page after page
   * ```ts
   * import { run } from "@aio/asyncio";
   * import { ClientSession } from "@aio/asyncio/http";
   * import { assertEquals } from "@std/assert";
   *
   * const link = { link: '</items?page=2>; rel="next"' };
   * await using site = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, ({ url }) =>
   *   url.endsWith("2") ? Response.json([3]) : Response.json([1, 2], { headers: link }));
   * await run(async () => {
   *   await using session = new ClientSession();
   *   const items: number[] = [];
   *   let url: string | undefined = `http://127.0.0.1:${site.addr.port}/items`;
   *   while (url !== undefined) {
   *     await using response = await session.get(url);
   *     items.push(...await response.json<number[]>());
   *     url = response.links.get("next")?.url;
   *   }
   *   assertEquals(items, [1, 2, 3]);
   * });
   * ```
   */
  get links(): ReadonlyMap<string, ClientLink> {
    return linksOf(this.headers.get("link") ?? "", this.url);
  }

  /**
   * The contents of the `Content-Disposition` header (RFC 6266), such as a file name; null if there
   * is none, or it is malformed.
   */
  get contentDisposition(): ContentDisposition | null {
    return contentDispositionOf(this.headers.get("content-disposition") ?? "");
  }

  /** Whether nothing more arrives: the body has ended, has broken off, or was discarded. */
  get closed(): boolean {
    return this.#exchange.ended;
  }

  /**
   * Throws an error if the status is 400 or above, and then discards the body.
   *
   * Counterpart of Python's `raise_for_status()`.
   *
   * @throws {ClientResponseError} If the status is 400 or above.
   */
  raiseForStatus(): void {
    if (this.ok) return;
    this.close();
    const text = `Cannot ${this.method} ${this.url}: ${this.status} ${this.reason}`;
    throw new ClientResponseError(text.trimEnd(), this);
  }

  // -- The body at once --

  /**
   * Reads the whole body. Further calls return the same bytes.
   *
   * @returns An awaitable of the bytes.
   * @throws {ClientPayloadError} If the body breaks off, or is badly compressed.
   * @throws {ServerTimeoutError} If it takes too long.
   */
  read(): Awaitable<Uint8Array<ArrayBuffer>> {
    return new Operation(() => this.#body.all());
  }

  /**
   * Reads the body as text.
   *
   * @param options The encoding.
   * @returns An awaitable of the text.
   * @throws {ClientPayloadError} If the body breaks off, or is badly compressed.
   * @throws {ServerTimeoutError} If it takes too long.
   */
  text(options: TextOptions = {}): Awaitable<string> {
    return new Operation(() => this.#text(options));
  }

  *#text({ encoding }: TextOptions): Steps<string> {
    const { charset } = this;
    const isUtf8 = encoding === undefined && (charset === null || charset === "utf-8");
    const decoder = isUtf8 ? UTF8 : decoderFor(charset, encoding);
    return decoder.decode(yield* this.#body.all());
  }

  /**
   * Reads the body as JSON.
   *
   * @typeParam T The type of the value; it is not checked.
   * @param options The content type that the response must have, and its encoding.
   * @returns An awaitable of the value; null for an empty body.
   * @throws {ContentTypeError} If the response has another content type.
   * @throws {SyntaxError} If the body is not valid JSON.
   * @throws {ClientPayloadError} If the body breaks off, or is badly compressed.
   */
  json<T = unknown>(options: JsonOptions = {}): Awaitable<T> {
    return new Operation(() => this.#json<T>(options));
  }

  *#json<T>({ contentType = "application/json", ...rest }: JsonOptions): Steps<T> {
    if (contentType !== null && !isOfType(this.contentType, contentType.toLowerCase())) {
      const text = `its content type is ${this.headers.get("content-type") ?? "missing"}`;
      throw new ContentTypeError(`Cannot read response of ${this.url} as JSON: ${text}`, this);
    }
    const text = (yield* this.#text(rest)).trim();
    return text === "" ? null as T : JSON.parse(text);
  }

  // -- The body as it arrives --

  /**
   * The body, as a web stream.
   *
   * A task that waits for such a stream is cancelled only when a chunk has arrived; one that waits
   * for `iterAny()` or the other methods is cancelled at once.
   *
   * @throws {RuntimeError} If the body is being read in another way.
   */
  get content(): ReadableStream<Uint8Array<ArrayBuffer>> {
    const stream = this.#body.stream();
    // A caller that keeps the stream, but not the response, still wants the body.
    forgetResponse(this.#exchange);
    if (!this.#exchange.ended) watchResponse(stream, this.#exchange);
    return stream;
  }

  /**
   * Reads the body in chunks, as they arrive. Counterpart of Python's `content.iter_any()`.
   *
   * @returns The chunks.
   * @throws {ClientPayloadError} If the body breaks off, or is badly compressed.
   * @throws {ServerTimeoutError} If a chunk takes too long.
   */
  async *iterAny(): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
    for (;;) {
      const chunk = await new Operation(() => this.#body.chunk());
      if (chunk === null) return;
      yield chunk;
    }
  }

  /**
   * Reads the body in chunks of one size. Counterpart of Python's `content.iter_chunked()`.
   *
   * @param size The size of each chunk, in bytes; the last one may be shorter.
   * @returns The chunks.
   * @throws {RangeError} If `size` is below 1.
   * @throws {ClientPayloadError} If the body breaks off, or is badly compressed.
   */
  async *iterChunked(size: number): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
    if (!(size >= 1)) {
      throw new RangeError(`Cannot read chunks of ${size} bytes: the size must be at least 1`);
    }
    let parts: Uint8Array<ArrayBuffer>[] = [];
    let length = 0;
    for await (const chunk of this.iterAny()) {
      parts.push(chunk);
      length += chunk.length;
      if (length < size) continue;
      const all = concat(parts);
      const end = length - length % size;
      for (let start = 0; start < end; start += size) yield all.slice(start, start + size);
      length -= end;
      parts = length === 0 ? [] : [all.subarray(end)];
    }
    if (length > 0) yield concat(parts);
  }

  /**
   * Reads the body line by line. Counterpart of Python's `async for line in response.content`.
   *
   * @param options The encoding, and how long a line may be.
   * @returns The lines, without their endings (`\n` or `\r\n`).
   * @throws {RangeError} If a line is too long.
   * @throws {ClientPayloadError} If the body breaks off, or is badly compressed.
   */
  async *iterLines(options: LinesOptions = {}): AsyncGenerator<string, void, void> {
    const { encoding, maxLength = 2 ** 20 } = options;
    const decoder = decoderFor(this.charset, encoding);
    let rest = "";
    for await (const chunk of this.iterAny()) {
      const lines = decoder.decode(chunk, { stream: true }).split("\n");
      lines[0] = rest + lines[0]!;
      rest = lines.pop()!;
      for (const line of lines) yield line.endsWith("\r") ? line.slice(0, -1) : line;
      if (rest.length > maxLength) {
        this.close();
        throw new RangeError(
          `Cannot read line of ${this.url}: it is longer than ${maxLength} characters`,
        );
      }
    }
    rest += decoder.decode();
    if (rest !== "") yield rest;
  }

  // -- The end --

  /**
   * Discards the unread part of the body, and waits until that is done.
   *
   * @returns A promise that resolves when the connection is free or closed.
   */
  release(): Promise<void> {
    return this.#body.cancel();
  }

  /** Discards the unread part of the body, and closes its connection at once. */
  close(): void {
    this.#exchange.giveUp();
  }

  /** Discards the unread part of the body. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  /** @ignore Makes this the response that a call returns. */
  _becomeLastOf(call: Call): void {
    this.#exchange.becomeLastOf(call);
  }
}

/** Options for {@linkcode ClientResponse.iterLines}. */
export interface LinesOptions extends TextOptions {
  /**
   * How many characters a line may have.
   *
   * @default {1048576}
   */
  maxLength?: number;
}

function isOfType(type: string, expected: string): boolean {
  if (expected !== "application/json") return type === expected;
  return /^application\/(?:[\w.+-]+?\+)?json$/.test(type);
}

/** Shared, for whole texts only: it keeps no state between them. */
const UTF8 = new TextDecoder();

/**
 * Returns a decoder for the given encoding; else for the one that the server names; for UTF-8 if
 * there is none or it is unknown.
 */
function decoderFor(charset: string | null, encoding: string | undefined): TextDecoder {
  if (encoding !== undefined) return new TextDecoder(encoding);
  return (charset === null ? null : decoderOf(charset)) ?? new TextDecoder();
}
