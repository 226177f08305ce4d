/**
 * timeout() and timeoutAt(), as in CPython: see parity_primitives.py.
 *
 * @module
 */

import {
  CancelledError,
  createTask,
  ExceptionGroup,
  getRunningLoop,
  sleep,
  TaskGroup,
  timeout,
  timeoutAt,
  TimeoutError,
} from "@aio/asyncio/loop";
import type { Timeout } from "@aio/asyncio/loop";
import { busy, parityTests } from "../_support/parity.ts";
import { attempt, described, newFuture, outcome, ValueError } from "./parity/_helpers.ts";
import type { Log, Scenarios } from "./parity/_helpers.ts";
import {
  cancelling,
  ended,
  failing,
  grouped,
  hasTimeoutInChain,
  now,
} from "./parity/_primitives.ts";

export const scenarios: Scenarios = {
  group: "timeouts",
  source: import.meta.url,
  inTask: {
    "19 a cancellation from outside stays one": async function (log: Log): Promise<void> {
      const limit = timeout(10);
      const task = createTask(() => limit.run(() => sleep(100)));
      await sleep(1);
      task.cancel("msg");
      await outcome(log, "task", task);
      log("expired:", limit.expired(), "at", now(), "cancelling", task.cancelling());
    },

    "19 a cancellation from outside in the turn in which it expires stays one": async function (
      log: Log,
    ): Promise<void> {
      const limit = timeout(10);
      const task = createTask(() => limit.run(() => sleep(100)));
      await sleep(1);
      const loop = getRunningLoop();
      loop.callAt(10, log, "due");
      loop.callAt(10, () => task.cancel());
      await outcome(log, "task", task);
      log("expired:", limit.expired(), "cancelling", task.cancelling());
    },

    "19 a cancellation before it expires, while the body cleans up, stays one": async function (
      log: Log,
    ): Promise<void> {
      async function body(): Promise<void> {
        try {
          await sleep(100);
        } finally {
          await outcome(log, "cleanup", sleep(20));
        }
      }

      const task = createTask(() => timeout(10).run(body));
      await sleep(1);
      task.cancel();
      await outcome(log, "task", task);
      log("at", now(), "cancelling", task.cancelling());
    },

    "20 of two with the same deadline the outer one raises": async function (
      log: Log,
    ): Promise<void> {
      async function body(): Promise<void> {
        try {
          await inner.run(() => sleep(100));
        } catch (error) {
          log("inner raises", described(error), "cancelling", cancelling());
          throw error;
        }
      }

      const [outer, inner] = [timeoutAt(5), timeoutAt(5)];
      await outcome(log, "outer", outer.run(body));
      log([outer, inner].map((limit) => limit.expired()), "cancelling", cancelling());
    },

    "21 the inner one expires while the loop is busy, the outer one later": async function (
      log: Log,
    ): Promise<void> {
      async function inner(): Promise<void> {
        busy(5);
        await sleep(100);
      }

      async function outer(): Promise<void> {
        await outcome(log, "inner", timeout(1).run(inner));
        log("at", now());
        await sleep(100);
      }

      await outcome(log, "outer", timeout(10).run(outer));
      log("at", now(), "cancelling", cancelling());
    },

    "21 both expire while the loop is busy": async function (log: Log): Promise<void> {
      async function inner(): Promise<void> {
        busy(50);
        await sleep(100);
      }

      async function outer(): Promise<void> {
        try {
          await timeout(1).run(inner);
        } catch (error) {
          log("inner raises", described(error));
          throw error;
        }
      }

      await outcome(log, "outer", timeout(10).run(outer));
      log("at", now(), "cancelling", cancelling());
    },

    "22 after it was handled the task goes on": async function (log: Log): Promise<void> {
      await outcome(log, "limited", timeout(1).run(() => sleep(100)));
      log("cancelling", cancelling());
      await sleep(10);
      log("at", now());
    },

    "22 a body that swallows the cancellation is not failed": async function (
      log: Log,
    ): Promise<void> {
      async function limited(): Promise<boolean> {
        await limit.run(async function (): Promise<void> {
          try {
            await sleep(100);
          } catch {
            log("swallowed");
          }
        });
        return limit.expired();
      }

      const limit = timeout(1);
      await ended(log, "limited", limited);
      log("cancelling", cancelling());
      await sleep(10);
      log("at", now());
    },

    "23 zero and less end the body at its first wait": async function (log: Log): Promise<void> {
      async function body(): Promise<void> {
        log("runs");
        await sleep(0);
        log("never");
      }

      await outcome(log, "0", timeout(0).run(body));
      await outcome(log, "-1", timeout(-1).run(body));
      log("at", now(), "cancelling", cancelling());
    },

    "23 a body that does not wait is not ended": async function (log: Log): Promise<void> {
      async function limited(delay: number): Promise<boolean> {
        const future = newFuture<string>();
        future.setResult("done");
        const limit = timeout(delay);
        await limit.run(async function (): Promise<void> {
          log(await future);
        });
        return limit.expired();
      }

      await ended(log, "0", () => limited(0));
      await ended(log, "-1", () => limited(-1));
      await sleep(0);
      log("cancelling", cancelling());
    },

    "24 another error in the cleanup goes through, with TimeoutError in its chain": async function (
      log: Log,
    ): Promise<void> {
      const limit = timeout(1);
      try {
        await limit.run(async function (): Promise<void> {
          try {
            await sleep(100);
          } catch {
            throw new ValueError("cleanup");
          }
        });
      } catch (error) {
        log(described(error), "timeout in chain:", hasTimeoutInChain(error));
      }
      log("expired:", limit.expired(), "cancelling", cancelling());
    },

    "24 an error in time has no TimeoutError in its chain": async function (
      log: Log,
    ): Promise<void> {
      try {
        await timeout(1).run(() => failing(3, new ValueError("in time")));
      } catch (error) {
        log(described(error), "timeout in chain:", hasTimeoutInChain(error));
      }
      log("cancelling", cancelling());
    },

    "25 in the cleanup of a cancelled task": async function (log: Log): Promise<void> {
      async function work(): Promise<void> {
        try {
          await sleep(100);
        } finally {
          log("cancelling", cancelling());
          await outcome(log, "cleanup", timeout(1).run(() => sleep(100)));
          log("cancelling", cancelling());
        }
      }

      const task = createTask(work);
      await sleep(1);
      task.cancel("msg");
      await outcome(log, "task", task);
      log("at", now());
    },

    "25 in the cleanup of another one": async function (log: Log): Promise<void> {
      async function outer(): Promise<void> {
        try {
          await sleep(100);
        } finally {
          await outcome(log, "inner", timeout(2).run(() => sleep(100)));
          log("at", now());
        }
      }

      await outcome(log, "outer", timeout(1).run(outer));
      log("at", now(), "cancelling", cancelling());
    },

    "91 what its states forbid": async function (log: Log): Promise<void> {
      const nothing = (): Awaitable => sleep(0);
      const limit = timeout(1);
      attempt(log, "created", () => limit.reschedule(1));
      await limit.run(async function (): Promise<void> {
        await outcome(log, "entered twice", limit.run(nothing));
      });
      attempt(log, "finished", () => limit.reschedule(1));
      await outcome(log, "entered again", limit.run(nothing));
      const expired = timeout(0);
      try {
        await expired.run(async function (): Promise<void> {
          try {
            await sleep(10);
          } finally {
            attempt(log, "expiring", () => expired.reschedule(1));
          }
        });
      } catch (error) {
        if (error instanceof TimeoutError) log("timed out");
      }
      attempt(log, "expired", () => expired.reschedule(1));
    },

    "91 its texts": async function (log: Log): Promise<void> {
      const limit = timeoutAt(1.23456);
      log(limit);
      try {
        await limit.run(async function (): Promise<void> {
          log(limit);
          try {
            await sleep(10);
          } finally {
            log(limit);
          }
        });
      } catch (error) {
        if (error instanceof TimeoutError) log(limit);
      }
      const finished = timeout(1);
      await finished.run(async function (): Promise<void> {});
      log(finished);
    },

    "92 rescheduling": async function (log: Log): Promise<void> {
      const limit = timeout(null);
      await limit.run(async function (): Promise<void> {
        log(limit.when());
        limit.reschedule(1);
        log(limit.when());
        limit.reschedule(null);
        log(limit.when());
        await sleep(5);
      });
      log("expired:", limit.expired(), "at", now());

      async function extended(limit: Timeout): Promise<void> {
        limit.reschedule(8);
        await sleep(100);
      }

      async function shortened(limit: Timeout): Promise<void> {
        limit.reschedule(1);
        await sleep(0);
        log("never");
      }

      await outcome(log, "extended", timeoutAt(6).run(extended));
      log("at", now());
      await outcome(log, "shortened", timeoutAt(100).run(shortened));
      log("at", now());
    },

    "94 around a group whose child fails in its cleanup": async function (
      log: Log,
    ): Promise<void> {
      async function child(): Promise<void> {
        try {
          await sleep(100);
        } catch (error) {
          if (error instanceof CancelledError) throw new ValueError("cleanup");
        }
      }

      async function limited(): Promise<void> {
        await new TaskGroup().run(async function (group: TaskGroup): Promise<void> {
          group.createTask(child);
        });
      }

      try {
        await timeout(1).run(limited);
      } catch (error) {
        if (!(error instanceof ExceptionGroup)) throw error;
        log(grouped(error), "timeout in chain:", hasTimeoutInChain(error));
        log("of the child:", hasTimeoutInChain(error.exceptions[0]));
      }
      log("cancelling", cancelling());
    },
  },
};

type Awaitable = PromiseLike<unknown>;

await parityTests(scenarios, {
  differences: {
    "94 around a group whose child fails in its cleanup": {
      reason: "an error has a cause but no context, so the group tells that the time was over, too",
      log: [
        "group(ValueError: cleanup) timeout in chain: True",
        "of the child: True",
        "cancelling 0",
      ],
    },
  },
});
