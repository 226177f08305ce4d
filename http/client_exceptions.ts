/**
 * The errors of requests.
 *
 * Counterpart of Python's `aiohttp.client_exceptions`. A timeout is not a {@linkcode ClientError}
 * but a `TimeoutError`: see `ServerTimeoutError`.
 *
 * @module
 */

/** The request that a response answers. Counterpart of Python's `aiohttp.RequestInfo`. */
export interface RequestInfo {
  /** The method, in capitals. */
  readonly method: string;
  /** The URL. */
  readonly url: string;
  /** The headers that were sent, as far as the session set them. */
  readonly headers: Headers;
}

/** The head of a response, for errors. */
export interface ResponseHead {
  /** The status code. */
  readonly status: number;
  /** The reason phrase. */
  readonly reason: string;
  /** The URL it came from. */
  readonly url: string;
  /** The headers. */
  readonly headers: Headers;
  /** The request that it answers. */
  readonly requestInfo: RequestInfo;
}

/**
 * Thrown when a request could not be made or its response could not be read; the other errors here
 * extend it. Counterpart of Python's `aiohttp.ClientError`.
 */
export class ClientError extends Error {
  /** The name of the class. */
  override name = "ClientError";
}

/**
 * Thrown when a server could not be reached, or did not answer in HTTP.
 *
 * Counterpart of Python's `aiohttp.ClientConnectionError`.
 */
export class ClientConnectionError extends ClientError {
  /** The name of the class. */
  override name = "ClientConnectionError";
}

/**
 * Thrown when no connection to a server could be made: nothing of the request was sent.
 *
 * Counterpart of Python's `aiohttp.ClientConnectorError`.
 */
export class ClientConnectorError extends ClientConnectionError {
  /** The name of the class. */
  override name = "ClientConnectorError";
}

/**
 * Thrown when the name of a server could not be resolved.
 *
 * Counterpart of Python's `aiohttp.ClientConnectorDNSError`.
 */
export class ClientConnectorDNSError extends ClientConnectorError {
  /** The name of the class. */
  override name = "ClientConnectorDNSError";
}

/**
 * Thrown when the certificate of a server is not trusted; see `caCerts` of a `TCPConnector`.
 *
 * Counterpart of Python's `aiohttp.ClientConnectorCertificateError`.
 */
export class ClientConnectorCertificateError extends ClientConnectorError {
  /** The name of the class. */
  override name = "ClientConnectorCertificateError";
}

/**
 * Thrown when a server closed the connection instead of answering.
 *
 * This also happens when the server closes an idle connection just as the next request is sent on
 * it. Counterpart of Python's `aiohttp.ServerDisconnectedError`.
 */
export class ServerDisconnectedError extends ClientConnectionError {
  /** The name of the class. */
  override name = "ServerDisconnectedError";
}

/**
 * Thrown when a body broke off, could not be decoded, or could not be sent.
 *
 * Counterpart of Python's `aiohttp.ClientPayloadError`.
 */
export class ClientPayloadError extends ClientError {
  /** The name of the class. */
  override name = "ClientPayloadError";
}

/**
 * Thrown when a URL is malformed or its scheme is not supported. Counterpart of Python's
 * `aiohttp.InvalidURL`.
 */
export class InvalidURL extends ClientError {
  /** The name of the class. */
  override name = "InvalidURL";
}

/**
 * Thrown when a server redirects to a URL that is malformed or whose scheme is not supported.
 *
 * Counterpart of Python's `aiohttp.InvalidUrlRedirectClientError`.
 */
export class InvalidUrlRedirectClientError extends InvalidURL {
  /** The name of the class. */
  override name = "InvalidUrlRedirectClientError";
}

/**
 * Thrown when a response is an error, or not what was asked for.
 *
 * Counterpart of Python's `aiohttp.ClientResponseError`.
 */
export class ClientResponseError extends ClientError {
  /** The name of the class. */
  override name = "ClientResponseError";
  /** The status code. */
  readonly status: number;
  /** The headers of the response. */
  readonly headers: Headers;
  /** What the response answers. */
  readonly requestInfo: RequestInfo;

  /**
   * Creates the error.
   *
   * @param message What went wrong.
   * @param response The response it is about.
   * @param options The cause.
   */
  constructor(
    message: string,
    response: Pick<ResponseHead, "status" | "headers" | "requestInfo">,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.status = response.status;
    this.headers = response.headers;
    this.requestInfo = response.requestInfo;
  }
}

/**
 * Thrown when a body is not of the content type that it was to be read as.
 *
 * Counterpart of Python's `aiohttp.ContentTypeError`.
 */
export class ContentTypeError extends ClientResponseError {
  /** The name of the class. */
  override name = "ContentTypeError";
}

/**
 * Thrown when a request was redirected more often than `maxRedirects` allows.
 *
 * Counterpart of Python's `aiohttp.TooManyRedirects`.
 */
export class TooManyRedirects extends ClientResponseError {
  /** The name of the class. */
  override name = "TooManyRedirects";
  /** The redirects, in order. */
  readonly history: readonly ResponseHead[];

  /**
   * Creates the error.
   *
   * @param message What went wrong.
   * @param history The redirects, at least one.
   */
  constructor(message: string, history: readonly ResponseHead[]) {
    super(message, history.at(-1)!);
    this.history = history;
  }
}

/**
 * Thrown when a server refuses to open a WebSocket.
 *
 * Counterpart of Python's `aiohttp.WSServerHandshakeError`.
 */
export class WSServerHandshakeError extends ClientResponseError {
  /** The name of the class. */
  override name = "WSServerHandshakeError";
}
