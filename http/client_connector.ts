/**
 * The connections that requests are made on.
 *
 * Counterpart of Python's `aiohttp.connector`, built on `Deno.createHttpClient()`, which keeps
 * connections, resolves names and speaks HTTP/2 by itself. What it lacks is added here: limits.
 *
 * @module
 */

import { RuntimeError } from "../loop/mod.ts";
import { Limiter } from "./_client_limiter.ts";
import { BasicAuth } from "./client_auth.ts";

/** Options for {@linkcode TCPConnector}. */
export interface TCPConnectorOptions {
  /**
   * How many requests may run at a time; 0 for no limit. The others wait in order.
   *
   * @default {100}
   */
  limit?: number;
  /**
   * How many of them may go to the same host and port; 0 for no limit.
   *
   * @default {0}
   */
  limitPerHost?: number;
  /**
   * Seconds after which an idle connection is closed; null for never. By default Deno's own, 90
   * seconds.
   */
  keepaliveTimeout?: number | null;
  /**
   * Whether each request gets a connection of its own, which is closed after it. Counterpart of
   * `force_close`.
   *
   * @default {false}
   */
  forceClose?: boolean;
  /**
   * A proxy for all requests: an `http`, `https` or `socks5` URL, which may contain a name and a
   * password; or a proxy as `Deno.createHttpClient()` takes it.
   *
   * By default the one that the environment variable `HTTP_PROXY`, `HTTPS_PROXY` or `ALL_PROXY`
   * names when the first request is made, as with aiohttp's `trust_env=True`; this needs no
   * permission. Requests to the hosts in `NO_PROXY` use no proxy, even if one is given here.
   */
  proxy?: string | URL | Deno.Proxy;
  /**
   * Certificates to trust besides those of the system, in PEM format. Counterpart of `ssl`. There
   * is no `ssl=False`: only Deno's flag `--unsafely-ignore-certificate-errors` makes it trust any.
   */
  caCerts?: string[];
  /** The certificate to show to servers that ask for one, in PEM format; it needs a `key`. */
  cert?: string;
  /** The private key of `cert`, in PEM format. */
  key?: string;
  /** The local address to connect from. Counterpart of `local_addr`. */
  localAddress?: string;
  /**
   * Whether HTTP/1.1 may be used.
   *
   * @default {true}
   */
  http1?: boolean;
  /**
   * Whether HTTP/2 may be used, which is negotiated over TLS.
   *
   * @default {true}
   */
  http2?: boolean;
}

/**
 * Keeps connections and limits how many requests run at a time.
 *
 * By default a session creates its own; several sessions can share one. Counterpart of Python's
 * `aiohttp.TCPConnector`.
 *
 * @example Two requests at a time
 * ```ts
 * import { gather, run } from "@aio/asyncio";
 * import { ClientSession, TCPConnector } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * let most = 0;
 * let now = 0;
 * await using site = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async () => {
 *   most = Math.max(most, ++now);
 *   await Promise.resolve();
 *   now--;
 *   return new Response("hello");
 * });
 * await run(async () => {
 *   const connector = new TCPConnector({ limit: 2 });
 *   await using session = new ClientSession({ connector });
 *   const get = async () => {
 *     await using response = await session.get(`http://127.0.0.1:${site.addr.port}/`);
 *     return response.status;
 *   };
 *   assertEquals(await gather([get, get, get]), [200, 200, 200]);
 * });
 * assertEquals(most <= 2, true);
 * ```
 */
export class TCPConnector implements AsyncDisposable {
  /** @ignore */
  readonly _limiter: Limiter;
  readonly #options: Deno.CreateHttpClientOptions;
  readonly #tls: Partial<Deno.TlsCertifiedKeyPem>;
  /** By proxy; the empty string stands for the connector's own proxy, or for none. */
  readonly #clients = new Map<string, Deno.HttpClient>();
  #closed = false;

  /**
   * Creates a connector. It connects to nothing yet.
   *
   * @param options Limits, proxy, TLS.
   * @throws {RangeError} If a limit is below 0, only one of `cert` and `key` is given, or
   * `forceClose` is combined with `keepaliveTimeout`.
   * @throws {TypeError} If the proxy's URL is malformed.
   */
  constructor(options: TCPConnectorOptions = {}) {
    const { limit = 100, limitPerHost = 0, cert, key, ...others } = options;
    const { keepaliveTimeout, forceClose = false, proxy, ...rest } = others;
    for (const [name, value] of Object.entries({ limit, limitPerHost })) {
      if (value >= 0) continue;
      throw new RangeError(`Cannot create connector: ${name} must be >= 0, not ${value}`);
    }
    if ((cert === undefined) !== (key === undefined)) {
      throw new RangeError("Cannot create connector: cert and key go together, and one is missing");
    }
    if (forceClose && keepaliveTimeout !== undefined) {
      throw new RangeError(
        "Cannot create connector: forceClose and keepaliveTimeout exclude each other",
      );
    }
    this._limiter = new Limiter(limit, limitPerHost);
    this.#tls = cert === undefined ? {} : { cert, key: key! };
    // The `Host` header of a request may name another host than its URL, as in aiohttp.
    this.#options = { ...rest, allowHost: true };
    if (keepaliveTimeout !== undefined) {
      this.#options.poolIdleTimeout = keepaliveTimeout === null ? false : keepaliveTimeout * 1000;
    }
    if (forceClose) this.#options.poolMaxIdlePerHost = 0;
    if (proxy !== undefined) this.#options.proxy = proxyOf(proxy);
  }

  /** Whether the connector was closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /** @ignore */
  _checkOpen(): void {
    if (this.#closed) throw new RuntimeError("Cannot make request: Connector is closed");
  }

  /** @ignore Returns the client for requests through this proxy. */
  _client(proxy: string | URL | undefined): Deno.HttpClient {
    this._checkOpen();
    const name = String(proxy ?? "");
    let client = this.#clients.get(name);
    if (client === undefined) {
      const options = { ...this.#options, ...this.#tls };
      if (proxy !== undefined) options.proxy = proxyOf(proxy);
      this.#clients.set(name, client = Deno.createHttpClient(options));
    }
    return client;
  }

  /** Closes all idle connections, and refuses new requests. Closing twice is harmless. */
  close(): void {
    this.#closed = true;
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
  }

  /** Closes the connector. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }
}

/**
 * Makes all requests over one Unix socket, whichever host their URLs name. Only hosts in the
 * environment variable `NO_PROXY` do not work: to Deno the socket is a proxy, and they get none.
 *
 * Counterpart of Python's `aiohttp.UnixConnector`.
 *
 * @example
 * ```ts
 * import { ClientSession, UnixConnector } from "@aio/asyncio/http";
 *
 * const connector = new UnixConnector("/run/docker.sock");
 * await using session = new ClientSession({ connector, baseUrl: "http://localhost/" });
 * ```
 */
export class UnixConnector extends TCPConnector {
  /**
   * Creates a connector. It connects to nothing yet.
   *
   * @param path The path of the socket.
   * @param options Limits.
   */
  constructor(path: string, options: Pick<TCPConnectorOptions, "limit" | "limitPerHost"> = {}) {
    super({ ...options, proxy: { transport: "unix", path } });
  }
}

function proxyOf(proxy: string | URL | Deno.Proxy): Deno.Proxy {
  if (typeof proxy === "object" && !(proxy instanceof URL)) return proxy;
  const url = new URL(proxy);
  const auth = BasicAuth.fromUrl(url);
  if (auth === null) return { url: url.href };
  url.username = url.password = "";
  return { url: url.href, basicAuth: { username: auth.login, password: auth.password } };
}
