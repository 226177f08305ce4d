/**
 * Files as responses, for {@linkcode FileResponse} and for folders.
 *
 * @module
 */

import { mediaTypeOf } from "./_media_types.ts";
import { addVary, negotiateEncoding } from "./_negotiation.ts";
import { checkPreconditions, isRangeValid } from "./_preconditions.ts";
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
  /** Further headers; they go before those that come with the file. */
  headers?: HeadersInit;
  /**
   * Whether `name.br` and `name.gz` are served in place of `name`, where they are.
   *
   * @default {true}
   */
  precompressed?: boolean;
}

const SUFFIXES = { br: ".br", gzip: ".gz" } as const;
const ENCODINGS = ["br", "gzip"] as const;
/** A file up to this size is read at once, in bytes. */
const SMALL = 65_536;

/** A file that was opened. */
interface OpenFile {
  readonly file: Deno.FsFile;
  readonly size: number;
  readonly modified: Date | null;
  readonly encoding: "br" | "gzip" | null;
}

async function openFile(path: string | URL): Promise<OpenFile> {
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path);
  } catch (error) {
    throw refusal(error);
  }
  try {
    const { isFile, size, mtime } = await file.stat();
    if (!isFile) throw new HTTPNotFound();
    return { file, size, modified: mtime, encoding: null };
  } catch (error) {
    file.close();
    throw error;
  }
}

/** What a client is told of an error in opening a file. */
function refusal(error: unknown): unknown {
  if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
    return new HTTPNotFound();
  }
  if (error instanceof Deno.errors.IsADirectory) return new HTTPNotFound();
  // A name that is too long, for instance, is the name of nothing.
  if (error instanceof Error && /\bENAMETOOLONG\b|os error 36\b/.test(error.message)) {
    return new HTTPNotFound();
  }
  return error instanceof Deno.errors.PermissionDenied ? new HTTPForbidden() : error;
}

/** The compressed file beside a file, if the client takes it and it is there. */
async function openCompressed(
  path: string,
  request: Request,
  isAllowed: (path: string) => Promise<boolean>,
): Promise<OpenFile | null> {
  const encoding = negotiateEncoding(request.headers.get("accept-encoding"), ENCODINGS);
  if (encoding === null) return null;
  const header = request.headers.get("accept-encoding");
  for (const name of [encoding, ...ENCODINGS]) {
    if (negotiateEncoding(header, [name]) === null) continue;
    try {
      if (!await isAllowed(path + SUFFIXES[name])) continue;
      return { ...await openFile(path + SUFFIXES[name]), encoding: name };
    } catch (error) {
      if (!(error instanceof HTTPNotFound || error instanceof HTTPForbidden)) throw error;
    }
  }
  return null;
}

/** Makes the response to a request; a compressed file must be allowed, too. */
export async function prepareFile(
  request: Request,
  path: string | URL,
  options: FileResponseOptions,
  isAllowed: (path: string) => Promise<boolean>,
): Promise<Response> {
  const { precompressed = true } = options;
  const text = path instanceof URL ? decodeURIComponent(path.pathname) : path;
  const compressed = precompressed ? await openCompressed(text, request, isAllowed) : null;
  const opened = compressed ?? await openFile(path);
  try {
    return await respond(request, opened, text, options);
  } catch (error) {
    closeFile(opened.file);
    throw error;
  }
}

async function respond(
  request: Request,
  opened: OpenFile,
  path: string,
  options: FileResponseOptions,
): Promise<Response> {
  const { file, size, modified } = opened;
  const headers = headersOf(opened, path, options);
  const validators = {
    etag: headers.get("etag"),
    lastModifiedMs: modified?.getTime() ?? null,
  };
  const status = checkPreconditions(request, validators);
  if (status === 412) throw new HTTPPreconditionFailed();
  if (status === 304) {
    file.close();
    for (const name of ["content-type", "content-encoding"]) headers.delete(name);
    return new Response(null, { status, headers });
  }
  const asks = request.method === "GET" && isRangeValid(request, validators);
  const range = parseRange(asks ? request.headers.get("range") : null, size);
  if (range === "none") throw new HTTPRequestRangeNotSatisfiable(size, { headers: RANGES });
  if (range === "all") return await send(request, file, { first: 0, last: size - 1 }, 200, headers);
  headers.set("content-range", `bytes ${range.first}-${range.last}/${size}`);
  return await send(request, file, range, 206, headers);
}

function headersOf(
  { size, modified, encoding }: OpenFile,
  path: string,
  options: FileResponseOptions,
): Headers {
  const headers = new Headers(options.headers);
  const set = (name: string, value: string): void => {
    if (!headers.has(name)) headers.set(name, value);
  };
  set("content-type", mediaTypeOf(path));
  set("accept-ranges", "bytes");
  const suffix = encoding === null ? "" : `-${encoding}`;
  const time = modified?.getTime() ?? 0;
  set("etag", `"${time.toString(16)}-${size.toString(16)}${suffix}"`);
  if (modified !== null) set("last-modified", modified.toUTCString());
  if (encoding !== null) headers.set("content-encoding", encoding);
  if (options.precompressed ?? true) addVary(headers, "Accept-Encoding");
  return headers;
}

const RANGES = { "accept-ranges": "bytes" };

async function send(
  request: Request,
  file: Deno.FsFile,
  range: ByteRange,
  status: 200 | 206,
  headers: Headers,
): Promise<Response> {
  const size = range.last - range.first + 1;
  headers.set("content-length", String(size));
  if (request.method === "HEAD") {
    file.close();
    return new Response(null, { status, headers });
  }
  if (range.first > 0) await file.seek(range.first, Deno.SeekMode.Start);
  if (size > SMALL) return new Response(readingStream(file, size), { status, headers });
  const bytes = new Uint8Array(size);
  for (let filled = 0; filled < size;) filled += await readSome(file, bytes.subarray(filled));
  file.close();
  return new Response(bytes, { status, headers });
}

async function readSome(file: Deno.FsFile, bytes: Uint8Array): Promise<number> {
  const count = await file.read(bytes);
  if (count === null) throw new Deno.errors.UnexpectedEof("Cannot send file: it has shrunk");
  return count;
}

/** So many bytes of a file, which is closed at the end or when nobody wants the rest. */
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
