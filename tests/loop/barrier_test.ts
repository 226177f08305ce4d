/**
 * Barrier, beyond what the parity scenarios show.
 *
 * @module
 */

import {
  Barrier,
  BrokenBarrierError,
  CancelledError,
  createTask,
  gather,
  RuntimeError,
  sleep,
} from "@aio/asyncio/loop";
import { assert, assertEquals, assertRejects, assertThrows } from "../_support/assert.ts";
import { bothKinds, runVirtual } from "../_support/run.ts";
import type { Steps } from "../_support/run.ts";

async function passTurns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await sleep(0);
}

Deno.test("Barrier() refuses what is no number of parties", () => {
  for (const parties of [0, -1, NaN, 1.5, Infinity]) {
    const error = assertThrows(() => new Barrier(parties), RangeError);
    assertEquals(
      error.message,
      `Cannot create barrier: parties must be a whole number >= 1, not ${parties}`,
    );
  }
});

bothKinds("Barrier of one lets everybody through", {
  logs: [0, 0, 1, false],
  async: async (log) => {
    const barrier = new Barrier(1);
    log(await barrier.wait());
    log(await barrier.wait());
    log(barrier.parties);
    log(barrier.broken);
  },
  generator: function* (log): Steps<void> {
    const barrier = new Barrier(1);
    log(yield* barrier.wait());
    log(yield* barrier.wait());
    log(barrier.parties);
    log(barrier.broken);
  },
});

bothKinds("Barrier.run() gives the place to its body, and gives or throws what that does", {
  logs: ["1 of 2", "RangeError: 0"],
  async: async (log) => {
    const barrier = new Barrier(2);
    const failing = createTask(() =>
      barrier.run(async (index) => {
        throw new RangeError(String(index));
      })
    );
    await sleep(0);
    log(await barrier.run(async (index) => `${index} of 2`));
    try {
      await failing;
    } catch (error) {
      log(String(error));
    }
  },
  generator: function* (log): Steps<void> {
    const barrier = new Barrier(2);
    const failing = createTask(() =>
      barrier.run(function* (index): Steps<void> {
        throw new RangeError(String(index));
      })
    );
    yield* sleep(0);
    log(
      yield* barrier.run(function* (index): Steps<string> {
        return `${index} of 2`;
      }),
    );
    try {
      yield* failing;
    } catch (error) {
      log(String(error));
    }
  },
});

Deno.test("Barrier.wait() throws when the barrier is aborted, and until it is reset", async () => {
  await runVirtual(async () => {
    const barrier = new Barrier(2);
    const waiting = createTask(() => barrier.wait());
    await passTurns(2);
    assertEquals(String(barrier), "<Barrier [filling, waiters:1/2]>");
    await barrier.abort();
    assertEquals([barrier.broken, barrier.nWaiting], [true, 0]);
    assertEquals(Deno.inspect(barrier), "<Barrier [broken]>");
    const broken = await assertRejects(async () => await waiting, BrokenBarrierError);
    assertEquals(broken.message, "Cannot wait: Abort or reset of barrier");
    const late = await assertRejects(async () => await barrier.wait(), BrokenBarrierError);
    assertEquals([late.message, late.name], [
      "Cannot wait: Barrier aborted",
      "BrokenBarrierError",
    ]);
    await barrier.reset();
    assertEquals(String(barrier), "<Barrier [filling, waiters:0/2]>");
    assertEquals(await gather([() => barrier.wait(), () => barrier.wait()]), [0, 1]);
  });
});

Deno.test("parity: BrokenBarrierError is a RuntimeError", () => {
  assert(new BrokenBarrierError() instanceof RuntimeError);
});

Deno.test("Barrier.reset() of an empty barrier changes nothing", async () => {
  await runVirtual(async () => {
    const barrier = new Barrier(2);
    await barrier.reset();
    assertEquals([barrier.broken, barrier.nWaiting], [false, 0]);
    assertEquals(await gather([() => barrier.wait(), () => barrier.wait()]), [0, 1]);
  });
});

Deno.test("Barrier.abort() while it drains breaks it for those who come after", async () => {
  await runVirtual(async () => {
    const barrier = new Barrier(2);
    const first = createTask(() => barrier.wait());
    await passTurns(2);
    assertEquals(await barrier.wait(), 1);
    assertEquals(String(barrier), "<Barrier [draining, waiters:0/2]>");
    await barrier.abort();
    await assertRejects(async () => await first, BrokenBarrierError);
    assertEquals(barrier.broken, true);
  });
});

Deno.test("Barrier.reset() while it drains throws at those who have not gone on", async () => {
  await runVirtual(async () => {
    const barrier = new Barrier(2);
    const first = createTask(() => barrier.wait());
    await passTurns(2);
    await barrier.wait();
    await barrier.reset();
    assertEquals(String(barrier), "<Barrier [resetting, waiters:0/2]>");
    await assertRejects(async () => await first, BrokenBarrierError);
    assertEquals(String(barrier), "<Barrier [filling, waiters:0/2]>");
  });
});

Deno.test("Barrier lets the others go on when one is cancelled in the turn it fills", async () => {
  for (const order of ["cancel first", "fill first"]) {
    await runVirtual(async () => {
      const barrier = new Barrier(3);
      const tasks = [1, 2].map(() => createTask(() => barrier.wait()));
      await passTurns(2);
      if (order === "cancel first") tasks[0]!.cancel();
      const last = createTask(() => barrier.wait());
      await passTurns(1);
      if (order === "fill first") tasks[0]!.cancel();
      await assertRejects(async () => await tasks[0]!, CancelledError);
      await passTurns(4);
      const filled = order === "fill first";
      assertEquals([tasks[1]!.done(), last.done(), barrier.nWaiting], [
        filled,
        filled,
        filled ? 0 : 2,
      ]);
      if (!filled) await barrier.wait();
      await gather([tasks[1]!, last]);
      await passTurns(3);
      assertEquals(String(barrier), "<Barrier [filling, waiters:0/3]>");
    });
  }
});

Deno.test("Barrier keeps those who come while it drains for the next round", async () => {
  await runVirtual(async () => {
    const barrier = new Barrier(3);
    const rounds: number[][] = [];
    const worker = async (): Promise<void> => {
      for (let round = 0; round < 5; round++) {
        await barrier.wait();
        (rounds[round] ??= []).push(barrier.parties);
        // No task is more than one round ahead of another.
        assertEquals(rounds.length <= round + 2, true);
      }
    };
    await gather([worker, worker, worker]);
    assertEquals(rounds.map((round) => round.length), [3, 3, 3, 3, 3]);
  });
});
