/**
 * Calls in other threads, so that long computations do not hold up the loop.
 *
 * Counterpart of `ThreadPoolExecutor` in Python's `concurrent.futures`, as asyncio uses it. The
 * threads are workers, which share no memory with the program: they can call the functions that
 * `moduleFunctions()` names, arguments and results are copied, and they do not see the context
 * variables of the caller.
 *
 * @module
 */

import { current, NO_LOOP } from "./_current.ts";
import { cpuCount, withResolvers } from "./_host.ts";
import { LinkedList } from "./_linked_list.ts";
import { PoolWorker, WorkerCall } from "./_pool_worker.ts";
import type { PoolEvents } from "./_pool_worker.ts";
import { repr } from "./_repr.ts";
import type { BaseEventLoop } from "./base_events.ts";
import type { Steps } from "./coroutines.ts";
import { RuntimeError } from "./exceptions.ts";
import type { Awaitable, Future } from "./futures.ts";
import { isModuleFunction } from "./module_functions.ts";
import type { ModuleFunction, ThreadArguments } from "./module_functions.ts";
import { wrapFuture } from "./wrap_future.ts";

/** Options for {@linkcode WorkerPoolExecutor}. */
export interface WorkerPoolOptions {
  /**
   * The maximum number of workers.
   *
   * @default {the number of processors}
   */
  maxWorkers?: number;
}

/** Options for {@linkcode WorkerPoolExecutor.shutdown}. */
export interface ShutdownOptions {
  /**
   * Whether to wait until all calls are done and all workers have ended.
   *
   * @default {true}
   */
  wait?: boolean;
  /**
   * Whether to cancel the calls that have not started.
   *
   * @default {false}
   */
  cancelFutures?: boolean;
}

/**
 * Calls functions of modules in other threads, a limited number at a time.
 *
 * A worker is started when a call needs one, and used again for the next one. Calls start in the
 * order in which they were submitted. Cancelling the future of a call ends its thread; another is
 * started when it is needed. Node interrupts the computation of the thread; Deno 2.9 does not: the
 * thread is abandoned, and goes on until the computation or the program ends.
 *
 * On Deno the workers have the permissions of the program. A module on disk needs `--allow-read`
 * for its file, and so does this package if it is on disk; modules from JSR and `node:` modules
 * need no permission.
 *
 * Workers keep the program alive until they are shut down, by `await using` or
 * {@linkcode WorkerPoolExecutor.shutdown}. Counterpart of Python's `ThreadPoolExecutor`.
 *
 * @example
 * ```ts
 * import { gather, moduleFunctions, run, WorkerPoolExecutor } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * const { checkPrimeSync } = moduleFunctions<typeof import("node:crypto")>("node:crypto");
 *
 * async function main() {
 *   await using pool = new WorkerPoolExecutor({ maxWorkers: 2 });
 *   const candidates = [2n ** 127n - 1n, 2n ** 128n - 1n];
 *   return await gather(candidates.map((candidate) => pool.submit(checkPrimeSync, candidate)));
 * }
 * assertEquals(await run(main), [true, false]);
 * ```
 */
export class WorkerPoolExecutor implements AsyncDisposable {
  // Invariant: while a call waits in the queue, no worker is idle, and there are `#maxWorkers`.
  readonly #maxWorkers: number;
  readonly #workers = new Set<PoolWorker>();
  readonly #idle: PoolWorker[] = [];
  readonly #queue: LinkedList<WorkerCall> = new LinkedList();
  #isShut = false;
  /** Resolves when the last worker has ended after `shutdown()`. */
  readonly #ended: PromiseWithResolvers<void> = withResolvers();
  readonly #events: PoolEvents = {
    isIdle: (worker) => this.#onIdle(worker),
    isDead: (worker) => this.#onDead(worker),
    isCancelled: (call) => this.#onCancelled(call),
  };

  /**
   * Creates a pool. Workers are started when they are needed.
   *
   * @param options The maximum number of workers.
   * @throws {RangeError} If `maxWorkers` is not a whole number above zero.
   */
  constructor(options: WorkerPoolOptions = {}) {
    const { maxWorkers = cpuCount } = options;
    if (!Number.isInteger(maxWorkers) || maxWorkers <= 0) {
      const text = `maxWorkers must be a whole number greater than 0, not ${repr(maxWorkers)}`;
      throw new RangeError(`Cannot create executor: ${text}`);
    }
    this.#maxWorkers = maxWorkers;
  }

  /**
   * Calls a function in another thread.
   *
   * The arguments are copied when the call starts, as by `structuredClone()`; one that `transfer()`
   * marks is moved instead. The result comes back in the same way, and so does an error, with its
   * name, message, stack and cause.
   *
   * @typeParam Args The types of the arguments.
   * @typeParam Result The type of the result.
   * @param fn The function, from `moduleFunctions()`.
   * @param args The arguments.
   * @returns A future of its result, which belongs to the running loop.
   * @throws {TypeError} If `fn` is not a function of a module.
   * @throws {RuntimeError} If no loop is running, or the pool is shut down.
   */
  submit<Args extends unknown[], Result>(
    fn: ModuleFunction<Args, Result>,
    ...args: ThreadArguments<NoInfer<Args>>
  ): Future<Result> {
    const loop = current.loop as BaseEventLoop | null;
    if (loop === null) throw new RuntimeError(`Cannot submit a call: ${NO_LOOP}`);
    return this._submit(loop, fn, args) as Future<Result>;
  }

  /** @ignore Does the same on a loop that may not be running yet. */
  _submit(loop: BaseEventLoop, fn: unknown, args: readonly unknown[]): Future<unknown> {
    if (!isModuleFunction(fn)) {
      const text = `a function of moduleFunctions() was expected, not ${repr(fn)}`;
      throw new TypeError(`Cannot call in another thread: ${text}`);
    }
    if (this.#isShut) {
      const text = "cannot schedule new futures after shutdown";
      throw new RuntimeError(`Cannot submit a call: ${text}`);
    }
    const call = new WorkerCall(loop, { url: fn.url, name: fn.name, args }, this.#events);
    this.#queue.add(call);
    this.#dispatch();
    return call;
  }

  /**
   * Shuts down the pool: refuses new calls, and ends the workers once the submitted calls are done.
   *
   * This starts at once, whether it is awaited or not. Calling it again is harmless.
   *
   * @param options Whether to wait for that, and whether to cancel the calls that have not started.
   * @returns An awaitable without a result.
   */
  shutdown(options: ShutdownOptions = {}): Awaitable<void> {
    const { wait = true, cancelFutures = false } = options;
    this.#isShut = true;
    if (cancelFutures) { for (const call of this.#queue) call.abandon(); }
    this.#endIdle();
    return new Ended(wait ? this.#ended.promise : Promise.resolve());
  }

  /** Shuts down, as {@linkcode WorkerPoolExecutor.shutdown} does, and waits. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  /** @ignore Shuts down at once: cancels all calls, and ends their threads. */
  _terminate(): void {
    this.#isShut = true;
    for (const call of this.#queue) call.abandon();
    for (const worker of [...this.#workers]) worker.call?.abandon();
    this.#endIdle();
  }

  /** Starts the calls that can be started. */
  #dispatch(): void {
    for (let call = this.#queue.first; call !== null; call = this.#queue.first) {
      let worker: PoolWorker | null;
      try {
        worker = this.#idle.pop() ?? this.#newWorker();
      } catch (error) {
        this.#queue.remove(call);
        call.fail("its worker cannot be started", error);
        continue;
      }
      if (worker === null) return;
      this.#queue.remove(call);
      if (!worker.begin(call)) this.#idle.push(worker);
    }
    this.#endIdle();
  }

  #newWorker(): PoolWorker | null {
    if (this.#workers.size === this.#maxWorkers) return null;
    const worker = new PoolWorker(this.#events);
    this.#workers.add(worker);
    return worker;
  }

  /** After `shutdown()`: ends the workers that have nothing more to do. */
  #endIdle(): void {
    if (!this.#isShut || this.#queue.first !== null) return;
    for (const worker of this.#idle.splice(0)) this.#end(worker);
    if (this.#workers.size === 0) this.#ended.resolve();
  }

  #end(worker: PoolWorker): void {
    worker.terminate();
    this.#workers.delete(worker);
  }

  #onIdle(worker: PoolWorker): void {
    this.#idle.push(worker);
    this.#dispatch();
  }

  #onDead(worker: PoolWorker): void {
    this.#workers.delete(worker);
    const place = this.#idle.indexOf(worker);
    if (place >= 0) this.#idle.splice(place, 1);
    this.#dispatch();
  }

  #onCancelled(call: WorkerCall): void {
    this.#queue.remove(call);
    if (call.worker?.call === call) this.#end(call.worker);
    this.#dispatch();
  }
}

/** What `shutdown()` returns: it can be awaited in a task, and where no loop is running. */
class Ended implements Awaitable<void> {
  readonly #promise: Promise<void>;

  constructor(promise: Promise<void>) {
    this.#promise = promise;
  }

  then<R1 = void, R2 = never>(
    onFulfilled?: ((value: void) => R1 | PromiseLike<R1>) | null,
    onRejected?: ((reason: unknown) => R2 | PromiseLike<R2>) | null,
  ): PromiseLike<R1 | R2> {
    const awaited = current.loop === null ? this.#promise : wrapFuture(this.#promise);
    return awaited.then(onFulfilled, onRejected);
  }

  *[Symbol.iterator](): Steps<void> {
    yield* wrapFuture(this.#promise);
  }
}
