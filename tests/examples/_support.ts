/**
 * Helpers for the tests of the examples: tests with all sanitizers, examples as child processes,
 * and clients that send exactly the bytes they are told to. In a text that is sent or received,
 * one character is one byte.
 *
 * @module
 */

import { examples } from "../../examples/_table.ts";
import { Program } from "../_support/program.ts";

const EXAMPLES = new URL("../../examples/", import.meta.url);
/** Milliseconds after which a test that hangs fails; nothing is measured with it. */
const TIME_LIMIT = 60_000;
/** What a server prints when it listens. */
const LISTENING = /(?:Running on http:\/\/[\d.]+:|Serving on \('127\.0\.0\.1', )(\d+)/;

/** A test that may leave no operation and no resource behind. */
export function test(
  name: string,
  fn: (t: Deno.TestContext) => Promise<void> | void,
  options: { ignore?: boolean } = {},
): void {
  const strict = { sanitizeOps: true, sanitizeResources: true, timeout: TIME_LIMIT };
  Deno.test({ name, fn, ...strict, ...options });
}

/** Flags for a server: on loopback, on any port that is free. */
export const LOCAL: readonly string[] = ["--host", "127.0.0.1", "--port", "0"];

/** The permissions that an example says it needs, of the network no more than loopback. */
function permissionsOf(name: string): string[] {
  const example = examples.find((example) => example.name === name);
  if (example === undefined) throw new Error(`there is no example "${name}"`);
  return example.permissions.map((permission) =>
    permission === "net" ? "--allow-net=127.0.0.1" : `--allow-${permission}`
  );
}

/** How an example ended. */
export interface ScriptEnd {
  code: number;
  /** What it wrote to standard output. */
  lines: string[];
  /** What it wrote to standard error. */
  err: string;
}

/** A running example; killed at the end of its block if it still runs. */
export class Script implements AsyncDisposable {
  readonly #program: Program;
  readonly #lines: string[] = [];
  #end: Promise<ScriptEnd> | null = null;

  constructor(name: string, flags: readonly string[] = [], permissions = permissionsOf(name)) {
    this.#program = new Program(new URL(`${name}.ts`, EXAMPLES), permissions, flags);
  }

  /** Waits until a server listens, and returns its port. */
  async port(): Promise<number> {
    for (;;) {
      const line = await this.#program.line();
      this.#lines.push(line);
      const port = LISTENING.exec(line)?.[1];
      if (port !== undefined) return Number(port);
    }
  }

  /** Sends a signal. */
  signal(signal: Deno.Signal): void {
    this.#program.signal(signal);
  }

  /** Waits for the end. */
  end(): Promise<ScriptEnd> {
    this.#end ??= this.#program.end().then(({ code, out, err }) => {
      const rest = out === "" ? [] : out.replace(/\n$/, "").split("\n");
      return { code, lines: [...this.#lines, ...rest], err };
    });
    return this.#end;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (this.#end === null) this.signal("SIGKILL");
    } catch (error) {
      // It has ended already.
      if (!(error instanceof TypeError)) throw error;
    }
    await this.end();
  }
}

/** Runs an example to its end. */
export async function runScript(name: string, flags: readonly string[] = []): Promise<ScriptEnd> {
  await using script = new Script(name, flags);
  return await script.end();
}

/** The text of which each character is one of the bytes. */
export function latin1(bytes: Uint8Array): string {
  let text = "";
  // In slices, since a call takes only so many arguments.
  for (let i = 0; i < bytes.length; i += 4096) {
    text += String.fromCharCode(...bytes.subarray(i, i + 4096));
  }
  return text;
}

/** The bytes that the characters of a text are. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** A TCP connection to a server on loopback. */
export class Client implements Disposable {
  readonly #conn: Deno.TcpConn;
  readonly #chunk = new Uint8Array(1 << 16);
  #received = "";
  /** Whether the server has closed the connection. */
  closed = false;

  private constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  static async connect(port: number): Promise<Client> {
    return new Client(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  async send(text: string): Promise<void> {
    const bytes = bytesOf(text);
    for (let sent = 0; sent < bytes.length;) sent += await this.#conn.write(bytes.subarray(sent));
  }

  /** Waits for a line; it is cut short, and may be empty, where the server closes. */
  async line(): Promise<string> {
    while (!this.#received.includes("\n") && await this.#receive());
    const end = this.#received.indexOf("\n") + 1 || this.#received.length;
    const line = this.#received.slice(0, end);
    this.#received = this.#received.slice(end);
    return line;
  }

  /** Waits for so many bytes; there are less where the server closes. */
  async take(count: number): Promise<string> {
    while (this.#received.length < count && await this.#receive());
    const taken = this.#received.slice(0, count);
    this.#received = this.#received.slice(count);
    return taken;
  }

  /** Sends a segment and waits for the one line, or the end, that it is answered with. */
  async exchange(segment: string): Promise<string> {
    await this.send(segment);
    return await this.line();
  }

  /** Waits for the server to close, and returns all that still comes until then. */
  async rest(): Promise<string> {
    while (await this.#receive());
    const rest = this.#received;
    this.#received = "";
    return rest;
  }

  /** Says that it sends no more, and returns what still comes until the server closes. */
  async leave(): Promise<string> {
    if (!this.closed) await this.#conn.closeWrite();
    return await this.rest();
  }

  async #receive(): Promise<boolean> {
    if (this.closed) return false;
    try {
      const count = await this.#conn.read(this.#chunk);
      if (count === null) this.closed = true;
      else this.#received += latin1(this.#chunk.subarray(0, count));
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
      this.closed = true;
    }
    return !this.closed;
  }

  [Symbol.dispose](): void {
    this.#conn.close();
  }
}

/** An answer of a web server. */
export interface HttpResponse {
  status: number;
  reason: string;
  headers: Headers;
  /** What came after the head, in UTF-8. */
  body: string;
}

/** Makes a request, such as `GET /`, on a connection of its own; nothing is added to its answer. */
export async function ask(port: number, request: string): Promise<HttpResponse> {
  using client = await Client.connect(port);
  const headers = `Host: 127.0.0.1:${port}\r\nAccept-Encoding: identity\r\nConnection: close\r\n`;
  await client.send(`${request} HTTP/1.1\r\n${headers}\r\n`);
  const answer = await client.rest();
  const [, status, reason, head, body] =
    /^HTTP\/1\.1 (\d+) ([^\r]*)\r\n(.*?)\r\n\r\n(.*)$/s.exec(answer) ?? [];
  if (body === undefined) throw new Error(`this is no answer: ${answer}`);
  const fields = head!.split("\r\n").map((line) => line.split(/:\s*(.*)/, 2) as [string, string]);
  return {
    status: Number(status),
    reason: reason!,
    headers: new Headers(fields),
    body: new TextDecoder().decode(bytesOf(body)),
  };
}

/** A port on which nobody listens at the moment. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** An empty folder, removed at the end of its block. */
export async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "asyncio-examples-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
