/**
 * The text of a header.
 *
 * @module
 */

/** A token of RFC 9110: the name of a method or a cookie. */
export const TOKEN: RegExp = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

const UTF8 = new TextDecoder("utf-8", { fatal: true });

/** Decodes a header that is not ASCII as UTF-8; if it is not UTF-8, it stays as it is. */
export function headerText(value: string): string {
  // deno-lint-ignore no-control-regex -- the range is all of ASCII
  if (!/[^\x00-\x7f]/.test(value)) return value;
  try {
    return UTF8.decode(bytesOf(value));
  } catch {
    return value; // a TypeError, the only one it throws
  }
}

/** The text of a header of a request, or null if it has none of this name. */
export function headerOf(request: Request, name: string): string | null {
  const value = request.headers.get(name);
  return value === null ? null : headerText(value);
}

/** The bytes of a header, each of which `Headers` has as a character. */
export function bytesOf(value: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(value, (character) => character.charCodeAt(0));
}

/** A text as `Headers` needs it to be sent in UTF-8: each byte as a character. */
export function asHeader(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join("");
}
