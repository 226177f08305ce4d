/**
 * The errors of streams, transports and processes.
 *
 * Counterpart of the second half of Python's `asyncio.exceptions`. What the system refuses comes as
 * one of `Deno.errors`, with its text.
 *
 * @module
 */

import { RuntimeError } from "../loop/mod.ts";

/**
 * Thrown when a stream ended before what was asked for had arrived.
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
  /** What had arrived until the end. */
  readonly partial: Uint8Array<ArrayBuffer>;
  /** How many bytes were asked for; null if it was all up to a separator. */
  readonly expected: number | null;

  /**
   * Creates the error.
   *
   * @param partial What had arrived.
   * @param expected How many bytes were asked for, or null.
   */
  constructor(partial: Uint8Array<ArrayBuffer>, expected: number | null) {
    const total = expected ?? "undefined";
    super(`Cannot read on: ${partial.length} bytes read on a total of ${total} expected bytes`);
    this.partial = partial;
    this.expected = expected;
  }
}

/**
 * Thrown when a separator did not come within the limit of a stream's buffer.
 *
 * Counterpart of Python's `asyncio.LimitOverrunError`.
 */
export class LimitOverrunError extends Error {
  /** Always `"LimitOverrunError"`. */
  override name = "LimitOverrunError";
  /** How many bytes in the buffer are known not to belong to a separator. */
  readonly consumed: number;

  /**
   * Creates the error.
   *
   * @param message What went wrong.
   * @param consumed How many bytes were looked through.
   */
  constructor(message: string, consumed: number) {
    super(message);
    this.consumed = consumed;
  }
}

/**
 * Thrown when a process that has ended is sent a signal.
 *
 * Counterpart of Python's `ProcessLookupError`.
 */
export class ProcessLookupError extends Error {
  /** Always `"ProcessLookupError"`. */
  override name = "ProcessLookupError";
}

/**
 * Thrown by `sendfile()` if it may not copy, as the runtime knows no other way.
 *
 * Counterpart of Python's `asyncio.SendfileNotAvailableError`.
 */
export class SendfileNotAvailableError extends RuntimeError {
  /** Always `"SendfileNotAvailableError"`. */
  override name = "SendfileNotAvailableError";
}
