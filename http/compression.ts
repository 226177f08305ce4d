/**
 * Compression of responses.
 *
 * Counterpart of `enable_compression()` of aiohttp's responses, as a function and as a middleware.
 * Which responses are compressed depends on their media type; the encoding, gzip or deflate, on
 * what the client accepts.
 *
 * @module
 */

import { addVary, negotiateEncoding } from "./_negotiation.ts";
import type { Middleware } from "./_scope.ts";
import { wholeIfThere } from "./_whole_body.ts";

/** Options for {@linkcode compress} and {@linkcode compression}. */
export interface CompressionOptions {
  /**
   * The size in bytes below which a response is not compressed. `compress()` knows the size only
   * from `Content-Length`; `compression()` looks at the body.
   *
   * @default {1024}
   */
  minSize?: number;
  /** The encodings to choose from, the preferred one first; by default gzip and deflate. */
  encodings?: readonly ("gzip" | "deflate")[];
}

type Bytes = Uint8Array<ArrayBuffer>;
type Body = ReadableStream<Bytes>;
type Encoding = NonNullable<CompressionOptions["encodings"]>[number];

const MIN_SIZE = 1024;
const ENCODINGS = ["gzip", "deflate"] as const;

/** Types that are worth compressing. Event streams are not: the compressor would delay events. */
const COMPRESSIBLE =
  /^\s*(?:text\/(?!event-stream)|application\/(?:json|javascript|xml|wasm|manifest\+json)|image\/svg|[^;]*\+(?:json|xml))/i;

function isCompressible({ status, headers }: Response, minSize: number): boolean {
  if (status === 204 || status === 205 || status === 206 || status === 304) return false;
  if (headers.has("content-encoding") || headers.has("content-range")) return false;
  if (/\bno-transform\b/i.test(headers.get("cache-control") ?? "")) return false;
  const length = headers.get("content-length");
  if (length !== null && Number(length) < minSize) return false;
  return COMPRESSIBLE.test(headers.get("content-type") ?? "");
}

/**
 * Compresses a response, if the client accepts that and it is worthwhile.
 *
 * @param request The request.
 * @param response The response.
 * @param options What to compress, and how.
 * @returns The compressed response, or an uncompressed one.
 *
 * @example
 * ```ts
 * import { compress } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * const request = new Request("http://localhost/", { headers: { "accept-encoding": "gzip" } });
 * const response = compress(request, new Response("hello ".repeat(1000)));
 * assertEquals(response.headers.get("content-encoding"), "gzip");
 * const plain = response.body!.pipeThrough(new DecompressionStream("gzip"));
 * assertEquals((await new Response(plain).text()).length, 6000);
 * ```
 */
export function compress(
  request: Request,
  response: Response,
  options: CompressionOptions = {},
): Response {
  const { minSize = MIN_SIZE, encodings = ENCODINGS } = options;
  if (!isCompressible(response, minSize)) return response;
  const encoding = encodingFor(request, encodings);
  // For HEAD the headers are those of GET, which has a body.
  const body = request.method === "HEAD" ? response.body ?? new Blob().stream() : response.body;
  if (encoding === null || body === null) {
    const same = new Response(response.body, response);
    addVary(same.headers, "Accept-Encoding");
    return same;
  }
  return encoded(response, encoding, body);
}

function encodingFor(request: Request, encodings: readonly Encoding[]): Encoding | null {
  return negotiateEncoding(request.headers.get("accept-encoding"), encodings);
}

/** The response with a compressed `body`. */
function encoded(response: Response, encoding: Encoding, body: Bytes | Body): Response {
  const compressed = new Response(pack(body, encoding), response);
  const { headers } = compressed;
  headers.set("content-encoding", encoding);
  headers.delete("content-length");
  headers.delete("accept-ranges");
  addVary(headers, "Accept-Encoding");
  const etag = headers.get("etag");
  // The bytes differ, so the tag can only be a weak one.
  if (etag !== null && !etag.startsWith("W/")) headers.set("etag", `W/${etag}`);
  return compressed;
}

function pack(body: Bytes | Body, encoding: Encoding): Body {
  const compressor = new CompressionStream(encoding);
  if (!(body instanceof Uint8Array)) return body.pipeThrough(compressor);
  const writer = compressor.writable.getWriter();
  // They fail when the reader cancels the stream, which is no error.
  writer.write(body).catch(() => {});
  writer.close().catch(() => {});
  return compressor.readable;
}

/**
 * Returns a middleware that compresses the responses of an application; see {@linkcode compress}.
 * Streams have their own option for that.
 *
 * @param options What to compress, and how.
 * @returns The middleware.
 *
 * @example
 * ```ts
 * import { Application, compression } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using app = new Application({ middlewares: [compression()] });
 * app.router.addGet("/", () => Response.json({ list: "0".repeat(5000) }));
 * const response = await app.request("/", { headers: { "accept-encoding": "deflate" } });
 * assertEquals(response.headers.get("content-encoding"), "deflate");
 * await response.body?.cancel();
 * ```
 */
export function compression(options: CompressionOptions = {}): Middleware {
  const { minSize = MIN_SIZE, encodings = ENCODINGS } = options;
  return async (request, handler) => {
    const response = await handler(request);
    // A stream or a WebSocket has begun already, and no other response can take its place.
    if ("_handlerEnded" in response) return response;
    const encoding = encodingFor(request, encodings);
    const saysSize = response.body === null || response.headers.has("content-length");
    if (encoding === null || saysSize || !isCompressible(response, minSize)) {
      return compress(request, response, options);
    }
    const body = await wholeIfThere(response.body!, minSize);
    const isShort = body instanceof Uint8Array && body.length < minSize;
    return isShort ? new Response(body, response) : encoded(response, encoding, body);
  };
}
