/**
 * Sessions: what an application remembers about a client from one request to the next.
 *
 * What `aiohttp_session` is to aiohttp, with its cookie storage. The values are in a signed cookie:
 * the client can read it, but can't change it. Invariant: a cookie that has a wrong signature, or
 * has expired, is ignored. The cookie is set when something was changed, whatever the response is,
 * unless a handler fails.
 *
 * @module
 */

import { RuntimeError } from "../loop/mod.ts";
import { taskOf } from "./_request_task.ts";
import type { RequestTask } from "./_request_task.ts";
import type { Middleware } from "./_scope.ts";
import { setCookie } from "./cookies.ts";
import type { CookieOptions } from "./cookies.ts";
import { HTTPException } from "./exceptions.ts";
import { cookies } from "./request.ts";

/** Options for {@linkcode sessions}. */
export interface SessionsOptions {
  /** What the cookies are signed with: 32 or more random characters, kept secret. */
  secret: string;
  /**
   * The name of the cookie.
   *
   * @default {"session"}
   */
  name?: string;
  /**
   * Seconds that a session lasts after its last change.
   *
   * @default {86400}
   */
  maxAge?: number;
  /**
   * Whether the cookie is sent over HTTPS only, as it should be except in tests.
   *
   * @default {true}
   */
  secure?: boolean;
  /**
   * Whether the cookie is sent with requests from pages of other sites.
   *
   * @default {"Lax"}
   */
  sameSite?: "Strict" | "Lax" | "None";
}

const MIN_SECRET_LENGTH = 32;
/** How long a cookie may be, its name and its value: browsers drop those that are longer. */
const MAX_COOKIE_LENGTH = 4096;
const DAY = 86_400;
const encoder = new TextEncoder();
const BASE64 = { alphabet: "base64url", omitPadding: true } as const;

/** The sessions by the tasks of their requests. */
const sessionsOfTasks = new WeakMap<RequestTask, Session>();

/**
 * What is remembered about a client: JSON values, by name. {@linkcode sessionOf} returns it.
 *
 * Counterpart of `Session` in Python's `aiohttp_session`.
 *
 * @example
 * ```ts
 * import { Application, sessionOf, sessions } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * const secret = crypto.randomUUID(); // in production: a stored one, to keep the sessions
 * await using app = new Application({ middlewares: [sessions({ secret })] });
 * app.router.addGet("/", (request) => {
 *   const session = sessionOf(request);
 *   const visits = Number(session.get("visits") ?? 0) + 1;
 *   session.set("visits", visits);
 *   return new Response(`visit ${visits}`);
 * });
 * const first = await app.request("/");
 * const cookie = first.headers.getSetCookie()[0]!.split(";", 1)[0]!;
 * const second = await app.request("/", { headers: { cookie } });
 * assertEquals([await first.text(), await second.text()], ["visit 1", "visit 2"]);
 * ```
 */
export class Session {
  readonly #values: Map<string, unknown>;
  /** Whether the client came without a session. */
  readonly isNew: boolean;
  #isChanged = false;

  /** @ignore Sessions come from {@linkcode sessionOf}. */
  constructor(values: Record<string, unknown> | null) {
    this.#values = new Map(Object.entries(values ?? {}));
    this.isNew = values === null;
  }

  /**
   * Returns a value.
   *
   * @param name Its name.
   * @returns The value; undefined if there is none. After changing something inside it, set it
   * again.
   */
  get(name: string): unknown {
    return this.#values.get(name);
  }

  /**
   * Stores a value.
   *
   * @param name Its name.
   * @param value The value.
   */
  set(name: string, value: unknown): void {
    this.#values.set(name, value);
    this.#isChanged = true;
  }

  /**
   * Deletes a value.
   *
   * @param name Its name.
   */
  delete(name: string): void {
    if (this.#values.delete(name)) this.#isChanged = true;
  }

  /** Deletes all values, as when a user logs out. Counterpart of `invalidate()`. */
  clear(): void {
    this.#values.clear();
    this.#isChanged = true;
  }

  /** @ignore */
  get _isChanged(): boolean {
    return this.#isChanged;
  }

  /** @ignore What the cookie holds; null if there is nothing. */
  _toJson(): string | null {
    return this.#values.size === 0 ? null : JSON.stringify(Object.fromEntries(this.#values));
  }
}

/**
 * Returns a middleware that gives each request a session.
 *
 * @param options How to sign and send its cookie.
 * @returns The middleware.
 * @throws {RangeError} If the secret is too short, or the cookie would be invalid.
 *
 * @example
 * ```ts
 * import { Application, HTTPSeeOther, sessionOf, sessions } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using app = new Application({ middlewares: [sessions({ secret: crypto.randomUUID() })] });
 * app.router.addPost("/login", (request) => {
 *   sessionOf(request).set("user", "Ada");
 *   throw new HTTPSeeOther("/");
 * });
 * const response = await app.request("/login", { method: "POST" });
 * assertEquals([response.status, response.headers.getSetCookie().length], [303, 1]);
 * ```
 */
export function sessions(options: SessionsOptions): Middleware {
  const { secret, name = "session", maxAge = DAY, secure = true, sameSite = "Lax" } = options;
  if (secret.length < MIN_SECRET_LENGTH) {
    const text = `the secret has ${secret.length} characters, fewer than ${MIN_SECRET_LENGTH}`;
    throw new RangeError(`Cannot sign sessions: ${text}`);
  }
  const signer = new Signer(secret, name);
  const attributes: CookieOptions = { maxAge, secure, sameSite, httpOnly: true };
  setCookie(new Headers(), name, "", attributes); // what it refuses is refused now
  const save = async (session: Session, task: RequestTask): Promise<void> => {
    if (!session._isChanged) return;
    if (task.early !== null) {
      throw new RuntimeError("Cannot save session: the response has begun");
    }
    const json = session._toJson();
    const value = json === null ? "" : await signer.seal(json, maxAge);
    const gone = json === null ? { ...attributes, maxAge: 0 } : attributes;
    task._decorate((headers) => setCookie(headers, name, value, gone));
  };
  return async (request, handler) => {
    const task = taskOf(request, "give session");
    const session = new Session(await signer.open(cookies(request).get(name)));
    sessionsOfTasks.set(task, session);
    try {
      const response = await handler(request);
      await save(session, task);
      return response;
    } catch (error) {
      // It is a response, too, such as a redirect. After a failure, nothing is saved.
      if (error instanceof HTTPException) await save(session, task);
      throw error;
    }
  };
}

/**
 * Returns the session of a request.
 *
 * Counterpart of `await get_session(request)` in Python's `aiohttp_session`.
 *
 * @param request The request.
 * @returns The session; an empty one for a new client.
 * @throws {RuntimeError} If {@linkcode sessions} is not a middleware of the application.
 *
 * @example
 * ```ts
 * import { Application, sessionOf, sessions } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using app = new Application({ middlewares: [sessions({ secret: crypto.randomUUID() })] });
 * app.router.addGet("/", (request) => Response.json(sessionOf(request).isNew));
 * assertEquals(await (await app.request("/")).json(), true);
 * ```
 */
export function sessionOf(request: Request): Session {
  const session = sessionsOfTasks.get(taskOf(request, "give session"));
  if (session === undefined) {
    throw new RuntimeError("Cannot get session: sessions() is not a middleware of the application");
  }
  return session;
}

/** Writes and reads values of cookies: content, a dot, and the signature of name and content. */
class Signer {
  readonly #secret: string;
  /** The name of the cookie, which is signed, too: no other cookie can take its value. */
  readonly #name: string;
  #key: Promise<CryptoKey> | null = null;

  constructor(secret: string, name: string) {
    this.#secret = secret;
    this.#name = name;
  }

  #keyOnce(): Promise<CryptoKey> {
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    const bytes = encoder.encode(this.#secret);
    return this.#key ??= crypto.subtle.importKey("raw", bytes, algorithm, false, [
      "sign",
      "verify",
    ]);
  }

  #signed(content: string): Uint8Array<ArrayBuffer> {
    return encoder.encode(`${this.#name}.${content}`);
  }

  /** Creates the value of a cookie that lasts for `maxAge` seconds. */
  async seal(json: string, maxAge: number): Promise<string> {
    const expires = Math.floor(Date.now() / 1000) + maxAge;
    const content = encoder.encode(`[${expires},${json}]`).toBase64(BASE64);
    const signature = await crypto.subtle.sign(
      "HMAC",
      await this.#keyOnce(),
      this.#signed(content),
    );
    const value = `${content}.${new Uint8Array(signature).toBase64(BASE64)}`;
    const { length } = this.#name + value;
    if (length <= MAX_COOKIE_LENGTH) return value;
    const text = `its cookie has ${length} characters, more than ${MAX_COOKIE_LENGTH}`;
    throw new RangeError(`Cannot save session: ${text}`);
  }

  /** The content of a cookie's value; null if it can't be trusted. */
  async open(value: string | undefined): Promise<Record<string, unknown> | null> {
    const [, content, signature] = /^([\w-]+)\.([\w-]{43})$/.exec(value ?? "") ?? [];
    if (content === undefined || signature === undefined) return null;
    const isRight = await crypto.subtle.verify(
      "HMAC",
      await this.#keyOnce(),
      decode(signature),
      this.#signed(content),
    );
    if (!isRight) return null;
    const [expires, values] = JSON.parse(new TextDecoder().decode(decode(content)));
    return expires > Date.now() / 1000 ? values : null;
  }
}

/** Decodes Base64; the bits after the last whole byte may be anything. */
function decode(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromBase64(text, { alphabet: "base64url" });
}
