/**
 * What the scenarios have in common: protocols that log what they are told, connected on loopback,
 * and Python's words for values and errors.
 *
 * @module
 */

import {
  createConnection,
  createServer,
  getRunningLoop,
  IncompleteReadError,
  LimitOverrunError,
  Protocol,
  sleep,
  StreamReader,
} from "@aio/asyncio";
import type { EventLoop, Future, Server, StreamProtocol, Transport } from "@aio/asyncio";

/** Logs one line: its words with spaces between. */
export type Log = (...words: unknown[]) => void;

/** Scenarios by their names in parity.json. */
export interface Scenarios {
  /** The file they are in. */
  readonly source: string;
  readonly inTask: Readonly<Record<string, (log: Log) => Promise<void>>>;
}

export const LIMIT = 16;

export class ValueError extends Error {
  override name = "ValueError";
}

const PYTHON_NAMES: Readonly<Record<string, string>> = {
  ConnectionReset: "ConnectionResetError",
  RangeError: "ValueError",
};

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (data: Uint8Array): string => new TextDecoder().decode(data);

/** A value as Python's `repr()` shows it. */
export function repr(value: unknown): string {
  if (value === null || value === undefined) return "None";
  if (value instanceof Uint8Array) return repr(text(value));
  if (typeof value === "string") {
    return `'${value.replaceAll("\n", "\\n").replaceAll("\r", "\\r")}'`;
  }
  return str(value);
}

/** A value as Python's `str()` shows it. */
export function str(value: unknown): string {
  if (typeof value === "boolean") return value ? "True" : "False";
  return String(value);
}

/** The name of an error as Python has it. */
export function nameOf(error: unknown): string {
  if (error === null) return "None";
  const { name } = error as Error;
  return PYTHON_NAMES[name] ?? name;
}

/** An error as Python has it: what ours say before the colon goes. */
export function described(error: unknown): string {
  if (error instanceof IncompleteReadError) {
    return `IncompleteReadError ${repr(error.partial)} of ${error.expected ?? "None"}`;
  }
  const message = (error as Error).message.replace(/^Cannot [^:]*: /, "");
  if (error instanceof LimitOverrunError) {
    return `LimitOverrunError at ${error.consumed}: ${message}`;
  }
  return message ? `${nameOf(error)}: ${message}` : nameOf(error);
}

/** Awaits, and logs the result or the exception. */
export async function outcome(
  log: Log,
  label: string,
  start: () => PromiseLike<unknown>,
): Promise<void> {
  try {
    log(label, repr(await start()));
  } catch (error) {
    log(label, described(error));
  }
}

/** Logs what a call returns or throws. */
export function attempt(log: Log, label: string, call: () => unknown): void {
  try {
    log(label, repr(call()));
  } catch (error) {
    log(label, described(error));
  }
}

export function fed(chunks: readonly string[], { limit = LIMIT, eof = true } = {}): StreamReader {
  const reader = new StreamReader(limit);
  for (const chunk of chunks) reader.feedData(bytes(chunk));
  if (eof) reader.feedEof();
  return reader;
}

/** A protocol that logs what it is told. */
export class Logging extends Protocol {
  readonly log: Log;
  readonly name: string;
  readonly lost: Future<void> = getRunningLoop().createFuture<void>();
  transport: Transport | null = null;
  total = 0;

  constructor(log: Log, name: string) {
    super();
    this.log = log;
    this.name = name;
  }

  override connectionMade(transport: Transport): void {
    this.transport = transport;
    this.log(this.name, "made");
  }

  override dataReceived(data: Uint8Array): void {
    this.total += data.length;
  }

  override eofReceived(): boolean | void {
    this.log(this.name, "eof");
  }

  override connectionLost(exception: unknown): void {
    this.log(this.name, "lost", nameOf(exception));
    if (!this.lost.done()) this.lost.setResult();
  }
}

/** A protocol that logs nothing. */
export class Silent extends Logging {
  constructor() {
    super(() => {}, "");
  }
}

/** Connects two protocols; gives the server and the client's transport. */
export async function pair(
  serverProtocol: StreamProtocol & { transport: Transport | null },
  clientProtocol: StreamProtocol,
): Promise<[Server, Transport]> {
  const server = await createServer(() => serverProtocol, "127.0.0.1", 0);
  const [host, port] = server.sockets[0]!.getsockname();
  const [transport] = await createConnection(() => clientProtocol, host, port);
  while (serverProtocol.transport === null) await sleep(0);
  return [server, transport];
}

/** Waits until connections and their server are gone. */
export async function over(
  server: Server,
  protocols: readonly { readonly lost: Future<void> }[],
): Promise<void> {
  for (const protocol of protocols) await protocol.lost;
  server.close();
  await server.waitClosed();
}

/** Logs what is reported. */
export function logReports(log: Log): EventLoop {
  const loop = getRunningLoop();
  loop.setExceptionHandler((_, { message, exception }) => log(message, described(exception)));
  return loop;
}
