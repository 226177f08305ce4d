/**
 * Helpers for tests of the loop: programs on a virtual clock, and coroutines of both kinds.
 *
 * @module
 */

import { newEventLoop, run, VirtualClock } from "@aio/asyncio/loop";
import type { Coroutine, EventLoop, Suspension } from "@aio/asyncio/loop";
import { assertEquals } from "./assert.ts";

/** A loop on which no time passes while there is work, and which never waits. */
export function newVirtualLoop(): EventLoop {
  return newEventLoop({ clock: new VirtualClock() });
}

/** Runs `main` on a virtual clock. What would wait for ever throws a RuntimeError. */
export function runVirtual<T>(main: Coroutine<T>): Promise<T> {
  return run(main, { loopFactory: newVirtualLoop });
}

/** What a generator that is run as a coroutine returns. */
export type Steps<T> = Generator<Suspension, T, unknown>;

/** Notes down what happens, in order. */
export type Log = (entry: unknown) => void;

/** One case, written with async functions and with generators. */
export interface BothKinds {
  /** What both must log. */
  readonly logs: readonly unknown[];
  readonly async: (log: Log) => Promise<unknown>;
  readonly generator: (log: Log) => Steps<unknown>;
}

/** A test of each kind of coroutine: both run on a virtual clock, and log the same. */
export function bothKinds(name: string, { logs, async, generator }: BothKinds): void {
  for (const [kind, main] of Object.entries({ async, generator })) {
    Deno.test(`${name} (${kind})`, async () => {
      const seen: unknown[] = [];
      await runVirtual(() => main((entry) => seen.push(entry)));
      assertEquals(seen, [...logs]);
    });
  }
}

/** Keeps a method of `console` quiet until it is disposed of, and holds what was written. */
export function captureErrors(
  method: "error" | "log" | "warn" = "error",
): { readonly texts: string[] } & Disposable {
  const original = console[method];
  const texts: string[] = [];
  console[method] = (...words: unknown[]) => void texts.push(words.map(String).join(" "));
  return {
    texts,
    [Symbol.dispose](): void {
      console[method] = original;
    },
  };
}

/** Runs what is ready, and returns. */
export function oneTurn(loop: EventLoop): Promise<void> {
  loop.stop();
  return loop.runForever();
}
