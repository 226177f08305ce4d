/**
 * Which task waits for which, for how long, and on what.
 *
 * The call graph is new in Python 3.14, so what is expected is not recorded. It is what the
 * documentation of `asyncio.capture_call_graph()` and CPython's own `test_graph.py` say: a task is
 * awaited by the task that awaits, gathers, shields or waits for it, and by the task that runs its
 * group, whether or not that already waits for the group. The text is ours.
 *
 * @module
 */

import {
  captureCallGraph,
  createTask,
  currentTask,
  FIRST_COMPLETED,
  formatCallGraph,
  gather,
  getRunningLoop,
  newEventLoop,
  printCallGraph,
  run,
  shield,
  sleep,
  TaskGroup,
  timeout,
  wait,
  waitFor,
} from "@aio/asyncio/loop";
import type { Awaitable, Coroutine, Future, FutureCallGraph, Task } from "@aio/asyncio/loop";
import { assert, assertEquals, assertMatch, assertThrows } from "../_support/assert.ts";
import { captureErrors, newVirtualLoop, runVirtual } from "../_support/run.ts";
import type { Steps } from "../_support/run.ts";

/** What a task does with the task `work`, written as both kinds of coroutine. */
interface Waiting {
  readonly async: (work: Task<unknown>) => Promise<unknown>;
  readonly generator: (work: Task<unknown>) => Steps<unknown>;
}

/** Ways of waiting for a task, all of which are edges of the graph. */
const WAITINGS: Readonly<Record<string, Waiting>> = {
  "await": {
    async: async function boss(work) {
      return await work;
    },
    generator: function* boss(work) {
      return yield* work;
    },
  },
  "gather()": {
    async: async function boss(work) {
      return await gather([work]);
    },
    generator: function* boss(work) {
      return yield* gather([work]);
    },
  },
  "a gather() in a gather()": {
    async: async function boss(work) {
      return await gather([gather([work])]);
    },
    generator: function* boss(work) {
      return yield* gather([gather([work])]);
    },
  },
  "shield()": {
    async: async function boss(work) {
      return await shield(work);
    },
    generator: function* boss(work) {
      return yield* shield(work);
    },
  },
  "wait()": {
    async: async function boss(work) {
      return await wait([work]);
    },
    generator: function* boss(work) {
      return yield* wait([work]);
    },
  },
  "waitFor()": {
    async: async function boss(work) {
      return await waitFor(work, 3600);
    },
    generator: function* boss(work) {
      return yield* waitFor(work, 3600);
    },
  },
  "timeout()": {
    async: async function boss(work) {
      return await timeout(3600).run(() => work);
    },
    generator: function* boss(work) {
      return yield* timeout(3600).run(() => work);
    },
  },
};

const options = { returnWhen: FIRST_COMPLETED } as const;

/** Runs `main` on a virtual clock, in debug mode. */
function runDebugging<T>(main: Coroutine<T>): Promise<T> {
  return run(main, { loopFactory: newVirtualLoop, debug: true });
}

/** Creates a task that ends after ten seconds. */
function newWork(): Task<undefined> {
  return createTask(async function doWork() {
    return await sleep(10);
  }, { name: "work" });
}

/** Returns the text of a graph, without the places in this file. */
function formatted(future?: Future<unknown>, limit?: number): string[] {
  return formatCallGraph(future, limit === undefined ? {} : { limit })
    .replaceAll(/file:\S+graph_test\.ts:\d+:\d+/g, "…").split("\n");
}

/** Returns the names in a graph: `work < boss` if the boss waits for the work. */
function names({ future, awaitedBy }: FutureCallGraph): string {
  const name = (future as Task<unknown>).getName();
  if (awaitedBy.length === 0) return name;
  const awaiters = awaitedBy.map(names).join(", ");
  return `${name} < ${awaitedBy.length === 1 ? awaiters : `(${awaiters})`}`;
}

for (const [what, waiting] of Object.entries(WAITINGS)) {
  for (const kind of ["async", "generator"] as const) {
    const boss = waiting[kind];

    Deno.test(`parity: 149 captureCallGraph() goes through ${what} (${kind})`, async () => {
      await runVirtual(async () => {
        const work = newWork();
        const task = createTask(() => boss(work), { name: "boss" });
        await sleep(2);
        const graph = captureCallGraph(work)!;
        assertEquals(graph.awaitedBy.map(({ future }) => future), [task]);
        const { callStack, waitingTime, isCycle, awaitedBy } = graph.awaitedBy[0]!;
        assertEquals([callStack, waitingTime, isCycle, awaitedBy], [[], null, false, []]);
        assertEquals(formatted(work), [
          "* Task(name='work'), waiting for <SleepFuture pending>",
          "  + Awaited by:",
          "    * Task(name='boss'), waiting for work",
        ]);
        await task;
        assertEquals(formatted(work), ["* Task(name='work')"]);
      });
    });

    Deno.test(`formatCallGraph() tells times and places in debug mode: ${what} (${kind})`, async () => {
      await runDebugging(async () => {
        const work = newWork();
        await sleep(1);
        const task = createTask(() => boss(work), { name: "boss" });
        await sleep(2);
        assertEquals(captureCallGraph(work)!.awaitedBy[0]!.waitingTime, 2);
        const place = kind === "async" ? "async boss (…)" : "boss (…)";
        const lines = formatted(work);
        assertEquals(lines.slice(0, 5), [
          "* Task(name='work'), waiting 3.000 s for <SleepFuture pending>",
          "  + Call stack:",
          "  |   async doWork (…)",
          "  + Awaited by:",
          "    * Task(name='boss'), waiting 2.000 s for work",
        ]);
        assertEquals(lines.slice(5, 7), ["      + Call stack:", `      |   ${place}`]);
        await task;
      });
    });
  }
}

for (const kind of ["async", "generator"] as const) {
  /** Groups whose tasks wait for the work; the outer body is over, the inner body sleeps. */
  const inGroups = {
    async: async (work: Task<unknown>): Promise<void> => {
      await new TaskGroup().run(async (group) => {
        group.createTask(async () => await work, { name: "member" });
        group.createTask(async () =>
          await new TaskGroup().run(async (inner) => {
            inner.createTask(async () => await work, { name: "inner member" });
            await sleep(5);
          }), { name: "inner" });
      });
    },
    generator: function* (work: Task<unknown>): Steps<void> {
      yield* new TaskGroup().run(function* (group): Steps<void> {
        group.createTask(function* () {
          return yield* work;
        }, { name: "member" });
        group.createTask(function* () {
          return yield* new TaskGroup().run(function* (inner): Steps<void> {
            inner.createTask(function* () {
              return yield* work;
            }, { name: "inner member" });
            yield* sleep(5);
          });
        }, { name: "inner" });
      });
    },
  }[kind];

  Deno.test(`parity: 149 captureCallGraph() goes through groups, also from their bodies (${kind})`, async () => {
    await runVirtual(async () => {
      const work = newWork();
      const boss = createTask(() => inGroups(work), { name: "boss" });
      await sleep(2);
      assertEquals(
        names(captureCallGraph(work)!),
        "work < (member < boss, inner member < inner < boss)",
      );
      assertEquals(formatted(work), [
        "* Task(name='work'), waiting for <SleepFuture pending>",
        "  + Awaited by:",
        "    * Task(name='member'), waiting for work",
        "      + Awaited by:",
        "        * Task(name='boss'), waiting for member, inner",
        "    * Task(name='inner member'), waiting for work",
        "      + Awaited by:",
        "        * Task(name='inner'), waiting for <SleepFuture pending>",
        "          + Awaited by:",
        "            * Task(name='boss'), waiting for member, inner",
      ]);
      await sleep(4); // the body of the inner group has ended
      assertEquals(
        formatted(work).at(-3),
        "        * Task(name='inner'), waiting for inner member",
      );
      await boss;
    });
  });

  /** Returns a coroutine that awaits what `next` returns. */
  const waitingFor = {
    async: (next: () => Awaitable<unknown>) => async () => await next(),
    generator: (next: () => Awaitable<unknown>) =>
      function* (): Steps<unknown> {
        return yield* next();
      },
  }[kind];

  Deno.test(`parity: 149 captureCallGraph() goes through tasks that await tasks (${kind})`, async () => {
    await runVirtual(async () => {
      const work = newWork();
      const a = createTask(waitingFor(() => work), { name: "a" });
      const b = createTask(waitingFor(() => a), { name: "b" });
      const c = createTask(waitingFor(() => gather([a, b])), { name: "c" });
      await sleep(0);
      assertEquals(names(captureCallGraph(work)!), "work < a < (b < c, c)");
      assertEquals(names(captureCallGraph(b)!), "b < c");
      await c;
    });
  });

  Deno.test(`parity: 150 formatCallGraph() reports a cycle, and ends (${kind})`, async () => {
    await runVirtual(async () => {
      // Cancelling a cycle recurses for ever, as in Python: another future is needed to end it.
      const end = getRunningLoop().createFuture<void>();
      const a: Task<unknown> = createTask(
        waitingFor(() => wait([b, end as Future<unknown>], options)),
        { name: "a" },
      );
      const b: Task<unknown> = createTask(waitingFor(() => c), { name: "b" });
      const c: Task<unknown> = createTask(waitingFor(() => a), { name: "c" });
      await sleep(0);
      assertEquals(formatted(a), [
        "* Task(name='a'), waiting for b, <Future pending>",
        "  + Awaited by:",
        "    * Task(name='c'), waiting for a",
        "      + Awaited by:",
        "        * Task(name='b'), waiting for c",
        "          + Awaited by:",
        "            * Task(name='a'), waiting for b, <Future pending> (a cycle)",
      ]);
      end.setResult();
      await b;
      assertEquals(formatted(a), ["* Task(name='a')"]);
    });
  });

  Deno.test(`parity: 150 formatCallGraph() reports a task that waits for itself (${kind})`, async () => {
    await runVirtual(async () => {
      const end = getRunningLoop().createFuture<unknown>();
      const self: Task<unknown> = createTask(waitingFor(() => wait([end, self], options)), {
        name: "self",
      });
      await sleep(0);
      assertEquals(formatted(end), [
        "* <Future pending>",
        "  + Awaited by:",
        "    * Task(name='self'), waiting for <Future pending>, self",
        "      + Awaited by:",
        "        * Task(name='self'), waiting for <Future pending>, self (a cycle)",
      ]);
      const [first] = captureCallGraph(end)!.awaitedBy;
      assertEquals([first!.isCycle, first!.awaitedBy[0]!.isCycle], [false, true]);
      end.setResult(null);
      await self;
    });
  });
}

Deno.test("captureCallGraph() of a future tells which tasks await it", async () => {
  await runVirtual(async () => {
    const future = getRunningLoop().createFuture<number>();
    const task = createTask(() => future, { name: "t" });
    await sleep(0);
    assertEquals(formatted(future), [
      "* <Future pending>",
      "  + Awaited by:",
      "    * Task(name='t'), waiting for <Future pending>",
    ]);
    const { callStack, waitsFor, waitingTime } = captureCallGraph(future)!;
    assertEquals([callStack, waitsFor, waitingTime], [[], [], null]);
    future.setResult(42);
    assertEquals(await task, 42);
  });
});

Deno.test("captureCallGraph() of a task under a Promise.all() tells all that it awaits", async () => {
  await runVirtual(async () => {
    const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => createTask(() => sleep(1), { name }));
    const all = createTask(async () => await Promise.all([a, b, c, d]), { name: "all" });
    await sleep(0);
    const graph = captureCallGraph(b)!.awaitedBy[0]!;
    assertEquals([graph.future, graph.waitsFor], [all, [a, b, c, d]]);
    assertEquals(formatted(all), ["* Task(name='all'), waiting for a, b, c, …"]);
    await all;
  });
});

Deno.test("captureCallGraph() of a task that awaits a promise does not tell what it awaited before", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await runDebugging(async () => {
    const afterRace = createTask(async () => {
      await Promise.race([sleep(9), sleep(1)]);
      await promise;
    }, { name: "async" });
    const generator = createTask(function* (): Steps<void> {
      yield* sleep(1);
      yield promise;
    }, { name: "generator" });
    await sleep(4);
    assertEquals(captureCallGraph(afterRace)!.waitsFor, []);
    assertEquals(formatted(afterRace), ["* Task(name='async'), waiting 3.000 s for a promise"]);
    assertEquals(formatted(generator), ["* Task(name='generator'), waiting 3.000 s for a promise"]);
    resolve();
    await gather([afterRace, generator]);
    assertEquals(formatted(afterRace), ["* Task(name='async')"]);
  });
});

Deno.test("captureCallGraph() of a task that runs or is done after a promise tells that it waits no more", async () => {
  await runDebugging(async () => {
    const task: Task<FutureCallGraph> = createTask(async (): Promise<FutureCallGraph> => {
      await Promise.race([sleep(3600), sleep(1)]);
      await new Promise<void>((resolve) => setImmediate(resolve));
      return captureCallGraph(task)!;
    }, { name: "t" });
    const graph = await task;
    assertEquals([graph.waitsFor, graph.waitingTime], [[], null]);
    assertEquals(graph.callStack.length, 1);
    assertEquals(captureCallGraph(task)!.waitsFor, []);
    assertEquals(formatted(task), ["* Task(name='t')"]);
  });
});

Deno.test("captureCallGraph() of a task that lets a turn pass, or has not started, tells no future", async () => {
  await runDebugging(async () => {
    const fresh = createTask(() => sleep(0), { name: "fresh" });
    assertEquals(formatted(fresh), ["* Task(name='fresh'), waiting 0.000 s"]);
    const seen: string[][] = [];
    const passing = createTask(function* (): Steps<void> {
      yield* sleep(1);
      getRunningLoop().callSoon(() => seen.push(formatted(passing)));
      yield* sleep(0);
    }, { name: "passing" });
    await sleep(2);
    // It is not known where a generator is while it lets a turn pass.
    assertEquals(seen, [["* Task(name='passing'), waiting 0.000 s"]]);
  });
});

for (const debug of [false, true]) {
  Deno.test(`captureCallGraph() of the task that runs has its stack, debug mode: ${debug}`, async () => {
    function inner(): FutureCallGraph {
      return captureCallGraph()!;
    }
    await run(async function outer() {
      await sleep(1);
      const graph = inner();
      assertEquals(graph.future, currentTask());
      assertEquals([graph.waitsFor, graph.waitingTime, graph.isCycle], [[], null, false]);
      const functions = graph.callStack.map(({ frame }) => frame.split(" ")[0]);
      assertEquals(functions.slice(0, 2), ["inner", "outer"]);
      assertMatch(graph.callStack[0]!.frame, /^inner \(file:.*graph_test\.ts:\d+:\d+\)$/);
      return "";
    }, { loopFactory: newVirtualLoop, debug });
  });
}

Deno.test("formatCallGraph() with a limit takes the innermost lines, or the outermost ones", async () => {
  await runDebugging(async () => {
    const inner = async (): Promise<void> => await sleep(1);
    async function middle(): Promise<void> {
      await inner();
    }
    const task = createTask(async function outer() {
      await middle();
    }, { name: "t" });
    await sleep(0);
    const stacks = [undefined, 2, 1, 0, -1, -2].map((limit) => formatted(task, limit).slice(2));
    const [first, second, third] = [
      "  |   async inner (…)",
      "  |   async middle (…)",
      "  |   async outer (…)",
    ];
    const expected = [[first, second, third], [first, second], [first], [], [third], [
      second,
      third,
    ]];
    assertEquals(stacks, expected);
    await task;
  });
});

Deno.test("captureCallGraph() knows times only where debug mode is on, and was when the task began", async () => {
  await runVirtual(async () => {
    const loop = getRunningLoop();
    const before = createTask(() => sleep(9), { name: "before" });
    loop.setDebug(true);
    const during = createTask(() => sleep(9), { name: "during" });
    await sleep(1);
    const times = (): unknown[] => [before, during].map((t) => captureCallGraph(t)!.waitingTime);
    assertEquals(times(), [null, 1]);
    loop.setDebug(false);
    assertEquals(times(), [null, null]);
  });
});

Deno.test("captureCallGraph() shows the futures of a loop that does not run", async () => {
  const loop = newEventLoop();
  const future = loop.createFuture<void>();
  const task = loop.createTask(() => future, { name: "t" });
  loop.stop();
  await loop.runForever();
  assertEquals(captureCallGraph(future)!.awaitedBy[0]!.future, task);
  future.setResult();
  await loop.runUntilComplete(task);
  loop.close();
});

Deno.test("captureCallGraph() returns null where no task runs, and throws where no loop does", async () => {
  await runVirtual(async () => {
    const seen: unknown[] = [];
    getRunningLoop().callSoon(() => seen.push(captureCallGraph(), formatCallGraph()));
    await sleep(0);
    assertEquals(seen, [null, ""]);
  });
  for (const call of [captureCallGraph, formatCallGraph, printCallGraph]) {
    assertThrows(() => call(), Error, "no running event loop");
    assertThrows(
      () => call(42 as unknown as Future<unknown>),
      TypeError,
      "Cannot capture call graph: 42 is not a future",
    );
  }
});

Deno.test("printCallGraph() prints what formatCallGraph() returns", async () => {
  using printed = captureErrors("log");
  await runVirtual(async () => {
    const work = createTask(() => sleep(1), { name: "it's work" });
    await sleep(0);
    printCallGraph(work);
    assertEquals(printed.texts, [formatCallGraph(work)]);
    assert(printed.texts[0]!.startsWith(`* Task(name="it's work"), waiting for`));
    await work;
  });
});
