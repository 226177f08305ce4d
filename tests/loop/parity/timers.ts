/**
 * Timers: their order, and how they meet the turns.
 *
 * @module
 */

import { getRunningLoop, sleep } from "@aio/asyncio/loop";
import type { EventLoop } from "@aio/asyncio/loop";
import { attempt, countTurns, passTurns } from "./_helpers.ts";
import type { Log, Scenarios } from "./_helpers.ts";

function oneTurn(loop: EventLoop): Promise<void> {
  loop.stop();
  return loop.runForever();
}

export const scenarios: Scenarios = {
  group: "timers",
  source: import.meta.url,
  inTask: {
    "107 in the order of their deadlines": async function (log: Log): Promise<void> {
      const loop = getRunningLoop();
      const end = loop.createFuture<null>();
      for (const delay of [0.003, 0.001, 0.004, 0.002]) loop.callLater(delay, log, delay);
      loop.callLater(0.005, () => end.setResult(null));
      await end;
    },

    "call_later(0) in a callback is for the next turn, after its call_soons": async function (
      log: Log,
    ): Promise<void> {
      const callback = (): void => {
        loop.callLater(0, log, "call_later(0)");
        loop.callSoon(log, "call_soon");
        log("callback");
      };

      const loop = getRunningLoop();
      countTurns(log, 3);
      loop.callSoon(callback);
      await passTurns(3);
    },

    "a future set by a timer that is due": async function (log: Log): Promise<void> {
      const loop = getRunningLoop();
      const future = loop.createFuture<null>();
      countTurns(log, 3);
      loop.callLater(-1, () => future.setResult(null));
      await future;
      log("awake");
      await sleep(0);
    },
  },
  onLoop: {
    "107 deadlines of the past": async (log, loop) => {
      for (const delay of [-1, -3, 0, -2]) loop.callLater(delay, log, delay);
      loop.callSoon(log, "call_soon comes first");
      await oneTurn(loop);
      log("all in one turn");
    },

    "call_later(0) comes after what call_soon made ready for the same turn": async (log, loop) => {
      loop.callLater(0, log, "call_later 1");
      loop.callSoon(log, "call_soon 1");
      loop.callLater(0, log, "call_later 2");
      loop.callSoon(log, "call_soon 2");
      await oneTurn(loop);
    },

    "cancelled timers do not run": async (log, loop) => {
      const handles = [0, 1, 2, 3, 4].map((number) => loop.callLater(-number, log, number));
      handles[1]!.cancel();
      handles[4]!.cancel();
      handles[4]!.cancel();
      await oneTurn(loop);
      log(handles.map((handle) => handle.cancelled()));
    },

    "a timer cancels another of its turn": async (log, loop) => {
      const second = loop.callLater(-1, log, "never");
      loop.callLater(-2, () => second.cancel());
      loop.callLater(0, log, "third");
      await oneTurn(loop);
    },

    "a handle cancelled after its run": async (log, loop) => {
      const handle = loop.callSoon(log, "runs");
      await oneTurn(loop);
      log("cancelled:", handle.cancelled());
      handle.cancel();
      log("cancelled:", handle.cancelled());
    },

    "equal deadlines (not FIFO: a heap; not to be relied on)": async (log, loop) => {
      const deadline = loop.time() - 1;
      for (let number = 0; number < 7; number++) loop.callAt(deadline, log, number);
      await oneTurn(loop);
    },

    "two equal deadlines": async (log, loop) => {
      const deadline = loop.time() - 1;
      loop.callAt(deadline, log, "first");
      loop.callAt(deadline, log, "second");
      await oneTurn(loop);
    },

    "what a timer knows": (log, loop) => {
      const handle = loop.callAt(12.5, log);
      log("when:", handle.when(), "cancelled:", handle.cancelled());
      const none = null as unknown as number;
      attempt(log, "call_later(None)", () => loop.callLater(none, log));
      attempt(log, "call_at(None)", () => loop.callAt(none, log));
    },
  },
};
