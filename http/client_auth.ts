/**
 * Names and passwords for servers.
 *
 * Counterpart of Python's `aiohttp.BasicAuth` and `aiohttp.DigestAuthMiddleware`.
 *
 * @module
 */

import { unquote } from "./_pattern.ts";
import { hashOf } from "./_hash.ts";
import { asHeader, headerText } from "./_header_text.ts";
import type { ClientMiddleware, ClientRequest } from "./client_request.ts";

/**
 * A name and a password, sent with each request (RFC 7617).
 *
 * Counterpart of Python's `aiohttp.BasicAuth`.
 *
 * @example
 * ```ts
 * import { BasicAuth } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * const auth = new BasicAuth("Aladdin", "open sesame");
 * assertEquals(auth.encode(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
 * assertEquals(BasicAuth.decode(auth.encode()).login, "Aladdin");
 * assertEquals(BasicAuth.fromUrl("https://Aladdin:open%20sesame@example.com/"), auth);
 * ```
 */
export class BasicAuth {
  /** The name. */
  readonly login: string;
  /** The password. */
  readonly password: string;

  /**
   * Creates the credentials.
   *
   * @param login The name.
   * @param password The password.
   * @throws {RangeError} If the name contains a colon.
   */
  constructor(login: string, password = "") {
    if (login.includes(":")) {
      throw new RangeError('Cannot use login: a ":" is not allowed in it');
    }
    this.login = login;
    this.password = password;
  }

  /**
   * Decodes an `Authorization` header.
   *
   * @param header The header.
   * @returns The name and the password.
   * @throws {RangeError} If the header is not valid basic authorization.
   */
  static decode(header: string): BasicAuth {
    const [, base64] = /^Basic +([A-Za-z0-9+/=]+) *$/i.exec(header) ?? [];
    if (base64 === undefined) throw new RangeError("Cannot decode authorization: it is not Basic");
    const text = new TextDecoder().decode(bytesOfBase64(base64));
    const index = text.indexOf(":");
    if (index < 0) throw new RangeError("Cannot decode authorization: it has no colon");
    return new BasicAuth(text.slice(0, index), text.slice(index + 1));
  }

  /**
   * Reads the name and the password from a URL.
   *
   * @param url The URL, such as `https://name:password@example.com/`.
   * @returns The name and the password; null if the URL has neither.
   * @throws {TypeError} If the URL is malformed.
   * @throws {RangeError} If the name contains a colon.
   */
  static fromUrl(url: string | URL): BasicAuth | null {
    const { username, password } = new URL(url);
    if (username === "" && password === "") return null;
    return new BasicAuth(unquote(username), unquote(password));
  }

  /**
   * Returns the `Authorization` header. Characters beyond ASCII are sent in UTF-8.
   *
   * @returns The header.
   */
  encode(): string {
    return `Basic ${new TextEncoder().encode(`${this.login}:${this.password}`).toBase64()}`;
  }
}

function bytesOfBase64(text: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.fromBase64(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new RangeError("Cannot decode authorization: it is not in base64", { cause: error });
  }
}

/** The parameters of a server's digest challenge. */
interface Challenge {
  readonly realm: string;
  readonly nonce: string;
  readonly opaque: string | undefined;
  readonly algorithm: string;
  readonly qop: boolean;
}

/** The hash functions, by the names of the algorithms. */
const HASHES = new Map<string, "md5" | "sha256" | "sha512">([
  ["MD5", "md5"],
  ["SHA-256", "sha256"],
  ["SHA-512", "sha512"],
]);

/** Returns the name of an algorithm without `-SESS`. */
function plainName(algorithm: string): string {
  return algorithm.replace(/-SESS$/, "");
}

/**
 * Answers a server's digest challenge (RFC 7616) with a name and a password: the request is made
 * again with the digest, and later requests have one from the start. Only the origin of the first
 * request gets them; requests to other origins, as after a redirect, pass through untouched.
 *
 * The algorithms are MD5, SHA-256 and SHA-512, and their `-sess` forms, with or without `qop=auth`.
 * Counterpart of Python's `aiohttp.DigestAuthMiddleware`.
 *
 * @param login The name.
 * @param password The password.
 * @returns The middleware.
 *
 * @example
 * ```ts
 * import { ClientSession, digestAuthMiddleware } from "@aio/asyncio/http";
 *
 * await using session = new ClientSession({ middlewares: [digestAuthMiddleware("me", "secret")] });
 * ```
 */
export function digestAuthMiddleware(login: string, password: string): ClientMiddleware {
  /** The origin of the first request: no other server may get a digest of the password. */
  let home: string | null = null;
  /** The last challenge, and how often its nonce was used. */
  let state: { readonly challenge: Challenge; count: number } | null = null;
  /** Adds the digest to a request; returns the nonce that it used, or null. */
  const authorize = ({ method, url, headers }: ClientRequest): string | null => {
    if (state === null) return null;
    const input = { login, password, method, uri: url.pathname + url.search };
    headers.set("authorization", asHeader(digest(state.challenge, ++state.count, input)));
    return state.challenge.nonce;
  };
  return async (request, handler) => {
    home ??= request.url.origin;
    if (request.url.origin !== home) return await handler(request);
    const nonce = authorize(request);
    const response = await handler(request);
    if (response.status !== 401 || !request.replayable) return response;
    const challenge = challengeOf(headerText(response.headers.get("www-authenticate") ?? ""));
    // The same nonce again: it is not stale, so the password is wrong.
    if (challenge === null || challenge.nonce === nonce) return response;
    if (challenge.nonce !== state?.challenge.nonce) state = { challenge, count: 0 };
    await response.release();
    authorize(request);
    return await handler(request);
  };
}

function challengeOf(header: string): Challenge | null {
  for (
    const [, text] of header.matchAll(
      /Digest +((?:[\w-]+ *= *(?:"(?:[^"\\]|\\.)*"|[^\s,"]+)[ ,]*)+)/gi,
    )
  ) {
    const values = new Map<string, string>();
    for (
      const [, key, quoted, plain] of text!.matchAll(
        /([\w-]+) *= *(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g,
      )
    ) {
      values.set(key!.toLowerCase(), plain ?? quoted!.replace(/\\(.)/g, "$1"));
    }
    const nonce = values.get("nonce");
    const algorithm = (values.get("algorithm") ?? "MD5").toUpperCase();
    const modes = values.get("qop")?.split(/ *, */);
    if (nonce === undefined || !HASHES.has(plainName(algorithm))) continue;
    if (modes !== undefined && !modes.includes("auth")) continue;
    const realm = values.get("realm") ?? "";
    return { realm, nonce, opaque: values.get("opaque"), algorithm, qop: modes !== undefined };
  }
  return null;
}

interface DigestInput {
  readonly login: string;
  readonly password: string;
  readonly method: string;
  readonly uri: string;
}

function digest(challenge: Challenge, count: number, input: DigestInput): string {
  const { realm, nonce, opaque, algorithm, qop } = challenge;
  const name = HASHES.get(plainName(algorithm))!;
  const hash = (text: string): string => hashOf(name, text);
  const cnonce = crypto.randomUUID().replaceAll("-", "");
  const nc = count.toString(16).padStart(8, "0");
  let a1 = hash(`${input.login}:${realm}:${input.password}`);
  if (algorithm.endsWith("-SESS")) a1 = hash(`${a1}:${nonce}:${cnonce}`);
  const a2 = hash(`${input.method}:${input.uri}`);
  const middle = qop ? `${nonce}:${nc}:${cnonce}:auth` : nonce;
  const quoted = { username: input.login, realm, nonce, uri: input.uri };
  const fields = Object.entries({
    ...quoted,
    response: hash(`${a1}:${middle}:${a2}`),
    ...(opaque === undefined ? {} : { opaque }),
    ...(qop || algorithm.endsWith("-SESS") ? { cnonce } : {}),
  }).map(([key, value]) => `${key}="${value.replace(/(["\\])/g, "\\$1")}"`);
  fields.push(`algorithm=${algorithm}`, ...(qop ? ["qop=auth", `nc=${nc}`] : []));
  return `Digest ${fields.join(", ")}`;
}
