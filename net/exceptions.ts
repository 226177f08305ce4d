/**
 * The errors of streams, transports and processes.
 *
 * Counterpart of the second half of Python's `asyncio.exceptions`. Errors of the operating system
 * are thrown as `Deno.errors`, with their text.
 *
 * @module
 */

import { RuntimeError } from "../loop/mod.ts";

/**
 * Thrown when a stream ends before all the requested bytes have arrived.
 *
 * Counterpart of Python's `asyncio.IncompleteReadError`.
 *
 * @example
 * ```ts
 * import { IncompleteReadError } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new IncompleteReadError(new Uint8Array(3), 10);
 * assertEquals(error.message, "Cannot read on: 3 bytes read on a total of 10 expected bytes");
 * ```
 */
export class IncompleteReadError extends Error {
  /** Always `"IncompleteReadError"`. */
  override name = "IncompleteReadError";
  /** The bytes that had arrived before the end. */
  readonly partial: Uint8Array<ArrayBuffer>;
  /** How many bytes were requested; null if it was all up to a separator. */
  readonly expected: number | null;

  /**
   * Creates the error.
   *
   * @param partial The bytes that had arrived.
   * @param expected How many bytes were requested, or null.
   */
  constructor(partial: Uint8Array<ArrayBuffer>, expected: number | null) {
    const total = expected ?? "undefined";
    super(`Cannot read on: ${partial.length} bytes read on a total of ${total} expected bytes`);
    this.partial = partial;
    this.expected = expected;
  }
}

/**
 * Thrown when a separator is not found within the limit of a stream.
 *
 * Counterpart of Python's `asyncio.LimitOverrunError`.
 */
export class LimitOverrunError extends Error {
  /** Always `"LimitOverrunError"`. */
  override name = "LimitOverrunError";
  /** How many bytes at the start of the buffer are known not to belong to a separator. */
  readonly consumed: number;

  /**
   * Creates the error.
   *
   * @param message What went wrong.
   * @param consumed How many bytes are known not to belong to a separator.
   */
  constructor(message: string, consumed: number) {
    super(message);
    this.consumed = consumed;
  }
}

/**
 * Thrown when a signal is sent to a process that has ended.
 *
 * Counterpart of Python's `ProcessLookupError`.
 */
export class ProcessLookupError extends Error {
  /** Always `"ProcessLookupError"`. */
  override name = "ProcessLookupError";
}

/**
 * Thrown by `sendfile()` if it may not copy the file, since Deno has no other way to send it.
 *
 * Counterpart of Python's `asyncio.SendfileNotAvailableError`.
 */
export class SendfileNotAvailableError extends RuntimeError {
  /** Always `"SendfileNotAvailableError"`. */
  override name = "SendfileNotAvailableError";
}
