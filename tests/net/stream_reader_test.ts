import {
  CancelledError,
  createTask,
  gather,
  IncompleteReadError,
  LimitOverrunError,
  RuntimeError,
  sleep,
  StreamReader,
  timeout,
  TimeoutError,
} from "@aio/asyncio";
import type { ReadTransport } from "@aio/asyncio";
import { assert, assertEquals, assertRejects, assertThrows } from "../_support/assert.ts";
import { seededRandom } from "../_support/random.ts";
import { bytes, netTest, text } from "./_helpers.ts";

/** A transport that can only be paused. */
function pausable(log: string[]): ReadTransport {
  return {
    pauseReading: () => void log.push("pause"),
    resumeReading: () => void log.push("resume"),
  } as ReadTransport;
}

netTest("StreamReader.read() gives what is there, else what comes next", async () => {
  const reader = new StreamReader();
  reader.feedData(bytes("abc"));
  assertEquals(text(await reader.read(2)), "ab");
  assertEquals(text(await reader.read(10)), "c");
  const [data] = await gather([() => reader.read(10), async () => {
    await sleep(0);
    reader.feedData(bytes("later"));
  }]);
  assertEquals(text(data), "later");
});

netTest("StreamReader.read() works in a generator", function* () {
  const reader = new StreamReader();
  const task = createTask(function* () {
    const line = yield* reader.readline();
    const rest = yield* reader.read();
    return [line, rest].map(text);
  });
  yield* sleep(0);
  reader.feedData(bytes("one\ntw"));
  yield* sleep(0);
  reader.feedData(bytes("o"));
  reader.feedEof();
  assertEquals(yield* task, ["one\n", "two"]);
});

netTest("StreamReader copies what it is fed", async () => {
  const reader = new StreamReader();
  const lent = bytes("abc");
  reader.feedData(lent);
  lent.fill(0);
  assertEquals(text(await reader.read(3)), "abc");
});

netTest("StreamReader pauses above twice the limit, and resumes at the limit", async () => {
  const log: string[] = [];
  const reader = new StreamReader(10);
  reader.setTransport(pausable(log));
  reader.feedData(bytes("x".repeat(20)));
  assertEquals(log, []);
  reader.feedData(bytes("x"));
  reader.feedData(bytes("x"));
  assertEquals(log, ["pause"]);
  await reader.read(11);
  assertEquals(log, ["pause"]);
  await reader.read(1);
  assertEquals(log, ["pause", "resume"]);
});

netTest("StreamReader resumes when somebody waits for more than the limit", async () => {
  const log: string[] = [];
  const reader = new StreamReader(4);
  reader.setTransport(pausable(log));
  reader.feedData(bytes("123456789"));
  const task = createTask(() => reader.readexactly(12));
  await sleep(0);
  assertEquals(log, ["pause", "resume"]);
  reader.feedData(bytes("abc"));
  assertEquals(text(await task), "123456789abc");
});

netTest("StreamReader.setTransport() refuses a second transport", async () => {
  const reader = new StreamReader();
  reader.setTransport(pausable([]));
  assertThrows(() => reader.setTransport(pausable([])), RuntimeError, "Transport already set");
  await sleep(0);
});

netTest("StreamReader.feedData() refuses data after the end", async () => {
  const reader = new StreamReader();
  reader.feedEof();
  assertThrows(() => reader.feedData(bytes("x")), RuntimeError, "after feedEof");
  assert(reader.atEof());
  await sleep(0);
});

netTest("StreamReader loses no byte when a reader is cancelled", async () => {
  const reader = new StreamReader();
  for (
    const start of [
      () => reader.read(10),
      () => reader.readexactly(10),
      () => reader.readline(),
      () => reader.readuntil(bytes("--")),
    ]
  ) {
    const task = createTask(start);
    await sleep(0);
    reader.feedData(bytes("ab"));
    // Data is there and the task is about to resume: the cancellation still comes first.
    task.cancel();
    await sleep(0);
    assert(task.cancelled());
    assertEquals(text(await reader.read(10)), "ab");
  }
});

netTest(
  "StreamReader.read() of all leaves what it has to the next when it is cancelled",
  async () => {
    const reader = new StreamReader();
    const task = createTask(() => reader.read());
    for (const part of ["a", "b", "c"]) {
      reader.feedData(bytes(part));
      await sleep(0);
      await sleep(0);
    }
    reader.feedData(bytes("d"));
    task.cancel();
    await assertRejects(async () => await task, CancelledError);
    reader.feedData(bytes("e"));
    reader.feedEof();
    assertEquals(text(await reader.read()), "abcde");
  },
);

netTest("StreamReader is of use after a timeout", async () => {
  const reader = new StreamReader();
  await assertRejects(
    async () => await timeout(0.001).run(() => reader.readline()),
    TimeoutError,
  );
  reader.feedData(bytes("line\n"));
  assertEquals(text(await reader.readline()), "line\n");
});

netTest("StreamReader gives lines to `for await`", async () => {
  const reader = new StreamReader();
  const task = createTask(async () => {
    const lines: string[] = [];
    for await (const line of reader) lines.push(text(line));
    return lines;
  });
  for (const chunk of ["on", "e\ntwo\nth", "ree"]) {
    reader.feedData(bytes(chunk));
    await sleep(0);
  }
  reader.feedEof();
  assertEquals(await task, ["one\n", "two\n", "three"]);
});

netTest("StreamReader can be cancelled in `for await`", async () => {
  const reader = new StreamReader();
  const task = createTask(async () => {
    for await (const _ of reader);
  });
  await sleep(0);
  task.cancel();
  await sleep(0);
  await sleep(0);
  assert(task.cancelled());
});

netTest("StreamReader.readable gives the rest as a web stream", async () => {
  const reader = new StreamReader();
  reader.feedData(bytes("line\nre"));
  assertEquals(text(await reader.readline()), "line\n");
  const rest = new Response(reader.readable).text();
  await sleep(0);
  reader.feedData(bytes("st"));
  reader.feedEof();
  assertEquals(await rest, "rest");
});

netTest("StreamReader.readable leaves what comes as it is cancelled to the next", async () => {
  const reader = new StreamReader();
  const stream = reader.readable.getReader();
  const reading = stream.read();
  await sleep(0);
  reader.feedData(bytes("one"));
  await sleep(0); // it is read, and not told yet
  reader.feedData(bytes("two"));
  await stream.cancel();
  assertEquals((await reading).done, true);
  await sleep(0);
  assertEquals(text(await reader.readexactly(6)), "onetwo");
});

netTest("StreamReader.readable ends a read that waits when it is cancelled", async () => {
  const reader = new StreamReader();
  const stream = reader.readable.getReader();
  const reading = stream.read();
  await sleep(0);
  await stream.cancel();
  assertEquals((await reading).done, true);
  await sleep(0);
  reader.feedData(bytes("still here"));
  assertEquals(text(await reader.read(100)), "still here");
});

netTest("StreamReader.readable fails as the stream does", async () => {
  const reader = new StreamReader();
  reader.setException(new TypeError("lost"));
  await assertRejects(() => new Response(reader.readable).text(), TypeError, "lost");
});

netTest("StreamReader prints as Python's", async () => {
  const reader = new StreamReader(10);
  reader.feedData(bytes("abc"));
  reader.feedEof();
  assertEquals(String(reader), "<StreamReader 3 bytes eof limit=10>");
  await sleep(0);
});

// -- Against a reference that has all bytes at once --

type Call = readonly [kind: "read" | "exactly" | "line" | "until", argument: number];

const SEPARATORS = ["\n", "\r\n", "ab", "aab", "--end--"].map(bytes);

/** Returns the result of a call if the whole stream is there, and the rest of the stream. */
function expected(rest: string, [kind, argument]: Call, limit: number): [string, string] {
  switch (kind) {
    case "read":
      return ["", rest]; // the length depends on what has arrived: the caller checks it
    case "exactly":
      return rest.length < argument
        ? [`incomplete ${rest}`, ""]
        : [rest.slice(0, argument), rest.slice(argument)];
    case "line":
    case "until": {
      const separators = kind === "line" ? ["\n"] : chosen(argument).map(text);
      const ends = separators.map((separator) => rest.indexOf(separator) + separator.length)
        .filter((end, i) => end >= separators[i]!.length);
      if (ends.length === 0) {
        const longest = Math.max(...separators.map(({ length }) => length));
        if (rest.length + 1 - longest > limit) return ["overrun", rest];
        return kind === "line" ? [rest, ""] : [`incomplete ${rest}`, ""];
      }
      const end = Math.min(...ends);
      const found = separators.filter((separator) => rest.slice(0, end).endsWith(separator));
      const start = end - Math.min(...found.map(({ length }) => length));
      return start > limit ? ["overrun", rest] : [rest.slice(0, end), rest.slice(end)];
    }
  }
}

function chosen(argument: number): Uint8Array[] {
  return SEPARATORS.filter((_, i) => (argument >> i) & 1);
}

async function actual(reader: StreamReader, [kind, argument]: Call): Promise<string> {
  try {
    if (kind === "read") return text(await reader.read(argument));
    if (kind === "exactly") return text(await reader.readexactly(argument));
    if (kind === "line") return text(await reader.readline());
    return text(await reader.readuntil(chosen(argument)));
  } catch (error) {
    if (error instanceof IncompleteReadError) return `incomplete ${text(error.partial)}`;
    if (error instanceof LimitOverrunError) return "overrun";
    if (kind === "line" && error instanceof RangeError) return "overrun";
    throw error;
  }
}

/** How many segments the test below goes through, and the seed they are made from. */
const SEGMENTS = Number(Deno.env.get("FUZZ") ?? 50_000);
const SEED = Number(Deno.env.get("FUZZ_SEED") ?? 20_251);

netTest(`StreamReader gives the same whatever the segments: ${SEGMENTS} of them`, async () => {
  const random = seededRandom(SEED);
  const alphabet = "aab\r\n-x";
  let segments = 0;
  while (segments < SEGMENTS) {
    const letters = Array.from({ length: random(120) }, () => alphabet[random(alphabet.length)]);
    let rest = letters.join("");
    if (random(4) === 0) rest = `${rest}--end--${rest}`;
    const limit = random(2) === 0 ? 1 + random(30) : 1000;
    const reader = new StreamReader(limit);
    const data = bytes(rest);
    let fed = 0;
    const feeder = createTask(async () => {
      while (fed < data.length) {
        const size = 1 + random(random(3) === 0 ? data.length : 4);
        reader.feedData(data.subarray(fed, fed + size));
        fed = Math.min(fed + size, data.length);
        segments++;
        if (random(3) > 0) await sleep(0);
      }
      reader.feedEof();
    });
    while (rest !== "" || !reader.atEof()) {
      const kinds = ["read", "exactly", "line", "until"] as const;
      const kind = kinds[random(4)]!;
      const call: Call = [kind, kind === "until" ? 1 + random(31) : 1 + random(20)];
      const result = await actual(reader, call);
      const where = `${call} of ${JSON.stringify(rest)} with ${limit}`;
      if (kind === "read") {
        assert(rest.startsWith(result) && result.length <= call[1], `${where}: ${result}`);
        assert(result.length > 0 || rest === "", `${where} gave nothing`);
        rest = rest.slice(result.length);
        continue;
      }
      const [wanted, left] = expected(rest, call, limit);
      assertEquals(result, wanted, where);
      rest = left;
      if (kind === "line" && result === "overrun") {
        // It has dropped the line, if that was complete, else all that had arrived.
        const arrived = rest.length - (data.length - fed);
        const end = rest.indexOf("\n") + 1;
        rest = rest.slice(end > 0 && end <= arrived ? end : arrived);
      }
    }
    await feeder;
  }
});
