/**
 * A lot of everything: what is left after many cancellations and many tasks, and what is served
 * while the loop is never idle. `bench/` has the figures; here is what must always hold.
 *
 * @module
 */

import {
  CancelledError,
  Condition,
  createTask,
  Event,
  gather,
  getRunningLoop,
  Lock,
  Queue,
  run,
  Semaphore,
  sleep,
  waitFor,
} from "@aio/asyncio/loop";
import type { Awaitable, Coroutine, Suspension, Task } from "@aio/asyncio/loop";
import { assert, assertEquals } from "../_support/assert.ts";
import { Program } from "../_support/program.ts";
import { runVirtual } from "../_support/run.ts";

// -- Listeners --

/** A signal that counts its listeners. */
class CountingSignal {
  readonly #controller = new AbortController();
  readonly signal: AbortSignal = this.#controller.signal;
  listeners = 0;
  /** How many were ever added. */
  added = 0;

  constructor() {
    const { signal } = this;
    const { addEventListener: add, removeEventListener: remove } = signal;
    signal.addEventListener = (type: string, listener: EventListener) => {
      add.call(signal, type, listener);
      this.listeners++;
      this.added++;
    };
    signal.removeEventListener = (type: string, listener: EventListener) => {
      remove.call(signal, type, listener);
      this.listeners--;
    };
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }
}

/** Returns all waits that take a signal. None of them ends by itself. */
async function endlessWaits(signal: AbortSignal): Promise<(() => Awaitable<unknown>)[]> {
  const options = { signal };
  const [lock, semaphore, condition] = [new Lock(), new Semaphore(0), new Condition()];
  const [empty, full, event] = [new Queue<number>(), new Queue<number>(1), new Event()];
  await lock.acquire();
  full.putNowait(0);
  const locked = new Condition();
  await locked.acquire();
  return [
    () => sleep(3600, null, options),
    () => lock.acquire(options),
    () => semaphore.acquire(options),
    () => event.wait(options),
    () => locked.acquire(options),
    () => condition.run(() => condition.wait(options)),
    () => empty.get(options),
    () => full.put(1, options),
    () => full.join(options),
    () => waitFor(sleep(3600), 3600, options),
    () => waitFor(event.wait(options), 3600, options),
  ];
}

/** Creates a task for a wait, of either kind of coroutine; half of them obey the signal, too. */
function waiter(wait: () => Awaitable<unknown>, i: number, signal: AbortSignal): Task<unknown> {
  const coroutine: Coroutine<unknown> = i % 2 === 0
    ? async () => await wait()
    : function* (): Generator<Suspension, unknown, unknown> {
      return yield* wait();
    };
  return createTask(coroutine, i % 4 < 2 ? {} : { signal });
}

Deno.test("100 000 cancelled waits leave no listener on the signal they share", async () => {
  const counting = new CountingSignal();
  await runVirtual(async () => {
    const waits = await endlessWaits(counting.signal);
    let cancelled = 0;
    while (cancelled < 100_000) {
      const tasks = waits.flatMap((wait) =>
        Array.from({ length: 8 }, (_, i) => waiter(wait, i, counting.signal))
      );
      for (let turn = 0; turn < 3; turn++) await sleep(0);
      assert(counting.listeners >= tasks.length, `${counting.listeners} listeners`);
      for (const task of tasks) task.cancel();
      await gather(tasks, { returnExceptions: true });
      cancelled += tasks.filter((task) => task.cancelled()).length;
      assertEquals(counting.listeners, 0);
    }
  });
  assert(counting.added >= 100_000, `${counting.added} listeners in all`);
});

Deno.test("A signal that aborts ends all who wait with it, and keeps no listener", async () => {
  const counting = new CountingSignal();
  const reason = new RangeError("over");
  await runVirtual(async () => {
    const waits = await endlessWaits(counting.signal);
    const tasks = waits.flatMap((wait) =>
      Array.from({ length: 100 }, (_, i) => waiter(wait, i, counting.signal))
    );
    for (let turn = 0; turn < 3; turn++) await sleep(0);
    counting.abort(reason);
    const results = await gather(tasks, { returnExceptions: true });
    const isEnded = (result: unknown, i: number): boolean =>
      i % 4 < 2 ? result === reason : result instanceof CancelledError || result === reason;
    assertEquals(results.filter((result, i) => !isEnded(result, i)), []);
    assertEquals(counting.listeners, 0);
  });
});

// -- Memory --

const collecting = ["--v8-flags=--expose-gc"];

for (
  const [kind, count] of [
    ["async", 200_000],
    ["generator", 200_000],
    ["sleeping", 100_000],
    ["sleepingGenerator", 100_000],
    ["failing", 40_000],
  ] as const
) {
  Deno.test(`${count} tasks that are dropped leave the heap as it was (${kind})`, async () => {
    const url = new URL("programs/dropped_tasks.ts", import.meta.url);
    const { out, err, code } = await new Program(url, collecting, [kind, String(count)]).end();
    assertEquals([code, err], [0, ""]);
    // What is allocated only once takes a few hundred kilobytes; a task takes a kilobyte.
    assert(Number(out) < 20, `each leaves ${out} bytes`);
  });
}

for (const kind of ["async", "generator"]) {
  Deno.test(`Tasks that are cancelled in their sleep give their memory back (${kind})`, async () => {
    const url = new URL("../../bench/memory.ts", import.meta.url);
    const { out, err, code } = await new Program(url, collecting, [kind, "50000"]).end();
    assertEquals([code, err], [0, ""]);
    const { [`heap_asleep@${kind}`]: asleep, [`heap_cancelled@${kind}`]: cancelled } = JSON.parse(
      out,
    );
    assert(cancelled < asleep / 10, `${cancelled} of ${asleep} bytes are left`);
  });
}

// -- Saturation --

/** Ways to keep a loop busy until something is over, by name. */
const saturations: Record<string, (isOver: () => boolean) => Promise<void>> = {
  async "a chain of callbacks"(isOver) {
    const loop = getRunningLoop();
    const done = loop.createFuture<void>();
    const step = (): unknown => isOver() ? done.setResult() : loop.callSoon(step);
    loop.callSoon(step);
    await done;
  },
  async "an async function"(isOver) {
    while (!isOver()) await sleep(0);
  },
  async "a generator"(isOver) {
    await createTask(function* () {
      while (!isOver()) yield* sleep(0);
    });
  },
};

/** Counts the host's turns, by the immediates that it has called. */
class HostTurns implements Disposable {
  count = 0;
  #next = setImmediate(() => this.#step());

  #step(): void {
    this.count++;
    this.#next = setImmediate(() => this.#step());
  }

  [Symbol.dispose](): void {
    clearImmediate(this.#next);
  }
}

/** Resolves when a loopback socket has become readable, which is within the host's next turns. */
async function readable(listener: Deno.TcpListener): Promise<Disposable> {
  const [server, client] = await Promise.all([
    listener.accept(),
    Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port }),
  ]);
  await client.write(new Uint8Array(1));
  await server.read(new Uint8Array(1));
  return {
    [Symbol.dispose](): void {
      server.close();
      client.close();
    },
  };
}

for (const [name, saturate] of Object.entries(saturations)) {
  Deno.test(`Sockets and timers of the host are served while ${name} saturates the loop`, async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    using turns = new HostTurns();
    const served: Record<string, number> = {};
    const timer = setTimeout(() => served["timer"] = turns.count, 1);
    const socket = readable(listener).then((connection) => {
      served["socket"] = turns.count;
      return connection;
    });
    await run(() => saturate(() => turns.count > 1000 || Object.keys(served).length === 2));
    using _connection = await socket;
    clearTimeout(timer);
    assertEquals(Object.keys(served).sort(), ["socket", "timer"]);
    // Deno looks at its sockets once every 61 of its turns; here it has to look twice.
    assert(served["socket"]! <= 4 * 61, `the socket had to wait for ${served["socket"]} turns`);
  });
}
