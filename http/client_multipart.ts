/**
 * Forms with files that are sent as they are read.
 *
 * Counterpart of Python's `aiohttp.MultipartWriter` and `aiohttp.FormData`. The web platform's own
 * `FormData` can be sent, too, but it holds its files in memory.
 *
 * @module
 */

import { bytesOf, isChunks } from "./_client_streams.ts";
import type { Chunks } from "./_client_streams.ts";

/** The value of a form's field. */
export type PartValue = string | Uint8Array | Blob | Chunks | (() => Chunks);

/** Options for {@linkcode MultipartWriter.append}. */
export interface PartOptions {
  /** The name of the file; a field without one is not a file. A `File` has its own. */
  filename?: string;
  /** The content type of the value. A `Blob` has its own. */
  contentType?: string;
}

interface Part {
  readonly head: Uint8Array<ArrayBuffer>;
  readonly value: PartValue;
}

/**
 * A `multipart/form-data` form, encoded while it is sent.
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
  /** The boundary between the fields. */
  readonly boundary: string;
  readonly #parts: Part[] = [];

  /**
   * Creates an empty form.
   *
   * @param boundary The boundary between the fields; it must not occur in them. By default 32
   * random characters.
   * @throws {RangeError} If the boundary is malformed.
   */
  constructor(boundary: string = crypto.randomUUID().replaceAll("-", "")) {
    if (!/^[\w'()+,./:=?-]{1,70}$/.test(boundary)) {
      throw new RangeError(
        `Cannot create form: ${JSON.stringify(boundary)} is not a valid boundary`,
      );
    }
    this.boundary = boundary;
  }

  /** The `Content-Type` of the form. */
  get contentType(): string {
    const { boundary } = this;
    return `multipart/form-data; boundary=${
      /^[\w.+-]+$/.test(boundary) ? boundary : `"${boundary}"`
    }`;
  }

  /** Whether the form can be sent again: none of its fields is a stream or an async iterable. */
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
   * @throws {RangeError} If the content type has more than one line.
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
   * Encodes the form as it is sent.
   *
   * @returns The chunks.
   */
  async *chunks(): AsyncGenerator<Uint8Array, void, void> {
    for (const { head, value } of this.#parts) {
      yield head;
      yield* chunksOf(value);
      yield bytesOf("\r\n");
    }
    yield bytesOf(`--${this.boundary}--\r\n`);
  }
}

async function* chunksOf(value: PartValue): AsyncGenerator<Uint8Array, void, void> {
  if (typeof value === "string" || value instanceof Uint8Array) return yield bytesOf(value);
  const chunks = value instanceof Blob ? value.stream() : value;
  const started = typeof chunks === "function" ? chunks() : chunks;
  for await (const chunk of started as AsyncIterable<unknown>) yield bytesOf(chunk);
}

/** Escapes a name as browsers do: a quote or a line break would end it. */
function escaped(name: string): string {
  return name.replace(/\r\n|\r|\n/g, "%0D%0A").replaceAll('"', "%22");
}

function checked(type: string): string {
  if (!/[\r\n]/.test(type)) return type;
  throw new RangeError("Cannot add field: its content type has more than one line");
}
