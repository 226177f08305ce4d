/**
 * The `Cookie` header of a request.
 *
 * @module
 */

import { asHeader, TOKEN } from "./_header_text.ts";

// deno-lint-ignore no-control-regex -- these are what it looks for
const NO_VALUE = /[;\x00-\x1f\x7f]/;

/** A cookie as it is sent; throws a RangeError if the name or value would be misread. */
export function cookiePair(name: string, value: string): string {
  if (TOKEN.test(name) && !NO_VALUE.test(value)) return `${name}=${asHeader(value)}`;
  throw new RangeError(
    `Cannot send cookie ${JSON.stringify(name)}: its name or value is malformed`,
  );
}

/**
 * Joins several `Cookie` headers. If they have cookies of the same name, those of the last header
 * win, as in aiohttp; one header may have several, as a jar has for several paths.
 */
export function joinCookies(headers: readonly string[]): string {
  const names = new Set<string>();
  const nameOf = (pair: string): string => pair.slice(0, Math.max(pair.indexOf("="), 0));
  const all: string[] = [];
  for (const header of headers.toReversed()) {
    const pairs = header.split(/; */).filter((pair) => pair !== "" && !names.has(nameOf(pair)));
    for (const pair of pairs) names.add(nameOf(pair));
    all.unshift(...pairs);
  }
  return all.join("; ");
}

/** Clients send whatever names they were given; these are the ones that aiohttp accepts, too. */
const NAME = /^[!#-+\--:<>-[\]-~]+$/;

/** The values by name. Malformed cookies are skipped; of the same name the last one counts. */
export function parseCookies(header: string | null): Map<string, string> {
  const cookies = new Map<string, string>();
  if (header === null) return cookies;
  for (const pair of header.split(";")) {
    const equals = pair.indexOf("=");
    if (equals < 0) continue;
    const name = pair.slice(0, equals).trim();
    if (NAME.test(name) && !name.startsWith("$")) {
      cookies.set(name, unquoted(pair.slice(equals + 1).trim()));
    }
  }
  return cookies;
}

/** Decodes a value in quotes, as Python's `http.cookies` writes those with special characters. */
function unquoted(value: string): string {
  if (value.length < 2 || !value.startsWith('"') || !value.endsWith('"')) return value;
  return value.slice(1, -1).replace(
    /\\([0-3][0-7]{2})|\\(.)/g,
    (_, octal: string | undefined, character: string) =>
      octal === undefined ? character : String.fromCharCode(parseInt(octal, 8)),
  );
}
