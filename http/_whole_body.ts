/**
 * Reading all of a body at once, if it is available already.
 *
 * A `Response` does not tell how long a body is that was given as text, or that it is not a stream;
 * the only way is to read it. Nothing is waited for, so a stream begins as early as it would
 * otherwise.
 *
 * @module
 */

import { concat } from "../net/bytes.ts";

type Bytes = Uint8Array<ArrayBuffer>;
type Body = ReadableStream<Bytes>;
type Read = Promise<ReadableStreamReadResult<Bytes>>;

const LATER = Symbol("later");

/**
 * All of a body, if it can be read without waiting; otherwise another stream of the same content.
 * In a stream whose chunks are all available, it reads no further than to the chunk after the first
 * `size` bytes.
 *
 * @throws What the body fails with, unless it is known by then that a part of it comes later.
 */
export async function wholeIfThere(body: Body, size: number): Promise<Bytes | Body> {
  const reader = body.getReader();
  const chunks: Bytes[] = [];
  let length = 0;
  for (;;) {
    const read = reader.read();
    const result = await Promise.race([read, later()]);
    if (result === LATER) return goOn(chunks, read, reader);
    if (result.done) return concat(chunks);
    chunks.push(result.value);
    if (length >= size) return goOn(chunks, null, reader);
    length += result.value.length;
  }
}

/** Resolves a few microtasks later than a read of what is available. */
async function later(): Promise<typeof LATER> {
  for (let i = 0; i < 4; i++) await null;
  return LATER;
}

/** The whole body again: the chunks that were read, the pending read, if any, and the rest. */
function goOn(
  chunks: Bytes[],
  read: Read | null,
  reader: ReadableStreamDefaultReader<Bytes>,
): Body {
  let next = read;
  return new ReadableStream({
    start(controller): void {
      for (const chunk of chunks) controller.enqueue(chunk);
    },
    async pull(controller): Promise<void> {
      const { value, done } = await (next ?? reader.read());
      next = null;
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}
