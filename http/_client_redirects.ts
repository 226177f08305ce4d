/**
 * Redirects: which request follows from a response.
 *
 * The rules are those of `fetch` and aiohttp: 303, and 301 and 302 after a POST, lead to a GET
 * without a body; 307 and 308 repeat the request. Credentials, that is `Authorization` and cookies,
 * are sent only to the origin that they were given for.
 *
 * @module
 */

import { ClientRequest } from "./client_request.ts";
import { ClientPayloadError, InvalidUrlRedirectClientError } from "./client_exceptions.ts";
import type { ResponseHead } from "./client_exceptions.ts";
import { authorizationIn, withoutCredentials } from "./_client_url.ts";
import { headerText } from "./_header_text.ts";

const STATUSES = new Set([301, 302, 303, 307, 308]);

/** The headers that describe a body, and are dropped with it. */
const BODY_HEADERS = [
  "content-encoding",
  "content-language",
  "content-length",
  "content-location",
  "content-type",
];

/** The headers that are for one origin only. */
const ORIGIN_HEADERS = ["authorization", "cookie", "host", "proxy-authorization"];

/** Returns the request that follows from a response; null if it is not a redirect. */
export function redirectOf(request: ClientRequest, response: ResponseHead): ClientRequest | null {
  if (!STATUSES.has(response.status)) return null;
  const location = response.headers.get("location");
  if (!location) return null; // one that is empty would lead here again
  const url = targetOf(headerText(location), request.url);
  const isSameOrigin = url.origin === request.url.origin;
  const headers = new Headers(request.headers);
  if (!isSameOrigin) { for (const name of ORIGIN_HEADERS) headers.delete(name); }
  const authorization = authorizationIn(url);
  if (authorization !== null) headers.set("authorization", authorization);
  const becomesGet = hasNoBody(request.method, response.status);
  if (becomesGet) { for (const name of BODY_HEADERS) headers.delete(name); }
  if (!becomesGet && !request.replayable) {
    throw new ClientPayloadError(
      `Cannot follow redirect of ${response.url} to ${url}: the body is a stream and was read already; ` +
        "pass a function that returns a new one",
    );
  }
  return new ClientRequest({
    method: becomesGet ? "GET" : request.method,
    url,
    headers,
    body: becomesGet ? null : request._body,
    cookies: isSameOrigin ? request._cookies : {},
    proxy: request._proxy,
  });
}

function hasNoBody(method: string, status: number): boolean {
  if (status === 303) return method !== "HEAD" && method !== "GET";
  return method === "POST" && (status === 301 || status === 302);
}

function targetOf(location: string, from: URL): URL {
  const refuse = (state: string): never => {
    const shown = JSON.stringify(withoutCredentials(location));
    throw new InvalidUrlRedirectClientError(
      `Cannot follow redirect of ${from} to ${shown}: ${state}`,
    );
  };
  if (!URL.canParse(location, from)) return refuse("it is not a URL");
  const url = new URL(location, from);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    return refuse(`Url scheme '${url.protocol.slice(0, -1)}' not supported`);
  }
  if (url.hash === "") url.hash = from.hash;
  return url;
}
