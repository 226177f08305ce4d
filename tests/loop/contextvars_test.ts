/**
 * Context variables: in contexts, in callbacks, in tasks, across awaits.
 *
 * @module
 */

import {
  Context,
  ContextVar,
  copyContext,
  createTask,
  currentTask,
  gather,
  getRunningLoop,
  RuntimeError,
  sleep,
} from "@aio/asyncio/loop";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "../_support/assert.ts";
import { bothKinds, newVirtualLoop, oneTurn, runVirtual } from "../_support/run.ts";
import type { Steps } from "../_support/run.ts";

Deno.test("ContextVar.get() throws when the variable is not set", () => {
  const variable = new ContextVar<number>("size");
  const error = assertThrows(() => variable.get(), RangeError);
  assertEquals(error.message, 'Cannot get context variable "size": it is not set');
});

Deno.test("ContextVar.get() returns the fallback before the default value", () => {
  const variable = new ContextVar("v", { defaultValue: "default" });
  assertEquals([variable.get(), variable.get("fallback")], ["default", "fallback"]);
  const token = variable.set("value");
  assertEquals([variable.get(), variable.get("fallback")], ["value", "value"]);
  variable.reset(token);
});

Deno.test("ContextVar.get() returns undefined where that is the value", () => {
  const plain = new ContextVar<number | undefined>("plain");
  assertEquals(plain.get(undefined), undefined);
  const withDefault = new ContextVar<undefined>("withDefault", { defaultValue: undefined });
  assertEquals(withDefault.get(), undefined);
  const context = new Context();
  context.run(() => {
    plain.set(undefined);
    assertEquals(plain.get(5), undefined);
  });
  assertEquals([context.has(plain), context.size], [true, 1]);
});

Deno.test("ContextVar.set() returns a token that knows the variable and its old value", () => {
  new Context().run(() => {
    const variable = new ContextVar<number>("v");
    const first = variable.set(1);
    const second = variable.set(2);
    assertStrictEquals(first.variable, variable);
    assertEquals([first.oldValue, second.oldValue], [undefined, 1]);
  });
});

Deno.test("ContextVar.reset() gives back the value before the set()", () => {
  new Context().run(() => {
    const variable = new ContextVar<number>("v");
    const first = variable.set(1);
    const second = variable.set(2);
    variable.reset(second);
    assertEquals(variable.get(), 1);
    variable.reset(first);
    assertThrows(() => variable.get(), RangeError);
  });
});

Deno.test("ContextVar.reset() may go back over several sets", () => {
  new Context().run(() => {
    const variable = new ContextVar("v", { defaultValue: 0 });
    const first = variable.set(1);
    variable.set(2);
    variable.reset(first);
    assertEquals(variable.get(), 0);
  });
});

Deno.test("ContextVar.reset() throws when the token was used before", () => {
  new Context().run(() => {
    const variable = new ContextVar<number>("v");
    const token = variable.set(1);
    variable.reset(token);
    const error = assertThrows(() => variable.reset(token), RuntimeError);
    assertEquals(error.message, 'Cannot reset "v": the token was used before');
  });
});

Deno.test("ContextVar.reset() throws when the token is of another variable", () => {
  new Context().run(() => {
    const token = new ContextVar<number>("a").set(1);
    const error = assertThrows(() => new ContextVar<number>("b").reset(token), RangeError);
    assertEquals(error.message, 'Cannot reset "b": the token is of another variable');
  });
});

Deno.test("ContextVar.reset() throws when the token is of another context", () => {
  const variable = new ContextVar<number>("v");
  const context = new Context();
  const token = context.run(() => variable.set(1));
  const error = assertThrows(() => variable.reset(token), RangeError);
  assertEquals(error.message, 'Cannot reset "v": the token is of another context');
  context.run(() => variable.reset(token)); // in its own context the token is still good
  assert(!context.has(variable));
});

Deno.test("Context.run() passes arguments and the result", () => {
  assertEquals(new Context().run((a: number, b: number) => a - b, 5, 3), 2);
});

Deno.test("Context.run() leaves the context when the function throws", () => {
  const variable = new ContextVar("v", { defaultValue: "outside" });
  const context = new Context();
  assertThrows(
    () =>
      context.run(() => {
        variable.set("inside");
        throw new RangeError("no");
      }),
    RangeError,
    "no",
  );
  assertEquals(variable.get(), "outside");
  assertEquals(context.run(() => variable.get()), "inside");
});

Deno.test("Context.run() throws when the context is entered already", () => {
  const context = new Context();
  const error = assertThrows(() => context.run(() => context.run(() => 1)), RuntimeError);
  assertEquals(error.message, "Cannot enter context: it is already entered");
  assertEquals(context.run(() => 2), 2);
});

Deno.test("Context.run() nests", () => {
  const variable = new ContextVar("v", { defaultValue: 0 });
  const outer = new Context();
  const inner = new Context();
  const seen = outer.run(() => {
    variable.set(1);
    const within = inner.run(() => {
      variable.set(2);
      return variable.get();
    });
    return [within, variable.get()];
  });
  assertEquals([...seen, variable.get()], [2, 1, 0]);
});

Deno.test("Context.get(), has() and size tell what is set in it", () => {
  const set = new ContextVar<number>("set");
  const unset = new ContextVar("unset", { defaultValue: 1 });
  const context = new Context();
  assertEquals([context.size, context.get(set), context.has(set)], [0, undefined, false]);
  context.run(() => set.set(5));
  assertEquals([context.size, context.get(set), context.has(set)], [1, 5, true]);
  assertEquals([context.get(unset), context.has(unset)], [undefined, false]);
});

Deno.test("Context.copy() is independent from both sides", () => {
  const variable = new ContextVar("v", { defaultValue: "none" });
  const original = new Context();
  original.run(() => variable.set("first"));
  const copy = original.copy();
  const copyOfCopy = copy.copy();
  original.run(() => variable.set("original"));
  copy.run(() => variable.set("copy"));
  const values = [original, copy, copyOfCopy].map((context) => context.get(variable));
  assertEquals(values, ["original", "copy", "first"]);
  original.run(() => variable.set("again"));
  assertEquals(copy.get(variable), "copy");
});

Deno.test("copyContext() copies the current context", () => {
  const variable = new ContextVar<string>("v");
  const context = new Context();
  const copy = context.run(() => {
    variable.set("here");
    return copyContext();
  });
  assertEquals([copy.get(variable), copyContext().has(variable)], ["here", false]);
});

Deno.test("parity: 70 a callback runs in a copy of the context, made when it was scheduled", async () => {
  // Recorded on CPython 3.11, with a task in place of the context.
  const loop = newVirtualLoop();
  const variable = new ContextVar("v", { defaultValue: "none" });
  const seen: string[] = [];
  const callback = (name: string): void => {
    seen.push(`${name}: ${variable.get()}`);
    variable.set(name);
    loop.callSoon(() => seen.push(`${name} inner: ${variable.get()}`));
  };
  const context = new Context();
  context.run(() => {
    variable.set("task");
    loop.callSoon(callback, "soon");
    loop.callLater(0, callback, "later");
    const future = loop.createFuture<null>();
    future.addDoneCallback(() => callback("done"));
    future.setResult(null);
    variable.set("changed");
  });
  loop.callSoon(callback, "outside");
  await oneTurn(loop);
  await oneTurn(loop);
  loop.close();
  assertEquals(seen, [
    ...["soon: task", "done: task", "outside: none", "later: task"],
    ...["soon", "done", "outside", "later"].map((name) => `${name} inner: ${name}`),
  ]);
  assertEquals([context.get(variable), variable.get()], ["changed", "none"]);
});

Deno.test("A callback changes the context that it was given", async () => {
  const loop = newVirtualLoop();
  const variable = new ContextVar("v", { defaultValue: 0 });
  const context = new Context();
  const count = (): void => void variable.set(variable.get() + 1);
  const future = loop.createFuture<null>();
  future.addDoneCallback(count, { context });
  future.setResult(null);
  loop.callSoon(() => context.run(count));
  await oneTurn(loop);
  loop.close();
  assertEquals([context.get(variable), variable.get()], [2, 0]);
});

bothKinds("A task copies the context in which it is created", {
  logs: ["child sees: parent", "child sees: child", "parent sees: parent later"],
  async: async (log) => {
    const variable = new ContextVar<string>("v");
    variable.set("parent");
    const task = createTask(async () => {
      log(`child sees: ${variable.get()}`);
      variable.set("child");
      await sleep(0);
      log(`child sees: ${variable.get()}`);
    });
    variable.set("parent later");
    await task;
    log(`parent sees: ${variable.get()}`);
  },
  generator: function* (log): Steps<void> {
    const variable = new ContextVar<string>("v");
    variable.set("parent");
    const task = createTask(function* (): Steps<void> {
      log(`child sees: ${variable.get()}`);
      variable.set("child");
      yield* sleep(0);
      log(`child sees: ${variable.get()}`);
    });
    variable.set("parent later");
    yield* task;
    log(`parent sees: ${variable.get()}`);
  },
});

bothKinds("Tasks that interleave keep their values apart, through nested coroutines", {
  logs: ["a0 b0 a1 b1 a2 b2"],
  async: async (log) => {
    const variable = new ContextVar<string>("v");
    const seen: string[] = [];
    async function inner(step: number): Promise<void> {
      await sleep(0);
      seen.push(variable.get() + step);
    }
    async function work(name: string): Promise<void> {
      variable.set(name);
      for (let step = 0; step < 3; step++) await inner(step);
    }
    await gather([() => work("a"), () => work("b")]);
    log(seen.join(" "));
  },
  generator: function* (log): Steps<void> {
    const variable = new ContextVar<string>("v");
    const seen: string[] = [];
    function* inner(step: number): Steps<void> {
      yield* sleep(0);
      seen.push(variable.get() + step);
    }
    function* work(name: string): Steps<void> {
      variable.set(name);
      for (let step = 0; step < 3; step++) yield* inner(step);
    }
    yield* gather([() => work("a"), () => work("b")]);
    log(seen.join(" "));
  },
});

Deno.test("createTask() with a context runs in that context itself", async () => {
  const variable = new ContextVar("v", { defaultValue: 0 });
  const context = new Context();
  await runVirtual(async () => {
    const count = async (): Promise<void> => {
      variable.set(variable.get() + 1);
      await sleep(0);
      variable.set(variable.get() + 10);
    };
    const task = createTask(count, { context });
    assertStrictEquals(task.getContext(), context);
    await task;
    await createTask(count, { context });
    assertEquals(variable.get(), 0);
  });
  assertEquals(context.get(variable), 22);
});

Deno.test("A task has its context after a promise that is not ours", async () => {
  const variable = new ContextVar("v", { defaultValue: "none" });
  const seen: string[] = [];
  await runVirtual(() =>
    gather([1, 2].map((number) => async () => {
      variable.set(`task ${number}`);
      await new Promise<void>((resolve) => queueMicrotask(resolve));
      seen.push(variable.get());
      variable.set(`${variable.get()} again`);
      await Promise.all([sleep(1), Promise.resolve()]);
      seen.push(variable.get());
    }))
  );
  assertEquals(seen, ["task 1", "task 2", "task 1 again", "task 2 again"]);
});

Deno.test("What a task schedules runs in the task's context", async () => {
  const variable = new ContextVar("v", { defaultValue: "none" });
  const seen: string[] = [];
  const note = (): void => void seen.push(variable.get());
  await runVirtual(async () => {
    await createTask(async () => {
      const loop = getRunningLoop();
      variable.set("task");
      loop.callSoon(note);
      await sleep(0);
      loop.callSoon(note);
      loop.callLater(1, note);
    });
    await sleep(2);
    getRunningLoop().callSoon(note);
    await sleep(0);
  });
  assertEquals(seen, ["task", "task", "task", "none"]);
});

Deno.test("Context.run() in a task keeps the task current", async () => {
  await runVirtual(async () => {
    const task = currentTask();
    assertStrictEquals(new Context().run(() => currentTask()), task);
    await Promise.resolve();
    assertStrictEquals(new Context().run(() => currentTask()), task);
    assertStrictEquals(currentTask(), task);
  });
});
