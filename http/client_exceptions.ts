/**
 * What goes wrong with requests.
 *
 * Counterpart of Python's `aiohttp.client_exceptions`. A limit of time is no
 * {@linkcode ClientError}: it is a `TimeoutError`, see `ServerTimeoutError`.
 *
 * @module
 */

/** What a response answers. Counterpart of Python's `aiohttp.RequestInfo`. */
export interface RequestInfo {
  /** The method, in capitals. */
  readonly method: string;
  /** The URL that was asked for. */
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
  /** What it answers. */
  readonly requestInfo: RequestInfo;
}

/**
 * Thrown when a request could not be made or its response could not be read; all others here
 * extend it. Counterpart of Python's `aiohttp.ClientError`.
 */
export class ClientError extends Error {
  /** The name of the class. */
  override name = "ClientError";
}

/**
 * Thrown when a server could not be reached, or what came from it was no HTTP.
 *
 * Counterpart of Python's `aiohttp.ClientConnectionError`.
 */
export class ClientConnectionError extends ClientError {
  /** The name of the class. */
  override name = "ClientConnectionError";
}

/**
 * Thrown when no connection to a server came about: nothing of the request was sent.
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
 * Thrown when the certificate of a server is not to be trusted; see `caCerts` of a `TCPConnector`.
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
 * That happens, too, when it closes a connection it had kept open in the very moment in which the
 * next request is sent on it. Counterpart of Python's `aiohttp.ServerDisconnectedError`.
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
 * Thrown when a URL is malformed or not one of HTTP. Counterpart of Python's `aiohttp.InvalidURL`.
 */
export class InvalidURL extends ClientError {
  /** The name of the class. */
  override name = "InvalidURL";
}

/**
 * Thrown when a server sends the client to a URL that is malformed or not one of HTTP.
 *
 * Counterpart of Python's `aiohttp.InvalidUrlRedirectClientError`.
 */
export class InvalidUrlRedirectClientError extends InvalidURL {
  /** The name of the class. */
  override name = "InvalidUrlRedirectClientError";
}

/**
 * Thrown when a response is not what was asked for.
 *
 * Counterpart of Python's `aiohttp.ClientResponseError`.
 */
export class ClientResponseError extends ClientError {
  /** The name of the class. */
  override name = "ClientResponseError";
  /** The status code; 0 if the runtime does not tell. */
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
 * Thrown when a body is not of the type it was to be read as.
 *
 * Counterpart of Python's `aiohttp.ContentTypeError`.
 */
export class ContentTypeError extends ClientResponseError {
  /** The name of the class. */
  override name = "ContentTypeError";
}

/**
 * Thrown when a request was redirected more often than it may be.
 *
 * Counterpart of Python's `aiohttp.TooManyRedirects`.
 */
export class TooManyRedirects extends ClientResponseError {
  /** The name of the class. */
  override name = "TooManyRedirects";
  /** The redirects, the first one first. */
  readonly history: readonly ResponseHead[];

  /**
   * Creates the error.
   *
   * @param message What went wrong.
   * @param history The redirects; there is at least one.
   */
  constructor(message: string, history: readonly ResponseHead[]) {
    super(message, history.at(-1)!);
    this.history = history;
  }
}

/**
 * Thrown when a server does not agree to a WebSocket.
 *
 * Counterpart of Python's `aiohttp.WSServerHandshakeError`.
 */
export class WSServerHandshakeError extends ClientResponseError {
  /** The name of the class. */
  override name = "WSServerHandshakeError";
}
