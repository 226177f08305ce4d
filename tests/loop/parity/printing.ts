/**
 * What handles, futures, tasks and loops print.
 *
 * @module
 */

import { createTask, gather, partial, sleep } from "@aio/asyncio/loop";
import { newFuture, pythonic, ValueError } from "./_helpers.ts";
import type { Log, Scenarios } from "./_helpers.ts";

function hello(): void {}
function goodbye(..._words: unknown[]): void {}
function another(..._words: unknown[]): void {}

class Greeter {
  greet(): void {}
}

async function waiting<T>(future: PromiseLike<T>): Promise<T> {
  return await future;
}

export const scenarios: Scenarios = {
  group: "repr",
  source: import.meta.url,
  inTask: {
    "Task": async function (log: Log): Promise<void> {
      async function waiter(): Promise<string> {
        return await waiting(future);
      }

      const future = newFuture<string>();
      const task = createTask(waiter, { name: "t" });
      log(task);
      await sleep(0);
      log(task);
      log(future);
      task.addDoneCallback(hello);
      log(task);
      task.removeDoneCallback(hello);
      future.setResult("x");
      log(task);
      await task;
      log(task);
    },

    "Task that is cancelled": async function (log: Log): Promise<void> {
      const task = createTask(() => waiting(newFuture()), { name: "t" });
      await sleep(0);
      task.cancel();
      log(task);
      await gather([task], { returnExceptions: true });
      log(task);
    },

    "Task that fails": async function (log: Log): Promise<void> {
      const future = newFuture<null>();
      const task = createTask(() => waiting(future), { name: "t" });
      future.setException(new ValueError("no"));
      await gather([task], { returnExceptions: true });
      log(task);
    },

    "Task that awaits a Task": async function (log: Log): Promise<void> {
      const inner = createTask(() => waiting(newFuture()), { name: "inner" });
      const outer = createTask(() => waiting(inner), { name: "outer" });
      await sleep(0);
      log(inner);
      log(outer);
      outer.cancel();
      log(outer);
      await gather([outer], { returnExceptions: true });
    },

    "90 Task names": async function (log: Log): Promise<void> {
      const named = createTask(() => sleep(0), { name: "t" });
      log(named.getName());
      named.setName(42);
      log([named.getName()].join().replace(/.*/, "'$&'"));
      const unnamed = [createTask(() => sleep(0)), createTask(() => sleep(0))];
      const numbers = unnamed.map((task) => Number(task.getName().replace("Task-", "")));
      log("Task-<number>, counting:", numbers[1]! - numbers[0]!);
    },

    "gather": async function (log: Log): Promise<void> {
      const gathered = gather([() => sleep(0), () => sleep(0)]);
      log(gathered);
      await gathered;
      log(gathered);
    },
  },
  onLoop: {
    "Handle": (log, loop) => {
      const greeter = new Greeter();
      log(loop.callSoon(hello));
      log(loop.callSoon(goodbye, 1, "x", null, [1, 2]));
      log(
        loop.callSoon(goodbye, "a long text that takes much more than thirty characters to print"),
      );
      log(loop.callSoon(() => null));
      log(loop.callSoon(greeter.greet));
      log(loop.callSoon(parseInt, "x"));
      const cancelled = loop.callSoon(goodbye, 1);
      cancelled.cancel();
      log(cancelled);
    },

    "TimerHandle": (log, loop) => {
      log(pythonic(loop.callLater(3600, hello)));
      log(pythonic(loop.callLater(3600, goodbye, 1)));
      log(pythonic(loop.callAt(7, hello)));
      const cancelled = loop.callLater(3600, hello);
      cancelled.cancel();
      log(pythonic(cancelled));
    },

    "functools.partial": (log, loop) => {
      log(loop.callSoon(partial(hello)));
      log(loop.callSoon(partial(goodbye, 1, "x")));
      log(loop.callSoon(partial(goodbye, 1), 2));
      log(loop.callSoon(partial(partial(goodbye, 1), 2)));
      log(pythonic(loop.callLater(3600, partial(goodbye, 1))));
      log(loop.callSoon(partial(goodbye, loop)));
    },

    "Future": (log, loop) => {
      const pending = loop.createFuture<null>();
      log(pending);
      for (const callback of [hello, goodbye, another, hello]) {
        pending.addDoneCallback(callback);
        log(pending);
      }
      const finished = loop.createFuture<unknown>();
      finished.setResult(1);
      log(finished);
      const text = loop.createFuture<string>();
      text.setResult("x".repeat(60));
      log(text);
      const nothing = loop.createFuture<null>();
      nothing.setResult(null);
      log(nothing);
      const failed = loop.createFuture<null>();
      failed.setException(new ValueError("no"));
      log(failed);
      failed.exception();
      const cancelled = loop.createFuture<null>();
      cancelled.cancel("msg");
      log(cancelled);
    },

    "EventLoop": async (log, loop) => {
      log(loop);
      loop.callSoon(() => {
        log(loop);
        loop.stop();
      });
      await loop.runForever();
      loop.close();
      log(loop);
    },
  },
};
