/**
 * Keeps the cookies that servers set, and finds those that go with a request.
 *
 * Counterpart of Python's `aiohttp.CookieJar`, following RFC 6265 and those parts of its revision
 * that concern clients other than browsers: insecure origins can't replace secure cookies, and the
 * rules of the prefixes `__Secure-` and `__Host-` are enforced.
 *
 * @module
 */

import { parseSetCookie } from "./_client_set_cookie.ts";
import { cookiePair } from "./_cookie_header.ts";
import type { SetCookie } from "./_client_set_cookie.ts";

/** A cookie in a {@linkcode CookieJar}. */
export interface JarCookie {
  /** The name; it may be empty. */
  name: string;
  /** The value, as the server gave it. */
  value: string;
  /** The host or domain that it is for. */
  domain: string;
  /** Whether it is for that host only, and not for its subdomains. */
  hostOnly: boolean;
  /** The path that it is for, along with all paths below it. */
  path: string;
  /** When it expires, in milliseconds since 1970; null for a session cookie. */
  expires: number | null;
  /** Whether it is for secure connections only. */
  secure: boolean;
  /** Whether page scripts should not see it; stored, but not used here. */
  httpOnly: boolean;
  /** When browsers should send it across sites; stored, but not used here. */
  sameSite: "Strict" | "Lax" | "None" | null;
}

/** Options for {@linkcode CookieJar}. */
export interface CookieJarOptions {
  /**
   * Whether a domain is a public suffix, under which anybody can register, such as `co.uk`: no
   * cookie can be set for all hosts of one. The caller provides the list; by default only names of
   * a single label, such as `com`, are public suffixes.
   */
  isPublicSuffix?: (domain: string) => boolean;
  /** Origins that get secure cookies although they lack TLS, such as `"http://127.0.0.1:80"`. */
  treatAsSecureOrigin?: Iterable<string | URL>;
  /** The clock, in milliseconds since 1970, for tests. */
  now?: () => number;
}

/** How many cookies are kept for a domain; the least recently used ones are dropped first. */
const MAX_PER_DOMAIN = 180;
/** How many cookies are kept in all. */
const MAX_IN_ALL = 3000;

interface Entry {
  readonly cookie: JarCookie;
  /** A number that grows with each new cookie. */
  readonly created: number;
  /** The same, with each use. */
  used: number;
}

/**
 * Keeps cookies.
 *
 * Unlike aiohttp's, it accepts cookies from hosts named by their IP address, as browsers do.
 * Counterpart of Python's `aiohttp.CookieJar`.
 *
 * @example
 * ```ts
 * import { CookieJar } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * const jar = new CookieJar();
 * jar.setCookie("id=7; Domain=example.org; Path=/shop", "http://www.example.org/shop/");
 * assertEquals(jar.filterCookies("http://example.org/shop/cart"), "id=7");
 * assertEquals(jar.filterCookies("http://example.org/"), "");
 * ```
 */
export class CookieJar implements Iterable<JarCookie> {
  readonly #isPublicSuffix: (domain: string) => boolean;
  readonly #secureOrigins: ReadonlySet<string>;
  readonly #now: () => number;
  /** By domain, then by path and name. */
  readonly #domains = new Map<string, Map<string, Entry>>();
  #size = 0;
  #counter = 0;

  /**
   * Creates an empty jar.
   *
   * @param options What counts as a public suffix, and as secure.
   */
  constructor(options: CookieJarOptions = {}) {
    const { isPublicSuffix, treatAsSecureOrigin = [], now = Date.now } = options;
    this.#isPublicSuffix = isPublicSuffix ?? ((domain) => !domain.includes("."));
    const origins = Array.from(treatAsSecureOrigin, (origin) => new URL(origin).origin);
    this.#secureOrigins = new Set(origins);
    this.#now = now;
  }

  /** The number of cookies; some may have expired already. */
  get size(): number {
    return this.#size;
  }

  /**
   * Stores the cookie of a `Set-Cookie` header. One that breaks the rules is ignored.
   *
   * @param header The header that a server sent.
   * @param url The URL of the response.
   * @returns Whether a cookie was stored or removed.
   */
  setCookie(header: string, url: string | URL): boolean {
    const from = new URL(url);
    const parsed = parseSetCookie(header, this.#now());
    return parsed !== null && this.#store(parsed, from);
  }

  /**
   * Sets cookies for a host, as if the host had sent them. Counterpart of `update_cookies()`.
   *
   * @param cookies The values by name.
   * @param url The URL of the host; the cookies are for all of its paths.
   * @throws {RangeError} If a name or a value is malformed, or the host can't set such a cookie.
   */
  updateCookies(cookies: Readonly<Record<string, string>>, url: string | URL): void {
    for (const [name, value] of Object.entries(cookies)) {
      if (!this.setCookie(`${cookiePair(name, value)}; Path=/`, url)) {
        throw new RangeError(`Cannot set cookie ${JSON.stringify(name)}: it breaks the rules`);
      }
    }
  }

  /**
   * Returns the cookies for a request. Counterpart of `filter_cookies()`.
   *
   * @param url The URL of the request.
   * @returns The `Cookie` header; empty if there are none.
   */
  filterCookies(url: string | URL): string {
    if (this.#size === 0) return "";
    const target = new URL(url);
    const now = this.#now();
    const secure = this.#isSecure(target);
    const found: Entry[] = [];
    for (const domain of domainsOf(target.hostname)) {
      for (const entry of this.#domains.get(domain)?.values() ?? []) {
        const { cookie } = entry;
        if (cookie.expires !== null && cookie.expires <= now) this.#remove(cookie);
        else if (cookie.hostOnly && cookie.domain !== target.hostname) continue;
        else if (cookie.secure && !secure) continue;
        else if (pathMatches(target.pathname, cookie.path)) found.push(entry);
      }
    }
    // Longer paths first; of the same length, older cookies first.
    found.sort((a, b) => b.cookie.path.length - a.cookie.path.length || a.created - b.created);
    for (const entry of found) entry.used = ++this.#counter;
    return found.map(({ cookie: { name, value } }) => name === "" ? value : `${name}=${value}`)
      .join("; ");
  }

  /**
   * Removes cookies.
   *
   * @param predicate Whether to remove a cookie; by default all are removed.
   */
  clear(predicate: (cookie: JarCookie) => boolean = () => true): void {
    for (const cookie of [...this]) if (predicate(cookie)) this.#remove(cookie);
  }

  /**
   * Removes the cookies of a domain and its subdomains. Counterpart of `clear_domain()`.
   *
   * @param domain The domain.
   */
  clearDomain(domain: string): void {
    this.clear((cookie) => domainMatches(cookie.domain, domain.toLowerCase()));
  }

  /**
   * Returns the cookies, for `JSON.stringify()`. Counterpart of `save()`.
   *
   * @returns The cookies that have not expired, session cookies included.
   */
  toJSON(): JarCookie[] {
    return [...this].map((cookie) => ({ ...cookie }));
  }

  /**
   * Adds cookies that {@linkcode CookieJar.toJSON} returned. Counterpart of `load()`.
   *
   * @param cookies The cookies; those that have expired are left out.
   */
  load(cookies: Iterable<JarCookie>): void {
    for (const cookie of cookies) this.#put({ ...cookie });
  }

  /** Yields the cookies that have not expired. */
  *[Symbol.iterator](): Generator<JarCookie, void, void> {
    const now = this.#now();
    for (const entries of this.#domains.values()) {
      for (const { cookie } of entries.values()) {
        if (cookie.expires === null || cookie.expires > now) yield cookie;
      }
    }
  }

  #isSecure(url: URL): boolean {
    return url.protocol === "https:" || url.protocol === "wss:" ||
      this.#secureOrigins.has(url.origin);
  }

  /** Stores a cookie if RFC 6265, section 5.3, allows it; returns whether the jar has changed. */
  #store(parsed: SetCookie, from: URL): boolean {
    const scope = this.#scopeOf(parsed, from.hostname);
    if (scope === null) return false;
    const secure = this.#isSecure(from);
    if (parsed.secure && !secure) return false;
    const path = parsed.path ?? defaultPath(from.pathname);
    if (!keepsPrefix(parsed, path)) return false;
    const { name, value, expires, httpOnly, sameSite } = parsed;
    const cookie: JarCookie = {
      name,
      value,
      ...scope,
      path,
      expires: expires === Infinity ? null : expires,
      secure: parsed.secure,
      httpOnly,
      sameSite,
    };
    if (!secure && this.#shadowsSecure(cookie)) return false;
    return this.#put(cookie);
  }

  /** Returns the hosts that a cookie is for; null if its server can't set it for those. */
  #scopeOf(parsed: SetCookie, host: string): Pick<JarCookie, "domain" | "hostOnly"> | null {
    if (parsed.domain === null) return { domain: host, hostOnly: true };
    const domain = canonicalHost(parsed.domain);
    if (domain === null || !domainMatches(host, domain)) return null;
    const isAddress = !domainsOf(host).includes(domain) || domainsOf(host).length === 1;
    if (isAddress || this.#isPublicSuffix(domain)) {
      return domain === host ? { domain, hostOnly: true } : null;
    }
    return { domain, hostOnly: false };
  }

  /** Whether a cookie would shadow a secure one. */
  #shadowsSecure(cookie: JarCookie): boolean {
    const now = this.#now();
    for (const [domain, entries] of this.#domains) {
      const isRelated = domain === cookie.domain || domain.endsWith(`.${cookie.domain}`) ||
        cookie.domain.endsWith(`.${domain}`);
      if (!isRelated) continue;
      for (const { cookie: other } of entries.values()) {
        if (!other.secure || other.name !== cookie.name) continue;
        if (other.expires !== null && other.expires <= now) continue;
        if (pathMatches(cookie.path, other.path)) return true;
      }
    }
    return false;
  }

  #put(cookie: JarCookie): boolean {
    const entries = this.#domains.get(cookie.domain) ?? new Map<string, Entry>();
    const old = entries.get(keyOf(cookie));
    if (cookie.expires !== null && cookie.expires <= this.#now()) {
      if (old !== undefined) this.#remove(cookie);
      return old !== undefined;
    }
    const created = old?.created ?? ++this.#counter;
    entries.set(keyOf(cookie), { cookie, created, used: ++this.#counter });
    this.#domains.set(cookie.domain, entries);
    if (old === undefined) this.#size++;
    if (entries.size > MAX_PER_DOMAIN) this.#evict([entries]);
    if (this.#size > MAX_IN_ALL) this.#evict(this.#domains.values());
    return true;
  }

  #evict(from: Iterable<Map<string, Entry>>): void {
    let last: Entry | null = null;
    for (const entries of from) {
      for (const entry of entries.values()) {
        if (last === null || entry.used < last.used) last = entry;
      }
    }
    if (last !== null) this.#remove(last.cookie);
  }

  #remove(cookie: JarCookie): void {
    const entries = this.#domains.get(cookie.domain);
    if (entries?.delete(keyOf(cookie))) this.#size--;
    if (entries?.size === 0) this.#domains.delete(cookie.domain);
  }
}

/** A newline occurs neither in paths nor in names. */
function keyOf({ path, name }: JarCookie): string {
  return `${path}\n${name}`;
}

/** Returns a host and its parent domains, the host first; an IP address has no parents. */
function domainsOf(host: string): string[] {
  if (/^[\d.]+$/.test(host) || host.startsWith("[")) return [host];
  const labels = host.split(".");
  return labels.map((_, index) => labels.slice(index).join("."));
}

/** Section 5.1.3. */
function domainMatches(host: string, domain: string): boolean {
  return domainsOf(host).includes(domain);
}

/** Returns a host as URLs write it, in lower case and ASCII; null if it is malformed. */
function canonicalHost(domain: string): string | null {
  const url = `http://${domain}/`;
  if (!URL.canParse(url)) return null;
  const { hostname, href } = new URL(url);
  return href === `http://${hostname}/` ? hostname : null;
}

/** Section 5.1.4. */
function defaultPath(pathname: string): string {
  const end = pathname.lastIndexOf("/");
  return end <= 0 ? "/" : pathname.slice(0, end);
}

/** Section 5.1.4. */
function pathMatches(pathname: string, path: string): boolean {
  if (pathname === path) return true;
  return pathname.startsWith(path) && (path.endsWith("/") || pathname[path.length] === "/");
}

/** Whether a cookie meets the rules of its name's prefix. */
function keepsPrefix({ name, value, secure, domain, path }: SetCookie, stored: string): boolean {
  // A cookie without a name must not pass for one with a prefix.
  const shown = (name === "" ? value : name).toLowerCase();
  if (shown.startsWith("__host-")) {
    return name !== "" && secure && domain === null && path === "/" && stored === "/";
  }
  return !shown.startsWith("__secure-") || (name !== "" && secure);
}
