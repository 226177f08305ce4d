/**
 * A WebSocket client that sends exactly the frames it is told to, right or wrong.
 *
 * @module
 */

import { bytesOf, latin1 } from "../examples/_support.ts";

/** The operation codes of RFC 6455. */
export const OPCODES = {
  continuation: 0,
  text: 1,
  binary: 2,
  close: 8,
  ping: 9,
  pong: 10,
} as const;

/** A frame as it arrived; one character of `payload` is one byte. */
export interface Frame {
  readonly opcode: number;
  readonly payload: string;
}

/** What may be unusual about a frame. */
export interface FrameOptions {
  fin?: boolean;
  /** The three bits after the first. */
  reserved?: number;
  masked?: boolean;
  /** The length that it declares: 7 bits, and the bytes that follow them. */
  length?: readonly number[];
}

/** Returns the bytes of a frame, as a text in which one character is one byte. */
export function frame(opcode: number, payload = "", options: FrameOptions = {}): string {
  const { fin = true, reserved = 0, masked = true } = options;
  const size = payload.length;
  const length = options.length ?? (size < 126 ? [size] : [126, size >> 8, size & 255]);
  const first = (fin ? 0x80 : 0) | (reserved << 4) | opcode;
  const head = [first, length[0]! | (masked ? 0x80 : 0), ...length.slice(1)];
  const key = masked ? [1, 2, 3, 4] : [];
  const body = Array.from(bytesOf(payload), (byte, i) => masked ? byte ^ key[i % 4]! : byte);
  return latin1(new Uint8Array([...head, ...key, ...body]));
}

/** Returns the payload of a close frame. */
export function closing(code: number, reason = ""): string {
  return String.fromCharCode(code >> 8, code & 255) + reason;
}

/** Returns the request that opens a WebSocket. */
export function handshake(path: string, headers: Record<string, string | null> = {}): string {
  const all = {
    "Host": "a",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
    ...headers,
  };
  const lines = Object.entries(all).filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

/** See the module's description. */
export class RawWebSocket implements Disposable {
  readonly #conn: Deno.TcpConn;
  #received = new Uint8Array(0);

  private constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  /** Opens a WebSocket. */
  static async connect(
    port: number,
    path = "/",
    headers: Record<string, string> = {},
  ): Promise<RawWebSocket> {
    const socket = new RawWebSocket(await Deno.connect({ hostname: "127.0.0.1", port }));
    try {
      await socket.send(handshake(path, headers));
      const head = await socket.#head();
      if (!head.startsWith("HTTP/1.1 101 ")) throw new Error(`no WebSocket: ${head}`);
    } catch (error) {
      socket[Symbol.dispose]();
      throw error;
    }
    return socket;
  }

  async send(text: string): Promise<void> {
    const bytes = bytesOf(text);
    try {
      for (let sent = 0; sent < bytes.length;) sent += await this.#conn.write(bytes.subarray(sent));
    } catch (error) {
      // The server has broken off the connection before it had received everything.
      const { BrokenPipe, ConnectionReset } = Deno.errors;
      if (!(error instanceof BrokenPipe || error instanceof ConnectionReset)) throw error;
    }
  }

  async #head(): Promise<string> {
    for (;;) {
      const text = latin1(this.#received);
      const end = text.indexOf("\r\n\r\n");
      if (end >= 0) {
        this.#received = this.#received.slice(end + 4);
        return text.slice(0, end);
      }
      if (!await this.#receive()) return text;
    }
  }

  async #receive(): Promise<boolean> {
    const chunk = new Uint8Array(65_536);
    let count: number | null;
    try {
      count = await this.#conn.read(chunk);
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
      return false;
    }
    if (count === null) return false;
    const all = new Uint8Array(this.#received.length + count);
    all.set(this.#received);
    all.set(chunk.subarray(0, count), this.#received.length);
    this.#received = all;
    return true;
  }

  /** Waits for a frame; null if the server has ended the connection. */
  async next(): Promise<Frame | null> {
    for (;;) {
      const bytes = this.#received;
      const view = new DataView(bytes.buffer);
      const short = bytes.length < 2 ? 0 : bytes[1]! & 127;
      const start = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (bytes.length >= start) {
        const size = short === 126
          ? view.getUint16(2)
          : short === 127
          ? Number(view.getBigUint64(2))
          : short;
        if (bytes.length >= start + size) {
          this.#received = bytes.slice(start + size);
          const payload = latin1(bytes.slice(start, start + size));
          return { opcode: bytes[0]! & 15, payload };
        }
      }
      if (!await this.#receive()) return null;
    }
  }

  /** Waits for the end, answers it, and returns the server's code; null if there was none. */
  async closeCode(): Promise<number | null> {
    let code: number | null = null;
    for (let next = await this.next(); next !== null; next = await this.next()) {
      if (next.opcode !== OPCODES.close) continue;
      const { payload } = next;
      code = payload === "" ? 1005 : (payload.charCodeAt(0) << 8) | payload.charCodeAt(1);
      await this.send(frame(OPCODES.close, payload));
    }
    return code;
  }

  [Symbol.dispose](): void {
    this.#conn.close();
  }
}
