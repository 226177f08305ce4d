/**
 * Servers for tests of the client, well-behaved and otherwise.
 *
 * @module
 */

import { run } from "@aio/asyncio/loop";
import { ClientSession } from "@aio/asyncio/http";
import type { ClientSessionOptions } from "@aio/asyncio/http";
import { bytesOf } from "../examples/_support.ts";

const LOOPBACK = { hostname: "127.0.0.1", port: 0, onListen: (): void => {} };

/** An HTTP server. */
export interface Site extends AsyncDisposable {
  /** Ends with a slash. */
  readonly url: string;
  readonly port: number;
}

/** Serves on loopback until it is disposed of, even if requests are in progress. */
export function serve(handler: (request: Request) => Response | Promise<Response>): Site {
  const aborter = new AbortController();
  const server = Deno.serve({ ...LOOPBACK, signal: aborter.signal }, handler);
  const { port } = server.addr;
  return {
    url: `http://127.0.0.1:${port}/`,
    port,
    async [Symbol.asyncDispose](): Promise<void> {
      aborter.abort();
      await server.finished;
    },
  };
}

/** A connection to a raw server. */
export class RawConn {
  readonly #conn: Deno.Conn;
  readonly #bytes = new Uint8Array(65536);

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /** Reads to the end of a head; null when the client has left. */
  async head(): Promise<string | null> {
    let text = "";
    while (!text.includes("\r\n\r\n")) {
      const more = await this.read();
      if (more === null) return null;
      text += more;
    }
    return text;
  }

  /** Reads what arrives; null when the client has left. */
  async read(): Promise<string | null> {
    try {
      const count = await this.#conn.read(this.#bytes);
      return count === null ? null : new TextDecoder().decode(this.#bytes.subarray(0, count));
    } catch {
      return null; // the client has left, one way or the other
    }
  }

  /** Waits until the client has left. */
  async left(): Promise<void> {
    while (await this.read() !== null);
  }

  async write(data: string | Uint8Array): Promise<void> {
    let bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    while (bytes.length > 0) bytes = bytes.subarray(await this.#conn.write(bytes));
  }
}

/** A server whose connections are handled by hand. */
export class RawSite implements AsyncDisposable {
  /** How many connections there were. */
  connections = 0;
  readonly #listener: Deno.TcpListener;
  readonly #open = new Set<Deno.Conn>();
  readonly #handling = new Set<Promise<void>>();
  readonly #serving: Promise<void>;

  /** A connection is closed when its handler has ended. */
  constructor(handler: (conn: RawConn, number: number) => Promise<unknown>) {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#serving = this.#serve(handler);
  }

  /** Returns a server that gives every client the same answer, and hangs up. */
  static saying(answer: string | Uint8Array): RawSite {
    return new RawSite(async (conn) => {
      await conn.head();
      await conn.write(answer);
    });
  }

  /** Returns a server that gives this answer, then sends nothing more until the client leaves. */
  static stuckAfter(answer: string): RawSite {
    return new RawSite(async (conn) => {
      await conn.head();
      await conn.write(answer);
      await conn.left();
    });
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  async #serve(handler: (conn: RawConn, number: number) => Promise<unknown>): Promise<void> {
    for await (const conn of this.#listener) {
      this.#open.add(conn);
      const handled = handler(new RawConn(conn), ++this.connections).then(() => {}, () => {});
      const ended = handled.then(() => {
        if (this.#open.delete(conn)) conn.close();
        this.#handling.delete(ended);
      });
      this.#handling.add(ended);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#serving;
    for (const conn of this.#open) conn.close();
    this.#open.clear();
    await Promise.all(this.#handling);
  }
}

/** Returns the text of an HTTP/1.1 response, with its length and `Connection: close`. */
export function answer(head: string, body = ""): string {
  const { length } = new TextEncoder().encode(body);
  return `HTTP/1.1 ${head}\r\nConnection: close\r\nContent-Length: ${length}\r\n\r\n${body}`;
}

/**
 * Accepts a WebSocket, with further headers, and sends more along with that; one character of `more`
 * is one byte.
 */
export async function acceptWebSocket(conn: RawConn, more = "", headers = ""): Promise<void> {
  const head = (await conn.head())!;
  const key = /sec-websocket-key: (\S+)/i.exec(head)![1]!;
  const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  const hash = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(key + guid));
  const answer = new TextEncoder().encode(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${new Uint8Array(hash).toBase64()}\r\n${headers}\r\n`,
  );
  await conn.write(new Uint8Array([...answer, ...bytesOf(more)]));
}

/** Runs a test with a session of its own. */
export function withSession<T>(
  options: ClientSessionOptions,
  body: (session: ClientSession) => Promise<T>,
): Promise<T> {
  return run(async () => {
    await using session = new ClientSession(options);
    return await body(session);
  });
}

/** Returns a promise, with the functions that settle it. */
export function later(): PromiseWithResolvers<void> {
  return Promise.withResolvers();
}
