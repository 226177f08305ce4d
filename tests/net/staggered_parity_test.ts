/**
 * Races of several attempts, as in CPython: see ../loop/parity_primitives.py.
 *
 * @module
 */

import { CancelledError, createTask, sleep } from "@aio/asyncio/loop";
import { staggeredRace } from "@aio/asyncio/net";
import { parityTests } from "../_support/parity.ts";
import { described, ValueError } from "../loop/parity/_helpers.ts";
import type { Log, Scenarios } from "../loop/parity/_helpers.ts";
import { now } from "../loop/parity/_primitives.ts";

type Attempt = () => Promise<string>;

function attemptOf(log: Log, name: string, delay: number, error: Error | null = null): Attempt {
  return async function (): Promise<string> {
    log(name, "starts at", now());
    try {
      await sleep(delay);
    } catch (error) {
      log(name, "is cancelled at", now());
      throw error;
    }
    if (error !== null) throw error;
    return name;
  };
}

async function race(log: Log, attempts: Attempt[], delay: number | null): Promise<void> {
  const [winner, index, errors] = await staggeredRace(attempts, delay);
  log("winner:", winner, index, "at", now());
  log("errors:", ...errors.map((error) => error === null ? null : described(error)));
}

export const scenarios: Scenarios = {
  group: "staggered_race",
  source: import.meta.url,
  inTask: {
    "117 the first that succeeds cancels the others": async function (log: Log): Promise<void> {
      const [slow, quick] = [attemptOf(log, "slow", 10), attemptOf(log, "quick", 3)];
      await race(log, [slow, quick, attemptOf(log, "late", 1)], 5);
    },

    "117 the next starts when one fails, or after the delay": async function (
      log: Log,
    ): Promise<void> {
      const failing = attemptOf(log, "failing", 1, new ValueError("no"));
      await race(log, [failing, attemptOf(log, "second", 9), attemptOf(log, "third", 2)], 4);
    },

    "117 nobody wins": async function (log: Log): Promise<void> {
      const attempts = [..."ab"].map((name) => attemptOf(log, name, 2, new ValueError(name)));
      await race(log, attempts, null);
    },

    "117 of two that succeed in one turn one wins": async function (log: Log): Promise<void> {
      await race(log, [attemptOf(log, "a", 2), attemptOf(log, "b", 1)], 1);
    },

    "117 a cancellation ends all attempts first": async function (log: Log): Promise<void> {
      async function running(): Promise<void> {
        await race(log, [attemptOf(log, "a", 10), attemptOf(log, "b", 10)], 1);
      }

      const task = createTask(running);
      await sleep(3);
      task.cancel();
      try {
        await task;
      } catch (error) {
        if (!(error instanceof CancelledError)) throw error;
        log("task:", described(error));
      }
    },
  },
};

await parityTests(scenarios);
