/**
 * Translates the errors of the runtime, which say only in their text what happened, into ours.
 *
 * @module
 */

import {
  ClientConnectionError,
  ClientConnectorCertificateError,
  ClientConnectorDNSError,
  ClientConnectorError,
  ClientPayloadError,
  ServerDisconnectedError,
} from "./client_exceptions.ts";

/** Whether an error of `fetch` is about the network; a `CancelledError` is not. */
export function isNetworkError(error: unknown): error is Error {
  return error instanceof TypeError || error instanceof Deno.errors.Http;
}

/** The part of the runtime's messages that precedes what happened. */
const PREFIX = /^error sending request .*?: client error \(\w+\): /;

const DISCONNECTED =
  /connection closed before message completed|connection reset|broken pipe|connection error|connection was not ready|channel closed/i;

/** How the runtime's reasons begin when it could not connect, with the classes of our errors. */
const CONNECTOR_ERRORS = [
  ["tcp connect error", ClientConnectorError],
  ["dns error", ClientConnectorDNSError],
  ["invalid peer certificate", ClientConnectorCertificateError],
] as const;

/** Returns what to throw when no response came. */
export function connectionError(error: Error, url: string): ClientConnectionError {
  // The message of fetch says only that a connection failed; its cause says why.
  const { message } = error.cause instanceof Error ? error.cause : error;
  const state = message.replace(PREFIX, "");
  const options = { cause: error };
  if (message.includes("(Connect)")) {
    return new (connectorError(state) ?? ClientConnectorError)(
      `Cannot reach ${url}: ${state}`,
      options,
    );
  }
  if (!DISCONNECTED.test(state)) {
    return new ClientConnectionError(`Cannot reach ${url}: ${state}`, options);
  }
  const text = `server disconnected without an answer, or closed an idle connection (${state})`;
  return new ServerDisconnectedError(`Cannot reach ${url}: ${text}`, options);
}

/** Returns the class of the error if no connection could be made; else undefined. */
export function connectorError(state: string): typeof ClientConnectorError | undefined {
  return CONNECTOR_ERRORS.find(([text]) => state.startsWith(text))?.[1];
}

/** Returns what to throw when the source of a request's body has thrown. */
export function uploadError(error: unknown, url: string): ClientPayloadError {
  const state = error instanceof Error ? error.message : String(error);
  return new ClientPayloadError(`Cannot send body to ${url}: ${state}`, { cause: error });
}
