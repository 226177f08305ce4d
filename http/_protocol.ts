/**
 * Which version of HTTP a request may have come with.
 *
 * @module
 */

/**
 * Whether a request may have come with HTTP/2, that is, over TLS. HTTP/2 without TLS, which is
 * rare, can't be recognised.
 */
export function mayBeHttp2({ url }: Request): boolean {
  return url.startsWith("https:");
}
