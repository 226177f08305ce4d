/**
 * The path that a request asks for, if it is for a host that is one.
 *
 * The platform makes the URL of a request of its `Host` header, as it is, and of its path. With a host
 * such as `a b` that is no URL at all; with `a/b?` the path that was asked for becomes a part of the
 * query, and one that nobody has asked for takes its place. A host such as `a/b` only adds to the path:
 * to look for that takes a look at the headers of each request.
 *
 * @module
 */

import { pathOf } from "./_path.ts";

/** The scheme, and what may be a host and a port: no user, and nothing that a URL ends at. */
const BEGINNING = /^[^:/?#]+:\/\/[^\s/?#@\\]+(?=[/?#]|$)/;

/** What no host has in it. */
const FOREIGN = /[/?#\\]/;

/**
 * The beginning of the last URL that was looked at, with its slash; most requests have the same. At
 * first it is one that no URL has.
 */
let known = " ";

/** The path that a request asks for, as it is in its URL; null if it is for no host that is one. */
export function requestedPath(request: Request): string | null {
  const { url } = request;
  const query = url.indexOf("?");
  const mayHide = mayHideItsPath(url, query);
  if (mayHide && FOREIGN.test(request.headers.get("host") ?? "")) return null;
  const isKnown = url.startsWith(known);
  if (!isKnown && !hasAuthority(url)) return null;
  if (!isKnown || mayHide) return pathOf(url);
  return url.slice(known.length - 1, query < 0 ? undefined : query);
}

/** Whether what was asked for may stand behind the path of a URL, whose query begins there. */
function mayHideItsPath(url: string, query: number): boolean {
  return url.indexOf("#") >= 0 || (query >= 0 && url.indexOf("/", query) >= 0);
}

function hasAuthority(url: string): boolean {
  const beginning = BEGINNING.exec(url)?.[0];
  if (beginning === undefined || !URL.canParse(beginning)) return false;
  if (url[beginning.length] === "/") known = `${beginning}/`;
  return true;
}
