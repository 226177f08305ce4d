/**
 * Which version of HTTP a request may have come by.
 *
 * @module
 */

/** Whether a request may have come by HTTP/2: over TLS. Without it, which is rare, nothing tells. */
export function mayBeHttp2({ url }: Request): boolean {
  return url.startsWith("https:");
}
