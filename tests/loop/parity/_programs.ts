/**
 * Runs the random programs of parity_programs.json as parity_programs.py does. The steps are written
 * with async functions; `_generators.ts` makes the same of them with generators.
 *
 * @module
 */

import {
  asCompleted,
  Barrier,
  BoundedSemaphore,
  CancelledError,
  Condition,
  ContextVar,
  createTask,
  currentTask,
  Event,
  ExceptionGroup,
  gather,
  getRunningLoop,
  InvalidStateError,
  LifoQueue,
  Lock,
  PriorityQueue,
  Queue,
  Semaphore,
  shield,
  sleep,
  TaskGroup,
  timeout,
  wait,
  waitFor,
} from "@aio/asyncio/loop";
import type { Awaitable, Future, ReturnWhen, Task, Timeout } from "@aio/asyncio/loop";
import { ValueError } from "./_helpers.ts";

/** A step: its name, and its arguments, which may be steps again. */
export type Step = readonly [name: string, ...args: unknown[]];
type Steps = readonly Step[];
type Limit = number | null;
type Target = readonly [kind: "future" | "task", number: number];
type Action = readonly [what: string, number: number];

/** Makes a coroutine of steps, of one kind or the other. */
export type Run = (world: World, steps: Steps, path: string) => Promise<string>;

const FUTURES = 4;
const EVENTS = 2;

/** A value as the log of Python has it. */
function text(value: unknown): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (value instanceof ExceptionGroup) return `ExceptionGroup${text(value.errors)}`;
  if (value instanceof Error) return value.name.replace("RangeError", "ValueError");
  return Array.isArray(value) ? `[${value.map(text).join(", ")}]` : String(value);
}

function outcome(of: Future<unknown>): string {
  if (!of.done()) return "pending";
  if (of.cancelled()) return "cancelled";
  return text(of.exception() ?? of.result());
}

/** What the tasks of a program share. */
export class World {
  readonly loop = getRunningLoop();
  readonly entries: string[] = [];
  readonly futures = Array.from({ length: FUTURES }, () => this.loop.createFuture<unknown>());
  readonly events = Array.from({ length: EVENTS }, () => new Event());
  readonly lock = new Lock();
  readonly semaphore = new Semaphore(2);
  readonly condition = new Condition();
  readonly queue = new Queue<number>(2);
  readonly locks: Readonly<Record<string, Lock | Semaphore>> = {
    "lock": this.lock,
    "semaphore": this.semaphore,
    "bounded semaphore": new BoundedSemaphore(1),
  };
  readonly queues: Readonly<Record<string, Queue<number>>> = {
    "first in": this.queue,
    "last in": new LifoQueue(1),
    "smallest": new PriorityQueue(2),
  };
  readonly barrier = new Barrier(2);
  readonly variable = new ContextVar("variable", { defaultValue: 0 });
  readonly tasks: Task<unknown>[] = [];
  readonly run: Run;
  notified = 0;

  constructor(run: Run) {
    this.run = run;
    this.loop.setExceptionHandler((_, { message, exception }) => {
      if (message!.startsWith("Exception in callback")) this.log("handler:", exception);
    });
  }

  readonly log = (...words: unknown[]): void => void this.entries.push(words.map(text).join(" "));

  spawn(steps: Steps, path: string): void {
    this.tasks.push(createTask(() => this.run(this, steps, path)));
  }

  task(number: number): Task<unknown> {
    return this.tasks[number % this.tasks.length]!;
  }

  /** A future or a task; never the one that runs. */
  other([kind, number]: Target): Future<unknown> {
    const found = kind === "task" ? this.task(number) : this.futures[number]!;
    return found === currentTask() ? this.futures[0]! : found;
  }

  /** Tasks: of those that are done only the first, for CPython tells of them in any order. */
  some(numbers: readonly number[]): Task<unknown>[] {
    const found = this.tasks.filter((_, i) => numbers.some((n) => n % this.tasks.length === i));
    const first = found.find((task) => task.done());
    return found.filter((task) => !task.done() || task === first);
  }

  numbers(tasks: ReadonlySet<Task<unknown>>): number[] {
    return [...tasks].map((task) => this.tasks.indexOf(task)).toSorted((a, b) => a - b);
  }

  readonly act = (path: string, ...[what, number]: Action): void => {
    try {
      this.log(path, what, ACTIONS[what]!(this, number));
    } catch (error) {
      if (!(error instanceof InvalidStateError)) throw error;
      this.log(path, what, error);
    }
  };
}

const ACTIONS: Readonly<Record<string, (world: World, number: number) => unknown>> = {
  "nothing": () => null,
  "cancel": (world, number) => world.task(number).cancel(),
  "set result": (world, number) => world.futures[number]!.setResult("result"),
  "set exception": (world, number) => world.futures[number]!.setException(new ValueError()),
  "cancel future": (world, number) => world.futures[number]!.cancel(),
  "set event": (world, number) => world.events[number]!.set(),
  "throw": () => {
    throw new ValueError();
  },
  "get variable": (world) => world.variable.get(),
};

/** A place in a program. */
class Where {
  readonly world: World;
  readonly path: string;
  readonly timeouts: readonly Timeout[];

  constructor(world: World, path: string, timeouts: readonly Timeout[]) {
    this.world = world;
    this.path = path;
    this.timeouts = timeouts;
  }

  readonly log = (...words: unknown[]): void => this.world.log(this.path, ...words);

  child(steps: Steps, part = ""): () => Promise<string> {
    return () => this.world.run(this.world, steps, this.path + part);
  }

  inside(steps: Steps, part = "", ...timeouts: readonly Timeout[]): Promise<string> {
    return runSteps(this.world, steps, this.path + part, [...this.timeouts, ...timeouts]);
  }
}

/** Steps, in a function of this file's kind. */
export const runSteps = async function (
  world: World,
  steps: Steps,
  path: string,
  timeouts: readonly Timeout[] = [],
): Promise<string> {
  for (const [i, [name, ...args]] of steps.entries()) {
    const where = new Where(world, `${path}.${i}`, timeouts);
    const atOnce = AT_ONCE[name];
    const value = atOnce !== undefined
      ? atOnce(where, ...args as never[])
      : await (SIMPLE[name] ?? NESTED[name])!(where, ...args as never[]);
    where.log(name, value);
  }
  return path;
};

type Do = (where: Where, ...args: never[]) => PromiseLike<unknown>;

/** Those that wait. */
const SIMPLE: Readonly<Record<string, Do>> = {
  "turn": () => sleep(0),
  "sleep": (_, seconds: number) => sleep(seconds),
  "future": ({ world }, number: number) => world.futures[number]!,
  "await task": ({ world }, number: number) => world.other(["task", number]),
  "wait for event": ({ world }, number: number) => world.events[number]!.wait(),
  "wait for condition": ({ world }) => world.condition.run(() => world.condition.wait()),
  "wait until": ({ world }, count: number) =>
    world.condition.run(() => world.condition.waitFor(() => world.notified >= count)),
  "put": ({ world }, order: string, item: number) => world.queues[order]!.put(item),
  "get": ({ world }, order: string) => world.queues[order]!.get(),
  "join": ({ world }) => world.queue.join(),
  "barrier": ({ world }) => world.barrier.wait(),
  "abort barrier": ({ world }) => world.barrier.abort(),
  "reset barrier": ({ world }) => world.barrier.reset(),
  "shield target": ({ world }, of: Target) => shield(world.other(of)),
  "wait for target": ({ world }, of: Target, limit: Limit) => waitFor(world.other(of), limit),
  "shield": (where, steps: Steps) => shield(where.child(steps)),
  "wait for": (where, steps: Steps, limit: Limit) => waitFor(where.child(steps), limit),
  "gather": (where, of: readonly (Target | Steps)[], returnExceptions: boolean) => {
    const isTarget = (one: Target | Steps): one is Target => typeof one[0] === "string";
    const awaitables = of.map((one, i): Awaitable<unknown> | (() => Promise<unknown>) =>
      isTarget(one) ? where.world.other(one) : where.child(one, `g${i}`)
    );
    return gather(awaitables, { returnExceptions });
  },
};

/** Those that do something at once. */
const AT_ONCE: Readonly<Record<string, (where: Where, ...args: never[]) => unknown>> = {
  "act": ({ world, path }, action: Action) => world.act(path, ...action),
  "call soon": ({ world, path }, action: Action) =>
    void world.loop.callSoon(world.act, path, ...action),
  "call later": ({ world, path }, seconds: number, action: Action) =>
    void world.loop.callLater(seconds, world.act, path, ...action),
  "cancel": ({ world }, number: number) => world.task(number).cancel(),
  "cancel self": () => currentTask()!.cancel(),
  "uncancel": () => currentTask()!.uncancel(),
  "cancelling": () => currentTask()!.cancelling(),
  "throw": () => {
    throw new ValueError();
  },
  "release": ({ world }, kind: string) => world.locks[kind]!.release(),
  "when done": ({ world, log }, number: number) =>
    world.task(number).addDoneCallback((task) => log("done:", outcome(task))),
  "clear event": ({ world }, number: number) => world.events[number]!.clear(),
  "task done": ({ world }) => world.queue.taskDone(),
  "shut down": ({ world }, immediate: boolean) => world.queue.shutdown(immediate),
  "reschedule": ({ world, timeouts }, seconds: Limit) =>
    timeouts.at(-1)?.reschedule(seconds === null ? null : world.loop.time() + seconds),
  "set variable": ({ world }, value: number) => void world.variable.set(value),
  "get variable": ({ world }) => world.variable.get(),
  "spawn": ({ world, path }, steps: Steps) => world.spawn(steps, path),
};

/** Those with others in them. */
const NESTED: Readonly<Record<string, Do>> = {
  "notify": async function ({ world }: Where, count: number): Promise<void> {
    await world.condition.run(async function (): Promise<void> {
      world.notified++;
      world.condition.notify(count);
    });
  },

  "notify all": async function ({ world }: Where): Promise<void> {
    await world.condition.run(async function (): Promise<void> {
      world.notified++;
      world.condition.notifyAll();
    });
  },

  "acquire": async function ({ world }: Where, kind: string): Promise<void> {
    await world.locks[kind]!.acquire();
  },

  "wait": async function (
    { world }: Where,
    numbers: readonly number[],
    returnWhen: ReturnWhen,
    limit: Limit,
  ): Promise<number[][]> {
    const tasks = numbers.map((number) => world.task(number));
    const [done, pending] = await wait(tasks, { returnWhen, timeout: limit });
    return [world.numbers(done), world.numbers(pending)];
  },

  "as completed": async function (
    { world, log }: Where,
    numbers: readonly number[],
    limit: Limit,
  ): Promise<void> {
    for (const next of asCompleted(world.some(numbers), { timeout: limit })) {
      log("next:", await next);
    }
  },

  "try": async function (
    where: Where,
    steps: Steps,
    end: "catch" | "rethrow" | "replace",
    handler: Steps,
  ): Promise<void> {
    try {
      await where.inside(steps);
    } catch (error) {
      if (!(error instanceof CancelledError)) return where.log("failed:", error);
      where.log("caught");
      await where.inside(handler, "c");
      if (end === "rethrow") throw error;
      if (end === "replace") throw new ValueError();
    }
  },

  "finally": async function (where: Where, steps: Steps, cleanup: Steps): Promise<void> {
    try {
      await where.inside(steps);
    } finally {
      where.log("cleaning up");
      await where.inside(cleanup, "f");
    }
  },

  "timeout": async function (where: Where, steps: Steps, limit: Limit): Promise<boolean> {
    const scope = timeout(limit);
    await scope.run(() => where.inside(steps, "", scope));
    return scope.expired();
  },

  "group": async function (
    where: Where,
    children: readonly Steps[],
    steps: Steps,
    isShared: boolean,
  ): Promise<void> {
    const { tasks } = where.world;
    await new TaskGroup().run(async function (group): Promise<void> {
      for (const [i, child] of children.entries()) {
        const task = group.createTask(where.child(child, `t${i}`));
        if (isShared) tasks.push(task);
      }
      await where.inside(steps);
    });
  },

  "lock": async function (where: Where, steps: Steps): Promise<void> {
    await where.world.lock.run(() => within(where, steps));
  },

  "semaphore": async function (where: Where, steps: Steps): Promise<void> {
    await where.world.semaphore.run(() => within(where, steps));
  },

  "condition": async function (where: Where, steps: Steps): Promise<void> {
    await where.world.condition.run(() => within(where, steps));
  },
};

const within = async function (where: Where, steps: Steps): Promise<void> {
  where.log("inside");
  await where.inside(steps);
};

/** Runs all tasks, cancels those that wait for what never comes, and logs how they have ended. */
export const runProgram = async function (tasks: readonly Steps[], run: Run): Promise<string[]> {
  const world = new World(run);
  for (const [i, steps] of tasks.entries()) world.spawn(steps, String(i));
  for (let attempt = 0; attempt < 4; attempt++) {
    const running = world.tasks.filter((task) => !task.done());
    if (running.length === 0) break;
    if (attempt > 0) {
      world.log("cancelling", running.length);
      for (const task of running) task.cancel();
    }
    await wait(running, { timeout: 60 });
  }
  for (const task of world.tasks) world.log(outcome(task), task.cancelling());
  world.log(world.futures.map(outcome));
  world.log(Object.values(world.locks).map((lock) => lock.locked()));
  world.log(Object.values(world.queues).map((queue) => queue.qsize()));
  return world.entries.slice();
};
