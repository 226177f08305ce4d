/**
 * The text of a header.
 *
 * @module
 */

/** What RFC 9110 calls a token: the name of a method or a cookie. */
export const TOKEN: RegExp = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

const UTF8 = new TextDecoder("utf-8", { fatal: true });

/** What was meant by text that is not ASCII: UTF-8; what is none stays as it is. */
export function headerText(value: string): string {
  // deno-lint-ignore no-control-regex -- the range is all of ASCII
  if (!/[^\x00-\x7f]/.test(value)) return value;
  try {
    return UTF8.decode(bytesOf(value));
  } catch {
    return value; // a TypeError, and nothing else
  }
}

/** The text of a header of a request, or null if it has none of this name. */
export function headerOf(request: Request, name: string): string | null {
  const value = request.headers.get(name);
  return value === null ? null : headerText(value);
}

/** The bytes of a header: the platform takes each for a character. */
export function bytesOf(value: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(value, (character) => character.charCodeAt(0));
}

/** A text as the platform takes it for a header that is sent in UTF-8: each byte as a character. */
export function asHeader(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join("");
}
