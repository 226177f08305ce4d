/**
 * Entity tags, and requests that are conditional on them or on dates.
 *
 * Counterpart of `response.etag`, `request.if_match` and their relatives in aiohttp, where handlers
 * have to compare them; {@linkcode conditional} does it for any response. Files need none of this:
 * `FileResponse` has it built in.
 *
 * @module
 */

import { checkPreconditions, validatorsOf } from "./_preconditions.ts";
import { HTTPPreconditionFailed } from "./exceptions.ts";

const encoder = new TextEncoder();

/** Options for {@linkcode etagOf}. */
export interface EtagOptions {
  /**
   * Whether the tag stands for equivalent content, rather than for the same bytes.
   *
   * @default {false}
   */
  weak?: boolean;
}

/**
 * Creates an entity tag for some content: the same tag for the same content, another one for any
 * other.
 *
 * @param content The content.
 * @param options Whether the tag is weak.
 * @returns The tag, as in the `ETag` header.
 *
 * @example
 * ```ts
 * import { etagOf } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await etagOf("hello"), '"LPJNul-wow4m6DsqxbninhsWHlw"');
 * ```
 */
export async function etagOf(
  content: string | Uint8Array<ArrayBuffer>,
  options: EtagOptions = {},
): Promise<string> {
  const bytes = typeof content === "string" ? encoder.encode(content) : content;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const text = digest.toBase64({ alphabet: "base64url" }).slice(0, 27);
  return `${options.weak ? "W/" : ""}"${text}"`;
}

/** The headers of a response that are kept with status 304. */
const KEPT = [
  "cache-control",
  "content-location",
  "date",
  "etag",
  "expires",
  "last-modified",
  "vary",
];

/**
 * Checks a response against the preconditions of its request: `If-Match`, `If-None-Match`,
 * `If-Modified-Since`, `If-Unmodified-Since`.
 *
 * @param request The request.
 * @param response The response, with an `ETag` or a `Last-Modified` header, or both.
 * @returns The response, or one with status 304 if the client has it already.
 * @throws {HTTPPreconditionFailed} If a precondition does not hold.
 *
 * @example
 * ```ts
 * import { conditional } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * const response = new Response("hello", { headers: { etag: '"1"' } });
 * const request = new Request("http://localhost/", { headers: { "if-none-match": '"1"' } });
 * assertEquals(conditional(request, response).status, 304);
 * ```
 */
export function conditional(request: Request, response: Response): Response {
  if (!response.ok) return response;
  const { headers } = response;
  const status = checkPreconditions(request, validatorsOf(headers));
  if (status === null) return response;
  // Nobody reads it; it does not matter if it can't be cancelled.
  response.body?.cancel().catch(() => {});
  if (status === 412) throw new HTTPPreconditionFailed();
  const kept = new Headers();
  for (const name of KEPT) {
    const value = headers.get(name);
    if (value !== null) kept.set(name, value);
  }
  for (const cookie of headers.getSetCookie()) kept.append("set-cookie", cookie);
  return new Response(null, { status, headers: kept });
}
