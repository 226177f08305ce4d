/**
 * The body of a request, in a form that `fetch` accepts.
 *
 * @module
 */

import { ClientPayloadError } from "./client_exceptions.ts";
import { MultipartWriter } from "./client_multipart.ts";
import { jsonText } from "./_json_text.ts";
import { isChunks, streamOf } from "./_client_streams.ts";
import type { Chunks } from "./_client_streams.ts";

/** A value of a form. */
export type FormValue = string | number | bigint | boolean;

/**
 * The body of a request. A record, or pairs of names and values, are sent as a URL-encoded form;
 * `FormData`, a `MultipartWriter`, or a record with a `Blob` in it, as `multipart/form-data`. A
 * stream or an async iterable is sent as it arrives, and only once; a function that returns one, as
 * often as needed.
 */
export type RequestData =
  | string
  | Uint8Array
  | ArrayBuffer
  | Blob
  | URLSearchParams
  | FormData
  | MultipartWriter
  | Chunks
  | (() => Chunks)
  | Readonly<Record<string, FormValue | Blob>>
  | readonly (readonly [name: string, value: FormValue])[];

/** Observes a body while it is sent. */
export interface BodyWatcher {
  /** Called with the size of each chunk of a streamed body, in bytes. */
  onChunk(size: number): void;
  /** Called with what the source throws. */
  onError(error: unknown): void;
}

/** A body that is being sent. */
export interface OpenBody {
  /** The body, for `fetch`. */
  readonly init: BodyInit;
  /** Stops the source, if not all of it was sent. */
  close(): void;
}

/** See the module's description. */
export class RequestBody {
  /** Null if it is unknown, or `fetch` finds it out. */
  readonly contentType: string | null;
  /** The compression, or null for none. */
  readonly contentEncoding: string | null;
  /** Whether it can be sent again. */
  readonly replayable: boolean;
  readonly #source: BodyInit | (() => Chunks);
  #opened = false;

  constructor(
    source: BodyInit | (() => Chunks),
    contentType: string | null,
    { replayable = true, contentEncoding = null as string | null } = {},
  ) {
    this.#source = source;
    this.contentType = contentType;
    this.contentEncoding = contentEncoding;
    this.replayable = replayable;
  }

  /** Begins to send the body, in a request with that method. */
  open(method: string, url: string, watcher: BodyWatcher): OpenBody {
    if (this.#opened && !this.replayable) {
      throw new ClientPayloadError(
        `Cannot send body to ${url} again: it is a stream and was read already; pass a function that ` +
          "returns a new one",
      );
    }
    this.#opened = true;
    const source = this.#source;
    if (typeof source !== "function") {
      return { init: IDEMPOTENT.has(method) ? source : once(source), close(): void {} };
    }
    const stopper = new AbortController();
    return {
      init: streamOf(source(), { ...watcher, signal: stopper.signal }),
      close: () => stopper.abort(),
    };
  }

  /** Returns the content type of the body, and a function that opens it as a stream. */
  _chunks(): [type: string | null, start: () => ReadableStream<Uint8Array<ArrayBuffer>>] {
    const options = { onChunk: (): void => {}, signal: new AbortController().signal };
    const source = this.#source;
    if (typeof source === "function") {
      return [this.contentType, () => streamOf(source(), options)];
    }
    const whole = new Response(source);
    let bytes: Promise<Uint8Array> | null = null;
    const start = async function* (): AsyncGenerator<Uint8Array> {
      yield await (bytes ??= whole.bytes());
    };
    const type = this.contentType ?? whole.headers.get("content-type");
    return [type, () => streamOf(start(), options)];
  }
}

/** The idempotent methods. */
const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

/**
 * Returns the same body, as one that `fetch` can't read twice. When a server hangs up on a
 * kept-alive connection, `fetch` resends by itself what it can read again, whatever the server has
 * already done.
 */
function once(source: BodyInit): BodyInit {
  if (source instanceof Blob || source instanceof FormData) return source;
  const blob = new Blob([source instanceof URLSearchParams ? String(source) : source as BlobPart]);
  return blob.size === 0 ? source : blob; // `fetch` sends no length for an empty blob
}

/** The options that make up the body of a request. */
export interface BodyOptions {
  readonly data?: RequestData;
  readonly json?: unknown;
  readonly compress?: boolean | "gzip" | "deflate";
}

/** Returns the body of a request; null for none. */
export function bodyOf(
  { data, json, compress }: BodyOptions,
  jsonSerialize: ((value: unknown) => string) | undefined,
): RequestBody | null {
  if (data !== undefined && json !== undefined) {
    throw new RangeError("Cannot make request: data and json can not be used together");
  }
  const body = json === undefined
    ? data === undefined ? null : dataBody(data)
    : new RequestBody(jsonText(json, jsonSerialize), "application/json");
  if (body === null || !compress) return body;
  return compressed(body, compress === true ? "deflate" : compress);
}

/** Adds the headers that describe a body; a given `Content-Type` stays. */
export function describeBody(body: RequestBody, headers: Headers): void {
  if (body.contentType !== null && !headers.has("content-type")) {
    headers.set("content-type", body.contentType);
  }
  if (body.contentEncoding) headers.set("content-encoding", body.contentEncoding);
}

const URLENCODED = "application/x-www-form-urlencoded;charset=UTF-8";

function dataBody(data: RequestData): RequestBody {
  if (typeof data === "string") return new RequestBody(data, "text/plain; charset=utf-8");
  if (data instanceof Uint8Array || data instanceof ArrayBuffer) {
    return new RequestBody(data as Uint8Array<ArrayBuffer>, "application/octet-stream");
  }
  if (data instanceof Blob || data instanceof FormData) return new RequestBody(data, null);
  if (data instanceof URLSearchParams) return new RequestBody(data, URLENCODED);
  if (data instanceof MultipartWriter) {
    const { contentType, replayable } = data;
    return new RequestBody(() => data.chunks(), contentType, { replayable });
  }
  const type = "application/octet-stream";
  if (typeof data === "function") return new RequestBody(data, type);
  if (isChunks(data)) return new RequestBody(() => data, type, { replayable: false });
  return formBody(data);
}

function formBody(data: object): RequestBody {
  const pairs: [string, unknown][] = Array.isArray(data) ? data : Object.entries(data);
  if (!pairs.some(([, value]) => value instanceof Blob)) {
    const text = pairs.map(([name, value]) => [name, String(value)]);
    return new RequestBody(new URLSearchParams(text), URLENCODED);
  }
  const form = new FormData();
  for (const [name, value] of pairs) {
    if (value instanceof Blob) form.append(name, value);
    else form.append(name, String(value));
  }
  return new RequestBody(form, null);
}

function compressed(body: RequestBody, format: "gzip" | "deflate"): RequestBody {
  const [type, chunks] = body._chunks();
  const squeezed = (): Chunks => chunks().pipeThrough(new CompressionStream(format)) as Chunks;
  const { replayable } = body;
  return new RequestBody(squeezed, type, { replayable, contentEncoding: format });
}
