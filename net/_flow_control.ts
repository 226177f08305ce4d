/**
 * Waiting for room to write, and for the end of a connection.
 *
 * Counterpart of `FlowControlMixin` of Python's `asyncio.streams`. Any number may wait. Whoever is
 * cancelled takes only its own waiter with it.
 *
 * @module
 */

import { getRunningLoop } from "../loop/mod.ts";
import type { Future } from "../loop/mod.ts";
import type { Steps } from "../loop/coroutines.ts";

/** See the module's description. */
export class FlowControl {
  #isPaused = false;
  /** How the connection ended; null while it has not. */
  #end: { readonly exception: unknown } | null = null;
  readonly #drainers = new Set<Future<void>>();
  readonly #closers = new Set<Future<void>>();

  /** Whether there is a connection, and room to write. */
  get hasRoom(): boolean {
    return this.#end === null && !this.#isPaused;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    for (const waiter of this.#drainers) if (!waiter.done()) waiter.setResult();
  }

  /** The connection has ended. */
  lose(exception: unknown): void {
    this.#end = { exception };
    for (const waiter of [...this.#drainers, ...this.#closers]) {
      if (waiter.done()) continue;
      if (exception === null) waiter.setResult();
      else waiter.setException(exception);
    }
  }

  /** Waits until there is room to write. */
  *drain(): Steps<void> {
    if (this.#end !== null) throw new Deno.errors.ConnectionReset("Cannot drain: Connection lost");
    if (this.#isPaused) yield* waitIn(this.#drainers);
  }

  /** Waits until the connection has ended. */
  *closed(): Steps<void> {
    if (this.#end === null) yield* waitIn(this.#closers);
    else if (this.#end.exception !== null) throw this.#end.exception;
  }
}

function* waitIn(waiters: Set<Future<void>>): Steps<void> {
  const waiter = getRunningLoop().createFuture<void>();
  waiters.add(waiter);
  try {
    yield* waiter;
  } finally {
    waiters.delete(waiter);
  }
}
