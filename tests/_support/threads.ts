/**
 * Helpers for tests of calls in other threads.
 *
 * @module
 */

import process from "node:process";
import { Worker } from "node:worker_threads";

/**
 * Memory that threads share: the first cell counts the calls that have begun, the second holds back
 * those that wait.
 */
export class Gate {
  static readonly #gates = new Set<Gate>();
  readonly cell: Int32Array<SharedArrayBuffer> = new Int32Array(new SharedArrayBuffer(8));

  constructor() {
    Gate.#gates.add(this);
  }

  /** Opens all gates ever made: an abandoned thread goes on computing until then. */
  static openAll(): void {
    for (const gate of Gate.#gates) gate.open();
    Gate.#gates.clear();
  }

  /** Waits until so many calls have begun. */
  async begun(count = 1): Promise<void> {
    for (;;) {
      const seen = Atomics.load(this.cell, 0);
      if (seen >= count) return;
      await Atomics.waitAsync(this.cell, 0, seen).value;
    }
  }

  /** Lets all calls go on. */
  open(): void {
    Atomics.store(this.cell, 1, 1);
    Atomics.notify(this.cell, 1);
  }
}

/** The workers that this thread has started and not terminated. */
export class LiveWorkers implements Iterable<Worker> {
  readonly #live = new Set<Worker>();

  /** Counts from now on. */
  constructor() {
    const live = this.#live;
    class CountedWorker extends Worker {
      constructor(url: string | URL) {
        super(url);
        live.add(this);
      }

      override terminate(): Promise<number> {
        live.delete(this);
        return super.terminate();
      }
    }
    replaceWorkers(CountedWorker);
  }

  [Symbol.iterator](): Iterator<Worker> {
    return this.#live[Symbol.iterator]();
  }

  /** Waits until none is left. */
  async none(): Promise<void> {
    while (this.#live.size > 0) await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

/** Replaces the class of Node's workers; returns a function that restores it. */
export function replaceWorkers(replacement: unknown): () => void {
  const original = process.getBuiltinModule;
  process.getBuiltinModule = ((name: string) => {
    const builtin: unknown = original(name);
    return name === "node:worker_threads" ? { ...builtin as object, Worker: replacement } : builtin;
  }) as typeof original;
  return () => {
    process.getBuiltinModule = original;
  };
}

/** Hides global names until it is disposed of. */
export function hide(...names: string[]): Disposable {
  const globals = globalThis as unknown as Record<string, unknown>;
  const hidden = names.map((name) => Object.getOwnPropertyDescriptor(globals, name)!);
  for (const name of names) delete globals[name];
  return {
    [Symbol.dispose](): void {
      names.forEach((name, i) => Object.defineProperty(globals, name, hidden[i]!));
    },
  };
}
