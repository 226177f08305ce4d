/**
 * Both command servers over TCP, against what the chapter's servers replied on CPython to the same
 * bytes; and, where those misbehave (the cases marked "repaired"), against what ours do instead: a
 * line is a line however it arrives, a blank one is ignored, one that is no UTF-8 or too long costs
 * an error, a total of any length is printed, and `shutdown` ends the server well.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "../_support/assert.ts";
import { Client, Script, test } from "./_support.ts";
import { transcripts } from "./_transcripts.ts";
import type { CommandCase, TwoConnections } from "./_transcripts.ts";

const ANY_PORT = ["--port", "0"];
const NINES = "9".repeat(4300);
const total = (value: string | number): string => `Current total: ${value}\n`;
const INVALID = "Invalid text. It must be UTF-8\n";
const TOO_LONG = "Line too long. It may have 65536 bytes\n";

/** Ours, where the chapter's server misbehaves: all that a client receives. */
function repairedReplies(unknown: string): Record<string, string> {
  return {
    "a blank line": "",
    "a line of spaces": "",
    "a blank line between commands": total(5) + total(8),
    "two commands in one segment": total(5) + total(8),
    "three commands in one segment, the last one shutdown": total(5) + unknown,
    "a command over two segments": total(5),
    "a number over two segments": total(12),
    "a command without its newline": total(5),
    "bad UTF-8": INVALID,
    "bad UTF-8 after a good command": total(5) + INVALID + total(8),
    "a total too long to print": total(NINES) + total("1" + "0".repeat(4300)) + total(NINES),
  };
}

/** Ports made equal, as in the transcripts. */
function normalise(line: string): string {
  return line.replace(/^(Connection from .*, )\d+\)$/, "$1<port>)")
    .replace(/^(Serving on .*, )\d+\)$/, "$18888)");
}

/** Ends a server, which must say no more than these lines and nothing to standard error. */
async function endsWell(script: Script, expected: string[]): Promise<void> {
  const { code, lines, err } = await script.end();
  assertEquals(lines.map(normalise), expected);
  assertEquals([code, err], [0, ""]);
}

/** Does with a client what was recorded, and compares what it gets. */
async function follow(port: number, recorded: CommandCase): Promise<void> {
  using client = await Client.connect(port);
  const replies: string[] = [];
  for (const segment of recorded.send) replies.push(await client.exchange(segment));
  assertEquals(replies, recorded.replies);
  assertEquals(client.closed, recorded.closed);
  assertEquals(replies.join("") + await client.leave(), recorded.received);
}

/** Sends what was recorded, and returns all that comes back. */
async function sendAll(port: number, recorded: CommandCase): Promise<string> {
  using client = await Client.connect(port);
  // One write each. Some do not end in a newline: the chapter's server answers each segment at
  // once, ours answers when the line is complete; the last line is, when the client leaves.
  for (const segment of recorded.send) await client.send(segment);
  return await client.leave();
}

/** Does with two clients what was recorded; what they get is compared unless it was repaired. */
async function followBoth(port: number, recorded: TwoConnections): Promise<void> {
  using stack = new DisposableStack();
  const clients: Record<string, Client> = {};
  for (const { on, send, leave, received, closed } of recorded.steps) {
    const client = clients[on] ??= stack.use(await Client.connect(port));
    // Nothing comes back for a blank line: there is nothing to wait for.
    if (send === "\n") await client.send(send);
    else assertEquals(leave ? await client.leave() : await client.exchange(send!), received);
    assertEquals(client.closed, closed && send !== "\n");
  }
  for (const on of Object.keys(clients).sort()) await clients[on]!.leave();
}

for (const name of ["simple_async_server", "simple_async_server_extended"] as const) {
  const { cases, two_connections: pairs } = transcripts.scripts[name];
  const unknown = cases.find((recorded) => recorded.name === "foo")!.received;
  const strict = { sanitizeOps: true, sanitizeResources: true };

  test(`parity: ${name} replies as on CPython when clients send whole lines`, async (t) => {
    const kept = cases.filter(({ repaired, ended_by_itself: ended }) => !repaired && !ended);
    assert(kept.length >= 45);
    await using script = new Script(name, ANY_PORT);
    const port = await script.port();
    for (const recorded of kept) {
      await t.step({ name: recorded.name, fn: () => follow(port, recorded), ...strict });
    }
    script.signal("SIGINT");
    const expected = kept.flatMap(({ stdout }) => stdout.slice(1));
    await endsWell(script, ["Serving on ('127.0.0.1', 8888)", ...expected]);
  });

  // On CPython it ends with exit code 1 and a traceback.
  test(`parity: ${name} replies as on CPython, but ends well, when a client says shutdown`, async () => {
    const ending = cases.filter(({ repaired, ended_by_itself: ended }) => !repaired && ended);
    assertEquals(ending.length, 3);
    for (const recorded of ending) {
      await using script = new Script(name, ANY_PORT);
      await follow(await script.port(), recorded);
      await endsWell(script, recorded.stdout);
    }
  });

  test(`${name} replies to each line when it arrives in some other way`, async (t) => {
    const expected = repairedReplies(unknown);
    const repaired = cases.filter((recorded) => recorded.repaired);
    assertEquals(repaired.map((recorded) => recorded.name).sort(), Object.keys(expected).sort());
    await using script = new Script(name, ANY_PORT);
    const port = await script.port();
    for (const recorded of repaired) {
      if (recorded.send.join("").includes("shutdown")) continue;
      const fn = async (): Promise<void> => {
        assertEquals(await sendAll(port, recorded), expected[recorded.name]);
      };
      await t.step({ name: recorded.name, fn, ...strict });
    }
    script.signal("SIGINT");
    assertEquals((await script.end()).err, "");
  });

  test(`${name} replies to what comes before it when shutdown is in the same segment`, async () => {
    const recorded = cases.find(({ send }) => send.some((text) => /\nshutdown\n/.test(text)))!;
    await using script = new Script(name, ANY_PORT);
    const replies = await sendAll(await script.port(), recorded);
    assertEquals(replies, repairedReplies(unknown)[recorded.name]);
    const said = ["Serving on ('127.0.0.1', 8888)", "Connection from ('127.0.0.1', <port>)"];
    await endsWell(script, [...said, "Shutting down the server...", "Connection closed"]);
  });

  for (const recorded of pairs) {
    const parity = recorded.repaired ? "" : "parity: ";
    test(`${parity}${name} serves two clients when ${recorded.name}`, async () => {
      await using script = new Script(name, ANY_PORT);
      await followBoth(await script.port(), recorded);
      if (!recorded.ended_by_itself) script.signal("SIGINT");
      // After a shutdown, CPython never says of the others that their connections are closed.
      const others = recorded.ended_by_itself ? ["Connection closed"] : [];
      await endsWell(script, [...recorded.stdout, ...others]);
    });
  }

  test(`${name} says so and fails when its port is in use`, async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    await using script = new Script(name, ["--port", String(listener.addr.port)]);
    const { code, lines, err } = await script.end();
    assertEquals([code, lines], [1, []]);
    assertStringIncludes(err, "AddrInUse: Address already in use");
  });

  test(`${name} says so and fails when a flag or a port is wrong`, async () => {
    const wrong: [string[], RegExp][] = [
      [["--nope"], /Unknown option '--nope'/],
      [["--port", "http"], /Invalid port/],
      [["--port", "65536"], /Invalid port.*65536/],
    ];
    for (const [flags, message] of wrong) {
      await using script = new Script(name, flags);
      const { code, lines, err } = await script.end();
      assertEquals([code, lines], [1, []]);
      assertMatch(err, message);
    }
  });
}

/** A client that has been sent far more than the system buffers, and reads none of it. */
async function connectStuffed(port: number): Promise<Client> {
  const client = await Client.connect(port);
  // Twenty kilobytes of commands, thirteen megabytes of replies.
  await client.send(`add ${NINES}\n${"add 1\n".repeat(3000)}`);
  assertEquals(await client.line(), total(NINES));
  return client;
}

for (const how of ["a client says shutdown", "it is interrupted"]) {
  test(`simple_async_server ends well when ${how} and others stay, one of which does not read`, async () => {
    await using script = new Script("simple_async_server", ANY_PORT);
    const port = await script.port();
    using idle = await Client.connect(port);
    using half = await Client.connect(port);
    using _stuffed = await connectStuffed(port);
    using other = await Client.connect(port);
    assertEquals(await idle.exchange("add 1\n"), total(1));
    await half.send("add");
    if (how === "it is interrupted") script.signal("SIGINT");
    else await other.send("shutdown\n");
    assertEquals(await Promise.all([idle.rest(), half.rest(), other.rest()]), ["", "", ""]);
    const { code, lines, err } = await script.end();
    assertEquals([code, err], [0, ""]);
    assertEquals(lines.filter((line) => line === "Connection closed").length, 4);
  });
}

test("simple_async_server replies to others when a client sends much and does not read", async () => {
  await using script = new Script("simple_async_server", ANY_PORT);
  const port = await script.port();
  using stuffed = await connectStuffed(port);
  using other = await Client.connect(port);
  assertEquals(await other.exchange("add 1\n"), total(1));
  // Once it reads, it gets all its replies.
  const replies = await stuffed.leave();
  assertEquals(replies.match(/\n/g)!.length, 3000);
  assert(replies.endsWith(total("1" + "0".repeat(4296) + "2999")));
});

test("simple_async_server replies once when a line is too long, and goes on", async () => {
  await using script = new Script("simple_async_server", ANY_PORT);
  using client = await Client.connect(await script.port());
  const spaces = (count: number): string => " ".repeat(count - "add 5".length);
  await client.send(`add${spaces(65_536)} 5\nadd${spaces(65_537)} 5\n`);
  await client.send(`${"x".repeat(4 << 20)}\nadd 2\n`);
  assertEquals(await client.leave(), total(5) + TOO_LONG + TOO_LONG + total(7));
});

test("simple_async_server replies to the last client when 240 have come and gone", async () => {
  await using script = new Script("simple_async_server", ANY_PORT);
  const port = await script.port();
  for (let round = 0; round < 3; round++) {
    // No more at once than may wait to be accepted.
    using stack = new DisposableStack();
    for (let i = 0; i < 80; i++) stack.use(await Client.connect(port));
  }
  using client = await Client.connect(port);
  assertEquals(await client.exchange("add 1\n"), total(1));
  await client.leave();
  script.signal("SIGINT");
  const { code, lines, err } = await script.end();
  assertEquals([code, err], [0, ""]);
  assertEquals(lines.filter((line) => line === "Connection closed").length, 241);
});

test("simple_async_server goes on when clients send garbage", async () => {
  await using script = new Script("simple_async_server", ANY_PORT);
  const port = await script.port();
  const allBytes = String.fromCharCode(...Array(256).keys());
  for (
    const garbage of [allBytes, allBytes.repeat(1000), "\0", "\n".repeat(100_000), "\xef\xbb\xbf"]
  ) {
    using client = await Client.connect(port);
    await client.send(garbage);
    await client.leave();
  }
  using client = await Client.connect(port);
  assertEquals(await client.exchange("add 1\n"), total(1));
  await client.leave();
  script.signal("SIGINT");
  const { code, err } = await script.end();
  assertEquals([code, err], [0, ""]);
});
