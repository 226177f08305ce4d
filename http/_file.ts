/**
 * Files as responses, for {@linkcode FileResponse} and for static folders.
 *
 * @module
 */

import { dropRestOf } from "./_body_rest.ts";
import { mediaTypeOf } from "./_media_types.ts";
import { acceptedEncodings, addVary } from "./_negotiation.ts";
import { checkPreconditions, isRangeValid, validatorsOf } from "./_preconditions.ts";
import { mayBeHttp2 } from "./_protocol.ts";
import { parseRange } from "./_ranges.ts";
import type { ByteRange } from "./_ranges.ts";
import {
  HTTPForbidden,
  HTTPNotFound,
  HTTPPreconditionFailed,
  HTTPRequestRangeNotSatisfiable,
} from "./exceptions.ts";

/** Options for {@linkcode FileResponse}. */
export interface FileResponseOptions {
  /**
   * The status, such as 404 for an error page. With any other than 200, the whole file is sent,
   * whatever range or precondition the request has.
   *
   * @default {200}
   */
  status?: number;
  /** Further headers; they override those that come with the file. */
  headers?: HeadersInit;
  /**
   * Whether `name.br` and `name.gz` are served in place of `name`, if they exist.
   *
   * @default {true}
   */
  precompressed?: boolean;
}

const SUFFIXES = { br: ".br", gzip: ".gz" } as const;
const ENCODINGS = ["br", "gzip"] as const;
/** The size up to which a file is read at once, in bytes. */
export const SMALL = 65_536;

type Encoding = typeof ENCODINGS[number];

/** Where files are looked for. */
export interface FileFinder {
  /** Opens the file at a path; if that fails, throws the error that the client gets. */
  open(path: string | URL): Promise<FileSource>;
  /** Whether there was no file at a path a moment ago. */
  isMissing(path: string): boolean;
}

type Bytes = Uint8Array<ArrayBuffer>;

/** Where the bytes of a response come from. Its owner calls either `close()` or `body()`. */
export interface FileSource {
  readonly size: number;
  readonly modified: Date | null;
  /** Creates a body of the bytes of `range`; it may go on, if the server cuts off what is more. */
  body(range: ByteRange, isCutOff: boolean): Promise<BodyInit>;
  /** Releases it. */
  close(): void;
}

/** A file that is open. Its body closes it. */
export class OpenFile implements FileSource {
  readonly info: Deno.FileInfo;
  readonly #file: Deno.FsFile;

  private constructor(file: Deno.FsFile, info: Deno.FileInfo) {
    this.#file = file;
    this.info = info;
  }

  /** Opens the file at `path`; if that fails, throws the error that the client gets. */
  static async open(path: string | URL): Promise<OpenFile> {
    let file: Deno.FsFile;
    try {
      file = await Deno.open(path);
    } catch (error) {
      throw refusal(error);
    }
    try {
      const info = await file.stat();
      if (!info.isFile) throw new HTTPNotFound();
      return new OpenFile(file, info);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  get size(): number {
    return this.info.size;
  }

  get modified(): Date | null {
    return this.info.mtime;
  }

  async body({ first, last }: ByteRange, isCutOff: boolean): Promise<BodyInit> {
    const size = last - first + 1;
    if (first > 0) await this.#file.seek(first, Deno.SeekMode.Start);
    if (size > SMALL) {
      // The file's own stream is sent without JavaScript, at twice the rate; but it goes on to the
      // end of the file, wherever that is by then.
      const isToEnd = isCutOff && last === this.size - 1;
      return isToEnd ? this.#file.readable : readingStream(this.#file, size);
    }
    const bytes = new Uint8Array(size);
    for (let filled = 0; filled < size;) {
      filled += await readSome(this.#file, bytes.subarray(filled));
    }
    this.close();
    return bytes;
  }

  close(): void {
    closeFile(this.#file);
  }
}

/** Looks at the disk, each time. */
export const DISK: FileFinder = { open: OpenFile.open, isMissing: () => false };

/** A file whose bytes are in memory. */
export class FileInMemory implements FileSource {
  readonly modified: Date | null;
  readonly #bytes: Bytes;

  constructor({ mtime }: Deno.FileInfo, bytes: Bytes) {
    this.modified = mtime;
    this.#bytes = bytes;
  }

  get size(): number {
    return this.#bytes.byteLength;
  }

  body({ first, last }: ByteRange): Promise<BodyInit> {
    return Promise.resolve(this.#bytes.subarray(first, last + 1));
  }

  close(): void {}
}

/** The error that a client gets for an error in finding or opening a file. */
export function refusal(error: unknown): unknown {
  const { errors } = Deno;
  if (error instanceof errors.PermissionDenied) return new HTTPForbidden();
  const isNothing = error instanceof errors.NotFound || error instanceof errors.NotADirectory ||
    error instanceof errors.IsADirectory || error instanceof errors.FilesystemLoop ||
    // A name that is too long can't be that of a file, either.
    (error instanceof Error && /\bENAMETOOLONG\b|os error 36\b/.test(error.message));
  return isNothing ? new HTTPNotFound() : error;
}

/** The compressed file beside a file, if the client accepts it and it exists. */
async function openCompressed(
  path: string,
  request: Request,
  files: FileFinder,
): Promise<{ source: FileSource; encoding: Encoding } | null> {
  for (const encoding of acceptedEncodings(request.headers.get("accept-encoding"), ENCODINGS)) {
    const compressed = path + SUFFIXES[encoding];
    if (files.isMissing(compressed)) continue;
    try {
      return { source: await files.open(compressed), encoding };
    } catch (error) {
      // It counts as missing for a program that has the permission for the file alone.
      const isNotOurs = error instanceof HTTPForbidden || error instanceof Deno.errors.NotCapable;
      if (!(error instanceof HTTPNotFound || isNotOurs)) throw error;
    }
  }
  return null;
}

/** Creates the response to a request from what `files` finds. */
export async function prepareFile(
  request: Request,
  path: string | URL,
  options: FileResponseOptions,
  files: FileFinder,
): Promise<Response> {
  const { precompressed = true } = options;
  const text = path instanceof URL ? decodeURIComponent(path.pathname) : path;
  const compressed = precompressed ? await openCompressed(text, request, files) : null;
  const source = compressed?.source ?? await files.open(path);
  try {
    const headers = headersOf(source, text, compressed, options);
    const { status = 200 } = options;
    if (status === 200) return await respond(request, source, headers);
    return await send(request, source, { first: 0, last: source.size - 1 }, headers, status);
  } catch (error) {
    source.close();
    throw error;
  }
}

async function respond(request: Request, source: FileSource, headers: Headers): Promise<Response> {
  const { size } = source;
  const validators = validatorsOf(headers);
  const status = checkPreconditions(request, validators);
  if (status === 412) throw new HTTPPreconditionFailed();
  if (status === 304) {
    source.close();
    for (const name of ["content-type", "content-encoding"]) headers.delete(name);
    return new Response(null, { status, headers });
  }
  const asks = request.method === "GET" && isRangeValid(request, validators);
  const range = parseRange(asks ? request.headers.get("range") : null, size);
  if (range === "none") throw new HTTPRequestRangeNotSatisfiable(size, { headers: RANGES });
  if (range === "all") return await send(request, source, { first: 0, last: size - 1 }, headers);
  headers.set("content-range", `bytes ${range.first}-${range.last}/${size}`);
  return await send(request, source, range, headers, 206);
}

function headersOf(
  { size, modified }: FileSource,
  path: string,
  compressed: { encoding: Encoding } | null,
  options: FileResponseOptions,
): Headers {
  const headers = new Headers(options.headers);
  const set = (name: string, value: string): void => {
    if (!headers.has(name)) headers.set(name, value);
  };
  set("content-type", mediaTypeOf(path));
  set("accept-ranges", "bytes");
  const time = modified?.getTime() ?? 0;
  set("etag", `"${time.toString(16)}-${size.toString(16)}"`);
  if (modified !== null) set("last-modified", modified.toUTCString());
  if (compressed !== null) {
    const { encoding } = compressed;
    headers.set("content-encoding", encoding);
    headers.set("etag", headers.get("etag")!.replace(/"$/, `-${encoding}"`));
  }
  if (options.precompressed ?? true) addVary(headers, "Accept-Encoding");
  return headers;
}

const RANGES = { "accept-ranges": "bytes" };

async function send(
  request: Request,
  source: FileSource,
  range: ByteRange,
  headers: Headers,
  status = 200,
): Promise<Response> {
  headers.set("content-length", String(range.last - range.first + 1));
  if (request.method !== "HEAD") {
    // With HTTP/1, no more is sent than `Content-Length` says.
    const body = await source.body(range, !mayBeHttp2(request));
    if (body instanceof ReadableStream) dropRestOf({ body }); // a middleware may drop the response
    return new Response(body, { status, headers });
  }
  source.close();
  return new Response(null, { status, headers });
}

async function readSome(file: Deno.FsFile, bytes: Uint8Array): Promise<number> {
  const count = await file.read(bytes);
  if (count === null) throw new Deno.errors.UnexpectedEof("Cannot send file: it has shrunk");
  return count;
}

/** A stream of `size` bytes of a file, which is closed at the end or on cancellation. */
function readingStream(file: Deno.FsFile, size: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  let left = size;
  return new ReadableStream({
    async pull(controller): Promise<void> {
      const bytes = new Uint8Array(Math.min(left, SMALL));
      try {
        const count = await readSome(file, bytes);
        left -= count;
        controller.enqueue(bytes.subarray(0, count));
        if (left > 0) return;
        controller.close();
        file.close();
      } catch (error) {
        closeFile(file);
        throw error;
      }
    },
    cancel(): void {
      closeFile(file);
    },
  }, { highWaterMark: 0 });
}

/** Closes a file that may be closed already. */
function closeFile(file: Deno.FsFile): void {
  try {
    file.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
