/**
 * The latency benchmark's own side: how long the network and the host's timers wait for a loop that
 * is never idle.
 *
 *     deno run bench/latency.ts COUNT
 *
 * Meanwhile a chain of callbacks, or a task that only calls `sleep(0)`, keeps the loop busy, or
 * nothing does ("idle"). Another process sends one byte after the other to a server on the loop and
 * waits for each to come back: that wait is the latency of a socket. Host timers are set for 3 ms:
 * how late they are is the latency of a timer. Prints one JSON object, `name@kind` to milliseconds.
 *
 *     deno run bench/latency.ts ping PORT COUNT
 *
 * is that other process, for all sides. It prints its latencies as a JSON array.
 *
 * @module
 */

import { createServer, getRunningLoop, Protocol, run, sleep } from "@aio/asyncio";
import type { EventLoop, Suspension, Transport } from "@aio/asyncio";

const TIMER_MS = 3;

/** Sends back what it receives. */
class Echo extends Protocol {
  #transport: Transport | null = null;

  override connectionMade(transport: Transport): void {
    this.#transport = transport;
  }

  override dataReceived(data: Uint8Array): void {
    this.#transport!.write(data);
  }
}

/** What keeps a loop busy until `isOver()`, by name. */
const KINDS: Record<string, (loop: EventLoop, isOver: () => boolean) => Promise<void>> = {
  async idle(_loop, isOver) {
    while (!isOver()) await sleep(0.05);
  },
  async callbacks(loop, isOver) {
    const done = loop.createFuture<void>();
    const step = (): unknown => isOver() ? done.setResult() : loop.callSoon(step);
    loop.callSoon(step);
    await done;
  },
  async async(_loop, isOver) {
    while (!isOver()) await sleep(0);
  },
  async generator(loop, isOver) {
    await loop.createTask(function* (): Generator<Suspension, void, unknown> {
      while (!isOver()) yield* sleep(0);
    });
  },
};

/** Sets one host timer after the other, and notes how late each is. */
function watchTimers(late: number[]): Disposable {
  let timer: ReturnType<typeof setTimeout>;
  const next = (): void => {
    const due = performance.now() + TIMER_MS;
    timer = setTimeout(() => {
      late.push(performance.now() - due);
      next();
    }, TIMER_MS);
  };
  next();
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}

async function measure(kind: string, count: number): Promise<Record<string, number>> {
  await using server = await createServer(() => new Echo(), "127.0.0.1", 0);
  const port = server.sockets[0]!.getsockname()[1];
  const timers: number[] = [];
  using _watched = watchTimers(timers);
  let output: Deno.CommandOutput | null = null;
  new Deno.Command("deno", {
    args: ["run", "--allow-net=127.0.0.1", import.meta.url, "ping", String(port), String(count)],
    stderr: "inherit",
  }).output().then((result) => output = result);
  await KINDS[kind]!(getRunningLoop(), () => output !== null);
  const sockets = JSON.parse(new TextDecoder().decode(output!.stdout));
  return { ...summary("socket", kind, sockets), ...summary("timer", kind, timers) };
}

function summary(name: string, kind: string, values: number[]): Record<string, number> {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part: number): number => sorted[Math.trunc((sorted.length - 1) * part)]!;
  return {
    [`${name}_median@${kind}`]: at(0.5),
    [`${name}_99_percent@${kind}`]: at(0.99),
    [`${name}_maximum@${kind}`]: at(1),
  };
}

async function ping(port: number, count: number): Promise<void> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  connection.setNoDelay(true);
  const byte = new Uint8Array(1);
  const latencies: number[] = [];
  for (let i = 0; i < count; i++) {
    await new Promise<void>((resolve) => setTimeout(resolve, 1 + i % 5));
    const start = performance.now();
    await connection.write(byte);
    await connection.read(byte);
    latencies.push(performance.now() - start);
  }
  console.log(JSON.stringify(latencies));
}

const [first, port, count] = Deno.args;
if (first === "ping") {
  await ping(Number(port), Number(count));
} else {
  const results: Record<string, number> = {};
  for (const kind of Object.keys(KINDS)) {
    Object.assign(results, await run(() => measure(kind, Number(first))));
  }
  console.log(JSON.stringify(results));
}
