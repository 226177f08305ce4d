/**
 * What belongs to which turn of the loop.
 *
 * @module
 */

import { getRunningLoop, RuntimeError, sleep } from "@aio/asyncio/loop";
import type { Handle } from "@aio/asyncio/loop";
import { captureErrors } from "../../_support/run.ts";
import { countTurns, described, passTurns, ValueError } from "./_helpers.ts";
import type { Log, Scenarios } from "./_helpers.ts";

export const scenarios: Scenarios = {
  group: "turns",
  source: import.meta.url,
  inTask: {
    "4 call soon in a callback is for the next turn": async function (log: Log): Promise<void> {
      const chain = (step: number): void => {
        log("chain", step);
        if (step < 3) loop.callSoon(chain, step + 1);
      };

      const loop = getRunningLoop();
      countTurns(log, 4);
      loop.callSoon(chain, 1);
      await passTurns(4);
    },

    "4 two chains interleave": async function (log: Log): Promise<void> {
      const chain = (name: string, step: number): void => {
        log(name, step);
        if (step === 2) return;
        loop.callSoon(chain, name, step + 1);
        loop.callSoon(log, name, "extra", step);
      };

      const loop = getRunningLoop();
      countTurns(log, 4);
      loop.callSoon(chain, "a", 0);
      loop.callSoon(chain, "b", 0);
      await passTurns(4);
    },

    "a handle cancelled in its own turn": async function (log: Log): Promise<void> {
      const loop = getRunningLoop();
      loop.callSoon(() => handle.cancel());
      const handle: Handle = loop.callSoon(log, "never");
      loop.callSoon(log, "last");
      await sleep(0);
      log("cancelled:", handle.cancelled());
    },

    "110 a callback that raises does not end the turn": async function (log: Log): Promise<void> {
      function bad(): void {
        throw new ValueError("bad");
      }

      const loop = getRunningLoop();
      loop.setExceptionHandler((_loop, context) => {
        log("handler:", context.message, "|", described(context.exception));
        log("keys:", ...Object.keys(context).sort());
      });
      loop.callSoon(bad);
      loop.callSoon(log, "next");
      await sleep(0);
    },

    "110 an exception handler that raises": async function (log: Log): Promise<void> {
      using _errors = captureErrors();
      const loop = getRunningLoop();
      loop.setExceptionHandler(() => {
        log("handler");
        throw new RuntimeError("handler failed");
      });
      loop.callSoon(() => {
        throw new ValueError("bad");
      });
      loop.callSoon(log, "next");
      await sleep(0);
      log("goes on");
    },

    "call soon threadsafe keeps the order": async function (log: Log): Promise<void> {
      const loop = getRunningLoop();
      loop.callSoon(log, 1);
      loop.callSoonThreadsafe(log, 2);
      loop.callSoon(log, 3);
      await sleep(0);
    },
  },
};
