/**
 * shield(), beyond what the parity scenarios show.
 *
 * @module
 */

import { CancelledError, createTask, getRunningLoop, shield, sleep } from "@aio/asyncio/loop";
import type { ExceptionContext } from "@aio/asyncio/loop";
import { assertEquals, assertRejects, assertStrictEquals } from "../_support/assert.ts";
import { assertThrows } from "../_support/assert.ts";
import { bothKinds, runVirtual } from "../_support/run.ts";
import type { Steps } from "../_support/run.ts";

async function passTurns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await sleep(0);
}

/** Collects the contexts of what the loop reports. */
function reports(): ExceptionContext[] {
  const contexts: ExceptionContext[] = [];
  getRunningLoop().setExceptionHandler((_loop, context) => void contexts.push(context));
  return contexts;
}

bothKinds("shield() takes futures, promises, operations and coroutines", {
  logs: ["future", "promise", "operation", "coroutine"],
  async: async (log) => {
    const future = getRunningLoop().createFuture<string>();
    getRunningLoop().callSoon(() => future.setResult("future"));
    log(await shield(future));
    log(await shield(Promise.resolve("promise")));
    log(await shield(sleep(1, "operation")));
    log(await shield(async () => "coroutine"));
  },
  generator: function* (log): Steps<void> {
    const future = getRunningLoop().createFuture<string>();
    getRunningLoop().callSoon(() => future.setResult("future"));
    log(yield* shield(future));
    log(yield* shield(Promise.resolve("promise")));
    log(yield* shield(sleep(1, "operation")));
    log(
      yield* shield(function* (): Steps<string> {
        return "coroutine";
      }),
    );
  },
});

Deno.test("shield() of a future that is done is that future", async () => {
  await runVirtual(async () => {
    const future = getRunningLoop().createFuture<number>();
    future.setResult(1);
    assertStrictEquals(shield(future), future);
  });
});

Deno.test("shield() reports an error that nobody is left to be told of, with its future", async () => {
  await runVirtual(async () => {
    const contexts = reports();
    const error = new RangeError("no");
    const inner = createTask(async () => {
      await sleep(5);
      throw error;
    });
    const waiting = createTask(() => shield(inner));
    await sleep(1);
    waiting.cancel();
    await assertRejects(async () => await waiting, CancelledError);
    assertEquals(contexts, []);
    await sleep(5);
    assertEquals(contexts.map(({ message }) => message), [
      "RangeError exception in shielded future",
    ]);
    assertStrictEquals(contexts[0]!.exception, error);
    assertStrictEquals(contexts[0]!["future"], inner);
  });
});

Deno.test("shield() reports also what is no Error", async () => {
  await runVirtual(async () => {
    const contexts = reports();
    const inner = getRunningLoop().createFuture<void>();
    shield(inner).cancel();
    await passTurns(1);
    inner.setException("text");
    await passTurns(1);
    assertEquals(contexts.map(({ message, exception }) => [message, exception]), [
      ["string exception in shielded future", "text"],
    ]);
  });
});

Deno.test("shield() reports nothing when the inner future ends well, or is cancelled", async () => {
  await runVirtual(async () => {
    const contexts = reports();
    const futures = [1, 2].map(() => getRunningLoop().createFuture<number>());
    for (const future of futures) shield(future).cancel();
    await passTurns(1);
    futures[0]!.setResult(1);
    futures[1]!.cancel();
    await passTurns(2);
    assertEquals(contexts, []);
  });
});

Deno.test("shield() twice: one is cancelled, the other gives the result", async () => {
  await runVirtual(async () => {
    const inner = createTask(() => sleep(5, "result"));
    const [first, second] = [shield(inner), shield(inner)];
    first.cancel("msg");
    await assertRejects(async () => await first, CancelledError, "msg");
    assertEquals(await second, "result");
  });
});

Deno.test("shield() twice: an error goes to the one that is left, and is reported, too", async () => {
  await runVirtual(async () => {
    const contexts = reports();
    const inner = getRunningLoop().createFuture<void>();
    const [first, second] = [shield(inner), shield(inner)];
    first.cancel();
    await passTurns(1);
    inner.setException(new RangeError("no"));
    await assertRejects(async () => await second, RangeError);
    assertEquals(contexts.length, 1);
  });
});

Deno.test("shield() throws when it is given what can't be awaited", async () => {
  await runVirtual(async () => {
    assertThrows(() => shield(42 as unknown as Promise<void>), TypeError, "Cannot await");
  });
});
