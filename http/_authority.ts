/**
 * Whether the URL of a request has the authority that it seems to have.
 *
 * The platform makes that URL of the `Host` header, as it is, and of the path. With a host such as
 * `a?b=` the path would be part of the query for whoever takes the URL apart, and for the router
 * still a path; with `a b` it would be no URL at all.
 *
 * @module
 */

/** The scheme, and what may be a host and a port: no user, no path, nothing that a URL ends at. */
const BEGINNING = /^[^:/?#]+:\/\/[^\s/?#@\\]+(?:\/|$)/;

/** The beginning of the last URL that was looked at; most requests have the same. */
let known = "";

/** Tells whether the path begins where the first slash after the scheme is. */
export function hasAuthority(url: string): boolean {
  if (known !== "" && url.startsWith(known)) return true;
  const beginning = BEGINNING.exec(url)?.[0];
  if (beginning === undefined || !URL.canParse(beginning)) return false;
  if (beginning.endsWith("/")) known = beginning;
  return true;
}
