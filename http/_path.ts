/**
 * The path and the query of a URL, without taking it apart as a whole.
 *
 * @module
 */

/** The path of a URL as it is there: after the third slash, up to the question mark or the hash. */
export function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  if (start < 0) return "/";
  for (let i = start; i < url.length; i++) {
    const code = url.charCodeAt(i);
    if (code === 0x3f || code === 0x23) return url.slice(start, i);
  }
  return url.slice(start);
}

/** The query of a URL with its question mark; empty if there is none. */
export function queryOf(url: string): string {
  const hash = url.indexOf("#");
  const whole = hash < 0 ? url : url.slice(0, hash);
  const start = whole.indexOf("?");
  return start < 0 ? "" : whole.slice(start);
}
