/**
 * Cookies of responses.
 *
 * Counterpart of `set_cookie()` and `del_cookie()` of aiohttp's responses. Invalid names and values
 * are refused, so nothing that a client sent can add attributes or headers.
 *
 * @module
 */

import { TOKEN } from "./_header_text.ts";

/** Options for {@linkcode setCookie}. */
export interface CookieOptions {
  /** When it expires. */
  expires?: Date;
  /** Seconds until it expires; overrides `expires`. Without either, it ends with the browser. */
  maxAge?: number;
  /** The domain that gets it, with its subdomains; by default only the host that set it. */
  domain?: string;
  /**
   * The prefix of the paths that get it.
   *
   * @default {"/"}
   */
  path?: string;
  /** Whether it is sent over HTTPS only. */
  secure?: boolean;
  /** Whether it is hidden from the scripts of pages. */
  httpOnly?: boolean;
  /** Whether it is sent with requests that come from other sites. */
  sameSite?: "Strict" | "Lax" | "None";
  /** Whether the browser keeps a separate one for each site that embeds this one. */
  partitioned?: boolean;
}

const VALUE = /^[!#-+\--:<-[\]-~]*$/;
const ATTRIBUTE = /^[ -:<-~]*$/;

/**
 * Adds a cookie to a response.
 *
 * Counterpart of aiohttp's `response.set_cookie()`.
 *
 * @param response The response, or its headers.
 * @param name The name.
 * @param value The value; characters that a cookie can't hold must be encoded, as by
 * `encodeURIComponent()`.
 * @param options Its attributes.
 * @throws {RangeError} If the name, the value or an attribute has characters that it can't have.
 *
 * @example
 * ```ts
 * import { setCookie } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * const response = new Response("hello");
 * setCookie(response, "session", "abc", { httpOnly: true, sameSite: "Lax" });
 * assertEquals(response.headers.getSetCookie(), ["session=abc; Path=/; HttpOnly; SameSite=Lax"]);
 * ```
 */
export function setCookie(
  response: Response | Headers,
  name: string,
  value: string,
  options: CookieOptions = {},
): void {
  if (!TOKEN.test(name)) refuse("name", name);
  if (!VALUE.test(value)) refuse("value", value);
  const { path = "/", domain, maxAge, expires } = options;
  const parts = [`${name}=${value}`];
  if (domain !== undefined) parts.push(`Domain=${checked("domain", domain)}`);
  if (expires !== undefined) {
    if (Number.isNaN(expires.getTime())) refuse("expires", String(expires));
    parts.push(`Expires=${expires.toUTCString()}`);
  }
  if (maxAge !== undefined) {
    if (!Number.isFinite(maxAge)) refuse("maxAge", String(maxAge));
    parts.push(`Max-Age=${Math.trunc(maxAge)}`);
  }
  parts.push(`Path=${checked("path", path)}`);
  if (options.secure) parts.push("Secure");
  if (options.httpOnly) parts.push("HttpOnly");
  if (options.sameSite !== undefined) {
    parts.push(`SameSite=${checked("sameSite", options.sameSite)}`);
  }
  if (options.partitioned) parts.push("Partitioned");
  const headers = response instanceof Response ? response.headers : response;
  headers.append("set-cookie", parts.join("; "));
}

function checked(what: string, text: string): string {
  if (!ATTRIBUTE.test(text)) refuse(what, text);
  return text;
}

function refuse(what: string, text: string): never {
  throw new RangeError(`Cannot set cookie: ${what} ${JSON.stringify(text)} is malformed`);
}

/**
 * Deletes a cookie of the client.
 *
 * Counterpart of aiohttp's `response.del_cookie()`.
 *
 * @param response The response, or its headers.
 * @param name The name.
 * @param options The domain and path that it was set with.
 * @throws {RangeError} If the name or an attribute has characters that it can't have.
 *
 * @example
 * ```ts
 * import { deleteCookie } from "@aio/asyncio/http";
 * import { assertMatch } from "@std/assert";
 *
 * const response = new Response("bye");
 * deleteCookie(response, "session");
 * assertMatch(response.headers.getSetCookie()[0]!, /^session=; .*Max-Age=0; Path=\/$/);
 * ```
 */
export function deleteCookie(
  response: Response | Headers,
  name: string,
  options: CookieOptions = {},
): void {
  setCookie(response, name, "", { ...options, maxAge: 0, expires: new Date(0) });
}
