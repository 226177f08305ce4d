/**
 * The `Cookie` header of a request.
 *
 * @module
 */

/** A name as a cookie may have it: what RFC 9110 calls a token. */
export const COOKIE_NAME: RegExp = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** The values by name. What is no cookie is passed over; of the same name the last one counts. */
export function parseCookies(header: string | null): Map<string, string> {
  const cookies = new Map<string, string>();
  if (header === null) return cookies;
  for (const pair of header.split(";")) {
    const equals = pair.indexOf("=");
    if (equals < 0) continue;
    const name = pair.slice(0, equals).trim();
    if (COOKIE_NAME.test(name) && !name.startsWith("$")) {
      cookies.set(name, unquoted(pair.slice(equals + 1).trim()));
    }
  }
  return cookies;
}

/** A value in quotes, as Python's `http.cookies` writes those with characters of their own. */
function unquoted(value: string): string {
  if (value.length < 2 || !value.startsWith('"') || !value.endsWith('"')) return value;
  return value.slice(1, -1).replace(
    /\\([0-3][0-7]{2})|\\(.)/g,
    (_, octal: string | undefined, character: string) =>
      octal === undefined ? character : String.fromCharCode(parseInt(octal, 8)),
  );
}
