/**
 * The protocol of the command server, driven without sockets: whatever portions the bytes of a
 * script arrive in, the replies are the same, and no more of a line is kept than it may have. The
 * portions are lent, as by a transport: each is overwritten when `dataReceived()` returns.
 *
 * @module
 */

import type { Transport } from "@aio/asyncio/net";
import { CommandServerProtocol } from "../../examples/simple_async_server.ts";
import { assert, assertEquals } from "../_support/assert.ts";
import { bytesOf, latin1, test } from "./_support.ts";

const UNKNOWN = "Unknown command. Available commands: add <number>, shutdown\n";
const USAGE = "Invalid add command. Usage: add <number>\n";
const TOO_LONG = "Line too long. It may have 65536 bytes\n";
const NOT_UTF8 = "Invalid text. It must be UTF-8\n";

/** Lines, each with its reply. */
const SCRIPT: [line: string, reply: string][] = [
  ["add 5\n", "Current total: 5\n"],
  ["\n", ""],
  [" \t\r\n", ""],
  ["add -3\r\n", "Current total: 2\n"],
  ["add\n", USAGE],
  [utf8("add \u0663\n"), "Current total: 5\n"],
  [utf8("add \u{1d7d7}\n"), "Current total: 14\n"],
  [utf8("添加 😀\n"), UNKNOWN],
  ["add \xff\n", NOT_UTF8],
  ["\xf0\x9f\x98\n", NOT_UTF8],
  ["\xff".repeat(65_537) + "\n", TOO_LONG],
  ["add 1_000 of these\n", "Current total: 1014\n"],
  ["add 1.5\n", USAGE],
  [`add ${"9".repeat(300)}\n`, `Current total: 1${"0".repeat(296)}1013\n`],
];
const BYTES = bytesOf(SCRIPT.map(([line]) => line).join(""));
const READ_BUFFER = new Uint8Array(BYTES.length);
const REPLIES = SCRIPT.map(([, reply]) => reply).join("");

/** The bytes of a text in UTF-8, as characters. */
function utf8(text: string): string {
  return latin1(new TextEncoder().encode(text));
}

/** A protocol on a transport that keeps what is written. */
class Connection {
  replies = "";
  closed = false;
  stops = 0;
  isReading = true;
  readonly protocol = new CommandServerProtocol(() => this.stops++);

  constructor() {
    const transport: Partial<Transport> = {
      close: () => this.closed = true,
      getExtraInfo: () => ["127.0.0.1", 1],
      isClosing: () => this.closed,
      pauseReading: () => this.isReading = false,
      resumeReading: () => this.isReading = true,
      write: (data) => this.replies += latin1(data),
    };
    withoutConsole(() => this.protocol.connectionMade(transport as Transport));
  }

  /** Lends the portion to the protocol. */
  receive(portion: Uint8Array): void {
    const lent = READ_BUFFER.subarray(0, portion.length);
    lent.set(portion);
    withoutConsole(() => this.protocol.dataReceived(lent));
    lent.fill(0x21);
  }

  receiveEof(): void {
    this.protocol.eofReceived();
  }
}

/** The protocol says on the console who comes and who goes. */
function withoutConsole(callback: () => void): void {
  const { log } = console;
  console.log = () => {};
  try {
    callback();
  } finally {
    console.log = log;
  }
}

/** Numbers in [0, 1) that are the same in each run. */
function randomNumbers(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t ^= t + Math.imul(t ^ (t >>> 7), 61 | t);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

test("simple_async_server replies to each line when all arrive at once", () => {
  const connection = new Connection();
  connection.receive(BYTES);
  assertEquals(connection.replies, REPLIES);
});

test("simple_async_server gives the same replies when bytes are cut at random", () => {
  const random = randomNumbers(20260101);
  for (let run = 0; run < 1000; run++) {
    const connection = new Connection();
    // From few large portions to many small ones.
    const longest = 2 ** (3 + random() * 15);
    for (let start = 0; start < BYTES.length;) {
      const end = start + 1 + Math.floor(random() * longest);
      connection.receive(BYTES.subarray(start, end));
      start = end;
    }
    if (connection.replies !== REPLIES) throw new Error(`other replies in run ${run}`);
  }
});

test("simple_async_server gives the same replies when bytes come one at a time", () => {
  const connection = new Connection();
  for (const byte of BYTES) connection.receive(Uint8Array.of(byte));
  assertEquals(connection.replies, REPLIES);
});

test("simple_async_server replies at the end of the file when a line has no newline", () => {
  for (const line of ["add 5", "add 5\n"]) {
    const connection = new Connection();
    connection.receive(bytesOf(line));
    connection.receiveEof();
    assertEquals(connection.replies, "Current total: 5\n");
  }
  for (const [line, reply] of [["", ""], ["\xe4\xb8", NOT_UTF8], ["x".repeat(65_537), TOO_LONG]]) {
    const connection = new Connection();
    connection.receive(bytesOf(line!));
    connection.receiveEof();
    assertEquals(connection.replies, reply!);
  }
});

test("simple_async_server replies to nothing more when it was told to shut down", () => {
  const connection = new Connection();
  connection.receive(bytesOf("add 5\nshutdown\nadd 1\nshutdown\nadd"));
  connection.receive(bytesOf(" 7\n"));
  connection.receiveEof();
  assertEquals(connection.replies, "Current total: 5\n");
  assertEquals([connection.closed, connection.stops], [true, 1]);
});

test("simple_async_server listens no more when its replies are not taken, until they are", () => {
  const connection = new Connection();
  connection.protocol.pauseWriting();
  assertEquals(connection.isReading, false);
  connection.protocol.resumeWriting();
  assertEquals(connection.isReading, true);
});

test("simple_async_server keeps no more than a line may have when one never ends", () => {
  const connection = new Connection();
  const portion = new Uint8Array(1 << 16).fill(0x78);
  const before = Deno.memoryUsage().external;
  let most = 0;
  for (let i = 0; i < 4096; i++) {
    connection.receive(portion);
    if (i % 256 === 0) most = Math.max(most, Deno.memoryUsage().external - before);
  }
  connection.receive(bytesOf("\nadd 5\n"));
  assertEquals(connection.replies, TOO_LONG + "Current total: 5\n");
  // Of 256 MiB that were received.
  assert(most < 1 << 20, `${most} bytes`);
});

test("simple_async_server prints the total when it has any number of digits", () => {
  const connection = new Connection();
  const big = 10n ** 4300n - 1n;
  for (let i = 1n; i <= 20n; i++) {
    connection.replies = "";
    connection.receive(bytesOf(`add ${big}\n`));
    assertEquals(connection.replies, `Current total: ${big * i}\n`);
  }
});
