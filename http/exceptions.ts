/**
 * Responses that can be thrown.
 *
 * Counterpart of Python's `aiohttp.web_exceptions`, under the same names. The body is by default the
 * status and its reason, as in `404: Not Found`; where HTTP allows no body there is none.
 *
 * @module
 */

import { isEmptyStatus, REASONS } from "./_status.ts";

/** The characters that RFC 9112 allows in a reason phrase. */
const REASON = /^[\t -~\x80-\xff]*$/;

/** Options for {@linkcode HTTPException}. */
export interface HTTPExceptionOptions {
  /** The body; by default the status and its reason, as in `404: Not Found`. */
  text?: string;
  /** Further headers. */
  headers?: HeadersInit;
  /** The reason phrase, in place of the usual one; in Latin-1 and without line breaks. */
  reason?: string;
}

/**
 * An error that is a response: if a handler throws it, the client gets that response.
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
  /** The headers. */
  readonly headers: Headers;

  /**
   * Creates the error.
   *
   * @param status The status code, from 200 to 599.
   * @param reason The reason phrase.
   * @param options The body and the headers.
   * @throws {RangeError} If a response can't have this status, or this reason.
   */
  constructor(status: number, reason: string, options: HTTPExceptionOptions = {}) {
    if (!Number.isInteger(status) || status < 200 || status > 599) {
      throw new RangeError(
        `Cannot create HTTP exception: status must be 200 to 599, not ${status}`,
      );
    }
    const phrase = options.reason ?? reason;
    if (!REASON.test(phrase)) {
      const text = `reason ${JSON.stringify(phrase)} has characters that it can't have`;
      throw new RangeError(`Cannot create HTTP exception: ${text}`);
    }
    super(options.text ?? `${status}: ${phrase}`);
    this.name = new.target.name;
    this.status = status;
    this.reason = phrase;
    this.headers = new Headers(options.headers);
  }

  /**
   * Returns the response that the error stands for.
   *
   * @returns A new response, with the message as its body.
   */
  toResponse(): Response {
    return new Response(isEmptyStatus(this.status) ? null : this.message, {
      status: this.status,
      statusText: this.reason,
      headers: this.headers,
    });
  }
}

/** 2xx: the request has succeeded. */
export class HTTPSuccessful extends HTTPException {
  /** @ignore */
  static readonly status: number = 200;

  /**
   * Creates the exception, with the status of its class.
   *
   * @param options The body and the headers.
   */
  constructor(options: HTTPExceptionOptions = {}) {
    const { status } = new.target;
    super(status, REASONS[status] ?? "", options);
  }
}

/** 3xx: the resource is elsewhere, or has not changed. */
export class HTTPRedirection extends HTTPException {
  /** @ignore */
  static readonly status: number = 300;

  /**
   * Creates the exception, with the status of its class.
   *
   * @param options The body and the headers.
   */
  constructor(options: HTTPExceptionOptions = {}) {
    const { status } = new.target;
    super(status, REASONS[status] ?? "", options);
  }
}

/** 4xx and 5xx: something is wrong. */
export class HTTPError extends HTTPException {
  /** @ignore */
  static readonly status: number = 500;

  /**
   * Creates the exception, with the status of its class.
   *
   * @param options The body and the headers.
   */
  constructor(options: HTTPExceptionOptions = {}) {
    const { status } = new.target;
    super(status, REASONS[status] ?? "", options);
  }
}

/** 4xx: the client did something wrong. */
export class HTTPClientError extends HTTPError {
  /** @ignore */
  static override readonly status: number = 400;
}

/** 5xx: the server did something wrong. */
export class HTTPServerError extends HTTPError {
  /** @ignore */
  static override readonly status: number = 500;
}

// -- 2xx --

/** 200: the request has succeeded. */
export class HTTPOk extends HTTPSuccessful {
  /** @ignore */
  static override readonly status: number = 200;
}

/** 201: a resource has been created. */
export class HTTPCreated extends HTTPSuccessful {
  /** @ignore */
  static override readonly status: number = 201;
}

/** 202: the request will be processed later. */
export class HTTPAccepted extends HTTPSuccessful {
  /** @ignore */
  static override readonly status: number = 202;
}

/** 203: a proxy has changed the response. */
export class HTTPNonAuthoritativeInformation extends HTTPSuccessful {
  /** @ignore */
  static override readonly status: number = 203;
}

/** 204: the request has succeeded, and there is no content. */
export class HTTPNoContent extends HTTPSuccessful {
  /** @ignore */
  static override readonly status: number = 204;
}

/** 205: the client should reset the form. */
export class HTTPResetContent extends HTTPSuccessful {
  /** @ignore */
  static override readonly status: number = 205;
}

// -- 3xx --

/** 304: the client has the current version already. */
export class HTTPNotModified extends HTTPRedirection {
  /** @ignore */
  static override readonly status: number = 304;
}

/**
 * A redirect: the resource is elsewhere.
 *
 * @example
 * ```ts
 * import { HTTPFound } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * const response = new HTTPFound("/login").toResponse();
 * assertEquals([response.status, response.headers.get("location")], [302, "/login"]);
 * ```
 */
export class HTTPMove extends HTTPRedirection {
  /** @ignore */
  static override readonly status: number = 302;
  /** The URL to go to. */
  readonly location: string;

  /**
   * Creates the redirect.
   *
   * @param location The URL to go to, for the `Location` header.
   * @param options The body and the headers.
   * @throws {RangeError} If the location is empty or has characters that no header may have.
   */
  constructor(location: string | URL, options: HTTPExceptionOptions = {}) {
    const text = encodeLocation(String(location));
    const headers = new Headers(options.headers);
    headers.set("location", text);
    super({ ...options, headers });
    this.location = text;
  }
}

/**
 * A URL for a header: percent-encodes what a URL can't contain (RFC 3986), and refuses control
 * characters. An encoded backslash can't be taken for a slash, which could lead to another host.
 */
function encodeLocation(location: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what it looks for
  if (location === "" || /[\x00-\x1f\x7f]/.test(location)) {
    throw new RangeError(`Cannot redirect: location ${JSON.stringify(location)} is not a URL`);
  }
  return location.replace(
    /[^!#-;=?-[\]_a-z~]+/g,
    (text) => encodeURIComponent(text.toWellFormed()),
  );
}

/** 300: the resource has several forms. */
export class HTTPMultipleChoices extends HTTPMove {
  /** @ignore */
  static override readonly status: number = 300;
}

/** 301: the resource has moved for good. */
export class HTTPMovedPermanently extends HTTPMove {
  /** @ignore */
  static override readonly status: number = 301;
}

/** 302: the resource is elsewhere for now. */
export class HTTPFound extends HTTPMove {
  /** @ignore */
  static override readonly status: number = 302;
}

/** 303: the response is elsewhere, to be fetched with GET. */
export class HTTPSeeOther extends HTTPMove {
  /** @ignore */
  static override readonly status: number = 303;
}

/** 305: the resource must be requested through a proxy. */
export class HTTPUseProxy extends HTTPMove {
  /** @ignore */
  static override readonly status: number = 305;
}

/** 307: the resource is elsewhere for now; the method stays the same. */
export class HTTPTemporaryRedirect extends HTTPMove {
  /** @ignore */
  static override readonly status: number = 307;
}

/** 308: the resource has moved for good; the method stays the same. */
export class HTTPPermanentRedirect extends HTTPMove {
  /** @ignore */
  static override readonly status: number = 308;
}

// -- 4xx --

/** 400: the request is malformed. */
export class HTTPBadRequest extends HTTPClientError {
  /** @ignore */
  static override readonly status: number = 400;
}

/** 401: the client must authenticate. */
export class HTTPUnauthorized extends HTTPClientError {
  /** @ignore */
  static override readonly status: number = 401;
}

/** 402: payment is required. */
export class HTTPPaymentRequired extends HTTPClientError {
  /** @ignore */
  static override readonly status: number = 402;
}

/** 403: the client may not do this. */
export class HTTPForbidden extends HTTPClientError {
  /** @ignore */
  static override readonly status: number = 403;
}

/** 404: there is no such resource. */
export class HTTPNotFound extends HTTPClientError {
  /** @ignore */
  static override readonly status: number = 404;
}

/** 406: the resource has no form that the client accepts. */
export class HTTPNotAcceptable extends HTTPClientError {
  /** @ignore */
  static override readonly status: number = 406;
}

/** 407: the client must authenticate with a proxy. */
export class HTTPProxyAuthenticationRequired extends HTTPClientError {
  /** @ignore */
  static override readonly status: number = 407;
}

/** 408: the client took too long to send its request. */
export class HTTPRequestTimeout extends HTTPClientError {
  /** @ignore */
  static override readonly status: number = 408;
}

/** 409: the request conflicts with the current state. */
export class HTTPConflict extends HTTPClientError {
  /** @ignore */
  static override readonly status: number = 409;
}

/** 410: the resource is gone for good. */
export class HTTPGone extends HTTPClientError {
  /** @ignore */
  static override readonly status: number = 410;
}

/** 411: the request must give the length of its body. */
export class HTTPLengthRequired extends HTTPClientError {
  /** @ignore */
  static override readonly status: number = 411;
}

/** 412: a precondition of the request does not hold. */
export class HTTPPreconditionFailed extends HTTPClientError {
  /** @ignore */
  static override readonly status: number = 412;
}

/** 414: the URL is too long. */
export class HTTPRequestURITooLong extends HTTPClientError {
  /** @ignore */
  static override readonly status: number = 414;
}

/** 415: the body has a type that is not supported. */
export class HTTPUnsupportedMediaType extends HTTPClientError {
  /** @ignore */
  static override readonly status: number = 415;
}

/** 417: the client's expectation can't be met. */
export class HTTPExpectationFailed extends HTTPClientError {
  /** @ignore */
  static override readonly status: number = 417;
}

/** 421: this server does not answer for that host. */
export class HTTPMisdirectedRequest extends HTTPClientError {
  /** @ignore */
  static override readonly status: number = 421;
}

/** 422: the body is well-formed but makes no sense. */
export class HTTPUnprocessableEntity extends HTTPClientError {
  /** @ignore */
  static override readonly status: number = 422;
}

/** 424: another action that this request depends on has failed. */
export class HTTPFailedDependency extends HTTPClientError {
  /** @ignore */
  static override readonly status: number = 424;
}

/** 426: the client must use another protocol. */
export class HTTPUpgradeRequired extends HTTPClientError {
  /** @ignore */
  static override readonly status: number = 426;
}

/** 428: the request must be conditional. */
export class HTTPPreconditionRequired extends HTTPClientError {
  /** @ignore */
  static override readonly status: number = 428;
}

/** 429: the client sends too many requests. */
export class HTTPTooManyRequests extends HTTPClientError {
  /** @ignore */
  static override readonly status: number = 429;
}

/** 431: the headers are too large. */
export class HTTPRequestHeaderFieldsTooLarge extends HTTPClientError {
  /** @ignore */
  static override readonly status: number = 431;
}

/** 405: the resource does not support this method. */
export class HTTPMethodNotAllowed extends HTTPClientError {
  /** @ignore */
  static override readonly status: number = 405;
  /** The methods that are allowed. */
  readonly allowedMethods: ReadonlySet<string>;

  /**
   * Creates the error.
   *
   * @param allowed The methods that are allowed, for the `Allow` header.
   * @param options The body and the headers.
   */
  constructor(allowed: Iterable<string>, options: HTTPExceptionOptions = {}) {
    const methods = [...allowed].sort();
    const headers = new Headers(options.headers);
    headers.set("allow", methods.join(","));
    super({ ...options, headers });
    this.allowedMethods = new Set(methods);
  }
}

/** 413: the body is larger than the server accepts. */
export class HTTPRequestEntityTooLarge extends HTTPClientError {
  /** @ignore */
  static override readonly status: number = 413;
  /** How many bytes the server accepts. */
  readonly maxSize: number;
  /** How many bytes the body has, or had when the server stopped reading. */
  readonly actualSize: number;

  /**
   * Creates the error.
   *
   * @param maxSize How many bytes the server accepts.
   * @param actualSize How many bytes the body has, or had when the server stopped reading.
   * @param options The body and the headers.
   */
  constructor(maxSize: number, actualSize: number, options: HTTPExceptionOptions = {}) {
    const text = `Maximum request body size ${maxSize} exceeded, actual body size ${actualSize}`;
    super({ text, ...options });
    this.maxSize = maxSize;
    this.actualSize = actualSize;
  }
}

/** 416: the requested range does not exist. */
export class HTTPRequestRangeNotSatisfiable extends HTTPClientError {
  /** @ignore */
  static override readonly status: number = 416;
  /**
   * Creates the error.
   *
   * @param size The full size in bytes, for the `Content-Range` header; null if unknown.
   * @param options The body and the headers.
   */
  constructor(size: number | null = null, options: HTTPExceptionOptions = {}) {
    const headers = new Headers(options.headers);
    if (size !== null) headers.set("content-range", `bytes */${size}`);
    super({ ...options, headers });
  }
}

/** 451: the resource is withheld for legal reasons. */
export class HTTPUnavailableForLegalReasons extends HTTPClientError {
  /** @ignore */
  static override readonly status: number = 451;
  /**
   * Creates the error.
   *
   * @param link The URL of whoever demands that, for the `Link` header; null if it can't be named.
   * @param options The body and the headers.
   */
  constructor(link: string | URL | null = null, options: HTTPExceptionOptions = {}) {
    const headers = new Headers(options.headers);
    if (link !== null) headers.set("link", `<${encodeLocation(String(link))}>; rel="blocked-by"`);
    super({ ...options, headers });
  }
}

// -- 5xx --

/** 500: the server failed. */
export class HTTPInternalServerError extends HTTPServerError {
  /** @ignore */
  static override readonly status: number = 500;
}

/** 501: the server can't do this. */
export class HTTPNotImplemented extends HTTPServerError {
  /** @ignore */
  static override readonly status: number = 501;
}

/** 502: the server behind this one gave a bad response. */
export class HTTPBadGateway extends HTTPServerError {
  /** @ignore */
  static override readonly status: number = 502;
}

/** 503: the server can't serve this now. */
export class HTTPServiceUnavailable extends HTTPServerError {
  /** @ignore */
  static override readonly status: number = 503;
}

/** 504: the server behind this one took too long. */
export class HTTPGatewayTimeout extends HTTPServerError {
  /** @ignore */
  static override readonly status: number = 504;
}

/** 505: the HTTP version is not supported. */
export class HTTPVersionNotSupported extends HTTPServerError {
  /** @ignore */
  static override readonly status: number = 505;
}

/** 506: the server is misconfigured. */
export class HTTPVariantAlsoNegotiates extends HTTPServerError {
  /** @ignore */
  static override readonly status: number = 506;
}

/** 507: the server has no room to store this. */
export class HTTPInsufficientStorage extends HTTPServerError {
  /** @ignore */
  static override readonly status: number = 507;
}

/** 510: the request needs an extension. */
export class HTTPNotExtended extends HTTPServerError {
  /** @ignore */
  static override readonly status: number = 510;
}

/** 511: the client has to sign in to the network. */
export class HTTPNetworkAuthenticationRequired extends HTTPServerError {
  /** @ignore */
  static override readonly status: number = 511;
}
