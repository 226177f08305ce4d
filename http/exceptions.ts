/**
 * Responses that are thrown.
 *
 * Counterpart of Python's `aiohttp.web_exceptions`.
 *
 * @module
 */

/** Options for {@linkcode HTTPException}. */
export interface HTTPExceptionOptions {
  /** The body; by default the status and its reason, as in `404: Not Found`. */
  text?: string;
  /** Further headers. */
  headers?: HeadersInit;
}

/**
 * An error that is a response: thrown by a handler, it is what the client gets.
 *
 * Counterpart of Python's `aiohttp.web.HTTPException`.
 *
 * @example
 * ```ts
 * import { HTTPNotFound } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * const response = new HTTPNotFound().toResponse();
 * assertEquals(response.status, 404);
 * assertEquals(await response.text(), "404: Not Found");
 * ```
 */
export class HTTPException extends Error {
  /** The status code. */
  readonly status: number;
  /** The reason phrase. */
  readonly reason: string;
  readonly #headers: Headers;

  /**
   * Creates the error.
   *
   * @param status The status code, from 200 to 599.
   * @param reason The reason phrase.
   * @param options Its body and its headers.
   */
  constructor(status: number, reason: string, options: HTTPExceptionOptions = {}) {
    super(options.text ?? `${status}: ${reason}`);
    this.name = new.target.name;
    this.status = status;
    this.reason = reason;
    this.#headers = new Headers(options.headers);
  }

  /**
   * Returns the response that the error stands for.
   *
   * @returns A new response, with the message as its body.
   */
  toResponse(): Response {
    return new Response(this.message, {
      status: this.status,
      statusText: this.reason,
      headers: this.#headers,
    });
  }
}

/** 404: nothing is there. */
export class HTTPNotFound extends HTTPException {
  /**
   * Creates the error.
   *
   * @param options Its body and its headers.
   */
  constructor(options: HTTPExceptionOptions = {}) {
    super(404, "Not Found", options);
  }
}

/** 405: something is there, but not for this method. */
export class HTTPMethodNotAllowed extends HTTPException {
  /**
   * Creates the error.
   *
   * @param allowed The methods that are allowed, for the `Allow` header.
   * @param options Its body and its headers.
   */
  constructor(allowed: Iterable<string>, options: HTTPExceptionOptions = {}) {
    const headers = new Headers(options.headers);
    headers.set("allow", [...allowed].sort().join(","));
    super(405, "Method Not Allowed", { ...options, headers });
  }
}

/** 500: the server failed. */
export class HTTPInternalServerError extends HTTPException {
  /**
   * Creates the error.
   *
   * @param options Its body and its headers.
   */
  constructor(options: HTTPExceptionOptions = {}) {
    super(500, "Internal Server Error", options);
  }
}

/** 503: the server can't serve this now. */
export class HTTPServiceUnavailable extends HTTPException {
  /**
   * Creates the error.
   *
   * @param options Its body and its headers.
   */
  constructor(options: HTTPExceptionOptions = {}) {
    super(503, "Service Unavailable", options);
  }
}
