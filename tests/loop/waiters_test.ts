/**
 * Claims: how everybody waits for a lock, a place, an item, news.
 *
 * @module
 */

import { Lock, RuntimeError, sleep } from "@aio/asyncio/loop";
import type { Awaitable } from "@aio/asyncio/loop";
import { assertEquals, assertRejects, assertThrows } from "../_support/assert.ts";
import { runVirtual } from "../_support/run.ts";

async function assertOnlyOnce(claimed: Awaitable<unknown>): Promise<void> {
  await claimed;
  const text = "Cannot await twice: the coroutine was awaited";
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
