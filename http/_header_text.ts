/**
 * The text of a header.
 *
 * @module
 */

const UTF8 = new TextDecoder("utf-8", { fatal: true });

/**
 * What a client has meant: it sends UTF-8, and the platform takes each byte for a character. What is
 * no UTF-8 stays as it is.
 */
export function headerText(value: string): string {
  // deno-lint-ignore no-control-regex -- the range is all of ASCII
  if (!/[^\x00-\x7f]/.test(value)) return value;
  try {
    return UTF8.decode(Uint8Array.from(value, (character) => character.charCodeAt(0)));
  } catch {
    return value; // a TypeError, and nothing else
  }
}
