/**
 * Waiting for room to write, and for the end of a connection.
 *
 * Counterpart of `FlowControlMixin` of Python's `asyncio.streams`. Any number of tasks may wait; a
 * cancelled one removes only its own waiter.
 *
 * @module
 */

import { getRunningLoop } from "../loop/mod.ts";
import { HostWaiter } from "../loop/claims.ts";
import type { Claimable, Waiter } from "../loop/claims.ts";

/** See the module's description. */
export class FlowControl {
  #isPaused = false;
  /** How the connection ended; null while it has not. */
  #end: { readonly exception: unknown } | null = null;
  readonly #drainers = new Set<Waiter>();
  readonly #closers = new Set<Waiter>();

  pauseWriting(): void {
    this.#isPaused = true;
  }

  resumeWriting(): void {
    this.#isPaused = false;
    for (const waiter of this.#drainers) if (!waiter.done()) waiter.setResult();
  }

  /** Notes that the connection has ended, and wakes all waiters. */
  lose(exception: unknown): void {
    this.#end = { exception };
    for (const waiter of [...this.#drainers, ...this.#closers]) {
      if (waiter.done()) continue;
      if (exception === null) waiter.setResult();
      else waiter.setException(exception);
    }
  }

  /** Waiting until there is room to write. */
  readonly room: Claimable<void> = {
    begin: () => {
      if (this.#end !== null) {
        throw new Deno.errors.ConnectionReset("Cannot drain: Connection lost");
      }
      return this.#isPaused ? waitIn(this.#drainers) : undefined;
    },
    goOn: (waiter, error) => endWait(this.#drainers, waiter, error),
  };

  /** Waiting until the connection has ended. */
  readonly end: Claimable<void> = {
    begin: () => {
      if (this.#end === null) return waitIn(this.#closers);
      if (this.#end.exception !== null) throw this.#end.exception;
      return undefined;
    },
    goOn: (waiter, error) => endWait(this.#closers, waiter, error),
  };
}

function waitIn(waiters: Set<Waiter>): Waiter {
  const waiter = new HostWaiter({ loop: getRunningLoop() });
  waiters.add(waiter);
  return waiter;
}

function endWait(waiters: Set<Waiter>, waiter: Waiter, error: unknown | null): void {
  waiters.delete(waiter);
  if (error !== null) throw error;
  waiter.result();
}
