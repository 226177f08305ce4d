/**
 * What the loop needs of the JavaScript host, and what it does if the host has less than Deno.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";
import process from "node:process";
import * as host from "../../loop/_host.ts";
import { assert, assertEquals, assertStrictEquals } from "../_support/assert.ts";

/** Hides global names until it is disposed of. */
function hide(...names: string[]): Disposable {
  const globals = globalThis as unknown as Record<string, unknown>;
  const hidden = names.map((name) => Object.getOwnPropertyDescriptor(globals, name)!);
  for (const name of names) delete globals[name];
  return {
    [Symbol.dispose](): void {
      names.forEach((name, i) => Object.defineProperty(globals, name, hidden[i]!));
    },
  };
}

/** Returns a second instance of the module, made while the host lacks `names`. */
async function hostWithout(...names: string[]): Promise<typeof host> {
  using _hidden = hide(...names);
  return await import(`../../loop/_host.ts?without=${names.join()}`);
}

function emitSignal(): void {
  (process as unknown as { emit(signal: string): void }).emit("SIGUSR2");
}

const poorest = await hostWithout("process", "setImmediate", "clearImmediate");
/** With Node's `AsyncLocalStorage` and no primitives under it. */
const plain = await hostWithout("Deno");

Deno.test("defer() calls after the running code, afterHost() after all microtasks", async () => {
  const seen: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  host.afterHost(() => {
    seen.push("afterHost");
    resolve();
  });
  host.defer(() => seen.push("defer"));
  seen.push("synchronous");
  for (let i = 0; i < 100; i++) await Promise.resolve();
  seen.push("a hundred microtasks");
  await promise;
  assertEquals(seen, ["synchronous", "defer", "a hundred microtasks", "afterHost"]);
});

for (
  const [where, { afterHost, cancelAfterHost }] of [
    ["on Deno", host],
    ["where the host has no immediates", poorest],
  ] as const
) {
  Deno.test(`afterHost() calls in order ${where}`, async () => {
    const seen: number[] = [];
    await new Promise<void>((resolve) => {
      for (let i = 0; i < 5; i++) afterHost(() => seen.push(i));
      afterHost(resolve);
    });
    assertEquals(seen, [0, 1, 2, 3, 4]);
  });

  Deno.test(`cancelAfterHost() takes a call back ${where}`, async () => {
    const seen: string[] = [];
    const cancelled = afterHost(() => seen.push("cancelled"));
    await new Promise<void>((resolve) => {
      afterHost(() => {
        seen.push("kept");
        afterHost(resolve);
      });
      cancelAfterHost(cancelled);
    });
    assertEquals(seen, ["kept"]);
  });
}

Deno.test("nowMs() does not go back", () => {
  const times = Array.from({ length: 1000 }, host.nowMs);
  assertEquals(times.toSorted((a, b) => a - b), times);
});

Deno.test("stopTimer() stops a timer", async () => {
  const seen: string[] = [];
  const stopped = host.startTimer(() => seen.push("stopped"), 1);
  await new Promise<void>((resolve) => {
    host.startTimer(() => {
      seen.push("kept");
      host.startTimer(resolve, 0);
    }, 1);
    host.stopTimer(stopped);
  });
  assertEquals(seen, ["kept"]);
});

for (
  const [where, { captureContext, getOwner, hasAsyncContext, runOwned }] of [
    ["on Deno", host],
    ["where the host shows no primitives", plain],
  ] as const
) {
  Deno.test(`runOwned() gives an owner to a function and to all that it awaits ${where}`, async () => {
    const owner = {};
    assertEquals([hasAsyncContext, getOwner()], [true, undefined]);
    const seen: unknown[] = [];
    const result = runOwned(owner, async () => {
      seen.push(getOwner());
      await Promise.resolve();
      seen.push(getOwner());
      await new Promise<void>((resolve) => setTimeout(resolve, 1));
      seen.push(getOwner());
      return "result";
    });
    assertEquals(getOwner(), undefined);
    assertEquals(await result, "result");
    for (const each of seen) assertStrictEquals(each, owner);
    assertEquals([seen.length, getOwner()], [3, undefined]);
  });

  Deno.test(`runOwned() leaves the program's own storages alone ${where}`, async () => {
    const storage = new AsyncLocalStorage<string>();
    const owners = [{}, {}];
    const seen = await Promise.all(
      owners.map((owner, i) =>
        storage.run(`outer ${i}`, () =>
          runOwned(owner, async () => {
            const before = storage.getStore();
            await Promise.resolve();
            return await storage.run(`inner ${i}`, async () => {
              await Promise.resolve();
              assertStrictEquals(getOwner(), owner);
              return [before, storage.getStore()];
            });
          }))
      ),
    );
    assertEquals(seen, [["outer 0", "inner 0"], ["outer 1", "inner 1"]]);
    assertEquals([storage.getStore(), getOwner()], [undefined, undefined]);
  });

  Deno.test(`captureContext() calls in the context of its own call ${where}`, () => {
    const storage = new AsyncLocalStorage<string>();
    const [mine, other] = [{}, {}];
    const seen: unknown[] = [];
    const look = (): void => void seen.push(getOwner() === mine, storage.getStore());
    const call = storage.run("mine", () => runOwned(mine, captureContext));
    runOwned(other, () => {
      call(look);
      assertStrictEquals(getOwner(), other);
    });
    call(look);
    assertEquals(seen, [true, "mine", true, "mine"]);
    assertEquals(getOwner(), undefined);
  });
}

Deno.test("runOwned() only calls where the host has no asynchronous context", () => {
  const result = poorest.runOwned({}, () => poorest.getOwner() === undefined);
  assertEquals([poorest.hasAsyncContext, result, poorest.getOwner()], [false, true, undefined]);
});

Deno.test("addSignalListener() listens until removeSignalListener()", () => {
  const seen: string[] = [];
  const listener = (): void => void seen.push("heard");
  assertEquals(host.hasSignalListener("SIGUSR2"), false);
  host.addSignalListener("SIGUSR2", listener);
  assertEquals(host.hasSignalListener("SIGUSR2"), true);
  emitSignal();
  host.removeSignalListener("SIGUSR2", listener);
  emitSignal();
  assertEquals([host.hasSignalListener("SIGUSR2"), seen], [false, ["heard"]]);
});

Deno.test("Signals and the program's end are ignored where the host has no process", () => {
  const before = process.listenerCount("exit");
  const listener = (): void => {};
  {
    using _hidden = hide("process");
    poorest.addSignalListener("SIGUSR2", listener);
    assertEquals(poorest.hasSignalListener("SIGUSR2"), false);
    poorest.removeSignalListener("SIGUSR2", listener);
    poorest.onExit(listener);
  }
  assertEquals([process.listenerCount("exit"), host.hasSignalListener("SIGUSR2")], [before, false]);
});

Deno.test("onExit() calls when the program is about to end", () => {
  const before = process.listenerCount("exit");
  const listener = (): void => {};
  host.onExit(listener);
  assertEquals(process.listenerCount("exit"), before + 1);
  process.off("exit", listener);
});

Deno.test("The order of events is CPython's also where the host is a browser's", async () => {
  const url = new URL("programs/browser.ts", import.meta.url);
  const worker = new Worker(url, { type: "module" });
  const { promise, resolve, reject } = Promise.withResolvers<MessageEvent>();
  worker.onmessage = resolve;
  worker.onerror = (event) => {
    event.preventDefault();
    reject(new Error(event.message));
  };
  const { hasAsyncContext, results } = (await promise).data;
  worker.terminate();
  assertEquals(hasAsyncContext, false);
  assert(results.length > 250, `${results.length} results`);
  for (const { title, actual, expected } of results) assertEquals(actual, expected, title);
});
