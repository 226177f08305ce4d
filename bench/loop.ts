/**
 * The loop benchmark's own side: each workload of `loop.py`, with async functions and with
 * generators where that makes a difference.
 *
 *     deno run bench/loop.ts SCALE [NAME …]
 *
 * Prints one JSON object, `name@kind` to operations a second: the median of three runs. For the
 * workload `timers`, these are operations a second of CPU time.
 *
 * @module
 */

import process from "node:process";
import {
  type Coroutine,
  createTask,
  Event,
  gather,
  getRunningLoop,
  Lock,
  Queue,
  run,
  Semaphore,
  sleep,
  type Suspension,
  TaskGroup,
  timeout,
  waitFor,
} from "@aio/asyncio/loop";

type Steps = Generator<Suspension, unknown, unknown>;

interface Workload {
  operations: number;
  kinds: Record<string, (n: number) => Coroutine<unknown>>;
}

const one = async (): Promise<number> => 1;
function* oneStep(): Generator<Suspension, number, unknown> {
  return 1;
}

/** A workload that drives the loop with callbacks. */
function callbacks(operations: number, fn: (n: number) => Promise<void>): Workload {
  return { operations, kinds: { callback: (n) => () => fn(n) } };
}

/** A workload for both kinds of coroutine. */
function coroutines(
  operations: number,
  asynchronous: (n: number) => Promise<unknown>,
  generator: (n: number) => Steps,
): Workload {
  return {
    operations,
    kinds: { async: (n) => () => asynchronous(n), generator: (n) => () => generator(n) },
  };
}

async function chains(n: number, width: number): Promise<void> {
  const loop = getRunningLoop();
  const done = loop.createFuture<void>();
  let left = n;
  const step = (): void => {
    if (--left > 0) loop.callSoon(step);
    else if (!done.done()) done.setResult();
  };
  for (let i = 0; i < width; i++) loop.callSoon(step);
  await done;
}

async function fanOut(n: number): Promise<void> {
  const loop = getRunningLoop();
  const done = loop.createFuture<void>();
  let count = 0;
  const called = (_: number): void => {
    if (++count === n) done.setResult();
  };
  for (let i = 0; i < n; i++) loop.callSoon(called, i);
  await done;
}

/** Returns a source of numbers from 0 to 1, the same each time. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => ((state = Math.imul(state, 1664525) + 1013904223 | 0) >>> 0) / 2 ** 32;
}

async function timers(n: number): Promise<void> {
  const loop = getRunningLoop();
  const random = randomNumbers(7);
  const done = loop.createFuture<void>();
  let count = 0;
  const called = (): void => {
    if (++count === n) done.setResult();
  };
  for (let i = 0; i < n; i++) loop.callLater(random() * 0.1, called);
  await done;
}

async function timersCreatedAndCancelled(n: number): Promise<void> {
  const loop = getRunningLoop();
  for (let i = 0; i < n; i++) loop.callLater(60 + (i & 1023), one).cancel();
  await sleep(0);
}

async function timersCancelledLater(n: number): Promise<void> {
  const loop = getRunningLoop();
  const handles = Array.from({ length: n }, (_, i) => loop.callLater(60 + (i & 1023), one));
  for (const handle of handles) handle.cancel();
  await sleep(0);
}

/** Runs the same coroutine in a number of tasks. */
function inParallel(workers: number, coroutine: () => Promise<void> | Steps) {
  return gather(Array.from({ length: workers }, () => coroutine));
}

const switches = coroutines(500_000, async (n) => {
  await inParallel(100, async () => {
    for (let i = 0; i < n / 100; i++) await sleep(0);
  });
}, function* (n) {
  yield* inParallel(100, function* () {
    for (let i = 0; i < n / 100; i++) yield* sleep(0);
  });
});

const createAndGather = coroutines(50_000, async (n) => {
  await gather(Array.from({ length: n }, () => createTask(one)));
}, function* (n) {
  yield* gather(Array.from({ length: n }, () => createTask(oneStep)));
});

const futureAndCallSoon = coroutines(100_000, async (n) => {
  const loop = getRunningLoop();
  for (let i = 0; i < n; i++) {
    const future = loop.createFuture<number>();
    loop.callSoon((result: number) => future.setResult(result), i);
    await future;
  }
}, function* (n) {
  const loop = getRunningLoop();
  for (let i = 0; i < n; i++) {
    const future = loop.createFuture<number>();
    loop.callSoon((result: number) => future.setResult(result), i);
    yield* future;
  }
});

const sleepingTasksCancelled = coroutines(20_000, async (n) => {
  const sleeper = async (): Promise<void> => {
    await sleep(3600);
  };
  const tasks = Array.from({ length: n }, () => createTask(sleeper));
  await sleep(0);
  for (const task of tasks) task.cancel();
  await gather(tasks, { returnExceptions: true });
}, function* (n) {
  const sleeper = function* () {
    yield* sleep(3600);
  };
  const tasks = Array.from({ length: n }, () => createTask(sleeper));
  yield* sleep(0);
  for (const task of tasks) task.cancel();
  yield* gather(tasks, { returnExceptions: true });
});

const taskGroup = coroutines(50_000, async (n) => {
  await new TaskGroup().run(async (group) => {
    for (let i = 0; i < n; i++) group.createTask(one);
  });
}, function* (n) {
  yield* new TaskGroup().run(function* (group) {
    for (let i = 0; i < n; i++) group.createTask(oneStep);
  });
});

const timeouts = coroutines(100_000, async (n) => {
  const turn = async (): Promise<void> => {
    await sleep(0);
  };
  for (let i = 0; i < n; i++) await timeout(10).run(turn);
}, function* (n) {
  const turn = function* () {
    yield* sleep(0);
  };
  for (let i = 0; i < n; i++) yield* timeout(10).run(turn);
});

const waitsFor = coroutines(30_000, async (n) => {
  const turn = async (): Promise<void> => {
    await sleep(0);
  };
  for (let i = 0; i < n; i++) await waitFor(turn, 10);
}, function* (n) {
  const turn = function* () {
    yield* sleep(0);
  };
  for (let i = 0; i < n; i++) yield* waitFor(turn, 10);
});

/** One task puts, another takes. */
function throughQueue(maxsize: number, operations: number): Workload {
  return coroutines(operations, async (n) => {
    const queue = new Queue<number>(maxsize);
    await gather([async () => {
      for (let i = 0; i < n; i++) await queue.put(i);
    }, async () => {
      for (let i = 0; i < n; i++) await queue.get();
    }]);
  }, function* (n) {
    const queue = new Queue<number>(maxsize);
    yield* gather([function* () {
      for (let i = 0; i < n; i++) yield* queue.put(i);
    }, function* () {
      for (let i = 0; i < n; i++) yield* queue.get();
    }]);
  });
}

/** A hundred tasks contend for a lock, and hold it for a turn. */
function contended(makeLock: () => Lock | Semaphore): Workload {
  return coroutines(50_000, async (n) => {
    const lock = makeLock();
    await inParallel(100, async () => {
      for (let i = 0; i < n / 100; i++) {
        using _guard = await lock.acquire();
        await sleep(0);
      }
    });
  }, function* (n) {
    const lock = makeLock();
    yield* inParallel(100, function* () {
      for (let i = 0; i < n / 100; i++) {
        using _guard = yield* lock.acquire();
        yield* sleep(0);
      }
    });
  });
}

/** Two tasks hand a turn back and forth. */
const events = coroutines(100_000, async (n) => {
  const [ping, pong] = [new Event(), new Event()];
  const player = (mine: Event, other: Event) => async (): Promise<void> => {
    for (let i = 0; i < n / 2; i++) {
      await mine.wait();
      mine.clear();
      other.set();
    }
  };
  ping.set();
  await gather([player(ping, pong), player(pong, ping)]);
}, function* (n) {
  const [ping, pong] = [new Event(), new Event()];
  const player = (mine: Event, other: Event) =>
    function* () {
      for (let i = 0; i < n / 2; i++) {
        yield* mine.wait();
        mine.clear();
        other.set();
      }
    };
  ping.set();
  yield* gather([player(ping, pong), player(pong, ping)]);
});

const WORKLOADS: [name: string, workload: Workload][] = [
  ["call_soon_chain", callbacks(500_000, (n) => chains(n, 1))],
  ["call_soon_100_chains", callbacks(1_000_000, (n) => chains(n, 100))],
  ["call_soon_fan_out", callbacks(100_000, fanOut)],
  ["task_switches", switches],
  ["create_and_gather", createAndGather],
  ["future_and_call_soon", futureAndCallSoon],
  ["timers", callbacks(100_000, timers)],
  ["timers_created_and_cancelled", callbacks(100_000, timersCreatedAndCancelled)],
  ["timers_cancelled_later", callbacks(50_000, timersCancelledLater)],
  ["sleeping_tasks_cancelled", sleepingTasksCancelled],
  ["task_group", taskGroup],
  ["timeout", timeouts],
  ["wait_for", waitsFor],
  ["queue_unbounded", throughQueue(0, 300_000)],
  ["queue_of_100", throughQueue(100, 300_000)],
  ["queue_of_1", throughQueue(1, 100_000)],
  ["lock", contended(() => new Lock())],
  ["semaphore_of_10", contended(() => new Semaphore(10))],
  ["event", events],
];

/** Seconds of CPU time. */
function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

async function measure(n: number, coroutine: Coroutine<unknown>, clock: () => number) {
  const start = clock();
  await createTask(coroutine);
  return n / (clock() - start);
}

async function main(scale: number, only: string[]): Promise<void> {
  const results: Record<string, number> = {};
  for (const [name, { operations, kinds }] of WORKLOADS) {
    const n = Math.max(1, Math.trunc(operations * scale));
    const clock = name === "timers" ? cpuTime : (): number => performance.now() / 1000;
    for (const [kind, workload] of Object.entries(kinds)) {
      const isWanted = only.includes(name) || only.includes(`${name}@${kind}`);
      if (only.length > 0 && !isWanted) continue;
      const rates: number[] = [];
      for (let i = 0; i < 3; i++) rates.push(await measure(n, workload(n), clock));
      results[`${name}@${kind}`] = rates.sort((a, b) => a - b)[1]!;
    }
  }
  console.log(JSON.stringify(results));
}

const [scale = "1", ...only] = Deno.args;
await run(() => main(Number(scale), only));
