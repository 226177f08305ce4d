/**
 * What `stop()` lets run.
 *
 * @module
 */

import { sleep } from "@aio/asyncio/loop";
import { described, ValueError } from "./_helpers.ts";
import type { Scenarios } from "./_helpers.ts";

export const scenarios: Scenarios = {
  group: "stop",
  source: import.meta.url,
  onLoop: {
    "5 what is ready in the same turn still runs": async (log, loop) => {
      loop.callSoon(() => {
        log("stop");
        loop.stop();
        loop.callSoon(log, "added by stop's callback");
      });
      loop.callSoon(() => {
        log("ready in the same turn");
        loop.callSoon(log, "added after stop");
      });
      await loop.runForever();
      log("returned, running:", loop.isRunning());
      loop.callSoon(() => loop.stop());
      await loop.runForever();
      log("returned again");
    },

    "5 before the run is one turn": async (log, loop) => {
      loop.callSoon(() => {
        log("first");
        loop.callSoon(log, "second");
      });
      loop.stop();
      await loop.runForever();
      log("returned");
      loop.stop();
      await loop.runForever();
      log("returned again");
    },

    "5 stopping twice is stopping once": async (log, loop) => {
      loop.callSoon(() => loop.stop());
      loop.callSoon(() => loop.stop());
      loop.callSoon(() => loop.callSoon(log, "next turn"));
      await loop.runForever();
      log("returned");
      loop.callSoon(() => loop.stop());
      await loop.runForever();
    },

    "5 a task goes on in the next run": async (log, loop) => {
      async function work(): Promise<void> {
        for (let step = 0; step < 4; step++) {
          log("step", step);
          if (step === 1) loop.stop();
          await sleep(0);
        }
      }

      const task = loop.createTask(work);
      await loop.runForever();
      log("returned, done:", task.done());
      await loop.runUntilComplete(task);
    },

    "5 timers that are due run before the stop ends the turn": async (log, loop) => {
      loop.callLater(-1, log, "timer");
      loop.stop();
      await loop.runForever();
      log("returned");
    },

    "5, 110 the callback that stops may raise": async (log, loop) => {
      loop.setExceptionHandler((_loop, context) => log("handler:", described(context.exception)));
      loop.callSoon(() => {
        loop.stop();
        throw new ValueError("bad");
      });
      loop.callSoon(log, "next");
      await loop.runForever();
      log("returned");
    },
  },
};
