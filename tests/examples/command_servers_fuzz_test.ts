/**
 * The command servers reply the same however the bytes arrive: what they say when these come in
 * random segments is compared with what they say when they come whole.
 *
 *     FUZZ=100000 deno test --allow-all tests/examples/command_servers_fuzz_test.ts
 *
 * goes through as many segmentations; FUZZ_SEED makes others of them.
 *
 * @module
 */

import { assert, assertEquals } from "../_support/assert.ts";
import { seededRandom } from "../_support/random.ts";
import type { Transport } from "@aio/asyncio";
import { CommandServerProtocol } from "../../examples/simple_async_server.ts";
import { bytesOf, Client, Script, test } from "./_support.ts";

const RUNS = Number(Deno.env.get("FUZZ") ?? 3000);
const random = seededRandom(Number(Deno.env.get("FUZZ_SEED") ?? 1));

/** What lines are made of, one character for each byte: UTF-8, broken UTF-8, all kinds of blanks. */
const PIECES = [
  "add 5\n",
  "add -17 and more\n",
  "add",
  " ",
  "\t",
  "\r\n",
  "\n",
  "\n\n",
  "1_000",
  "7",
  "add \xd9\xa3\n", // an Arabic digit
  "\xe2\x82\xac", // a euro sign
  "\xe2\x82",
  "\xff",
  "\0",
  "\xef\xbb\xbf",
  "\x1c",
  "\xc2\x85",
  "multiply 3\n",
  "reset\n",
  "nonsense\n",
];

function pick<T>(list: readonly T[]): T {
  return list[random(list.length)]!;
}

/** What a client sends: some lines, the last of which may lack its end. */
function input({ canEnd }: { canEnd: boolean }): string {
  let text = Array.from({ length: 1 + random(12) }, () => pick(PIECES)).join("");
  // About as long as a line may be.
  if (random(50) === 0) text = `add ${"0".repeat(65_530 + random(4))}${text}`;
  if (canEnd && random(10) === 0) text += `shutdown\n${pick(PIECES)}`;
  return text;
}

/** The same text in segments; there are many short ones, and some long ones. */
function segments(text: string): string[] {
  const list: string[] = [];
  for (let at = 0; at < text.length;) {
    const size = 1 + random(text.length > 1000 || random(4) === 0 ? text.length : 6);
    list.push(text.slice(at, at + size));
    at += size;
  }
  return list;
}

/** All that the server says to a client that sends these segments and leaves. */
function replies(list: readonly string[]): string {
  let said = "";
  let isClosing = false;
  const transport = {
    write: (data: Uint8Array) => void (said += new TextDecoder().decode(data)),
    close: () => void (isClosing = true),
    isClosing: () => isClosing,
    getExtraInfo: () => ["127.0.0.1", 1],
  } as unknown as Transport;
  const protocol = new CommandServerProtocol(() => void (said += "(stopped)"));
  protocol.connectionMade(transport);
  for (const segment of list) {
    if (isClosing) break; // a transport that closes receives nothing
    const lent = bytesOf(segment);
    protocol.dataReceived(lent);
    lent.fill(0x58); // what is lent is used again
  }
  if (!isClosing) protocol.eofReceived();
  protocol.connectionLost();
  return said;
}

test(`CommandServerProtocol replies the same whatever the segments: ${RUNS} of them`, () => {
  const { log } = console;
  console.log = () => {};
  try {
    let count = 0;
    for (let run = 0; run < RUNS; run++) {
      const text = input({ canEnd: true });
      const list = segments(text);
      const whole = replies([text]);
      assertEquals(replies(list), whole, JSON.stringify(list));
      count += whole === "" ? 0 : 1;
    }
    assert(count > RUNS / 2, "hardly anything was replied");
  } finally {
    console.log = log;
  }
});

for (const name of ["simple_async_server", "simple_async_server_extended"] as const) {
  test(`${name} replies over TCP as to bytes that come whole`, async () => {
    await using script = new Script(name, ["--port", "0"]);
    const port = await script.port();
    async function talk(list: readonly string[]): Promise<string> {
      using client = await Client.connect(port);
      for (const segment of list) await client.send(segment);
      return await client.leave();
    }
    const ended = script.end(); // takes what it prints: it waits once a pipe is full
    try {
      for (let run = 0; run < RUNS / 20; run++) {
        const text = input({ canEnd: false });
        const list = segments(text);
        const [whole, parts] = await Promise.all([talk([text]), talk(list)]);
        assertEquals(parts, whole, JSON.stringify(list));
      }
    } finally {
      script.signal("SIGINT");
    }
    assertEquals((await ended).code, 0);
  });
}
