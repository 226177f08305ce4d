/**
 * Pipes as channels: web streams, and objects that can be read and written directly.
 *
 * @module
 */

import type { Channel } from "./_channel.ts";

/** An object to read from directly, such as `Deno.stdin` or a file. */
export interface DirectReader {
  /**
   * Reads some bytes.
   *
   * @param buffer Where to put them.
   * @returns How many were read; null at the end.
   */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Closes it. */
  close(): void;
}

/** An object to write to directly, such as `Deno.stdout` or a file. */
export interface DirectWriter {
  /**
   * Writes some bytes.
   *
   * @param data The bytes.
   * @returns How many of them were written.
   */
  write(data: Uint8Array): Promise<number>;
  /** Closes it. */
  close(): void;
}

/** The most to give a stream at once, in bytes: what it has begun to send can't be dropped. */
const MAX_PART = 64 * 1024;

const never = (): Promise<never> => new Promise(() => {});

/** Returns the channel of a pipe to read from. */
export function readChannel(source: ReadableStream<Uint8Array> | DirectReader): Channel {
  if (source instanceof ReadableStream) return new ReadPipe(source);
  return {
    read: (buffer) => source.read(buffer),
    write: never,
    close: () => source.close(),
  };
}

/** Returns the channel of a pipe to write to. */
export function writeChannel(sink: WritableStream<Uint8Array> | DirectWriter): Channel {
  if (sink instanceof WritableStream) return new WritePipe(sink);
  return {
    read: never,
    write: (data) => sink.write(data),
    close: () => sink.close(),
  };
}

class ReadPipe implements Channel {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  /** What is left of the last chunk. */
  #rest: Uint8Array | null = null;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    for (;;) {
      const chunk = this.#rest ?? (await this.#reader.read()).value;
      if (chunk === undefined) return null;
      const count = Math.min(chunk.byteLength, buffer.byteLength);
      buffer.set(chunk.subarray(0, count));
      this.#rest = count < chunk.byteLength ? chunk.subarray(count) : null;
      if (count > 0) return count; // an empty chunk is skipped
    }
  }

  write(): Promise<never> {
    return never();
  }

  close(): void {
    this.#reader.cancel().catch(() => {}); // it has ended, or failed, as read() has reported
  }
}

class WritePipe implements Channel {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;

  constructor(stream: WritableStream<Uint8Array>) {
    this.#writer = stream.getWriter();
    this.#writer.closed.catch(() => {}); // read() reports it
  }

  /** Never reads anything; fails when the pipe does. */
  async read(): Promise<number | null> {
    await this.#writer.closed;
    return await never();
  }

  /** Writes a copy: the sink may keep what it gets, and `data` is only lent. */
  async write(data: Uint8Array): Promise<number> {
    const part = data.slice(0, MAX_PART);
    await this.#writer.write(part);
    return part.byteLength;
  }

  close(isOrderly = false): void {
    const reason = new Deno.errors.BrokenPipe("Cannot read on: the transport was aborted");
    const ending = isOrderly ? this.#writer.close() : this.#writer.abort(reason);
    ending.catch(() => {}); // it is closed, or has failed, as write() has reported
  }
}
