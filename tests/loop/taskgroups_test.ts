/**
 * TaskGroup, beyond what the parity scenarios show: results, errors, limits, and groups that are
 * used at the wrong time.
 *
 * @module
 */

import {
  CancelledError,
  ContextVar,
  copyContext,
  createTask,
  currentTask,
  eagerTaskFactory,
  ExceptionGroup,
  getRunningLoop,
  KeyboardInterrupt,
  newEventLoop,
  run,
  RuntimeError,
  sleep,
  TaskGroup,
  VirtualClock,
} from "@aio/asyncio/loop";
import type { Task } from "@aio/asyncio/loop";
import { assertEquals, assertInstanceOf, assertRejects } from "../_support/assert.ts";
import { assertMatch, assertStrictEquals, assertThrows } from "../_support/assert.ts";
import { bothKinds, newVirtualLoop, runVirtual } from "../_support/run.ts";
import type { Steps } from "../_support/run.ts";

async function passTurns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await sleep(0);
}

async function fail(error: unknown, delay = 0): Promise<never> {
  await sleep(delay);
  throw error;
}

/** Returns the error that a group throws. */
async function thrownBy(body: (group: TaskGroup) => Promise<unknown>): Promise<ExceptionGroup> {
  return await assertRejects(async () => await new TaskGroup().run(body), ExceptionGroup);
}

bothKinds("TaskGroup.run() gives what its body returns, when all tasks have ended", {
  logs: ["body", 5, true, 5],
  async: async (log) => {
    const { text, task } = await new TaskGroup().run(async (group) => {
      return { text: "body", task: group.createTask(() => sleep(5, 5)) };
    });
    log(text);
    log(task.result());
    log(task.done());
    log(getRunningLoop().time());
  },
  generator: function* (log): Steps<void> {
    const { text, task } = yield* new TaskGroup().run(function* (group): Steps<{
      text: string;
      task: Task<number>;
    }> {
      return { text: "body", task: group.createTask(() => sleep(5, 5)) };
    });
    log(text);
    log(task.result());
    log(task.done());
    log(getRunningLoop().time());
  },
});

Deno.test("TaskGroup without tasks ends with its body, without a turn of the loop", async () => {
  await runVirtual(function* (): Steps<void> {
    let turned = false;
    createTask(async () => void (turned = true));
    yield* new TaskGroup().run(function* (): Steps<void> {});
    assertEquals(turned, false);
  });
});

Deno.test("TaskGroup.run() throws a group of what its tasks and its body threw", async () => {
  await runVirtual(async () => {
    const [a, b, c] = [new RangeError("a"), new TypeError("b"), new Error("body")];
    const error = await thrownBy(async (group) => {
      group.createTask(() => fail(a));
      group.createTask(() => fail(b));
      await sleep(3600).then(null, () => {});
      throw c;
    });
    assertEquals(error.message, "unhandled errors in a TaskGroup");
    assertEquals(error.exceptions, [a, b, c]);
    assertEquals(currentTask()!.cancelling(), 0);
  });
});

Deno.test("TaskGroup.run() throws a group also of what is no Error", async () => {
  await runVirtual(async () => {
    const error = await thrownBy(async (group) => void group.createTask(() => fail("text")));
    assertEquals(error.exceptions, ["text"]);
  });
});

Deno.test("TaskGroup.createTask() takes a name and a context", async () => {
  await runVirtual(async () => {
    const variable = new ContextVar("variable", { defaultValue: "outside" });
    const context = copyContext();
    context.run(() => variable.set("inside"));
    await new TaskGroup().run(async (group) => {
      const task = group.createTask(async () => variable.get(), { name: "mine", context });
      assertEquals([task.getName(), await task], ["mine", "inside"]);
    });
  });
});

Deno.test("TaskGroup.createTask() runs each kind of coroutine", async () => {
  await runVirtual(async () => {
    function* generator(): Steps<string> {
      yield* sleep(1);
      return "generator";
    }
    const tasks = await new TaskGroup().run(async (group) => [
      group.createTask(async () => "async"),
      group.createTask(generator),
      group.createTask(generator()),
      group.createTask(() => sleep(1, "operation")),
    ]);
    assertEquals(tasks.map((task) => task.result()), [
      "async",
      "generator",
      "generator",
      "operation",
    ]);
  });
});

Deno.test("TaskGroup.createTask() closes a generator that it refuses", async () => {
  await runVirtual(async () => {
    let steps = 0;
    function* counting(): Steps<void> {
      steps++;
    }
    const group = new TaskGroup();
    const refused = (text: string): void => {
      const generator = counting();
      const error = assertThrows(() => group.createTask(generator), RuntimeError);
      assertEquals(error.message, `Cannot create task: ${group} ${text}`);
      assertEquals(generator.next(), { value: undefined, done: true });
    };
    refused("has not been entered");
    await assertRejects(async () =>
      await group.run(async () => {
        group.createTask(() => fail(new RangeError("no")));
        await sleep(1).then(null, () => refused("is shutting down"));
      }), ExceptionGroup);
    refused("is finished");
    assertThrows(() => group.createTask(async () => {}), RuntimeError, "is finished");
    assertEquals(steps, 0);
  });
});

Deno.test("TaskGroup.run() throws when it was used before", async () => {
  await runVirtual(async () => {
    const group = new TaskGroup();
    await group.run(async () => {
      const twice = await assertRejects(
        async () => await group.run(async () => {}),
        RuntimeError,
      );
      assertEquals(
        twice.message,
        "Cannot enter <TaskGroup entered>: it has already been entered",
      );
    });
    await assertRejects(async () => await group.run(async () => {}), RuntimeError);
  });
});

Deno.test("parity: 93 TaskGroup.run() throws outside of a task", async () => {
  const loop = newVirtualLoop();
  const seen: string[] = [];
  loop.callSoon(() => {
    new TaskGroup().run(async () => {}).then(null, (error) => {
      seen.push(String(error));
      loop.stop();
    });
  });
  await loop.runForever();
  loop.close();
  assertEquals(seen, [
    "RuntimeError: Cannot enter <TaskGroup>: it should be used inside a task, such as one made by createTask()",
  ]);
});

Deno.test("TaskGroup.toString() tells what it has to wait for, and whether it is ending", async () => {
  await runVirtual(async () => {
    const group = new TaskGroup();
    assertEquals(String(group), "<TaskGroup>");
    await assertRejects(async () =>
      await group.run(async () => {
        assertEquals(String(group), "<TaskGroup entered>");
        for (const _ of [1, 2]) group.createTask(() => sleep(3600));
        assertEquals(Deno.inspect(group), "<TaskGroup tasks=2 entered>");
        group.createTask(() => fail(new RangeError("no")));
        await sleep(1).then(null, () => {});
        assertEquals(String(group), "<TaskGroup errors=1 cancelling>");
      }), ExceptionGroup);
    assertEquals(String(group), "<TaskGroup errors=1>");
  });
});

Deno.test("TaskGroup keeps nothing of its tasks from its caller", async () => {
  await runVirtual(async () => {
    const tasks: Task<unknown>[] = [];
    await thrownBy(async (group) => {
      tasks.push(group.createTask(() => fail(new RangeError("a"))));
      tasks.push(group.createTask(() => sleep(3600)));
      tasks.push(group.createTask(async () => "done"));
    });
    assertInstanceOf(tasks[0]!.exception(), RangeError);
    assertEquals([tasks[1]!.cancelled(), tasks[2]!.result()], [true, "done"]);
  });
});

// -- KeyboardInterrupt --

Deno.test("TaskGroup throws KeyboardInterrupt bare, and reports the other errors", async () => {
  await runVirtual(async () => {
    const reported: unknown[] = [];
    getRunningLoop().setExceptionHandler((_loop, context) => void reported.push(context));
    const interrupt = new KeyboardInterrupt();
    const error = new RangeError("of a child");
    const body = async (group: TaskGroup): Promise<void> => {
      group.createTask(() => fail(error));
      await sleep(1).then(null, () => {});
      throw interrupt;
    };
    const thrown = await assertRejects(
      async () => await new TaskGroup().run(body),
      KeyboardInterrupt,
    );
    assertStrictEquals(thrown, interrupt);
    const message =
      "Task exception was not propagated because KeyboardInterrupt ends its TaskGroup";
    assertEquals(reported, [{ message, exception: error }]);
  });
});

Deno.test("TaskGroup throws the KeyboardInterrupt of a child, once the loop goes on", async () => {
  const loop = newVirtualLoop();
  const ended: string[] = [];
  const body = async (group: TaskGroup): Promise<void> => {
    group.createTask(async () => {
      throw new KeyboardInterrupt();
    });
    group.createTask(() => sleep(3600)).addDoneCallback((task) => {
      ended.push(task.cancelled() ? "sibling cancelled" : "sibling not cancelled");
    });
    await sleep(3600);
  };
  const main = loop.createTask(() => new TaskGroup().run(body));
  await assertRejects(() => loop.runUntilComplete(main), KeyboardInterrupt);
  assertEquals(main.done(), false);
  await assertRejects(() => loop.runUntilComplete(main), KeyboardInterrupt);
  assertEquals(ended, ["sibling cancelled"]);
  loop.close();
});

Deno.test("TaskGroup reports the error of a task whose group's task is gone", async () => {
  const loop = newEventLoop({ clock: new VirtualClock() });
  const messages: string[] = [];
  loop.setExceptionHandler((_loop, context) => void messages.push(context.message!));
  // A generator that is closed from outside leaves its group without waiting for the tasks.
  const steps = function* (): Steps<void> {
    yield* new TaskGroup().run(function* (group): Steps<void> {
      group.createTask(() => fail(new RangeError("late"), 5));
      yield* sleep(3600);
    });
  }();
  const main = loop.createTask(steps);
  loop.callLater(1, () => {
    steps.return();
    main.cancel();
  });
  await loop.runUntilComplete(main);
  await loop.runUntilComplete(() => sleep(10));
  loop.close();
  assertEquals(messages.length, 1);
  assertMatch(
    messages[0]!,
    /^Task <Task .*> has errored out but its parent task <Task .*> is completed$/,
  );
});

// -- Eager tasks --

async function eagerly(body: (group: TaskGroup) => Promise<unknown>): Promise<unknown> {
  const main = async (): Promise<unknown> => {
    getRunningLoop().setTaskFactory(eagerTaskFactory);
    return await new TaskGroup().run(body);
  };
  return await run(main, { loopFactory: newVirtualLoop });
}

Deno.test("parity: 116 TaskGroup with eager tasks: a failed one is noticed in the next turn", async () => {
  const seen: string[] = [];
  const body = async (group: TaskGroup): Promise<void> => {
    group.createTask(function* (): Steps<void> {
      const failed = group.createTask(function* (): Steps<void> {
        throw new RangeError("third");
      });
      seen.push(`failed: ${failed.done()}, group: ${group}`);
      try {
        yield* sleep(0);
        yield* sleep(0);
        seen.push("never");
      } catch {
        seen.push("cancelled");
      }
    });
    await sleep(3600).then(null, () => seen.push("body cancelled"));
  };
  const error = await assertRejects(() => eagerly(body), ExceptionGroup);
  assertEquals(error.exceptions.map(String), ["RangeError: third"]);
  assertEquals(seen.toSorted(), [
    "body cancelled",
    "cancelled",
    "failed: true, group: <TaskGroup tasks=1 entered>",
  ]);
});

Deno.test("TaskGroup.cancel() of an eager task cancels that task as well", async () => {
  const seen: string[] = [];
  await eagerly(async (group) => {
    group.createTask(function* (): Steps<void> {
      group.cancel();
      try {
        yield* sleep(3600);
      } finally {
        seen.push("ended");
      }
    });
    await sleep(3600);
  });
  assertEquals(seen, ["ended"]);
});

// -- Cancelled in the turn in which it ends --

for (const order of ["cancel, then end", "end, then cancel"]) {
  Deno.test(`TaskGroup that is cancelled in the turn in which it ends: ${order}`, async () => {
    await runVirtual(async () => {
      const future = getRunningLoop().createFuture<string>();
      const task = createTask(() =>
        new TaskGroup().run(async (group) => void group.createTask(() => future))
      );
      await passTurns(3);
      if (order.startsWith("cancel")) task.cancel("msg");
      if (!future.done()) future.setResult("end");
      if (order.startsWith("end")) task.cancel("msg");
      await assertRejects(async () => await task, CancelledError, "msg");
      assertEquals(task.cancelled(), true);
    });
  });
}

Deno.test("TaskGroup that is cancelled when its last task has ended is cancelled", async () => {
  await runVirtual(async () => {
    const future = getRunningLoop().createFuture<void>();
    const task = createTask(() =>
      new TaskGroup().run(async (group) => void group.createTask(() => future))
    );
    await passTurns(3);
    future.setResult();
    await passTurns(1);
    for (let turns = 0; turns < 2 && !task.done(); turns++) await passTurns(1);
    assertEquals(task.done(), true);
  });
});

Deno.test("TaskGroup.run() in what is left of a task ends its body when a task fails", async () => {
  await runVirtual(async () => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    await createTask(async () => {
      const rest = async (): Promise<void> => {
        await sleep(1);
        await new TaskGroup().run(async (group) => {
          group.createTask(async () => {
            await sleep(1);
            throw new RangeError("failed");
          });
          await sleep(10);
        });
      };
      rest().catch(resolve); // without `await`
    });
    const error = await promise;
    assertInstanceOf(error, ExceptionGroup);
    assertEquals([error.errors.map(String), getRunningLoop().time()], [["RangeError: failed"], 2]);
  });
});
