/**
 * The URLs of requests.
 *
 * @module
 */

import { BasicAuth } from "./client_auth.ts";
import { InvalidURL } from "./client_exceptions.ts";

/** A value of a query. */
export type ParamValue = string | number | bigint | boolean;

/** The query of a URL; several values of one name are an array, or several pairs. */
export type QueryParams =
  | Readonly<Record<string, ParamValue | readonly ParamValue[]>>
  | URLSearchParams
  | readonly (readonly [name: string, value: ParamValue])[];

/** Returns the absolute URL of a request; `protocols` are those allowed, each with its colon. */
export function requestUrl(
  url: string | URL,
  base: URL | undefined,
  protocols: readonly string[],
): URL {
  const target = URL.parse(String(url), base);
  if (target === null) {
    const shown = JSON.stringify(withoutCredentials(String(url)));
    throw new InvalidURL(`Cannot make request to ${shown}: it is not a URL`);
  }
  const { protocol } = target;
  if (protocols.includes(protocol)) return target;
  const state = `Url scheme '${protocol.slice(0, -1)}' not supported`;
  throw new InvalidURL(`Cannot reach ${withoutCredentials(target.href)}: ${state}`);
}

/** Returns a URL, valid or not, without credentials for an error: errors end up in logs. */
export function withoutCredentials(url: string): string {
  return url.replace(/\/\/[^/?#]*@/, "//");
}

/**
 * Adds the parameters of a session to a query, then those of a request. The session's give way to
 * those of the same name in the request or in the URL.
 */
export function addParams(
  url: URL,
  all: QueryParams | undefined,
  own: QueryParams | undefined,
): void {
  if (all === undefined && own === undefined) return;
  const ownPairs = pairsOf(own);
  const ownNames = new Set(ownPairs.map(([name]) => name));
  const pairs = pairsOf(all).filter(([name]) => !ownNames.has(name) && !url.searchParams.has(name));
  for (const [name, value] of [...pairs, ...ownPairs]) url.searchParams.append(name, value);
}

function pairsOf(params: QueryParams | undefined): [name: string, value: string][] {
  if (params === undefined) return [];
  if (params instanceof URLSearchParams) return [...params];
  const pairs = Array.isArray(params) ? params : Object.entries(params);
  return pairs.flatMap(([name, value]: [string, ParamValue | readonly ParamValue[]]) =>
    [value].flat().map((one): [string, string] => [name, String(one)])
  );
}

/** Removes name and password from a URL; returns the `Authorization` header for them, or null. */
export function authorizationIn(url: URL): string | null {
  // Most URLs have none, and then one look is enough.
  if (!url.href.includes("@")) return null;
  let auth: BasicAuth | null;
  try {
    auth = BasicAuth.fromUrl(url);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const shown = withoutCredentials(url.href);
    throw new InvalidURL(`Cannot make request to ${shown}: ${error.message}`, { cause: error });
  }
  if (auth === null) return null;
  url.username = url.password = "";
  return auth.encode();
}

/** Returns a URL as it is sent: without its fragment. */
export function withoutFragment(url: URL): string {
  const { href } = url;
  const end = href.indexOf("#");
  return end < 0 ? href : href.slice(0, end);
}
