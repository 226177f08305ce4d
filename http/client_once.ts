/**
 * A single request, without a session.
 *
 * Counterpart of Python's `aiohttp.request()`.
 *
 * @module
 */

import type { Awaitable } from "../loop/mod.ts";
import { Operation } from "../loop/coroutines.ts";
import type { Steps } from "../loop/coroutines.ts";
import { ClientSession } from "./client.ts";
import type { TCPConnector } from "./client_connector.ts";
import type { ClientRequestOptions } from "./client_options.ts";
import type { ClientResponse } from "./client_response.ts";

/** Options for {@linkcode request}. */
export interface RequestOptions extends ClientRequestOptions {
  /** The connector to use; it stays open. By default the request has its own, closed with it. */
  connector?: TCPConnector;
}

/**
 * Makes one request, in a session of its own: cookies are kept only from one redirect to the next,
 * and without a `connector` the connection is closed once the response has been read or discarded.
 * For several requests, a `ClientSession` is faster.
 *
 * Counterpart of Python's `aiohttp.request()`: `await using` stands for `async with`.
 *
 * @param method The method.
 * @param url The URL.
 * @param options What to send, and how.
 * @returns An awaitable of the response: its head has arrived, its body may still be on its way.
 * @throws {ClientConnectionError} If no response came.
 * @throws {InvalidURL} If the URL is malformed.
 * @throws {ServerTimeoutError} If the request took too long.
 * @throws {TooManyRedirects} If the request was redirected too often.
 *
 * @example
 * ```ts
 * import { run } from "@aio/asyncio";
 * import { request } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using site = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response("hello"));
 * const text = await run(async () => {
 *   await using response = await request("GET", `http://127.0.0.1:${site.addr.port}/`);
 *   return await response.text();
 * });
 * assertEquals(text, "hello");
 * ```
 */
export function request(
  method: string,
  url: string | URL,
  options: RequestOptions = {},
): Awaitable<ClientResponse> {
  return new Operation(() => requestOnce(method, url, options));
}

function* requestOnce(
  method: string,
  url: string | URL,
  { connector, ...options }: RequestOptions,
): Steps<ClientResponse> {
  const session = new ClientSession(
    connector === undefined ? {} : { connector, connectorOwner: false },
  );
  try {
    return yield* session.request(method, url, options);
  } finally {
    session._retire();
  }
}
