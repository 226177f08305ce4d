/**
 * The path and the query of a URL, without taking it apart as a whole.
 *
 * @module
 */

/** The path of a URL as it is there: after the third slash, up to the question mark or the hash. */
export function pathOf(url: string): string {
  let start = -1;
  for (let i = url.indexOf("://") + 3; i < url.length; i++) {
    const code = url.charCodeAt(i);
    if (code === 0x2f && start < 0) start = i;
    // One that ends before its path begins has none, whatever slashes its query has.
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
