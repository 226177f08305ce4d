/**
 * A TCP server with commands: `add <number>` and `shutdown`.
 *
 * Chapter: 实现的一个简单服务器, `simple-async-server`. The chapter's server treats each
 * `data_received()` chunk as one command, drops the connection at a blank line, and ends with a
 * traceback. This one reads lines, however they arrive; ignores blank ones; replies to input that
 * it can't decode; and exits cleanly.
 * Run: deno task example simple_async_server [--host HOST] [--port PORT]; then: nc 127.0.0.1 8888
 * Permissions: net
 */

import { parseArgs } from "node:util";
import {
  createServer,
  getRunningLoop,
  KeyboardInterrupt,
  Protocol,
  run,
  type Transport,
} from "@aio/asyncio";
import { parseInteger, split, tuple } from "./_python_text.ts";

/** The longest line, in bytes. */
const MAX_LINE = 64 * 1024;
const NEWLINE = 0x0a;

const encoder = new TextEncoder();

/** The text of bytes that arrived in parts, or null if it is not UTF-8. */
function decodeParts(parts: Uint8Array[]): string | null {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  try {
    const text = parts.map((part) => decoder.decode(part, { stream: true })).join("");
    return text + decoder.decode();
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

/** Serves one client. Each client has a total of its own. */
export class CommandServerProtocol extends Protocol {
  protected total = 0n;
  readonly #stopServer: () => void;
  #transport!: Transport;
  /** What has arrived of an unfinished line, and how many bytes that is. */
  #line: Uint8Array[] = [];
  #lineLength = 0;

  constructor(stopServer: () => void) {
    super();
    this.#stopServer = stopServer;
  }

  override connectionMade(transport: Transport): void {
    console.log(`Connection from ${tuple(transport.getExtraInfo("peername"))}`);
    this.#transport = transport;
  }

  override dataReceived(data: Uint8Array): void {
    let start = 0;
    for (let end = data.indexOf(NEWLINE); end >= 0; end = data.indexOf(NEWLINE, start)) {
      this.#addToLine(data.subarray(start, end));
      this.#endLine();
      start = end + 1;
    }
    this.#addToLine(data.subarray(start));
  }

  /** The last line need not end in a newline. */
  override eofReceived(): void {
    this.#endLine();
  }

  // A client that sends commands but reads no replies is not read from until it does.
  override pauseWriting(): void {
    this.#transport.pauseReading();
  }

  override resumeWriting(): void {
    this.#transport.resumeReading();
  }

  override connectionLost(): void {
    console.log("Connection closed");
  }

  /** Executes a command and returns the reply. */
  protected execute(command: string, words: string[]): string {
    if (command !== "add") return "Unknown command. Available commands: add <number>, shutdown\n";
    const number = parseInteger(words[0] ?? "");
    if (number === null) return "Invalid add command. Usage: add <number>\n";
    this.total += number;
    return `Current total: ${this.total}\n`;
  }

  #addToLine(data: Uint8Array): void {
    this.#lineLength += data.length;
    // Nothing is kept of a line that is too long. The data is lent: what is kept is a copy.
    if (this.#lineLength > MAX_LINE) this.#line = [];
    else if (data.length > 0) this.#line.push(data.slice());
  }

  #endLine(): void {
    const isTooLong = this.#lineLength > MAX_LINE;
    const line = this.#line;
    this.#line = [];
    this.#lineLength = 0;
    if (this.#transport.isClosing()) return;
    if (isTooLong) return this.#reply(`Line too long. It may have ${MAX_LINE} bytes\n`);
    const text = decodeParts(line);
    if (text === null) return this.#reply("Invalid text. It must be UTF-8\n");
    const [command, ...words] = split(text);
    if (command === "shutdown") this.#shutDown();
    else if (command !== undefined) this.#reply(this.execute(command, words));
  }

  #reply(text: string): void {
    this.#transport.write(encoder.encode(text));
  }

  #shutDown(): void {
    console.log("Shutting down the server...");
    this.#transport.close();
    this.#stopServer();
  }
}

async function serve(
  ProtocolClass: typeof CommandServerProtocol,
  host: string,
  port: number,
): Promise<void> {
  const loop = getRunningLoop();
  const stopped = loop.createFuture<void>();
  const stop = (): void => {
    if (!stopped.done()) stopped.setResult();
  };
  await using server = await createServer(() => new ProtocolClass(stop), host, port);
  console.log(`Serving on ${tuple(server.sockets[0]!.getsockname())}`);
  try {
    await stopped;
  } finally {
    server.close();
    server.closeClients();
    // A client that does not read its last reply must not keep the server running.
    const deadline = loop.callLater(1, () => server.abortClients());
    await server.waitClosed();
    deadline.cancel();
  }
}

/** Serves until a client sends `shutdown`, or until Ctrl-C. */
export async function runServer(ProtocolClass: typeof CommandServerProtocol): Promise<void> {
  const { values: flags } = parseArgs({
    options: {
      host: { type: "string", default: "127.0.0.1" },
      port: { type: "string", default: "8888" },
    },
  });
  try {
    await run(() => serve(ProtocolClass, flags.host, Number(flags.port)));
  } catch (error) {
    if (!(error instanceof KeyboardInterrupt)) throw error;
  }
}

if (import.meta.main) await runServer(CommandServerProtocol);
