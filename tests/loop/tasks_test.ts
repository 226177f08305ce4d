/**
 * Tasks: starting, ending, names, the current task, and what a task refuses.
 *
 * @module
 */

import {
  allTasks,
  CancelledError,
  createTask,
  currentTask,
  getRunningLoop,
  KeyboardInterrupt,
  newEventLoop,
  run,
  RuntimeError,
  sleep,
  Task,
} from "@aio/asyncio/loop";
import { repr } from "../../loop/_repr.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../_support/assert.ts";
import { assertStrictEquals, assertThrows } from "../_support/assert.ts";
import { bothKinds, newVirtualLoop, oneTurn, runVirtual } from "../_support/run.ts";
import type { Steps } from "../_support/run.ts";

Deno.test("Task refuses what is no coroutine, and leaves no trace of it", () => {
  const loop = newVirtualLoop();
  const error = assertThrows(() => new Task(42 as never, { loop }), TypeError);
  assertEquals(
    error.message,
    "Cannot create task: a coroutine was expected, such as () => work(), not 42",
  );
  assertEquals(allTasks(loop).size, 0);
  loop.close();
  assertThrows(() => new Task(async () => {}, { loop }), RuntimeError, "Event loop is closed");
  assertEquals(allTasks(loop).size, 0);
});

Deno.test("Task fails when its function returns what can't be awaited", async () => {
  await runVirtual(async () => {
    async function* generate(): AsyncGenerator<number> {}
    for (const value of [42, undefined, null, "x", {}, [1], generate()]) {
      const work = (): unknown => value;
      const task = createTask(work as () => Promise<void>);
      const error = await assertRejects(async () => await task, TypeError);
      const text = "Cannot run task: <function work> must return a promise or a generator";
      assertEquals(error.message, `${text}, not ${repr(value)}`);
    }
    assertThrows(() => createTask(generate() as never), TypeError, "not <AsyncGenerator>");
  });
});

Deno.test("Task fails when its function throws before it returns", async () => {
  await runVirtual(async () => {
    const task = createTask((): Promise<void> => {
      throw new RangeError("at once");
    });
    await assertRejects(async () => await task, RangeError, "at once");
    assertEquals([task.cancelled(), String(task.exception())], [false, "RangeError: at once"]);
  });
});

Deno.test("Task is cancelled when its function throws a CancelledError before it returns", async () => {
  await runVirtual(async () => {
    const task = createTask((): Promise<void> => {
      throw new CancelledError("at once");
    });
    await assertRejects(async () => await task, CancelledError, "at once");
    assertEquals(task.cancelled(), true);
  });
});

Deno.test("Task keeps whatever its coroutine throws", async () => {
  await runVirtual(async () => {
    for (const thrown of ["text", 0, undefined, null, { a: 1 }]) {
      const asynchronous = createTask(() => Promise.reject(thrown));
      const generator = createTask(function* (): Steps<void> {
        yield* sleep(0);
        throw thrown;
      });
      for (const task of [asynchronous, generator]) {
        let caught: unknown = "nothing";
        try {
          await task;
        } catch (error) {
          caught = error;
        }
        assertStrictEquals(caught, thrown);
        assertStrictEquals(task.exception(), thrown);
      }
    }
  });
});

Deno.test("Task.setResult() and setException() throw", async () => {
  await runVirtual(async () => {
    const task = createTask(() => sleep(0, 1));
    const noResult = assertThrows(() => task.setResult(2), RuntimeError);
    assertEquals(
      noResult.message,
      "Cannot set result: Task does not support setResult operation",
    );
    const noException = assertThrows(() => task.setException(new Error()), RuntimeError);
    assertEquals(
      noException.message,
      "Cannot set exception: Task does not support setException operation",
    );
    assertEquals(await task, 1);
  });
});

Deno.test("Task.getName() is the given name, or a number of its own", async () => {
  await runVirtual(async () => {
    const named = createTask(async () => {}, { name: "me" });
    const [first, second] = [createTask(async () => {}), createTask(async () => {})];
    assertEquals([named.getName(), named.getName()], ["me", "me"]);
    assertMatch(first.getName(), /^Task-\d+$/);
    const [a, b] = [first, second].map((task) => Number(task.getName().slice(5)));
    assertEquals(b! - a!, 1);
    for (const name of ["new", 42, null, ""]) {
      named.setName(name);
      assertEquals(named.getName(), String(name));
    }
    await second;
  });
});

Deno.test("Task.getCoro() returns what was given, getContext() what it runs in", async () => {
  await runVirtual(async () => {
    async function work(): Promise<void> {}
    function* steps(): Steps<void> {}
    const generator = steps();
    const tasks = [createTask(work), createTask(generator)];
    assertEquals(tasks.map((task) => task.getCoro()), [work, generator]);
    assert(tasks[0]!.getContext() !== tasks[1]!.getContext());
    await tasks[1];
  });
});

Deno.test("Task prints as Python prints it, in console.log too", async () => {
  await runVirtual(async () => {
    async function work(): Promise<string> {
      await sleep(1);
      return "x".repeat(100);
    }
    function* steps(): Steps<void> {
      yield* getRunningLoop().createFuture<void>();
    }
    const task = createTask(work, { name: "it's me" });
    assertEquals(String(task), `<Task pending name="it's me" coro=<work()>>`);
    const generator = createTask(steps(), { name: "g" });
    await sleep(0);
    assertEquals(String(generator), "<Task pending name='g' coro=<generator()> waitFor=<Future>>");
    generator.cancel();
    assertEquals(
      Deno.inspect(generator),
      "<Task cancelling name='g' coro=<generator()> waitFor=<Future>>",
    );
    await task;
    const result = `'${"x".repeat(12)}...${"x".repeat(13)}'`;
    assertEquals(String(task), `<Task finished name="it's me" coro=<work()> result=${result}>`);
    assertEquals(String(generator), "<Task cancelled name='g' coro=<generator()>>");
  });
});

bothKinds("Task can't await itself", {
  logs: ["RuntimeError", "Task cannot await on itself: <Task pending name='me' coro=<work()>>", 7],
  async: async (log) => {
    async function work(): Promise<number> {
      try {
        await task;
      } catch (error) {
        log((error as Error).name);
        log((error as Error).message);
      }
      return 7;
    }
    const task: Task<number> = createTask(work, { name: "me" });
    log(await task);
  },
  generator: function* (log): Steps<void> {
    function* work(): Steps<number> {
      try {
        yield* task;
      } catch (error) {
        log((error as Error).name);
        log((error as Error).message);
      }
      return 7;
    }
    const task: Task<number> = createTask(work, { name: "me" });
    log(yield* task);
  },
});

bothKinds("currentTask() is the task that runs, also after each await and in what it calls", {
  logs: ["a a a a", "b b b b", "main"],
  async: async (log) => {
    const name = (): string => currentTask()!.getName();
    async function inner(): Promise<string> {
      await sleep(0);
      return name();
    }
    async function work(): Promise<string> {
      const seen = [name()];
      await sleep(0);
      seen.push(name(), await inner());
      await sleep(1);
      return [...seen, name()].join(" ");
    }
    currentTask()!.setName("main");
    const tasks = [createTask(work, { name: "a" }), createTask(work, { name: "b" })];
    for (const task of tasks) log(await task);
    log(name());
  },
  generator: function* (log): Steps<void> {
    const name = (): string => currentTask()!.getName();
    function* inner(): Steps<string> {
      yield* sleep(0);
      return name();
    }
    function* work(): Steps<string> {
      const seen = [name()];
      yield* sleep(0);
      seen.push(name(), yield* inner());
      yield* sleep(1);
      return [...seen, name()].join(" ");
    }
    currentTask()!.setName("main");
    const tasks = [createTask(work, { name: "a" }), createTask(work, { name: "b" })];
    for (const task of tasks) log(yield* task);
    log(name());
  },
});

Deno.test("currentTask() is null in callbacks, of whichever task", async () => {
  const seen: unknown[] = [];
  const note = (): void => void seen.push(currentTask());
  await runVirtual(async () => {
    const loop = getRunningLoop();
    loop.callSoon(note);
    loop.callLater(1, note);
    const task = createTask(() => sleep(2));
    task.addDoneCallback(note);
    await task;
  });
  assertEquals(seen, [null, null, null]);
});

Deno.test("currentTask() is the task in continuations of promises that are not ours", async () => {
  const seen: boolean[] = [];
  await run(async () => {
    const task = currentTask();
    const note = (): void => void seen.push(currentTask() === task);
    await Promise.resolve();
    note();
    await new Promise<void>((resolve) => setTimeout(resolve, 1));
    note();
    await Promise.all([sleep(0), Promise.resolve()]);
    note();
    await Promise.resolve().then(note);
  });
  assertEquals(seen, [true, true, true, true]);
});

Deno.test("currentTask() throws when no loop runs", () => {
  const error = assertThrows(currentTask, RuntimeError);
  assertEquals(error.message, "Cannot get current task: no running event loop; run() starts one");
});

Deno.test("allTasks() holds the tasks that are not done", async () => {
  await runVirtual(async () => {
    const main = currentTask()!;
    const quick = createTask(() => sleep(0), { name: "quick" });
    const slow = createTask(() => sleep(1), { name: "slow" });
    assertEquals([...allTasks()], [main, quick, slow]);
    await quick;
    const left = allTasks();
    assertEquals([...left], [main, slow]);
    left.clear(); // a copy
    assertEquals(allTasks(getRunningLoop()).size, 2);
    slow.cancel();
    assertEquals(allTasks().has(slow), true);
    await assertRejects(async () => await slow, CancelledError);
    assertEquals([...allTasks()], [main]);
  });
});

Deno.test("allTasks() is told which loop when none runs", () => {
  const error = assertThrows(() => allTasks(), RuntimeError);
  assertEquals(error.message, "Cannot get all tasks: no running event loop; run() starts one");
  const loop = newEventLoop();
  assertEquals(allTasks(loop).size, 0);
  loop.close();
});

Deno.test("A KeyboardInterrupt out of a task ends the loop at once, and is the task's exception", async () => {
  for (const interrupt of [asynchronous, generator]) {
    const loop = newVirtualLoop();
    const seen: string[] = [];
    const task = loop.createTask(interrupt);
    loop.callSoon(() => seen.push("next run"));
    await assertRejects(() => loop.runForever(), KeyboardInterrupt, "stop");
    assertEquals([seen, loop.isRunning()], [[], false]);
    assert(task.exception() instanceof KeyboardInterrupt);
    await oneTurn(loop);
    assertEquals(seen, ["next run"]);
    loop.close();
  }

  async function asynchronous(): Promise<void> {
    throw new KeyboardInterrupt("stop");
  }
  function* generator(): Steps<void> {
    throw new KeyboardInterrupt("stop");
  }
});

Deno.test("A task awaits a hundred thousand futures without growing the stack", async () => {
  const count = await runVirtual(function* (): Steps<number> {
    const loop = getRunningLoop();
    let sum = 0;
    for (let i = 0; i < 100_000; i++) {
      const done = loop.createFuture<number>();
      done.setResult(1);
      sum += yield* done;
    }
    return sum;
  });
  assertEquals(count, 100_000);
});
