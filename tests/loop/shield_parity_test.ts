/**
 * shield(), as in CPython: see parity_primitives.py.
 *
 * @module
 */

import { createTask, shield, sleep } from "@aio/asyncio/loop";
import { parityTests } from "../_support/parity.ts";
import { described, newFuture, outcome, passTurns, ValueError } from "./parity/_helpers.ts";
import type { Log, Scenarios } from "./parity/_helpers.ts";
import { cancelling, failing, logErrors, now } from "./parity/_primitives.ts";

export const scenarios: Scenarios = {
  group: "shield",
  source: import.meta.url,
  inTask: {
    "40 cancelling the outer one leaves the inner one running": async function (
      log: Log,
    ): Promise<void> {
      const inner = createTask(() => sleep(5, "inner"));
      const outer = shield(inner);
      await sleep(1);
      log("cancel:", outer.cancel("msg"));
      await outcome(log, "outer", outer);
      await outcome(log, "inner", inner);
      log("cancelling", inner.cancelling());
    },

    "40 cancelling the task that awaits it leaves the inner one running": async function (
      log: Log,
    ): Promise<void> {
      const inner = createTask(() => sleep(5, "inner"));
      const task = createTask(() => shield(inner));
      await sleep(1);
      task.cancel("msg");
      await outcome(log, "task", task);
      log("at", now());
      await outcome(log, "inner", inner);
    },

    "40 cancelling the inner one cancels the outer one": async function (
      log: Log,
    ): Promise<void> {
      const inner = createTask(() => sleep(5));
      const outer = shield(inner);
      await sleep(1);
      inner.cancel();
      await outcome(log, "outer", outer);
      log(outer.cancelled(), cancelling());
    },

    "40 results and errors go through": async function (log: Log): Promise<void> {
      const done = newFuture<string>();
      done.setResult("done");
      log(shield(done) === done);
      await outcome(log, "value", shield(() => sleep(1, "value")));
      await outcome(log, "error", shield(() => failing(1, new ValueError("no"))));
    },

    "41 a failure after the outer one was cancelled is reported once": async function (
      log: Log,
    ): Promise<void> {
      logErrors(log);
      const inner = newFuture<void>();
      const outers = [shield(inner), shield(inner)];
      await sleep(0);
      for (const outer of outers) outer.cancel();
      await sleep(0);
      inner.setException(new ValueError("no"));
      await passTurns(2);
      log(outers.map((outer) => outer.cancelled()));
    },

    "41 it is reported after what was added before the last cancellation": async function (
      log: Log,
    ): Promise<void> {
      logErrors(log);
      const inner = newFuture<void>();
      const outers = [shield(inner), shield(inner)];
      for (const [number, outer] of outers.entries()) {
        outer.cancel();
        await sleep(0);
        inner.addDoneCallback(() => log("callback", number));
      }
      inner.setException(new ValueError("no"));
      await sleep(0);
      log(described(inner.exception()));
    },

    "41 a failure and a cancellation in one turn": async function (log: Log): Promise<void> {
      logErrors(log);
      const inner = newFuture<void>();
      const outer = shield(inner);
      inner.setException(new ValueError("no"));
      outer.cancel();
      await passTurns(3);
      log(outer.cancelled(), described(inner.exception()));
    },
  },
};

await parityTests(scenarios);
