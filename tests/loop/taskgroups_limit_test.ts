/**
 * TaskGroup with a limit, and TaskGroup.cancel(): the two things that Python 3.14's TaskGroup
 * lacks.
 *
 * @module
 */

import {
  CancelledError,
  createTask,
  currentTask,
  ExceptionGroup,
  getRunningLoop,
  RuntimeError,
  sleep,
  TaskGroup,
  timeout,
  TimeoutError,
} from "@aio/asyncio/loop";
import type { Task } from "@aio/asyncio/loop";
import { assertEquals, assertRejects, assertThrows } from "../_support/assert.ts";
import { seededRandom } from "../_support/random.ts";
import { bothKinds, runVirtual } from "../_support/run.ts";
import type { Steps } from "../_support/run.ts";

async function passTurns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await sleep(0);
}

// -- The limit --

Deno.test("TaskGroup() refuses what is no limit", () => {
  for (const limit of [0, -1, 0.5, 1.5, NaN]) {
    const error = assertThrows(() => new TaskGroup({ limit }), RangeError);
    assertEquals(
      error.message,
      `Cannot create task group: limit must be a whole number >= 1, not ${limit}`,
    );
  }
});

bothKinds("TaskGroup with a limit runs so many tasks at once, in the order of their creation", {
  logs: ["a", "b", "c after b", "d after a"],
  async: async (log) => {
    await new TaskGroup({ limit: 2 }).run(async (group) => {
      const work = (name: string, delay: number) => async () => {
        log(name);
        await sleep(delay);
      };
      group.createTask(work("a", 5));
      group.createTask(work("b", 3));
      group.createTask(work("c after b", 9));
      group.createTask(work("d after a", 1));
    });
  },
  generator: function* (log): Steps<void> {
    yield* new TaskGroup({ limit: 2 }).run(function* (group): Steps<void> {
      const work = (name: string, delay: number) =>
        function* (): Steps<void> {
          log(name);
          yield* sleep(delay);
        };
      group.createTask(work("a", 5)());
      group.createTask(work("b", 3)());
      group.createTask(work("c after b", 9)());
      group.createTask(work("d after a", 1)());
    });
  },
});

Deno.test("TaskGroup never runs more tasks than its limit, and starts them in order", async () => {
  const random = seededRandom(3);
  for (const limit of [1, 2, 5, 100, Infinity]) {
    let [inside, most] = [0, 0];
    const started: number[] = [];
    const numbers = Array.from({ length: 60 }, (_, i) => i);
    await runVirtual(async () => {
      await new TaskGroup({ limit }).run(async (group) => {
        for (const i of numbers) {
          group.createTask(async () => {
            started.push(i);
            most = Math.max(most, ++inside);
            await passTurns(random(4));
            await sleep(random(3));
            inside--;
          });
          if (random(3) === 0) await sleep(1);
        }
      });
    });
    assertEquals(started, numbers);
    assertEquals([inside, most <= limit], [0, true]);
    if (limit <= 5) assertEquals(most, limit);
  }
});

Deno.test("TaskGroup with a limit gives the place of a failed or cancelled task to the next", async () => {
  await runVirtual(async () => {
    const results = await new TaskGroup({ limit: 1 }).run(async (group) => {
      const first = group.createTask(() => sleep(3600));
      const waiting = group.createTask(async () => "never");
      const last = group.createTask(async () => "last");
      await passTurns(2);
      waiting.cancel();
      first.cancel();
      return [first, waiting, last] as Task<unknown>[];
    });
    assertEquals(results.map((task) => task.cancelled()), [true, true, false]);
    assertEquals(results[2]!.result(), "last");
  });
});

Deno.test("TaskGroup with a limit does not start those that wait when one has failed", async () => {
  await runVirtual(async () => {
    const started: string[] = [];
    const group = new TaskGroup({ limit: 1 });
    const running = group.run(async () => {
      group.createTask(async () => {
        started.push("first");
        await sleep(1);
        throw new RangeError("no");
      });
      for (const name of ["second", "third"]) {
        group.createTask(async () => void started.push(name));
      }
    });
    const error = await assertRejects(async () => await running, ExceptionGroup);
    assertEquals([error.exceptions.map(String), started], [["RangeError: no"], ["first"]]);
  });
});

Deno.test("TaskGroup with a limit holds the place until the cleanup of a task is over", async () => {
  await runVirtual(async () => {
    const seen: string[] = [];
    await new TaskGroup({ limit: 1 }).run(async (group) => {
      const slow = group.createTask(async () => {
        try {
          await sleep(3600);
        } finally {
          await sleep(5);
          seen.push(`cleaned up at ${getRunningLoop().time()}`);
        }
      });
      group.createTask(async () => void seen.push(`next at ${getRunningLoop().time()}`));
      await sleep(1);
      slow.cancel();
    });
    assertEquals(seen, ["cleaned up at 6", "next at 6"]);
  });
});

Deno.test("TaskGroup with a limit lets the others run when one fails whose group's task is gone", async () => {
  const messages: unknown[] = [];
  let isDone = false;
  const main = async (): Promise<void> => {
    const loop = getRunningLoop();
    loop.setExceptionHandler((_loop, { message }) => void messages.push(message));
    // A generator that is closed from outside leaves its group without waiting for the tasks.
    const steps = function* (): Steps<void> {
      yield* new TaskGroup({ limit: 1 }).run(function* (group): Steps<void> {
        group.createTask(async () => {
          await sleep(5);
          throw new RangeError("late");
        });
        group.createTask(async () => {
          isDone = true;
        });
        yield* sleep(3600);
      });
    }();
    const task = createTask(steps);
    await sleep(1);
    steps.return();
    task.cancel();
    await sleep(10);
  };
  await runVirtual(main);
  assertEquals([messages.length, isDone], [1, true]);
});

// -- cancel() --

bothKinds("TaskGroup.cancel() ends the tasks and the body, and run() gives undefined", {
  logs: ["child ends", "body ends", undefined, 0, 1],
  async: async (log) => {
    const result = await new TaskGroup().run(async (group) => {
      group.createTask(() => sleep(3600)).addDoneCallback(() => log("child ends"));
      await sleep(1);
      group.cancel();
      try {
        await sleep(3600);
      } finally {
        await passTurns(2);
        log("body ends");
      }
      return "never";
    });
    log(result);
    log(currentTask()!.cancelling());
    log(getRunningLoop().time());
  },
  generator: function* (log): Steps<void> {
    const result = yield* new TaskGroup().run(function* (group): Steps<string> {
      group.createTask(() => sleep(3600)).addDoneCallback(() => log("child ends"));
      yield* sleep(1);
      group.cancel();
      try {
        yield* sleep(3600);
      } finally {
        yield* sleep(0);
        yield* sleep(0);
        log("body ends");
      }
      return "never";
    });
    log(result);
    log(currentTask()!.cancelling());
    log(getRunningLoop().time());
  },
});

Deno.test("TaskGroup.cancel() as the last thing of the body lets it give its value", async () => {
  await runVirtual(async () => {
    const result = await new TaskGroup().run(async (group) => {
      group.createTask(() => sleep(3600));
      await sleep(1);
      group.cancel();
      return "value";
    });
    assertEquals([result, currentTask()!.cancelling()], ["value", 0]);
    await sleep(1); // nothing is left of the cancellation
  });
});

Deno.test("TaskGroup.cancel() by a callback, while run() waits for the tasks", async () => {
  await runVirtual(async () => {
    const group = new TaskGroup();
    getRunningLoop().callLater(3, () => group.cancel());
    const tasks: Task<unknown>[] = [];
    await group.run(async () => void tasks.push(group.createTask(() => sleep(3600))));
    assertEquals([tasks[0]!.cancelled(), getRunningLoop().time()], [true, 3]);
  });
});

Deno.test("TaskGroup.cancel() by a child cancels that child, too", async () => {
  await runVirtual(async () => {
    const seen: string[] = [];
    await new TaskGroup().run(async (group) => {
      group.createTask(async () => {
        group.cancel();
        seen.push("goes on");
        await sleep(1).then(() => seen.push("never"), () => seen.push("cancelled"));
      });
      await sleep(3600);
    });
    assertEquals(seen, ["goes on", "cancelled"]);
  });
});

Deno.test("TaskGroup.cancel() before it runs ends the body at its first wait", async () => {
  await runVirtual(async () => {
    const group = new TaskGroup();
    group.cancel();
    group.cancel();
    const seen: string[] = [];
    const result = await group.run(async () => {
      seen.push("runs");
      const error = assertThrows(() => group.createTask(async () => {}), RuntimeError);
      seen.push(error.message);
      await sleep(0);
      seen.push("never");
      return "never";
    });
    assertEquals([result, seen], [undefined, [
      "runs",
      "Cannot create task: <TaskGroup cancelling> is shutting down",
    ]]);
    assertEquals(currentTask()!.cancelling(), 0);
  });
});

Deno.test("TaskGroup.cancel() before it runs, of a body that does not wait", async () => {
  await runVirtual(async () => {
    const group = new TaskGroup();
    group.cancel();
    assertEquals(await group.run(async () => "value"), "value");
    await sleep(1);
  });
});

Deno.test("TaskGroup.cancel() after it has ended is harmless", async () => {
  await runVirtual(async () => {
    const group = new TaskGroup();
    await group.run(async () => {});
    group.cancel();
    await sleep(1);
    assertEquals([String(group), currentTask()!.cancelling()], ["<TaskGroup>", 0]);
  });
});

Deno.test("TaskGroup.cancel() in the turn in which the last task has ended is harmless", async () => {
  await runVirtual(async () => {
    const group = new TaskGroup();
    const result = await group.run(async () => {
      const task = group.createTask(() => sleep(1));
      task.addDoneCallback(() => group.cancel()); // after the group's own callback
      return "value";
    });
    assertEquals([result, currentTask()!.cancelling()], ["value", 0]);
  });
});

Deno.test("TaskGroup.cancel() throws the errors of the cleanup", async () => {
  await runVirtual(async () => {
    const errors = [new RangeError("child"), new TypeError("body")];
    const failing = async (error: Error): Promise<void> => {
      try {
        await sleep(3600);
      } catch {
        throw error;
      }
    };
    const error = await assertRejects(async () => {
      await new TaskGroup().run(async (group) => {
        group.createTask(() => failing(errors[0]!));
        getRunningLoop().callLater(1, () => group.cancel());
        await failing(errors[1]!);
      });
    }, ExceptionGroup);
    assertEquals(error.exceptions, errors);
    assertEquals(currentTask()!.cancelling(), 0);
  });
});

Deno.test("TaskGroup.cancel() after a task has failed changes nothing", async () => {
  await runVirtual(async () => {
    const error = await assertRejects(async () => {
      await new TaskGroup().run(async (group) => {
        group.createTask(async () => {
          throw new RangeError("no");
        });
        await sleep(1).then(null, () => group.cancel());
      });
    }, ExceptionGroup);
    assertEquals(error.exceptions.map(String), ["RangeError: no"]);
    assertEquals(currentTask()!.cancelling(), 0);
  });
});

Deno.test("TaskGroup.cancel() does not hide a cancellation from outside", async () => {
  await runVirtual(async () => {
    for (const order of ["group first", "task first"]) {
      const group = new TaskGroup();
      const task = createTask(() =>
        group.run(async () => {
          group.createTask(() => sleep(3600));
          await sleep(3600);
        })
      );
      await sleep(1);
      if (order === "task first") task.cancel();
      group.cancel();
      if (order === "group first") task.cancel();
      await assertRejects(async () => await task, CancelledError);
      assertEquals([task.cancelled(), task.cancelling()], [true, 1], order);
    }
  });
});

Deno.test("TaskGroup.cancel() of the outer group ends the inner one", async () => {
  await runVirtual(async () => {
    const ended: string[] = [];
    const waiting = async (name: string): Promise<void> => {
      try {
        await sleep(3600);
      } finally {
        ended.push(name);
      }
    };
    await new TaskGroup().run(async (outer) => {
      outer.createTask(() => waiting("outer child"));
      getRunningLoop().callLater(1, () => outer.cancel());
      await new TaskGroup().run(async (inner) => {
        inner.createTask(() => waiting("inner child"));
        await waiting("inner body");
      });
      ended.push("never");
    });
    assertEquals(ended.toSorted(), ["inner body", "inner child", "outer child"]);
    assertEquals(currentTask()!.cancelling(), 0);
  });
});

Deno.test("TaskGroup within a timeout that expires is ended, and TimeoutError thrown", async () => {
  await runVirtual(async () => {
    const tasks: Task<unknown>[] = [];
    const limited = timeout(5).run(() =>
      new TaskGroup({ limit: 1 }).run(async (group) => {
        for (const _ of [1, 2]) tasks.push(group.createTask(() => sleep(3600)));
      })
    );
    await assertRejects(async () => await limited, TimeoutError);
    assertEquals(tasks.map((task) => task.cancelled()), [true, true]);
    assertEquals([getRunningLoop().time(), currentTask()!.cancelling()], [5, 0]);
  });
});
