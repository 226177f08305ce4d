/**
 * Scenarios of coroutines among themselves.
 *
 * @module
 */

import { asyncio } from "./asyncio.ts";
import type { Scenario, Steps } from "./asyncio.ts";

const { createTask, Event, ExceptionGroup, gather, getRunningLoop, Lock, Queue } = asyncio;
const { shield, sleep, TaskGroup, timeout, TimeoutError, waitFor } = asyncio;

const interleaved = "a0 b0 c0 a1 b1 c1 a2 b2 c2".split(" ");

/** Three workers that take turns, each through so many nested functions. */
function interleaving(depths: Readonly<Record<string, number>>): Scenario {
  const deepAsync = async (depth: number): Promise<void> =>
    await (depth > 0 ? deepAsync(depth - 1) : sleep(0));
  function* deepSteps(depth: number): Steps {
    yield* depth > 0 ? deepSteps(depth - 1) : sleep(0);
  }
  return {
    logs: interleaved,
    async: async (log) => {
      const worker = async (name: string, depth: number): Promise<void> => {
        for (let i = 0; i < 3; i++) {
          log(`${name}${i}`);
          await deepAsync(depth);
        }
      };
      await gather(Object.entries(depths).map(([name, depth]) => () => worker(name, depth)));
    },
    *generator(log) {
      function* worker(name: string, depth: number): Steps {
        for (let i = 0; i < 3; i++) {
          log(`${name}${i}`);
          yield* deepSteps(depth);
        }
      }
      yield* gather(Object.entries(depths).map(([name, depth]) => () => worker(name, depth)));
    },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const cancelling: Scenario = {
  logs: ["begins", "cleans up", "cancelled: why"],
  async: async (log) => {
    const task = createTask(async () => {
      try {
        log("begins");
        await sleep(3600);
      } finally {
        await sleep(1);
        log("cleans up");
      }
    });
    await sleep(0);
    task.cancel("why");
    await task.then(undefined, (error) => log(`cancelled: ${messageOf(error)}`));
  },
  *generator(log) {
    const task = createTask(function* () {
      try {
        log("begins");
        yield* sleep(3600);
      } finally {
        yield* sleep(1);
        log("cleans up");
      }
    });
    yield* sleep(0);
    task.cancel("why");
    try {
      yield* task;
    } catch (error) {
      log(`cancelled: ${messageOf(error)}`);
    }
  },
};

const timingOut: Scenario = {
  logs: ["stopped", "TimeoutError", "TimeoutError", 7],
  async: async (log) => {
    const endless = async (): Promise<void> => {
      try {
        await sleep(3600);
      } finally {
        log("stopped");
      }
    };
    await timeout(1).run(endless).then(undefined, (error) => log(error.name));
    const late = waitFor(() => sleep(3600), 1);
    await late.then(undefined, (error) => log(error instanceof TimeoutError ? error.name : error));
    log(await timeout(1).run(async () => 7));
  },
  *generator(log) {
    function* endless(): Steps {
      try {
        yield* sleep(3600);
      } finally {
        log("stopped");
      }
    }
    for (const late of [timeout(1).run(endless), waitFor(sleep(3600), 1)]) {
      try {
        yield* late;
      } catch (error) {
        log((error as Error).name);
      }
    }
    log(
      yield* timeout(1).run(function* () {
        return 7;
      }),
    );
  },
};

const grouping: Scenario = {
  logs: ["sibling is cancelled", "ExceptionGroup: RangeError", [1, 2]],
  async: async (log) => {
    const failing = new TaskGroup().run(async (group) => {
      group.createTask(async () => {
        await sleep(3600).then(undefined, (error) => {
          log("sibling is cancelled");
          throw error;
        });
      });
      group.createTask(async () => {
        await sleep(1);
        throw new RangeError("child");
      });
    });
    await failing.then(undefined, (error) => log(groupText(error)));
    log(
      await new TaskGroup().run(async (group) => {
        const tasks = [1, 2].map((i) => group.createTask(() => sleep(i, i)));
        return [await tasks[0], await tasks[1]];
      }),
    );
  },
  *generator(log) {
    try {
      yield* new TaskGroup().run(function* (group) {
        group.createTask(function* () {
          try {
            yield* sleep(3600);
          } finally {
            log("sibling is cancelled");
          }
        });
        group.createTask(function* () {
          yield* sleep(1);
          throw new RangeError("child");
        });
      });
    } catch (error) {
      log(groupText(error));
    }
    log(
      yield* new TaskGroup().run(function* (group) {
        const tasks = [1, 2].map((i) => group.createTask(() => sleep(i, i)));
        return [yield* tasks[0]!, yield* tasks[1]!];
      }),
    );
  },
};

function groupText(error: unknown): string {
  if (!(error instanceof ExceptionGroup)) return String(error);
  return `${error.name}: ${error.exceptions.map((each) => (each as Error).name).join()}`;
}

const queueing: Scenario = {
  logs: ["put 0", "got 0", "put 1", "got 1", "put 2", "got 2"],
  async: async (log) => {
    const queue = new Queue<number>(1);
    const produce = async (): Promise<void> => {
      for (let i = 0; i < 3; i++) {
        await queue.put(i);
        log(`put ${i}`);
      }
    };
    const consume = async (): Promise<void> => {
      for (let i = 0; i < 3; i++) log(`got ${await queue.get()}`);
    };
    await gather([produce, consume]);
  },
  *generator(log) {
    const queue = new Queue<number>(1);
    function* produce(): Steps {
      for (let i = 0; i < 3; i++) {
        yield* queue.put(i);
        log(`put ${i}`);
      }
    }
    function* consume(): Steps {
      for (let i = 0; i < 3; i++) log(`got ${yield* queue.get()}`);
    }
    yield* gather([produce, consume]);
  },
};

const locking: Scenario = {
  logs: ["a in", "a out", "b in", "b out", "c in", "c out", "all have passed"],
  async: async (log) => {
    const lock = new Lock();
    const passed = new Event();
    const worker = (name: string) => async (): Promise<void> => {
      await lock.run(async () => {
        log(`${name} in`);
        await sleep(1);
        log(`${name} out`);
      });
      if (name === "c") passed.set();
    };
    createTask(() => gather(["a", "b", "c"].map(worker)));
    await passed.wait();
    log("all have passed");
  },
  *generator(log) {
    const lock = new Lock();
    const passed = new Event();
    const worker = (name: string) =>
      function* (): Steps {
        yield* lock.run(function* () {
          log(`${name} in`);
          yield* sleep(1);
          log(`${name} out`);
        });
        if (name === "c") passed.set();
      };
    createTask(() => gather(["a", "b", "c"].map(worker)));
    yield* passed.wait();
    log("all have passed");
  },
};

const gathering: Scenario = {
  logs: [["a", 2, null], "RangeError: second", "shielded"],
  async: async (log) => {
    const fail = async (): Promise<never> => {
      await sleep(1);
      throw new RangeError("second");
    };
    log(await gather([() => sleep(2, "a"), async () => 2, async () => null]));
    await gather([() => sleep(2), fail]).then(undefined, (error) => log(String(error)));
    log(await shield(() => sleep(1, "shielded")));
  },
  *generator(log) {
    function* fail(): Steps<never> {
      yield* sleep(1);
      throw new RangeError("second");
    }
    function* give<T>(value: T): Steps<T> {
      return value;
    }
    log(yield* gather([() => sleep(2, "a"), give(2), give(null)]));
    try {
      yield* gather([() => sleep(2), fail]);
    } catch (error) {
      log(String(error));
    }
    log(yield* shield(() => sleep(1, "shielded")));
  },
};

const anHour: Scenario = {
  logs: [3600],
  async: async (log) => {
    await sleep(3600);
    log(getRunningLoop().time());
  },
  *generator(log) {
    yield* sleep(3600);
    log(getRunningLoop().time());
  },
};

/** The scenarios, by name. */
export const coroutines: Readonly<Record<string, Scenario>> = {
  "workers take turns, 0 functions deep": interleaving({ a: 0, b: 0, c: 0 }),
  "workers take turns, 1 function deep": interleaving({ a: 1, b: 1, c: 1 }),
  "workers take turns, 3 functions deep": interleaving({ a: 3, b: 3, c: 3 }),
  "workers take turns, 7 functions deep": interleaving({ a: 7, b: 7, c: 7 }),
  "workers take turns, 0, 3 and 7 functions deep": interleaving({ a: 0, b: 3, c: 7 }),
  "gather() and shield()": gathering,
  "cancelling": cancelling,
  "timeout() and waitFor()": timingOut,
  "TaskGroup": grouping,
  "Queue": queueing,
  "Lock and Event": locking,
  "VirtualClock": anHour,
};
