/**
 * Waiting for the body of a request.
 *
 * @module
 */

import { wrapFuture } from "../loop/mod.ts";
import type { Steps } from "../loop/coroutines.ts";
import { HTTPBadRequest } from "./exceptions.ts";

/** What the platform throws where a body is not what it should be, or breaks off. */
const BROKEN = [
  TypeError,
  Deno.errors.BadResource,
  Deno.errors.ConnectionReset,
  Deno.errors.Http,
  Deno.errors.Interrupted,
  Deno.errors.UnexpectedEof,
];

/** Waits for a promise that the platform makes of a body; a cancellation ends that at once. */
export function* reading<T>(promise: Promise<T>): Steps<T> {
  try {
    return yield* wrapFuture(promise);
  } catch (error) {
    throw readingError(error);
  }
}

/** What to throw for what the platform has thrown. */
export function readingError(error: unknown): unknown {
  const isBroken = error instanceof Error && BROKEN.some((type) => error instanceof type);
  return isBroken ? malformed(error) : error;
}

/** The answer to a body that is not what it should be, because of `cause`. */
export function malformed(cause: Error): HTTPBadRequest {
  const error = new HTTPBadRequest({ text: "400: Malformed request body" });
  error.cause = cause;
  return error;
}
