/**
 * Our errors for those of the runtime, which have one class, and say what happened in their text.
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

/** Whether `fetch` has thrown it for the network's sake; a `CancelledError` is none. */
export function isNetworkError(error: unknown): error is Error {
  return error instanceof TypeError || error instanceof Deno.errors.Http;
}

/** What the runtime says before what happened. */
const PREFIX = /^error sending request .*?: client error \(\w+\): /;

const DISCONNECTED =
  /connection closed before message completed|connection reset|broken pipe|connection error|connection was not ready|channel closed/i;

/** How the runtime begins to say why it could not connect. */
const CONNECTOR_ERRORS = [
  ["tcp connect error", ClientConnectorError],
  ["dns error", ClientConnectorDNSError],
  ["invalid peer certificate", ClientConnectorCertificateError],
] as const;

/** What to throw when no response came. */
export function connectionError(error: Error, url: string): ClientConnectionError {
  // Of a connection that failed, fetch says only that it failed; the cause says why.
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

/** The class of the error where it was the connection that did not come about; else undefined. */
export function connectorError(state: string): typeof ClientConnectorError | undefined {
  return CONNECTOR_ERRORS.find(([text]) => state.startsWith(text))?.[1];
}

/** What to throw when what a body was made of has thrown. */
export function uploadError(error: unknown, url: string): ClientPayloadError {
  const state = error instanceof Error ? error.message : String(error);
  return new ClientPayloadError(`Cannot send body to ${url}: ${state}`, { cause: error });
}
