/**
 * Bodies of requests that break off or are malformed, which is the client's fault.
 *
 * @module
 */

import { HTTPBadRequest } from "./exceptions.ts";

/** The errors that Deno throws for them; some of them also in other cases. */
const BROKEN = [
  TypeError,
  Deno.errors.BadResource,
  Deno.errors.ConnectionReset,
  Deno.errors.Http,
  Deno.errors.Interrupted,
  Deno.errors.UnexpectedEof,
];

/** The message for malformed chunks, which has no error class of its own. */
const MALFORMED = /^invalid HTTP/;

/** The messages for a body that broke off, or is malformed. */
const SAYS_SO = /^Cannot read (?:request )?body as underlying |^invalid HTTP/;

/**
 * Whether an error, wherever it comes from, can only be that of a broken body: for instance the
 * error of an outgoing request to which the handler has passed the body on.
 */
export function isOfBrokenBody(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  return SAYS_SO.test(error.message) || isMalformed(error.cause) ||
    (error.cause instanceof Error && SAYS_SO.test(error.cause.message));
}

/** Converts the error that reading a body has failed with. */
export function readingError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  return isBroken(error) ? malformed(error) : error;
}

/** Whether an error is the one that the reader of a broken body gets. */
export function isMalformed(error: unknown): boolean {
  return error instanceof HTTPBadRequest && error.cause instanceof Error && isBroken(error.cause);
}

function isBroken(error: Error): boolean {
  return MALFORMED.test(error.message) || BROKEN.some((type) => error instanceof type);
}

/** The response to a body that is malformed because of `cause`. */
export function malformed(cause: Error): HTTPBadRequest {
  const error = new HTTPBadRequest({ text: "400: Malformed request body" });
  error.cause = cause;
  return error;
}
