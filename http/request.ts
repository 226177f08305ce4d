/**
 * What a handler can ask about its request.
 *
 * Counterpart of `aiohttp.web_request`. A handler gets a plain web `Request`, the same object that
 * `Deno.serve` and any other host makes, so the attributes and methods of aiohttp's own request are
 * functions here: `request.match_info` is `matchInfo(request)`, `await request.json()` is
 * `await readJson(request)`. The web's own `request.json()` works, too. The functions differ from
 * it in that malformed JSON or text is answered with 400, that the waiting ends at once when the
 * task is cancelled, and that an HTTP/2 body that breaks off is not taken for a complete one if its
 * headers give its length. The size limit applies to both. Either way a body can be read only once;
 * aiohttp keeps what was read.
 *
 * @module
 */

import type { Awaitable } from "../loop/mod.ts";
import { Operation, runInTask } from "../loop/coroutines.ts";
import { BodyChunks, BodyReading, checkWhole, readAlready } from "./_body_reading.ts";
import type { Recipe } from "./_body_reading.ts";
import { malformed, readingError } from "./_broken_body.ts";
import { charsetOf, decoderOf } from "./_charset.ts";
import { parseCookies } from "./_cookie_header.ts";
import { headerOf } from "./_header_text.ts";
import { addressText } from "./_logged.ts";
import { queryOf } from "./_path.ts";
import { mayBeHttp2 } from "./_protocol.ts";
import { isAnswered, taskOf } from "./_request_task.ts";
import { Application } from "./application.ts";
import { HTTPBadRequest, HTTPUnsupportedMediaType } from "./exceptions.ts";
import { readMultipart } from "./multipart.ts";
import type { Route } from "./route.ts";

/**
 * Returns the values of the variables in the path of a request.
 *
 * Counterpart of aiohttp's `request.match_info`.
 *
 * @typeParam Name The names of the variables, to have them type-checked.
 * @param request The request.
 * @returns The values by name, decoded.
 * @throws {RuntimeError} If no application answers the request.
 *
 * @example
 * ```ts
 * import { Application, matchInfo } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using app = new Application();
 * app.router.addGet("/hello/{name}", (request) => {
 *   const { name } = matchInfo<"name">(request);
 *   return new Response(`Hello, ${name}`);
 * });
 * const response = await app.request("/hello/J%C3%BCrgen");
 * assertEquals(await response.text(), "Hello, Jürgen");
 * ```
 */
export function matchInfo<Name extends string = string>(
  request: Request,
): Readonly<Record<Name, string>> {
  return taskOf(request, "get match info").match.params as Record<Name, string>;
}

/**
 * Returns the route that matched a request.
 *
 * Counterpart of aiohttp's `request.match_info.route`.
 *
 * @param request The request.
 * @returns The route.
 * @throws {RuntimeError} If no application answers the request.
 *
 * @example
 * ```ts
 * import { Application, routeOf } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using app = new Application();
 * app.router.addGet("/{page}", (request) => new Response(routeOf(request).path));
 * assertEquals(await (await app.request("/about")).text(), "/{page}");
 * ```
 */
export function routeOf(request: Request): Route {
  return taskOf(request, "get route").match.route;
}

/**
 * Returns the application that answers a request: the innermost one, if there are sub-applications.
 *
 * Counterpart of aiohttp's `request.app`; its `get()` also looks in the outer ones, as aiohttp's
 * `request.config_dict` does.
 *
 * @param request The request.
 * @returns The application.
 * @throws {RuntimeError} If no application answers the request.
 *
 * @example
 * ```ts
 * import { AppKey, Application, appOf } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * const NAME = new AppKey<string>("name");
 * await using app = new Application();
 * app.set(NAME, "shop");
 * app.router.addGet("/", (request) => new Response(appOf(request).get(NAME)));
 * assertEquals(await (await app.request("/")).text(), "shop");
 * ```
 */
export function appOf(request: Request): Application {
  const { scope } = taskOf(request, "get application").plan;
  if (scope instanceof Application) return scope;
  throw new TypeError("Cannot get application: the router has none");
}

/**
 * Returns the address that a request came from, without the port.
 *
 * It is the address of the last hop: behind a proxy, the proxy's. Counterpart of aiohttp's
 * `request.remote`.
 *
 * @param request The request.
 * @returns The address; null for a Unix socket, or a request that did not come over a connection.
 * @throws {RuntimeError} If no application answers the request.
 *
 * @example
 * ```ts
 * import { Application, remote } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using app = new Application();
 * app.router.addGet("/", (request) => new Response(`you are ${remote(request)}`));
 * assertEquals(await (await app.request("/")).text(), "you are null");
 * ```
 */
export function remote(request: Request): string | null {
  const { info } = taskOf(request, "get remote address");
  const text = addressText(info?.remoteAddr);
  return text === "-" ? null : text;
}

/**
 * Returns the parameters in the query of a request's URL.
 *
 * Counterpart of aiohttp's `request.query`.
 *
 * @param request The request.
 * @returns The parameters; no input from the client makes this throw.
 *
 * @example
 * ```ts
 * import { query } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(query(new Request("http://localhost/?a=1&a=2")).getAll("a"), ["1", "2"]);
 * ```
 */
export function query(request: Request): URLSearchParams {
  return new URLSearchParams(queryOf(request.url));
}

/**
 * Returns the cookies of a request.
 *
 * Counterpart of aiohttp's `request.cookies`. Malformed cookies are skipped; of several with the
 * same name the last one counts.
 *
 * @param request The request.
 * @returns The values by name.
 *
 * @example
 * ```ts
 * import { cookies } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * const request = new Request("http://localhost/", { headers: { cookie: "a=1; b=two" } });
 * assertEquals(cookies(request).get("b"), "two");
 * ```
 */
export function cookies(request: Request): ReadonlyMap<string, string> {
  return parseCookies(headerOf(request, "cookie"));
}

// -- Bodies --

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * Returns whether a request has a body. Deno gives a `request.body` to every request from a
 * connection whose method is neither GET nor HEAD: code that passes it on would send a body where
 * there is none.
 *
 * Counterpart of aiohttp's `request.body_exists`. With HTTP/2, a body whose length is not given may
 * turn out to be empty.
 *
 * @param request The request.
 * @returns Whether it has a body, which may have been read already.
 *
 * @example
 * ```ts
 * import { Application, bodyExists } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using app = new Application();
 * app.router.addPost("/", (request) => Response.json(bodyExists(request)));
 * assertEquals(await (await app.request("/", { method: "POST", body: "hello" })).json(), true);
 * assertEquals(await (await app.request("/", { method: "POST" })).json(), false);
 * ```
 */
export function bodyExists(request: Request): boolean {
  // Without a connection, the body itself tells; the headers may be those of another request.
  if (request.body === null || !isAnswered(request)) return request.body !== null;
  if (taskOf(request, "tell whether there is a body").info === undefined) return true;
  const length = request.headers.get("content-length");
  if (length !== null) return Number(length) > 0;
  return mayBeHttp2(request) || request.headers.has("transfer-encoding");
}

/**
 * Reads the body of a request as bytes.
 *
 * Counterpart of aiohttp's `await request.read()`.
 *
 * @param request The request.
 * @returns An awaitable of the bytes, which are empty if there is no body.
 * @throws {HTTPBadRequest} If the body breaks off.
 * @throws {HTTPRequestEntityTooLarge} If it is larger than the application accepts.
 * @throws {RuntimeError} If it was read already.
 *
 * @example
 * ```ts
 * import { Application, readBytes } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using app = new Application();
 * app.router.addPost("/", async (request) => {
 *   const hash = await crypto.subtle.digest("SHA-256", await readBytes(request));
 *   return new Response(new Uint8Array(hash).toHex().slice(0, 8));
 * });
 * const response = await app.request("/", { method: "POST", body: "hello" });
 * assertEquals(await response.text(), "2cf24dba");
 * ```
 */
export function readBytes(request: Request): Awaitable<Uint8Array<ArrayBuffer>> {
  return new BodyReading(request, BYTES);
}

const BYTES: Recipe<Request, Bytes, Bytes> = {
  read: bytesOf,
  convert: whole,
};

/**
 * Reads the body of a request chunk by chunk, as it arrives.
 *
 * Counterpart of aiohttp's `request.content.iter_any()`. The web's own stream, `request.body`,
 * works, too, but a task that waits for it is not cancelled before the next chunk arrives.
 *
 * @param request The request.
 * @returns The chunks, for `for await`; leaving the loop drops the rest.
 * @throws {HTTPBadRequest} If the body is malformed, or breaks off.
 * @throws {HTTPRequestEntityTooLarge} If it is larger than the application accepts.
 * @throws {RuntimeError} If it was read already.
 *
 * @example An upload of any size
 * ```ts
 * import { Application, readChunks } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using app = new Application();
 * app.router.addPut("/upload", async (request) => {
 *   let size = 0;
 *   for await (const chunk of readChunks(request)) size += chunk.length;
 *   return new Response(`${size} bytes`);
 * }, { clientMaxSize: null });
 * const response = await app.request("/upload", { method: "PUT", body: new Uint8Array(5_000_000) });
 * assertEquals(await response.text(), "5000000 bytes");
 * ```
 */
export async function* readChunks(
  request: Request,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
  if (request.bodyUsed) throw readAlready();
  if (request.body === null) return;
  const chunks = new BodyChunks(request);
  let size = 0;
  try {
    for (;;) {
      const chunk = await new Operation(() => chunks.next());
      if (chunk === null) break;
      size += chunk.length;
      if (chunk.length > 0) yield chunk; // a POST without a body gives one empty chunk
    }
    checkWhole(request, size);
  } finally {
    chunks.close();
  }
}

/**
 * Reads the body of a request as text, in the encoding that its `Content-Type` names, or else
 * UTF-8.
 *
 * Counterpart of aiohttp's `await request.text()`.
 *
 * @param request The request.
 * @returns An awaitable of the text.
 * @throws {HTTPBadRequest} If the body is not in that encoding, or breaks off.
 * @throws {HTTPUnsupportedMediaType} If the encoding is unknown.
 * @throws {HTTPRequestEntityTooLarge} If it is larger than the application accepts.
 * @throws {RuntimeError} If it was read already.
 *
 * @example
 * ```ts
 * import { Application, readText } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using app = new Application();
 * app.router.addPost("/", async (request) => new Response(await readText(request)));
 * const response = await app.request("/", { method: "POST", body: "hello" });
 * assertEquals(await response.text(), "hello");
 * ```
 */
export function readText(request: Request): Awaitable<string> {
  return new BodyReading(request, TEXT);
}

const TEXT: Recipe<Request, Bytes, string> = {
  read: bytesOf,
  convert: (bytes, request) => decoded(whole(bytes, request), decoderFor(request)),
};

function bytesOf(request: Request): Promise<Bytes> {
  return request.bodyUsed ? Promise.reject(readAlready()) : request.bytes();
}

function whole(bytes: Bytes, request: Request): Bytes {
  checkWhole(request, bytes.length);
  return bytes;
}

type Decode = (bytes: Uint8Array) => string;

function decoded(bytes: Uint8Array, decode: Decode): string {
  try {
    return decode(bytes);
  } catch (error) {
    throw malformed(error as TypeError); // the only thing that a fatal decoder throws
  }
}

const UTF8 = new TextDecoder("utf-8", { fatal: true });
const LENIENT_UTF8 = new TextDecoder("utf-8");
/** What the lenient decoder puts in place of malformed bytes. */
const REPLACEMENT = "\uFFFD";

/** Decodes UTF-8. The fatal decoder takes several times as long, so it is used only in doubt. */
function decodeUtf8(bytes: Uint8Array): string {
  const text = LENIENT_UTF8.decode(bytes);
  return text.includes(REPLACEMENT) ? UTF8.decode(bytes) : text;
}

/** The decoder for the body, by its `Content-Type`. */
function decoderFor(request: Request): Decode {
  const charset = charsetOf(request.headers.get("content-type")) ?? "utf-8";
  if (/^utf-?8$/.test(charset)) return decodeUtf8;
  const decoder = decoderOf(charset, { fatal: true });
  if (decoder === null) throw new HTTPUnsupportedMediaType({ text: "415: Unknown charset" });
  return (bytes) => decoder.decode(bytes);
}

/**
 * Reads the body of a request as JSON, in the encoding that its `Content-Type` names, or else
 * UTF-8, where malformed bytes become U+FFFD, as with the web's own `request.json()`.
 *
 * Counterpart of aiohttp's `await request.json()`.
 *
 * @typeParam T The type of the value; it is not checked.
 * @param request The request.
 * @returns An awaitable of the value.
 * @throws {HTTPBadRequest} If the body is not JSON, or not in that encoding, or breaks off.
 * @throws {HTTPUnsupportedMediaType} If the encoding is unknown.
 * @throws {HTTPRequestEntityTooLarge} If it is larger than the application accepts.
 * @throws {RuntimeError} If it was read already.
 *
 * @example
 * ```ts
 * import { Application, readJson } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using app = new Application();
 * app.router.addPost("/", async (request) => Response.json(await readJson(request)));
 * assertEquals((await app.request("/", { method: "POST", body: "[1, 2]" })).status, 200);
 * assertEquals((await app.request("/", { method: "POST", body: "[1, 2" })).status, 400);
 * ```
 */
export function readJson<T = unknown>(request: Request): Awaitable<T> {
  return new BodyReading(request, JSON_VALUE) as Awaitable<T>;
}

/**
 * `request.json()` is the fastest: it has a short body as text at once. But it takes every body for
 * UTF-8, as JSON is (RFC 8259), even if the type says otherwise, and does not tell whether the body
 * is complete.
 */
const JSON_VALUE: Recipe<Request, unknown, unknown> = {
  read(request) {
    const decode = decoderFor(request);
    const isUtf8 = decode === decodeUtf8;
    if (isUtf8 && !mayBeHttp2(request)) return request.json();
    return bytesOf(request).then((bytes) => {
      checkWhole(request, bytes.length);
      return JSON.parse(isUtf8 ? LENIENT_UTF8.decode(bytes) : decoded(bytes, decode));
    });
  },
  convert: (value) => value,
  explain(error) {
    if (error instanceof TypeError) return readAlready(); // the only TypeError there is
    if (!(error instanceof SyntaxError)) return readingError(error);
    const refused = new HTTPBadRequest({ text: "400: Malformed JSON" });
    refused.cause = error;
    return refused;
  },
};

const URLENCODED = /^\s*application\/x-www-form-urlencoded\s*(?:;|$)/i;
const MULTIPART = /^\s*multipart\/form-data\s*(?:;|$)/i;

/**
 * Reads the body of a request as a form, with its files in memory.
 *
 * Counterpart of aiohttp's `await request.post()`. {@linkcode readMultipart} reads a form part by
 * part instead.
 *
 * @param request The request.
 * @returns An awaitable of the form; it is empty if the body is not a form.
 * @throws {HTTPBadRequest} If the body is malformed, or breaks off.
 * @throws {HTTPUnsupportedMediaType} If a field has a `Content-Type` with an unknown encoding.
 * @throws {HTTPRequestEntityTooLarge} If it is larger than the application accepts.
 * @throws {RuntimeError} If it was read already.
 *
 * @example
 * ```ts
 * import { Application, readPost } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using app = new Application();
 * app.router.addPost("/", async (request) => {
 *   const form = await readPost(request);
 *   return new Response(`${form.get("name")}`);
 * });
 * const body = new URLSearchParams({ name: "Ada" });
 * assertEquals(await (await app.request("/", { method: "POST", body })).text(), "Ada");
 * ```
 */
export function readPost(request: Request): Awaitable<FormData> {
  return new Operation(() => runInTask(() => readForm(request)));
}

async function readForm(request: Request): Promise<FormData> {
  const type = request.headers.get("content-type") ?? "";
  const isMultipart = MULTIPART.test(type);
  if (request.body === null || !(isMultipart || URLENCODED.test(type))) return new FormData();
  return isMultipart ? await readParts(request) : await new BodyReading(request, FORM);
}

const FORM: Recipe<Request, FormData, FormData> = {
  read: (request) =>
    bytesOf(request).then((bytes) => {
      const headers = { "content-type": "application/x-www-form-urlencoded" };
      return new Response(whole(bytes, request), { headers }).formData();
    }),
  convert: (form) => form,
};

/** Deno's `formData()` takes seconds for parts of blanks, and accepts a missing end. */
async function readParts(request: Request): Promise<FormData> {
  const form = new FormData();
  for await (const part of readMultipart(request)) {
    const { name, filename, headers } = part;
    if (name === null) {
      throw new HTTPBadRequest({ text: "400: Malformed form: a part has no name" });
    }
    if (filename === null) {
      form.append(name, await part.text());
    } else {
      const type = headers.get("content-type") ?? "text/plain";
      form.append(name, new File([await part.read()], filename, { type }));
    }
  }
  return form;
}
