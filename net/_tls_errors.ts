/**
 * The errors of TLS, in words that say what to do about them.
 *
 * The codes and texts of `node:tls` become `Deno.errors`, with Python's words after the colon.
 *
 * @module
 */

import { TimeoutError } from "../loop/mod.ts";
import { withAction } from "./_channel.ts";
import { nodeModule } from "./_node.ts";
import type { TlsOptions } from "./tls_options.ts";

/** What a transport needs to know about its TLS. */
export interface TlsSession {
  /** Resolves to what the two sides have negotiated, once they have. */
  handshake(): Promise<{ readonly alpnProtocol: string | null }>;
  /** In seconds. */
  readonly handshakeTimeout: number;
  /** In seconds. */
  readonly shutdownTimeout: number;
}

const HANDSHAKE_TIMEOUT = 60;
const SHUTDOWN_TIMEOUT = 30;
const ACTION = "shake hands by TLS";

/** The failures that are recognized by their text or code, and what they mean. */
const MEANINGS: readonly (readonly [RegExp, string])[] = [
  [
    /ALTNAME_INVALID/,
    "certificate verify failed: Hostname mismatch, certificate is not valid for that name",
  ],
  [/NOT_YET_VALID/, "certificate verify failed: certificate is not yet valid"],
  [/HAS_EXPIRED/, "certificate verify failed: certificate has expired"],
  [
    /SELF_SIGNED/,
    "certificate verify failed: self-signed certificate",
  ],
  [
    // Deno does not distinguish the two.
    /UNABLE_TO_(VERIFY_LEAF_SIGNATURE|GET_ISSUER_CERT)/,
    "certificate verify failed: unable to get local issuer certificate, or one has expired",
  ],
  [
    /InvalidContentType|WRONG_VERSION_NUMBER|wrong version number/,
    "wrong version number: the other side does not speak TLS",
  ],
  [/NoApplicationProtocol|no_application_protocol/i, "no protocol in common (ALPN)"],
  [/handshake eof|ECONNRESET|disconnected before secure/, "the other side closed the connection"],
];

/** Returns the error of a handshake, with what it means. */
export function handshakeError(error: unknown): Error {
  const cause = error instanceof Error ? error : new Error(String(error));
  const text = `${(cause as { code?: unknown }).code ?? ""} ${cause.message}`;
  const meaning = MEANINGS.find(([pattern]) => pattern.test(text))?.[1];
  if (meaning === undefined) return withAction(ACTION, cause);
  const isVerdict = meaning.startsWith("certificate") || meaning.startsWith("wrong version");
  const message = `Cannot ${ACTION}: ${meaning} (${cause.message})`;
  if (isVerdict) return new Deno.errors.InvalidData(message, { cause });
  return new Deno.errors.ConnectionReset(message, { cause });
}

/** Returns the error of a handshake that takes longer than `seconds`. */
export function tooSlow(seconds: number): Error {
  const text = `SSL handshake is taking longer than ${seconds} seconds: aborting the connection`;
  return new Deno.errors.ConnectionAborted(`Cannot ${ACTION}: ${text}`);
}

/** Returns the error of a handshake that was ended from this side. */
export function closedEarly(): Error {
  return new Deno.errors.ConnectionAborted(`Cannot ${ACTION}: the transport was closed`);
}

/** Returns the error of received data that is not TLS, or was altered on its way. */
export function readError(error: Error): Error {
  return new Deno.errors.InvalidData(`Cannot receive by TLS: ${error.message}`, { cause: error });
}

/** Returns the error of a write; for a lost connection, `node:tls` has codes of its own. */
export function writeError(error: Error): Error {
  const { code } = error as { code?: unknown };
  if (code !== "ECANCELED" && code !== "ERR_STREAM_DESTROYED") return error;
  return new Deno.errors.ConnectionReset("Connection reset by peer", { cause: error });
}

/** Returns the error of a goodbye that takes too long. */
export function noGoodbye(): Error {
  return new TimeoutError("SSL shutdown timed out");
}

/** Checks the time limits, and fills in the defaults. */
export function tlsTimes(
  handshake: number | undefined,
  shutdown: number | undefined,
): { handshakeTimeout: number; shutdownTimeout: number } {
  for (const [name, time] of [["Handshake", handshake], ["Shutdown", shutdown]] as const) {
    if (time === undefined || time > 0) continue;
    const text = `ssl${name}Timeout should be a positive number, got ${time}`;
    throw new RangeError(`Cannot use TLS: ${text}`);
  }
  return {
    handshakeTimeout: handshake ?? HANDSHAKE_TIMEOUT,
    shutdownTimeout: shutdown ?? SHUTDOWN_TIMEOUT,
  };
}

/** Checks the options; Deno ignores what it can't parse, and fails only much later. */
export function checkTls(options: TlsOptions, isServer: boolean): void {
  const { caCerts = [], cert, key } = options;
  if ((cert === undefined) !== (key === undefined)) {
    throw new TypeError("Cannot use TLS: cert and key go together, and one is missing");
  }
  if (isServer && cert === undefined) {
    throw new TypeError("Cannot serve by TLS: a server needs a cert and a key");
  }
  const { X509Certificate, createPrivateKey } = nodeModule("node:crypto");
  for (const pem of caCerts) parsed("caCerts", () => new X509Certificate(pem));
  if (cert === undefined || key === undefined) return;
  const own = parsed("cert", () => new X509Certificate(cert));
  const secret = parsed("key", () => createPrivateKey(key));
  if (!own.checkPrivateKey(secret)) {
    throw new TypeError("Cannot use TLS: key values mismatch: the key is not that of the cert");
  }
}

function parsed<T>(name: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw new TypeError(`Cannot use TLS: ${name} must be PEM, and can't be read`, { cause });
  }
}
