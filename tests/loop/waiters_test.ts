/**
 * Claims: how tasks wait for a lock, a place, an item, a notification.
 *
 * @module
 */

import { createTask, getRunningLoop, Lock, RuntimeError, sleep } from "@aio/asyncio/loop";
import type { Awaitable } from "@aio/asyncio/loop";
import { Claim, HostWaiter, Waiter } from "../../loop/claims.ts";
import { assertEquals, assertRejects, assertThrows } from "../_support/assert.ts";
import { runVirtual } from "../_support/run.ts";
import type { Steps } from "../_support/run.ts";

async function assertOnlyOnce(claimed: Awaitable<unknown>): Promise<void> {
  await claimed;
  const text = "Cannot await twice: the coroutine was awaited already";
  await assertRejects(async () => await claimed, RuntimeError, text);
  assertThrows(() => claimed[Symbol.iterator](), RuntimeError, text);
}

Deno.test("Claim can be awaited once, whether it had to wait or not", async () => {
  await runVirtual(async () => {
    const lock = new Lock();
    await assertOnlyOnce(lock.acquire());
    const waiting = assertOnlyOnce(lock.acquire());
    await sleep(0);
    lock.release();
    await waiting;
    assertEquals(String(lock), "<Lock [locked]>");
    lock.release();
  });
});

Deno.test("Claim.then() rejects when no loop runs, and claims nothing", async () => {
  const lock = new Lock();
  await assertRejects(async () => await lock.acquire(), RuntimeError, "no running event loop");
  assertEquals(lock.locked(), false);
});

Deno.test("Claim.next() throws when it is called before the waiter is done", async () => {
  await runVirtual(async () => {
    const lock = new Lock();
    await lock.acquire();
    const steps = lock.acquire()[Symbol.iterator]();
    assertEquals(steps.next().done, false);
    assertThrows(() => steps.next(), RuntimeError, "await wasn't used with future");
    lock.release();
    assertEquals(steps.next().done, true);
    assertEquals(lock.locked(), true);
  });
});

/** Returns a generator that waits for a lock, advanced up to its wait. */
function waitingFor(lock: Lock): Steps<unknown> {
  const steps = (function* (): Steps<void> {
    yield* lock.acquire();
  })();
  assertEquals(steps.next().done, false);
  return steps;
}

Deno.test("Claim.return() gives up the wait of a generator that is closed", async () => {
  await runVirtual(async () => {
    const lock = new Lock();
    await lock.acquire();
    const steps = waitingFor(lock);
    assertEquals(String(lock), "<Lock [locked, waiters:1]>");
    assertEquals(steps.return(undefined).done, true);
    assertEquals(String(lock), "<Lock [locked]>");
    lock.release();
    assertEquals(lock.locked(), false);
  });
});

Deno.test("Claim.return() of one that was woken wakes the next", async () => {
  await runVirtual(async () => {
    const lock = new Lock();
    await lock.acquire();
    const steps = waitingFor(lock);
    const next = createTask(() => lock.acquire());
    await sleep(0);
    lock.release();
    steps.return(undefined);
    await next;
    assertEquals(String(lock), "<Lock [locked]>");
  });
});

Deno.test("Claim.return() before it has begun uses it up, and claims nothing", async () => {
  await runVirtual(async () => {
    const lock = new Lock();
    const claim = lock.acquire();
    assertEquals(claim[Symbol.iterator]().return(undefined as never).done, true);
    assertEquals(lock.locked(), false);
    assertThrows(() => claim[Symbol.iterator](), RuntimeError, "Cannot await twice");
  });
});

Deno.test("Claim.return() throws what giving up throws, unless that is the cancellation", async () => {
  await runVirtual(async () => {
    const loop = getRunningLoop();
    const begin = (): Waiter => new Waiter({ loop });
    const goOn = (): never => {
      throw new RangeError("can't give up");
    };
    const steps = new Claim<void>({ begin, goOn }, undefined)[Symbol.iterator]();
    steps.next();
    assertThrows(() => steps.return(), RangeError, "can't give up");
  });
});

Deno.test("HostWaiter can be awaited, and a virtual clock waits for it", async () => {
  await runVirtual(async () => {
    const waiter = new HostWaiter({ loop: getRunningLoop() });
    setTimeout(() => waiter.wake(), 0);
    await waiter;
    assertEquals([waiter.wake(), getRunningLoop().time()], [false, 0]);
  });
});
