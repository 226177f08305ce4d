/**
 * Forms with files, read part by part as they arrive.
 *
 * Counterpart of aiohttp's `request.multipart()`. Nothing is kept in memory but the current chunk,
 * so a route whose `clientMaxSize` is null accepts files of any size. The parts come one after
 * another: going on to the next one drops what was not read of the one before, and reading that one
 * then throws; aiohttp returns nothing, as for an empty part. Malformed input is answered with 400.
 *
 * @module
 */

import { RuntimeError } from "../loop/mod.ts";
import type { Awaitable } from "../loop/mod.ts";
import { Operation } from "../loop/coroutines.ts";
import type { Steps } from "../loop/coroutines.ts";
import { concat } from "../net/bytes.ts";
import { BodyChunks, readAlready } from "./_body_reading.ts";
import { charsetOf, decoderOf } from "./_charset.ts";
import { paramsOf } from "./_header_params.ts";
import { headerText } from "./_header_text.ts";
import { HTTPBadRequest, HTTPUnsupportedMediaType } from "./exceptions.ts";

/** How large the headers of one part may be, in bytes. */
const MAX_HEADER_SIZE = 8192;
const CR = 13;
const encoder = new TextEncoder();
const UTF8 = new TextDecoder();

function fail(what: string, cause?: unknown): never {
  const error = new HTTPBadRequest({ text: `400: Malformed multipart body: ${what}` });
  if (cause !== undefined) error.cause = cause;
  throw error;
}

/** The bytes that have arrived and were not taken yet. */
class Input {
  readonly #chunks: BodyChunks;
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array();

  constructor(request: Request) {
    this.#chunks = new BodyChunks(request);
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes;
  }

  /** Takes bytes from the beginning. */
  take(count: number): Uint8Array<ArrayBuffer> {
    const taken = this.#bytes.subarray(0, count);
    this.#bytes = this.#bytes.subarray(count);
    return taken;
  }

  /** Waits for more bytes. */
  *more(): Steps<void> {
    const chunk = yield* this.#chunks.next();
    if (chunk === null) fail("it ends too early");
    this.#bytes = concat([this.#bytes, chunk]);
  }

  /** Waits until there are `count` bytes. */
  *atLeast(count: number): Steps<void> {
    while (this.#bytes.length < count) yield* this.more();
  }

  close(): void {
    this.#chunks.close();
  }
}

/** The first index of `pattern`, which begins with CR, in `bytes` from `from` on; else -1. */
function find(bytes: Uint8Array, pattern: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(CR, from); at >= 0; at = bytes.indexOf(CR, at + 1)) {
    let i = 1;
    while (i < pattern.length && bytes[at + i] === pattern[i]) i++;
    if (i === pattern.length) return at;
  }
  return -1;
}

/**
 * One part of a form: a field, or a file. {@linkcode readMultipart} yields them.
 *
 * Counterpart of Python's `aiohttp.BodyPartReader`.
 *
 * @example
 * ```ts
 * import { readMultipart } from "@aio/asyncio/http";
 * import { run } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * const body = new FormData();
 * body.set("file", new File(["hello"], "a.txt", { type: "text/plain" }));
 * const request = new Request("http://localhost/", { method: "POST", body });
 * await run(async () => {
 *   for await (const part of readMultipart(request)) {
 *     assertEquals([part.name, part.filename, part.contentType], ["file", "a.txt", "text/plain"]);
 *     assertEquals(await part.text(), "hello");
 *   }
 * });
 * ```
 */
export class BodyPart implements AsyncIterable<Uint8Array<ArrayBuffer>> {
  /** Its headers. */
  readonly headers: Headers;
  /** The name of the field; null if it has none. */
  readonly name: string | null;
  /** The name of the file as the client sent it, not to be trusted; null for a field. */
  readonly filename: string | null;
  readonly #read: () => Steps<Uint8Array<ArrayBuffer> | null>;

  /** @ignore Parts come from `readMultipart()`. */
  constructor(
    headers: Headers,
    disposition: string,
    read: () => Steps<Uint8Array<ArrayBuffer> | null>,
  ) {
    this.headers = headers;
    const params = paramsOf(disposition);
    this.name = nameOf(params, "name");
    this.filename = nameOf(params, "filename");
    this.#read = read;
  }

  /** Its media type; `text/plain` if it names none. */
  get contentType(): string {
    return (this.headers.get("content-type") ?? "text/plain").split(";", 1)[0]!.trim();
  }

  /**
   * Waits for its next chunk. Counterpart of `read_chunk()`.
   *
   * @returns An awaitable of some bytes, or of null at its end.
   * @throws {HTTPBadRequest} If the body is malformed, or breaks off.
   * @throws {RuntimeError} If the next part was asked for before the end of this one.
   */
  readChunk(): Awaitable<Uint8Array<ArrayBuffer> | null> {
    return new Operation(() => this.#read());
  }

  /**
   * Reads all of it into memory. Counterpart of `read()`.
   *
   * @returns An awaitable of the bytes.
   * @throws {HTTPBadRequest} If the body is malformed, or breaks off.
   * @throws {RuntimeError} If the next part was asked for before the end of this one.
   */
  read(): Awaitable<Uint8Array<ArrayBuffer>> {
    return new Operation(() => this.#readAll());
  }

  *#readAll(): Steps<Uint8Array<ArrayBuffer>> {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    let size = 0;
    for (let chunk = yield* this.#read(); chunk !== null; chunk = yield* this.#read()) {
      chunks.push(chunk);
      size += chunk.length;
    }
    const all = new Uint8Array(size);
    let at = 0;
    for (const chunk of chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    return all;
  }

  /**
   * Reads all of it as text, in the encoding that its `Content-Type` names; else UTF-8.
   *
   * @returns An awaitable of the text.
   * @throws {HTTPBadRequest} If the body is malformed, or breaks off.
   * @throws {HTTPUnsupportedMediaType} If the encoding is unknown.
   * @throws {RuntimeError} If the next part was asked for before the end of this one.
   */
  text(): Awaitable<string> {
    return new Operation(() => this.#text());
  }

  *#text(): Steps<string> {
    const charset = charsetOf(this.headers.get("content-type"));
    const decoder = charset === null ? UTF8 : decoderOf(charset);
    if (decoder === null) throw new HTTPUnsupportedMediaType({ text: "415: Unknown charset" });
    return decoder.decode(yield* this.#readAll());
  }

  /**
   * Reads all of it as JSON.
   *
   * @typeParam T The type of the value; it is not checked.
   * @returns An awaitable of the value.
   * @throws {HTTPBadRequest} If it is not JSON, or the body is malformed, or breaks off.
   * @throws {HTTPUnsupportedMediaType} If its encoding is unknown.
   * @throws {RuntimeError} If the next part was asked for before the end of this one.
   */
  json<T = unknown>(): Awaitable<T> {
    return new Operation(() => this.#json<T>());
  }

  *#json<T>(): Steps<T> {
    const text = yield* this.#text();
    try {
      return JSON.parse(text);
    } catch (error) {
      // A SyntaxError: it throws nothing else.
      return fail("a part is not JSON", error);
    }
  }

  /** Iterates over its chunks. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
    for (let chunk = await this.readChunk(); chunk !== null; chunk = await this.readChunk()) {
      yield chunk;
    }
  }
}

/** A name among the parameters; browsers write `%22` for a quote. */
function nameOf(params: ReadonlyMap<string, string>, name: string): string | null {
  const plain = params.get(name)?.replace(/%22|%0D|%0A/g, (text) => decodeURIComponent(text));
  return params.get(`${name}*`) ?? plain ?? null;
}

/** The parts of one body. */
class MultipartReader {
  readonly #input: Input;
  /** What comes before the boundary, and the boundary. */
  readonly #delimiter: Uint8Array<ArrayBuffer>;
  /** Whether the next chunk belongs to the current part. */
  #inPart = false;
  #started = false;
  #ended = false;
  #current: BodyPart | null = null;
  /** The parts of which something was dropped. */
  readonly #cut = new WeakSet<BodyPart>();

  constructor(request: Request, boundary: string) {
    this.#input = new Input(request);
    this.#delimiter = encoder.encode(`\r\n--${boundary}`);
  }

  /** Goes on to the next part. */
  *next(): Steps<BodyPart | null> {
    if (this.#ended) return null;
    if (!this.#started) yield* this.#skipPreamble();
    this.#leave();
    while ((yield* this.#readChunk()) !== null);
    if (yield* this.#isLast()) {
      this.close();
      return null;
    }
    const { headers, disposition } = yield* this.#readHeaders();
    this.#inPart = true;
    const part: BodyPart = new BodyPart(headers, disposition, () => this.#chunkOf(part));
    this.#current = part;
    return part;
  }

  *#chunkOf(part: BodyPart): Steps<Uint8Array<ArrayBuffer> | null> {
    if (this.#cut.has(part)) {
      throw new RuntimeError(
        "Cannot read part: its unread rest was dropped when the next part was requested",
      );
    }
    return this.#current === part && !this.#ended ? yield* this.#readChunk() : null;
  }

  /** Leaves the current part; if something of it was not read, it is dropped. */
  #leave(): void {
    if (this.#inPart && this.#current !== null) this.#cut.add(this.#current);
  }

  /** The first boundary is at the beginning, or after a preamble, which is ignored. */
  *#skipPreamble(): Steps<void> {
    this.#started = true;
    const { length } = this.#delimiter;
    yield* this.#input.atLeast(length - 2);
    const first = this.#delimiter.subarray(2);
    if (first.every((byte, i) => this.#input.bytes[i] === byte)) {
      this.#input.take(length - 2);
      return;
    }
    this.#inPart = true; // the preamble is skipped as a part would be, up to the first boundary
  }

  /** Whether the boundary was the last one: two dashes follow it, otherwise a line break. */
  *#isLast(): Steps<boolean> {
    yield* this.#input.atLeast(2);
    const [first, second] = this.#input.bytes;
    if (first === 0x2d && second === 0x2d) return true;
    let blanks = 0;
    while (this.#input.bytes[blanks] === 0x20 || this.#input.bytes[blanks] === 0x09) {
      if (++blanks > 64) fail("there is no line break after a boundary");
      yield* this.#input.atLeast(blanks + 2);
    }
    const [cr, lf] = this.#input.take(blanks + 2).subarray(blanks);
    if (cr !== CR || lf !== 10) fail("there is no line break after a boundary");
    return false;
  }

  *#readHeaders(): Steps<PartHead> {
    const head = { headers: new Headers(), disposition: "" };
    for (let size = 0;;) {
      let end = find(this.#input.bytes, LINE_END, 0);
      while (end < 0) {
        if (this.#input.bytes.length > MAX_HEADER_SIZE) fail("the headers of a part are too large");
        yield* this.#input.more();
        end = find(this.#input.bytes, LINE_END, 0);
      }
      size += end + 2;
      if (size > MAX_HEADER_SIZE) fail("the headers of a part are too large");
      const line = String.fromCharCode(...this.#input.take(end + 2).subarray(0, end));
      if (line === "") return head;
      addHeader(head, line);
    }
  }

  /** The next chunk of the current part; null at its end, with the boundary taken. */
  *#readChunk(): Steps<Uint8Array<ArrayBuffer> | null> {
    const input = this.#input;
    while (this.#inPart) {
      const at = find(input.bytes, this.#delimiter, 0);
      if (at > 0) return input.take(at);
      if (at === 0) {
        input.take(this.#delimiter.length);
        this.#inPart = false;
        return null;
      }
      // The last bytes may be the beginning of a boundary.
      const safe = input.bytes.length - this.#delimiter.length + 1;
      if (safe > 0) return input.take(safe);
      yield* input.more();
    }
    return null;
  }

  /** Drops what is left. */
  close(): void {
    this.#leave();
    this.#ended = true;
    this.#input.close();
  }
}

const LINE_END = new Uint8Array([CR, 10]);

/** The headers of a part; its disposition as received, a character for each byte. */
interface PartHead {
  readonly headers: Headers;
  disposition: string;
}

function addHeader(head: PartHead, line: string): void {
  const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):(.*)$/s.exec(line) ?? [];
  if (name === undefined || value === undefined) fail("a header of a part is malformed");
  if (name.toLowerCase() === "content-disposition") head.disposition = value;
  // What a header can't hold is percent-encoded.
  const text = headerText(value).replace(/[^\x20-\x7e\t]+/g, encodeURIComponent);
  head.headers.append(name, text);
}

/**
 * Reads the body of a request as a form, part by part.
 *
 * Counterpart of aiohttp's `await request.multipart()`.
 *
 * @param request The request.
 * @returns The parts, for `for await`; leaving the loop drops the rest.
 * @throws {HTTPUnsupportedMediaType} If the body is not a multipart form.
 * @throws {HTTPBadRequest} If it is malformed, or breaks off.
 * @throws {HTTPRequestEntityTooLarge} If it is larger than the application accepts.
 * @throws {RuntimeError} If it was read already.
 *
 * @example
 * ```ts
 * import { Application, readMultipart } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using app = new Application();
 * app.router.addPost("/upload", async (request) => {
 *   let size = 0;
 *   for await (const part of readMultipart(request)) {
 *     for await (const chunk of part) size += chunk.length;
 *   }
 *   return new Response(`${size} bytes`);
 * }, { clientMaxSize: null });
 *
 * const body = new FormData();
 * body.set("file", new File(["hello"], "hello.txt"));
 * const response = await app.request("/upload", { method: "POST", body });
 * assertEquals(await response.text(), "5 bytes");
 * ```
 *
 * @example Files that go to disk, whatever their size
 * ```ts
 * import { Application, readMultipart } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * const folder = await Deno.makeTempDir();
 * await using app = new Application();
 * app.router.addPost("/upload", async (request) => {
 *   for await (const part of readMultipart(request)) {
 *     if (part.filename === null) continue; // a field; and a name can't be trusted as a path
 *     const file = await Deno.open(`${folder}/${crypto.randomUUID()}`, { createNew: true, write: true });
 *     await ReadableStream.from(part).pipeTo(file.writable); // closes the file, also if it breaks off
 *   }
 *   return new Response("saved", { status: 201 });
 * }, { clientMaxSize: null });
 *
 * const body = new FormData();
 * body.set("file", new File(["x".repeat(100_000)], "x.txt"));
 * const response = await app.request("/upload", { method: "POST", body });
 * assertEquals(await response.text(), "saved");
 * const sizes = Array.from(Deno.readDirSync(folder), ({ name }) => Deno.statSync(`${folder}/${name}`).size);
 * assertEquals(sizes, [100_000]);
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export async function* readMultipart(request: Request): AsyncGenerator<BodyPart, void, void> {
  const type = request.headers.get("content-type") ?? "";
  if (!/^\s*multipart\//i.test(type)) {
    throw new HTTPUnsupportedMediaType({ text: "415: A multipart body was expected" });
  }
  const boundary = paramsOf(type).get("boundary");
  if (boundary === undefined || !/^[ -~]{1,70}$/.test(boundary)) fail("it has no boundary");
  if (request.bodyUsed) throw readAlready();
  if (request.body === null) fail("it ends too early");
  const reader = new MultipartReader(request, boundary);
  try {
    for (;;) {
      const part = await new Operation(() => reader.next());
      if (part === null) return;
      yield part;
    }
  } finally {
    reader.close();
  }
}
