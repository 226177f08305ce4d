/**
 * The path that a request asks for, if its host is valid.
 *
 * Deno makes the URL of a request from its `Host` header, unchecked, and its path. With a host such
 * as `a b` the result is not a URL; with `a/b?` the requested path becomes a part of the query, and
 * another path takes its place. A host such as `a/b` only adds to the path; finding that would mean
 * reading the headers of every request.
 *
 * @module
 */

import { pathOf } from "./_path.ts";

/** The scheme, and what may be a host and a port: no user, and no character that ends them. */
const BEGINNING = /^[^:/?#]+:\/\/[^\s/?#@\\]+(?=[/?#]|$)/;

/** Characters that no host contains. */
const FOREIGN = /[/?#\\]/;

/**
 * The beginning of the last URL that was checked, with its slash; most requests have the same.
 * Initially one that no URL has.
 */
let known = " ";

/** The path that a request asks for, as in its URL; null if its host is invalid. */
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

/** Whether the requested path may be behind the path of a URL, whose query begins at `query`. */
function mayHideItsPath(url: string, query: number): boolean {
  return url.indexOf("#") >= 0 || (query >= 0 && url.indexOf("/", query) >= 0);
}

function hasAuthority(url: string): boolean {
  const beginning = BEGINNING.exec(url)?.[0];
  if (beginning === undefined || !URL.canParse(beginning)) return false;
  if (url[beginning.length] === "/") known = `${beginning}/`;
  return true;
}
