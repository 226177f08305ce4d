/**
 * Helpers for tests of the loop: programs on a virtual clock, and coroutines of both kinds.
 *
 * @module
 */

import { newEventLoop, run, VirtualClock } from "@aio/asyncio/loop";
import type { Coroutine, EventLoop, Suspension } from "@aio/asyncio/loop";
import { assertEquals } from "./assert.ts";

/** Returns a loop on which no time passes while there is work, and which never waits. */
export function newVirtualLoop(): EventLoop {
  return newEventLoop({ clock: new VirtualClock() });
}

/** Runs `main` on a virtual clock. What would wait for ever throws a RuntimeError. */
export function runVirtual<T>(main: Coroutine<T>): Promise<T> {
  return run(main, { loopFactory: newVirtualLoop });
}

/** A generator that is run as a coroutine. */
export type Steps<T> = Generator<Suspension, T, unknown>;

/** Records what happens, in order. */
export type Log = (entry: unknown) => void;

/** One case, written with async functions and with generators. */
export interface BothKinds {
  /** What both must log. */
  readonly logs: readonly unknown[];
  readonly async: (log: Log) => Promise<unknown>;
  readonly generator: (log: Log) => Steps<unknown>;
}

/** Registers a test of each kind of coroutine: both run on a virtual clock, and log the same. */
export function bothKinds(name: string, { logs, async, generator }: BothKinds): void {
  for (const [kind, main] of Object.entries({ async, generator })) {
    Deno.test(`${name} (${kind})`, async () => {
      const seen: unknown[] = [];
      await runVirtual(() => main((entry) => seen.push(entry)));
      assertEquals(seen, [...logs]);
    });
  }
}

/** Silences a method of `console` until it is disposed of, and records what was written. */
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

/** Runs one turn of a loop: the callbacks that are ready. */
export function oneTurn(loop: EventLoop): Promise<void> {
  loop.stop();
  return loop.runForever();
}
