/**
 * How a TLS handshake fails, in words that say what to do about it.
 *
 * The codes and texts of `node:tls` become errors of the runtime, with Python's words after the colon.
 *
 * @module
 */

import { TimeoutError } from "../loop/mod.ts";
import { withAction } from "./_channel.ts";
import { nodeModule } from "./_node.ts";
import type { TlsOptions } from "./tls_options.ts";

/** What a transport needs to know of its TLS. */
export interface TlsSession {
  /** Gives what the two sides have agreed on, once they have. */
  handshake(): Promise<{ readonly alpnProtocol: string | null }>;
  /** In seconds. */
  readonly handshakeTimeout: number;
  /** In seconds. */
  readonly shutdownTimeout: number;
}

const HANDSHAKE_TIMEOUT = 60;
const SHUTDOWN_TIMEOUT = 30;
const ACTION = "shake hands by TLS";

/** What is known of a failure by its text or its code, and what it means. */
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
    // The runtime does not tell the two apart.
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

/** The error of a handshake, with what it means. */
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

/** The error of a handshake that takes longer than so many seconds. */
export function tooSlow(seconds: number): Error {
  const text = `SSL handshake is taking longer than ${seconds} seconds: aborting the connection`;
  return new Deno.errors.ConnectionAborted(`Cannot ${ACTION}: ${text}`);
}

/** The error of a handshake that was ended from this side. */
export function closedEarly(): Error {
  return new Deno.errors.ConnectionAborted(`Cannot ${ACTION}: the transport was closed`);
}

/** The error of what has arrived and is no TLS, or was changed on its way. */
export function readError(error: Error): Error {
  return new Deno.errors.InvalidData(`Cannot receive by TLS: ${error.message}`, { cause: error });
}

/** The error of a write; where the connection has ended below it, `node:tls` says so in words of its own. */
export function writeError(error: Error): Error {
  const { code } = error as { code?: unknown };
  if (code !== "ECANCELED" && code !== "ERR_STREAM_DESTROYED") return error;
  return new Deno.errors.ConnectionReset("Connection reset by peer", { cause: error });
}

/** The error of a goodbye that takes too long. */
export function noGoodbye(): Error {
  return new TimeoutError("SSL shutdown timed out");
}

/** Checks times, and fills in those that are not given. */
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

/** Checks what is given; the runtime ignores what it can't read, and fails only much later. */
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
