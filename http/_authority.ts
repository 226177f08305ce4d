/**
 * Whether a request is for a host that is one.
 *
 * The platform makes the URL of a request of its `Host` header, as it is, and of its path. With a host
 * such as `a b` that is no URL at all; with `a/b?` the path that was asked for becomes a part of the
 * query, and one that nobody has asked for takes its place. A host such as `a/b` only adds to the path:
 * to look for that takes a look at the headers of each request.
 *
 * @module
 */

/** The scheme, and what may be a host and a port: no user, and nothing that a URL ends at. */
const BEGINNING = /^[^:/?#]+:\/\/[^\s/?#@\\]+(?=[/?#]|$)/;

/** What no host has in it. */
const FOREIGN = /[/?#\\]/;

/** The beginning of the last URL that was looked at, with its slash; most requests have the same. */
let known = "";

/** Tells whether a request is for a host that is one. */
export function hasAuthority(request: Request): boolean {
  const { url } = request;
  if (mayHideItsPath(url) && FOREIGN.test(request.headers.get("host") ?? "")) return false;
  if (known !== "" && url.startsWith(known)) return true;
  const beginning = BEGINNING.exec(url)?.[0];
  if (beginning === undefined || !URL.canParse(beginning)) return false;
  if (url[beginning.length] === "/") known = `${beginning}/`;
  return true;
}

/** Whether what was asked for may stand behind the path of a URL. */
function mayHideItsPath(url: string): boolean {
  const query = url.indexOf("?");
  return url.includes("#") || (query >= 0 && url.includes("/", query));
}
