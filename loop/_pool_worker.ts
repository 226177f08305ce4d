/**
 * A worker of a pool, and the calls that it makes.
 *
 * @module
 */

import { describeCall, messageOf, putTogether } from "./_calls.ts";
import { startWorker } from "./_host.ts";
import type { HostWorker } from "./_host.ts";
import type { Linked } from "./_linked_list.ts";
import type { Call, Outcome } from "./_worker.ts";
import type { BaseEventLoop } from "./base_events.ts";
import { RuntimeError } from "./exceptions.ts";
import { Future } from "./futures.ts";
import { unmark } from "./module_functions.ts";

/**
 * The program of the workers; it is beside this file and, like this file, is source or compiled.
 */
const PROGRAM = new URL(
  import.meta.url.endsWith(".ts") ? "./_worker.ts" : "./_worker.js",
  import.meta.url,
);

/** What a pool is notified of. */
export interface PoolEvents {
  /** The worker has made its call. */
  isIdle(worker: PoolWorker): void;
  /** The worker is dead, and its call has failed. */
  isDead(worker: PoolWorker): void;
  /** The future of the call was cancelled, whether it had started or not. */
  isCancelled(call: WorkerCall): void;
}

/** A call in another thread, as the future of its result. */
export class WorkerCall extends Future<unknown> implements Linked<WorkerCall> {
  _before: WorkerCall | null = null;
  _after: WorkerCall | null = null;
  _isListed = false;
  readonly call: Call;
  /** The worker that makes the call, once it has started. */
  worker: PoolWorker | null = null;
  readonly #events: PoolEvents;

  constructor(loop: BaseEventLoop, call: Call, events: PoolEvents) {
    super({ loop });
    this.call = call;
    this.#events = events;
  }

  override get _isUpToHost(): boolean {
    return true;
  }

  override cancel(message?: string): boolean {
    if (!super.cancel(message)) return false;
    this.#events.isCancelled(this);
    return true;
  }

  /** Cancels the call; on a closed loop, only the pool is notified. */
  abandon(): void {
    if (this._loop.isClosed()) this.#events.isCancelled(this);
    else this.cancel();
  }

  /** Ends the future, unless it is done or its loop is closed. */
  end(outcome: Outcome): void {
    if (this.done() || this._loop.isClosed()) return;
    if (outcome.type === "returned") this.setResult(outcome.value);
    else this.setException(putTogether(outcome.thrown));
  }

  /** Ends the future with an error that says why there is no outcome. */
  fail(why: string, cause: unknown): void {
    if (this.done() || this._loop.isClosed()) return;
    const text = `Cannot finish ${describeCall(this.call)}: ${why}: ${messageOf(cause)}`;
    this.setException(new RuntimeError(text, { cause }));
  }
}

/** A worker. It makes one call at a time, and lives until it is terminated or dies. */
export class PoolWorker {
  /** The call that it makes now. */
  call: WorkerCall | null = null;
  readonly #events: PoolEvents;
  readonly #host: HostWorker;
  #isAlive = true;

  constructor(events: PoolEvents) {
    this.#events = events;
    const host = startWorker(PROGRAM, {
      onMessage: (outcome) => this.#onOutcome(outcome as Outcome),
      onDeath: (reason) => this.#onDeath(reason),
    });
    if (host === null) throw new RuntimeError("this runtime has no workers");
    this.#host = host;
  }

  /** Begins a call; returns false if its arguments can't be sent and it has failed. */
  begin(call: WorkerCall): boolean {
    const { url, name } = call.call;
    const [args, objects] = unmark(call.call.args);
    try {
      this.#host.post({ url, name, args } satisfies Call, objects);
    } catch (error) {
      call.fail("its arguments cannot be sent", error);
      return false;
    }
    this.call = call;
    call.worker = this;
    return true;
  }

  /** Ends the worker, whatever it is doing. */
  terminate(): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    this.#host.terminate();
  }

  #onOutcome(outcome: Outcome): void {
    const call = this.call;
    if (!this.#isAlive || call === null) return;
    this.call = null;
    call.end(outcome);
    this.#events.isIdle(this);
  }

  #onDeath(reason: unknown): void {
    if (!this.#isAlive) return;
    this.terminate();
    this.call?.fail("its worker died", reason);
    this.call = null;
    this.#events.isDead(this);
  }
}
