/**
 * Compressed bodies of requests.
 *
 * aiohttp decompresses all of them, and limits the decompressed size. Here an application has to
 * ask for it, since a few bytes can become as many as the limit allows.
 *
 * @module
 */

import { counted } from "./_body_limit.ts";
import { malformed, readingError } from "./_broken_body.ts";
import { quietLegacyAbort } from "./_legacy_abort.ts";
import { taskOf } from "./_request_task.ts";
import type { Middleware } from "./_scope.ts";
import { HTTPUnsupportedMediaType } from "./exceptions.ts";

/** The web's compression formats, by their names in HTTP. */
const FORMATS: ReadonlyMap<string, CompressionFormat> = new Map([
  ["gzip", "gzip"],
  ["x-gzip", "gzip"],
  ["deflate", "deflate"],
  ["br", "brotli"],
]);

/**
 * How many bytes are decompressed at a time: Deno turns them into one chunk, before its size can be
 * checked. That is about a MiB at most. A few bytes of Brotli become 32 MiB; smaller slices would
 * cost too much.
 */
const SLICE = 1024;
const BROTLI_SLICE = 16;

/** How many encodings a body may have: each takes memory, and clients don't use more than one. */
const MAX_FORMATS = 2;

const TAKEN = { "accept-encoding": "gzip, deflate, br" };

/**
 * Returns a middleware that decompresses the bodies of requests in gzip, deflate or Brotli, as
 * their `Content-Encoding` says. Another encoding, or more than two, is answered with 415,
 * malformed data with 400. `clientMaxSize` limits the compressed and the decompressed size.
 *
 * @returns The middleware.
 *
 * @example
 * ```ts
 * import { Application, decompression, readText } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using app = new Application({ middlewares: [decompression()] });
 * app.router.addPost("/", async (request) => new Response(await readText(request)));
 *
 * const response = await app.request("/", {
 *   method: "POST",
 *   headers: { "content-encoding": "gzip" },
 *   body: new Blob(["hello"]).stream().pipeThrough(new CompressionStream("gzip")),
 * });
 * assertEquals(await response.text(), "hello");
 * ```
 */
export function decompression(): Middleware {
  return (request, handler) => {
    const formats = formatsOf(request.headers.get("content-encoding"));
    if (formats.length === 0 || request.body === null) return handler(request);
    const { maxSize } = taskOf(request, "decompress body").plan;
    let body: ReadableStream<Uint8Array<ArrayBuffer>> = request.body;
    for (const format of formats) body = decompressed(body, format);
    const headers = new Headers(request.headers);
    for (const name of ["content-encoding", "content-length"]) headers.delete(name);
    quietLegacyAbort(); // the copy follows the signal of the request
    const plain = counted(body, maxSize, explain);
    return handler(new Request(request, { body: plain, headers }));
  };
}

function decompressed(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  format: CompressionFormat,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const size = format === "brotli" ? BROTLI_SLICE : SLICE;
  const slices = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform(chunk, controller): void {
      for (let at = 0; at < chunk.length; at += size) {
        controller.enqueue(chunk.subarray(at, at + size));
      }
    },
  });
  return body.pipeThrough(slices).pipeThrough(new DecompressionStream(format));
}

/** The formats, the one that was applied last first. */
function formatsOf(header: string | null): CompressionFormat[] {
  if (header === null) return [];
  const all = header.toLowerCase().split(",").map((name) => name.trim());
  const names = all.filter((name) => name !== "" && name !== "identity");
  return names.reverse().map((name) => {
    const format = FORMATS.get(name);
    if (format !== undefined && names.length <= MAX_FORMATS) return format;
    const text = "415: Unknown content encoding";
    throw new HTTPUnsupportedMediaType({ text, headers: TAKEN });
  });
}

/** Malformed data is the client's fault, as is a body that breaks off. */
function explain(error: unknown): unknown {
  return error instanceof TypeError ? malformed(error) : readingError(error);
}
