/**
 * Streams of bytes, from other streams and from async iterables.
 *
 * @module
 */

import { getRunningLoop } from "../loop/mod.ts";
import type { Task } from "../loop/mod.ts";

/** The chunks of a body, as they become available. */
export type Chunks =
  | ReadableStream<Uint8Array | string>
  | AsyncIterable<Uint8Array | string>;

/** Whether `value` is a stream or an async iterable of chunks. */
export function isChunks(value: object): value is Chunks {
  return Symbol.asyncIterator in value;
}

const encoder = new TextEncoder();

/** Returns a chunk as bytes. */
export function bytesOf(chunk: unknown): Uint8Array<ArrayBuffer> {
  if (typeof chunk === "string") return encoder.encode(chunk);
  if (chunk instanceof Uint8Array) return chunk as Uint8Array<ArrayBuffer>;
  throw new TypeError(`Cannot send: a chunk of a body must be a string or bytes, not ${chunk}`);
}

/** Options for {@linkcode streamOf}. */
export interface StreamOptions {
  /** Called with the size of each chunk that is handed over, in bytes. */
  readonly onChunk: (size: number) => void;
  /** Called with what the source throws. */
  readonly onError?: (error: unknown) => void;
  /** Stops the source when it aborts. */
  readonly signal: AbortSignal;
}

type Step = ReadableStreamReadResult<Uint8Array | string>;

/** Gives chunks one by one. */
interface Source {
  next(): PromiseLike<Step>;
  /** Stops it, wherever it is. */
  stop(): Promise<void>;
}

function sourceOf(chunks: Chunks): Source {
  if (chunks instanceof ReadableStream) {
    const reader = chunks.getReader();
    return { next: () => reader.read(), stop: () => reader.cancel() };
  }
  const iterator = chunks[Symbol.asyncIterator]();
  const loop = getRunningLoop();
  let step: Task<Step> | null = null;
  const advance = async (): Promise<Step> => {
    const { done, value } = await iterator.next();
    if (done) return { done };
    // The source may reuse the same bytes for its next chunk, before this one was sent.
    return { done: false, value: value instanceof Uint8Array ? new Uint8Array(value) : value };
  };
  return {
    // As a task, it can be stopped while it waits, too.
    next: () => step = loop.createTask(advance),
    async stop(): Promise<void> {
      step?.cancel();
      await iterator.return?.();
    },
  };
}

/** Returns a stream of bytes. Its source is stopped when the rest is not wanted. */
export function streamOf(
  chunks: Chunks,
  options: StreamOptions,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const { onChunk, onError, signal } = options;
  const source = sourceOf(chunks);
  let ended = false;
  const stop = async (): Promise<void> => {
    signal.removeEventListener("abort", stopQuietly);
    if (ended) return;
    ended = true;
    await source.stop();
  };
  // Nothing waits for the end of the source, and the failure of the request is already reported.
  const stopQuietly = (): void => void stop().catch(() => {});
  signal.addEventListener("abort", stopQuietly);
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller): Promise<void> {
      try {
        const bytes = await nextBytes(source);
        if (bytes !== null) {
          onChunk(bytes.length);
          return controller.enqueue(bytes);
        }
      } catch (error) {
        if (!ended) onError?.(error); // the stream's reader gets it, too
        throw error;
      }
      ended = true;
      await stop();
      controller.close();
    },
    cancel: stop,
  }, { highWaterMark: 0 });
}

/** Returns the next chunk that is not empty, as bytes; null at the end. */
async function nextBytes(source: Source): Promise<Uint8Array<ArrayBuffer> | null> {
  for (;;) {
    const { done, value } = await source.next();
    if (done) return null;
    const bytes = bytesOf(value);
    if (bytes.length > 0) return bytes;
  }
}
