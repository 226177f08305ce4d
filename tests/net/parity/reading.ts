/**
 * Readers that are fed by hand.
 *
 * @module
 */

import { createTask, gather, sleep, StreamReader } from "@aio/asyncio";
import { attempt, bytes, described, fed, outcome, ValueError } from "./_helpers.ts";
import type { Log, Scenarios } from "./_helpers.ts";

export const scenarios: Scenarios = {
  source: import.meta.url,
  inTask: {
    "130 readline over the limit": async function (log: Log): Promise<void> {
      let reader = fed(["0123456789abcdefgh\nshort\n"]);
      await outcome(log, "long", () => reader.readline());
      await outcome(log, "next", () => reader.readline());
      reader = fed(["0123456789abcdefgh"], { eof: false });
      await outcome(log, "endless", () => reader.readline());
      reader.feedData(bytes("rest\nlast"));
      reader.feedEof();
      await outcome(log, "next", () => reader.readline());
      await outcome(log, "last", () => reader.readline());
      await outcome(log, "end", () => reader.readline());
      await outcome(log, "at the limit", () => fed(["0123456789abcdef\n"]).readline());
      await outcome(log, "over it by one", () => fed(["0123456789abcdefg\n"]).readline());
    },

    "131 readuntil": async function (log: Log): Promise<void> {
      const aaa = bytes("AAA");
      let reader = fed(["0123456789abcdefghAAAA"]);
      await outcome(log, "found, too long", () => reader.readuntil(aaa));
      await outcome(log, "kept", () => reader.readexactly(19));
      reader = fed(["0123456789abcdefghi"]);
      await outcome(log, "not found, too long", () => reader.readuntil(aaa));
      await outcome(log, "kept", () => reader.read(100));
      reader = fed(["one", "A", "A", "Atwo", "A", "AB", "AAA"]);
      await outcome(log, "across", () => reader.readuntil(aaa));
      await outcome(log, "with a false start", () => reader.readuntil(aaa));
      await outcome(log, "rest", () => reader.readuntil(aaa));
      await outcome(log, "empty", () => fed(["x"]).readuntil(bytes("")));
      reader = fed(["a\r\nb\nc\rd"]);
      for (let i = 0; i < 4; i++) {
        await outcome(log, "several", () => reader.readuntil(["\r\n", "\n", "\r"].map(bytes)));
      }
      reader = fed(["some dataEND"]);
      const separators = ["END", "ATAEND", "D", "aEND"].map(bytes);
      await outcome(log, "shortest", () => reader.readuntil(separators));
      const ending = fed(["aaab"], { limit: 1 });
      await outcome(log, "ending together", () => ending.readuntil(["aab", "ab"].map(bytes)));
      await outcome(log, "none", () => fed(["x"]).readuntil([]));
      await outcome(log, "one of them empty", () => fed(["x"]).readuntil(["", "x"].map(bytes)));
    },

    "132 readexactly": async function (log: Log): Promise<void> {
      await outcome(log, "over the limit", () => fed(["0123456789abcdefghij"]).readexactly(20));
      await outcome(log, "zero", () => fed([]).readexactly(0));
      await outcome(log, "negative", () => fed(["x"]).readexactly(-1));
      const reader = fed(["12345"]);
      await outcome(log, "too short", () => reader.readexactly(6));
      await outcome(log, "again", () => reader.readexactly(6));
      log("at eof", reader.atEof());
    },

    "133 set_exception": async function (log: Log): Promise<void> {
      const reader = fed(["data"], { eof: false });
      const waiting = new StreamReader();
      const tasks = [createTask(() => outcome(log, "waiting", () => waiting.read(10)))];
      await sleep(0);
      for (const each of [reader, waiting]) each.setException(new ValueError("sticky"));
      await gather(tasks);
      for (let i = 0; i < 2; i++) await outcome(log, "read", () => reader.read(10));
      await outcome(log, "readline", () => reader.readline());
      await outcome(log, "readexactly", () => reader.readexactly(1));
      log("exception", described(reader.exception()));
      let cancelled = new StreamReader();
      const task = createTask(() => cancelled.read(1));
      await sleep(0);
      task.cancel();
      await outcome(log, "cancelled", () => task);
      cancelled.setException(new ValueError("later"));
      cancelled = fed(["x"]);
      await outcome(log, "after that", () => cancelled.read(1));
    },

    "134 limits, and two who read": async function (log: Log): Promise<void> {
      attempt(log, "zero", () => new StreamReader(0));
      attempt(log, "negative", () => new StreamReader(-1));
      let reader = new StreamReader();
      const first = createTask(() => outcome(log, "first", () => reader.read(10)));
      await sleep(0);
      await outcome(log, "second", () => reader.read(10));
      await outcome(log, "second", () => reader.readline());
      await outcome(log, "second", () => reader.readexactly(3));
      reader.feedData(bytes("data"));
      await first;
      await outcome(log, "zero bytes", () => fed(["x"]).read(0));
      reader = fed(["0123456789abcdefghijklmnopqrstuvwxyz"]);
      await outcome(log, "some", () => reader.read(5));
      await outcome(log, "all", () => reader.read());
      await outcome(log, "at the end", () => reader.read());
    },
  },
};
