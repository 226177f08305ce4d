/**
 * Bodies of requests that break off, or are not what they should be: the client's fault.
 *
 * @module
 */

import { HTTPBadRequest } from "./exceptions.ts";

/** What the platform throws in such a case; some of it also in others. */
const BROKEN = [
  TypeError,
  Deno.errors.BadResource,
  Deno.errors.ConnectionReset,
  Deno.errors.Http,
  Deno.errors.Interrupted,
  Deno.errors.UnexpectedEof,
];

/** How the platform says, by an error of no class, that chunks are malformed. */
const MALFORMED = /^invalid HTTP/;

/** How it says that a body broke off, or that. */
const SAYS_SO = /^Cannot read (?:request )?body as underlying |^invalid HTTP/;

/**
 * Whether an error that comes from anywhere can only be that of a body which the platform reads: such as
 * that of a request of one's own, which has passed it on.
 */
export function isOfBrokenBody(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  return SAYS_SO.test(error.message) || isMalformed(error.cause) ||
    (error.cause instanceof Error && SAYS_SO.test(error.cause.message));
}

/** What to throw for what the platform has thrown while it read a body. */
export function readingError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  return isBroken(error) ? malformed(error) : error;
}

/** Whether an error is what a reader of a broken body was told. */
export function isMalformed(error: unknown): boolean {
  return error instanceof HTTPBadRequest && error.cause instanceof Error && isBroken(error.cause);
}

function isBroken(error: Error): boolean {
  return MALFORMED.test(error.message) || BROKEN.some((type) => error instanceof type);
}

/** The answer to a body that is not what it should be, because of `cause`. */
export function malformed(cause: Error): HTTPBadRequest {
  const error = new HTTPBadRequest({ text: "400: Malformed request body" });
  error.cause = cause;
  return error;
}
