/**
 * The path and the query of a URL, without parsing all of it.
 *
 * @module
 */

/** The path of a URL as written: from the third slash up to the question mark or the hash. */
export function pathOf(url: string): string {
  let start = -1;
  for (let i = url.indexOf("://") + 3; i < url.length; i++) {
    const code = url.charCodeAt(i);
    if (code === 0x2f && start < 0) start = i;
    // A URL whose query begins before any path has none, whatever slashes the query has.
    else if (code === 0x3f || code === 0x23) return start < 0 ? "/" : url.slice(start, i);
  }
  return start < 0 ? "/" : url.slice(start);
}

/** The query of a URL with its question mark; empty if there is none. */
export function queryOf(url: string): string {
  const hash = url.indexOf("#");
  const whole = hash < 0 ? url : url.slice(0, hash);
  const start = whole.indexOf("?");
  return start < 0 ? "" : whole.slice(start);
}
