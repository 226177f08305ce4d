/**
 * Forms with files that are sent as they are read.
 *
 * Counterpart of Python's `aiohttp.MultipartWriter` and `aiohttp.FormData`. The platform's own
 * `FormData` can be sent, too; it holds its files in memory.
 *
 * @module
 */

import { bytesOf, isChunks } from "./_client_streams.ts";
import type { Chunks } from "./_client_streams.ts";

/** What a field of a form holds. */
export type PartValue = string | Uint8Array | Blob | Chunks | (() => Chunks);

/** Options for {@linkcode MultipartWriter.append}. */
export interface PartOptions {
  /** The name of the file; a field that has none is no file. A `File` brings its own. */
  filename?: string;
  /** The type of the value. A `Blob` brings its own. */
  contentType?: string;
}

interface Part {
  readonly head: Uint8Array<ArrayBuffer>;
  readonly value: PartValue;
}

/**
 * A form, as `multipart/form-data`, written while it is sent.
 *
 * Counterpart of Python's `aiohttp.MultipartWriter("form-data")`.
 *
 * @example
 * ```ts
 * import { run } from "@aio/asyncio";
 * import { ClientSession, MultipartWriter } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using site = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
 *   const form = await request.formData();
 *   return new Response(await (form.get("log") as File).text());
 * });
 * async function* lines() {
 *   yield "first\n";
 *   yield "second\n";
 * }
 * await run(async () => {
 *   await using session = new ClientSession();
 *   const data = new MultipartWriter();
 *   data.append("log", lines, { filename: "log.txt" });
 *   await using response = await session.post(`http://127.0.0.1:${site.addr.port}/`, { data });
 *   assertEquals(await response.text(), "first\nsecond\n");
 * });
 * ```
 */
export class MultipartWriter {
  /** What stands between the fields. */
  readonly boundary: string;
  readonly #parts: Part[] = [];

  /**
   * Creates an empty form.
   *
   * @param boundary What stands between the fields; it must not occur in them. By default 32
   * characters of chance.
   * @throws {RangeError} If it is no boundary.
   */
  constructor(boundary: string = crypto.randomUUID().replaceAll("-", "")) {
    if (!/^[\w'()+,./:=?-]{1,70}$/.test(boundary)) {
      throw new RangeError(
        `Cannot create form: ${JSON.stringify(boundary)} is not a valid boundary`,
      );
    }
    this.boundary = boundary;
  }

  /** The `Content-Type` of the whole. */
  get contentType(): string {
    const { boundary } = this;
    return `multipart/form-data; boundary=${
      /^[\w.+-]+$/.test(boundary) ? boundary : `"${boundary}"`
    }`;
  }

  /** Whether it can be sent again: no part of it is a stream or an async iterable. */
  get replayable(): boolean {
    return this.#parts.every(({ value }) => typeof value !== "object" || !isChunks(value));
  }

  /**
   * Adds a field.
   *
   * @param name Its name.
   * @param value Its value; a stream or an async iterable can be sent once, a function that returns
   * one as often as needed.
   * @param options The name and the type of the file.
   */
  append(name: string, value: PartValue, options: PartOptions = {}): void {
    const filename = options.filename ?? (value instanceof File ? value.name : undefined);
    const type = options.contentType ??
      (value instanceof Blob && value.type !== "" ? value.type : undefined);
    let head = `--${this.boundary}\r\nContent-Disposition: form-data; name="${escaped(name)}"`;
    if (filename !== undefined) head += `; filename="${escaped(filename)}"`;
    const shown = type ?? (filename === undefined ? undefined : "application/octet-stream");
    if (shown !== undefined) head += `\r\nContent-Type: ${checked(shown)}`;
    this.#parts.push({ head: bytesOf(`${head}\r\n\r\n`), value });
  }

  /**
   * Returns the form as it is sent.
   *
   * @returns Its pieces.
   */
  async *chunks(): AsyncGenerator<Uint8Array, void, void> {
    for (const { head, value } of this.#parts) {
      yield head;
      yield* piecesOf(value);
      yield bytesOf("\r\n");
    }
    yield bytesOf(`--${this.boundary}--\r\n`);
  }
}

async function* piecesOf(value: PartValue): AsyncGenerator<Uint8Array, void, void> {
  if (typeof value === "string" || value instanceof Uint8Array) return yield bytesOf(value);
  const chunks = value instanceof Blob ? value.stream() : value;
  const started = typeof chunks === "function" ? chunks() : chunks;
  for await (const chunk of started as AsyncIterable<unknown>) yield bytesOf(chunk);
}

/** As browsers write names: a quote or the end of a line would end them. */
function escaped(name: string): string {
  return name.replace(/\r\n|\r|\n/g, "%0D%0A").replaceAll('"', "%22");
}

function checked(type: string): string {
  if (!/[\r\n]/.test(type)) return type;
  throw new RangeError("Cannot add field: its content type has more than one line");
}
