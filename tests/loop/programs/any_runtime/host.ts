/**
 * Scenarios that wait for the host: its timers, its signals, its threads.
 *
 * @module
 */

import process from "node:process";
import type { Future } from "@aio/asyncio/loop";
import { asyncio } from "./asyncio.ts";
import type { Scenario, Steps } from "./asyncio.ts";

const { CancelledError, createTask, currentTask, Event, gather, getRunningLoop } = asyncio;
const { moduleFunctions, sleep, toThread, WorkerPoolExecutor } = asyncio;

const onTheMachinesClock: Scenario = {
  logs: ["short", "long", "set by the host"],
  async: async (log) => {
    const rest = async (delay: number, name: string): Promise<void> => {
      await sleep(delay);
      log(name);
    };
    await gather([() => rest(0.003, "long"), () => rest(0.001, "short")]);
    log(await fromHost());
  },
  *generator(log) {
    function* rest(delay: number, name: string): Steps {
      yield* sleep(delay);
      log(name);
    }
    yield* gather([() => rest(0.003, "long"), () => rest(0.001, "short")]);
    log(yield* fromHost());
  },
};

function fromHost(): Future<string> {
  const future = getRunningLoop().createFuture<string>();
  setTimeout(() => future.setResult("set by the host"), 1);
  return future;
}

const hostTimer = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));

const whoRuns: Scenario = {
  logs: ["main", "main", "main"],
  async: async (log) => {
    currentTask()!.setName("main");
    log(currentTask()?.getName());
    await hostTimer();
    log(currentTask()?.getName());
    await sleep(0);
    log(currentTask()?.getName());
  },
  *generator(log) {
    currentTask()!.setName("main");
    log(currentTask()?.getName());
    yield hostTimer();
    log(currentTask()?.getName());
    yield* sleep(0);
    log(currentTask()?.getName());
  },
};

const cancellingLater: Scenario = {
  logs: ["sleeps", "CancelledError"],
  async: async (log) => {
    const sleeps = new Event();
    const task = createTask(async () => {
      await hostTimer();
      log("sleeps");
      sleeps.set();
      await sleep(0.01);
      log("slept on");
    });
    await sleeps.wait();
    task.cancel();
    await task.then(undefined, (error) => log(nameOf(error)));
  },
  *generator(log) {
    const sleeps = new Event();
    const task = createTask(function* () {
      yield hostTimer();
      log("sleeps");
      sleeps.set();
      yield* sleep(0.01);
      log("slept on");
    });
    yield* sleeps.wait();
    task.cancel();
    try {
      yield* task;
    } catch (error) {
      log(nameOf(error));
    }
  },
};

function nameOf(error: unknown): string {
  return error instanceof CancelledError ? error.name : String(error);
}

const signals: Scenario = {
  logs: ["SIGUSR2", "KeyboardInterrupt"],
  async: async (log) => {
    const signalled = getRunningLoop().createFuture<string>();
    getRunningLoop().addSignalHandler("SIGUSR2", () => signalled.setResult("SIGUSR2"));
    process.kill(process.pid, "SIGUSR2");
    log(await signalled);
    process.kill(process.pid, "SIGINT");
    await sleep(3600);
  },
  *generator(log) {
    const signalled = getRunningLoop().createFuture<string>();
    getRunningLoop().addSignalHandler("SIGUSR2", () => signalled.setResult("SIGUSR2"));
    process.kill(process.pid, "SIGUSR2");
    log(yield* signalled);
    process.kill(process.pid, "SIGINT");
    yield* sleep(3600);
  },
};

const { checkPrimeSync } = moduleFunctions<typeof import("node:crypto")>("node:crypto");
const prime = 2n ** 127n - 1n;

const threads: Scenario = {
  logs: [true, false],
  async: async (log) => {
    log(await toThread(checkPrimeSync, prime));
    const pool = new WorkerPoolExecutor({ maxWorkers: 1 });
    log(await pool.submit(checkPrimeSync, prime + 1n));
    await pool.shutdown();
  },
  *generator(log) {
    log(yield* toThread(checkPrimeSync, prime));
    const pool = new WorkerPoolExecutor({ maxWorkers: 1 });
    log(yield* pool.submit(checkPrimeSync, prime + 1n));
    yield* pool.shutdown();
  },
};

/** The scenarios, by name. */
export const withHost: Readonly<Record<string, Scenario>> = {
  "the machine's clock": onTheMachinesClock,
  "who runs after a promise of others": whoRuns,
  "cancelling after a promise of others": cancellingLater,
  "signals, and Runner's Ctrl-C": signals,
  "threads": threads,
};
