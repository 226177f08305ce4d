/**
 * The event loop, and how to get it.
 *
 * Counterpart of `get_event_loop()` and its relatives in Python's `asyncio.events`. I/O is not a
 * method of the loop: Python's `loop.create_server(…)` is the function `createServer(…)` of net/.
 *
 * @module
 */

import { current, currentOwner, NO_LOOP } from "./_current.ts";
import { addSignalListener, removeSignalListener } from "./_host.ts";
import { repr } from "./_repr.ts";
import { BaseEventLoop } from "./base_events.ts";
import type { EventLoopOptions } from "./base_events.ts";
import { copyContext } from "./contextvars.ts";
import { isCoroutine, isCoroutineFunction, Operation } from "./coroutines.ts";
import type { Coroutine, Steps } from "./coroutines.ts";
import { RuntimeError } from "./exceptions.ts";
import { WorkerPoolExecutor } from "./executors.ts";
import { Future, isFuture } from "./futures.ts";
import type { Awaitable } from "./futures.ts";
import { Handle } from "./handles.ts";
import type { ModuleFunction, ThreadArguments } from "./module_functions.ts";
import { allTasks, Task } from "./tasks.ts";
import type { TaskOptions } from "./tasks.ts";
import { wrapFuture } from "./wrap_future.ts";

/**
 * Makes a task for a coroutine.
 *
 * @typeParam T What the coroutine returns.
 */
export type TaskFactory = <T>(
  loop: EventLoop,
  coroutine: Coroutine<T>,
  options: TaskOptions,
) => Task<T>;

/**
 * Runs callbacks and tasks, one after another, each when its time has come.
 *
 * `newEventLoop()` makes one; most programs need only `run()`. Counterpart of Python's
 * `asyncio.AbstractEventLoop`.
 *
 * @example
 * ```ts
 * import { newEventLoop, sleep } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * const loop = newEventLoop();
 * const result = await loop.runUntilComplete(async () => {
 *   await sleep(0.01);
 *   return "done";
 * });
 * loop.close();
 * assertEquals(result, "done");
 * ```
 */
export class EventLoop extends BaseEventLoop {
  /** The options of its futures, and of tasks created without options. */
  readonly #init: { readonly loop: EventLoop } = { loop: this };
  readonly #signalListeners = new Map<string, () => void>();
  #taskFactory: TaskFactory | null = null;
  #defaultExecutor: WorkerPoolExecutor | null = null;
  /** Whether the default executor takes no more calls, even if it was never created. */
  #isExecutorShut = false;
  /**
   * Tasks of `runUntilComplete()` that were not done when the loop was stopped: their callers got
   * an error.
   */
  readonly #stoppedEarly = new WeakSet<Future<unknown>>();

  /**
   * Creates a future of this loop. Counterpart of Python's `loop.create_future()`.
   *
   * @typeParam T The type of its result.
   * @returns The future, which is pending.
   */
  createFuture<T>(): Future<T> {
    return new Future<T>(this.#init);
  }

  /**
   * Schedules a coroutine to run as a task, from the next turn on.
   *
   * Counterpart of Python's `loop.create_task()`.
   *
   * @typeParam T What the coroutine returns.
   * @param coroutine What to run.
   * @param options The name and context of the task, and more.
   * @returns The task. The loop keeps it alive until it is done.
   * @throws {TypeError} If `coroutine` is neither a function nor a generator object.
   * @throws {RuntimeError} If the loop is closed.
   */
  createTask<T>(coroutine: Coroutine<T>, options?: TaskOptions): Task<T> {
    if (this.#taskFactory !== null) return this.#taskFactory(this, coroutine, options ?? {});
    return new Task(coroutine, options === undefined ? this.#init : { ...options, loop: this });
  }

  /**
   * Returns the factory set by {@linkcode EventLoop.setTaskFactory}.
   *
   * @returns The factory, or null.
   */
  getTaskFactory(): TaskFactory | null {
    return this.#taskFactory;
  }

  /**
   * Sets the factory that creates the tasks of this loop. Counterpart of Python's
   * `loop.set_task_factory()`.
   *
   * @param factory Called by `createTask()`; null for the default.
   * @throws {TypeError} If `factory` is neither a function nor null.
   */
  setTaskFactory(factory: TaskFactory | null): void {
    if (factory !== null && typeof factory !== "function") {
      throw new TypeError(`Cannot set task factory: a function was expected, not ${repr(factory)}`);
    }
    this.#taskFactory = factory;
  }

  /**
   * Runs the loop until a future or a coroutine is done.
   *
   * Counterpart of Python's `loop.run_until_complete()`.
   *
   * @typeParam T The type of the result.
   * @param awaitable The future, or the coroutine to run as a task.
   * @returns Its result.
   * @throws {RuntimeError} If the loop can't run, or was stopped before the future was done.
   * @throws {RangeError} If `awaitable` is a future of another loop.
   */
  async runUntilComplete<T>(awaitable: Awaitable<T> | PromiseLike<T> | Coroutine<T>): Promise<T> {
    this._checkRunnable();
    const future = this._ensureFuture(awaitable);
    let waits = true;
    // This may be called in a later run, if an interrupt ended this run after the call was
    // scheduled.
    const stop = (): void => {
      if (waits) this.stop();
    };
    future.addDoneCallback(stop);
    try {
      await this.runForever();
    } catch (error) {
      // The loop was interrupted. If the task failed with the same error, that needs no report of
      // its own.
      if (future.done()) future._silence();
      throw error;
    } finally {
      waits = false;
      future.removeDoneCallback(stop);
    }
    if (!future.done()) {
      if (!isFuture(awaitable)) this.#stoppedEarly.add(future);
      throw new RuntimeError(
        "Cannot return the result: Event loop stopped before Future completed.",
      );
    }
    return future.result();
  }

  /** @ignore A future of this loop for anything that can be awaited. */
  _ensureFuture<T>(awaitable: Awaitable<T> | PromiseLike<T> | Coroutine<T>): Future<T> {
    if (isFuture(awaitable)) {
      if (awaitable._loop === this) return awaitable as Future<T>;
      throw new RangeError(`Cannot await ${awaitable}: it belongs to a different loop`);
    }
    if (isCoroutine(awaitable)) return this.createTask(awaitable as Coroutine<T>);
    if (typeof (awaitable as PromiseLike<T> | null)?.then !== "function") {
      const text = "a future, a coroutine, or a promise is required";
      throw new TypeError(`Cannot await: ${text}, not ${repr(awaitable)}`);
    }
    if (Symbol.iterator in awaitable) {
      this._instrument?.awaitableStarts(awaitable); // its task may be cancelled before it starts
      return this.createTask(() => awaitable);
    }
    return wrapFuture(awaitable as PromiseLike<T>, { loop: this });
  }

  /** @ignore */
  override _describeDeadlock(): string | null {
    const tasks = [...allTasks(this)];
    if (tasks.some((task) => task._waitsForHost())) return null;
    const lines = tasks.map((task) => `\n  ${task}`);
    const who = lines.length === 0 ? "" : `; these tasks wait forever:${lines.join("")}`;
    return super._describeDeadlock() + who;
  }

  // -- Signals --

  /**
   * Sets a signal handler: the loop calls `callback` each time the process gets the signal.
   *
   * It replaces the handler that was set for this signal before, and the system's default action.
   * Counterpart of Python's `loop.add_signal_handler()`.
   *
   * @typeParam Args The types of the arguments.
   * @param signal Such as `"SIGTERM"`.
   * @param callback The function to call.
   * @param args The arguments to call it with.
   * @throws {TypeError} If `callback` is a coroutine function, or the signal does not exist or
   * can't be caught.
   * @throws {RuntimeError} If the loop is closed.
   */
  addSignalHandler<Args extends unknown[]>(
    signal: string,
    callback: (...args: Args) => unknown,
    ...args: Args
  ): void {
    if (isCoroutineFunction(callback)) {
      throw new TypeError("Cannot add signal handler: coroutines cannot be used with signals");
    }
    if (typeof signal !== "string" || !signal.startsWith("SIG")) {
      // The host would treat any other name as an event that never comes.
      throw new TypeError(
        `Cannot add signal handler: a name such as "SIGTERM" was expected, not ${repr(signal)}`,
      );
    }
    this._checkOpen();
    this.removeSignalHandler(signal);
    const context = copyContext();
    const handle = new Handle(callback as (...args: never[]) => unknown, args, this, context);
    const listener = (): void => this._enqueue(handle);
    addSignalListener(signal, listener);
    this.#signalListeners.set(signal, listener);
  }

  /**
   * Removes the handler set by {@linkcode EventLoop.addSignalHandler}. Counterpart of Python's
   * `loop.remove_signal_handler()`.
   *
   * @param signal The signal.
   * @returns Whether there was a handler.
   */
  removeSignalHandler(signal: string): boolean {
    const listener = this.#signalListeners.get(signal);
    if (listener === undefined) return false;
    this.#signalListeners.delete(signal);
    removeSignalListener(signal, listener);
    return true;
  }

  // -- Other threads --

  /**
   * Calls a function of a module in another thread.
   *
   * Cancelling the future ends the thread. The call does not see the context variables of the
   * caller. Counterpart of Python's `loop.run_in_executor()`.
   *
   * @typeParam Args The types of the arguments.
   * @typeParam Result The type of the result.
   * @param executor The pool that makes the call; null for the default executor of this loop.
   * @param fn The function, from `moduleFunctions()`.
   * @param args The arguments; they are copied, unless `transfer()` marks them.
   * @returns A future of its result.
   * @throws {TypeError} If `fn` is not a function of a module.
   * @throws {RuntimeError} If the loop is closed, or the executor is shut down.
   */
  runInExecutor<Args extends unknown[], Result>(
    executor: WorkerPoolExecutor | null,
    fn: ModuleFunction<Args, Result>,
    ...args: ThreadArguments<NoInfer<Args>>
  ): Future<Result> {
    this._checkOpen();
    if (executor === null && this.#isExecutorShut) {
      throw new RuntimeError("Cannot run in executor: Executor shutdown has been called");
    }
    executor ??= this.#defaultExecutor ??= new WorkerPoolExecutor();
    return executor._submit(this, fn, args) as Future<Result>;
  }

  /**
   * Sets the pool that makes the calls of `runInExecutor(null, …)` and `toThread()`.
   *
   * If none is set, one is created when it is needed. `run()` shuts it down in either case.
   * Counterpart of Python's `loop.set_default_executor()`.
   *
   * @param executor The pool.
   * @throws {TypeError} If `executor` is not a WorkerPoolExecutor.
   */
  setDefaultExecutor(executor: WorkerPoolExecutor): void {
    if (!(executor instanceof WorkerPoolExecutor)) {
      throw new TypeError("Cannot set default executor: it must be a WorkerPoolExecutor");
    }
    this.#defaultExecutor = executor;
  }

  /**
   * Shuts down the default executor: refuses new calls, and waits for those in progress.
   *
   * After the timeout it warns, cancels the calls that are left, and ends their threads.
   * Counterpart of Python's `loop.shutdown_default_executor()`.
   *
   * @param timeout Seconds to wait; by default there is no limit.
   * @returns An awaitable without a result.
   */
  shutdownDefaultExecutor(timeout: number = Infinity): Awaitable<void> {
    return new Operation(() => this.#shutdownDefaultExecutor(timeout));
  }

  *#shutdownDefaultExecutor(timeout: number): Steps<void> {
    this.#isExecutorShut = true;
    const executor = this.#defaultExecutor;
    if (executor === null) return;
    const timer = timeout === Infinity ? null : this.callLater(timeout, () => {
      const text = `The executor did not finish its calls within ${timeout} seconds`;
      console.warn(`${text}: they are cancelled`);
      executor._terminate();
    });
    try {
      yield* executor.shutdown();
    } finally {
      timer?.cancel();
    }
  }

  /**
   * Closes the loop: drops what is scheduled, refuses anything new, and removes the signal
   * handlers. Calls of the default executor that are not done end with their threads. Tasks that
   * are not done are reported to the exception handler, as they never will be.
   *
   * Closing twice is harmless. Counterpart of Python's `loop.close()`.
   *
   * @throws {RuntimeError} If the loop is running.
   */
  override close(): void {
    const wasOpen = !this.isClosed();
    super.close();
    if (!wasOpen) return;
    this.#isExecutorShut = true;
    this.#defaultExecutor?._terminate();
    for (const task of allTasks(this)) {
      if (this.#stoppedEarly.has(task)) continue;
      this.callExceptionHandler({ message: "Task was destroyed but it is pending!", task });
    }
    for (const signal of [...this.#signalListeners.keys()]) this.removeSignalHandler(signal);
  }
}

let defaultLoop: EventLoop | null = null;

/**
 * Creates an event loop. Counterpart of Python's `asyncio.new_event_loop()`.
 *
 * @param options The loop's clock and debug mode.
 * @returns The loop.
 */
export function newEventLoop(options: EventLoopOptions = {}): EventLoop {
  return new EventLoop(options);
}

/**
 * Sets the loop that {@linkcode getEventLoop} returns while no loop is running.
 *
 * Counterpart of Python's `asyncio.set_event_loop()`.
 *
 * @param loop The loop, or null for none.
 *
 * @example
 * ```ts
 * import { getEventLoop, newEventLoop, setEventLoop } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * const loop = newEventLoop();
 * setEventLoop(loop);
 * assertEquals(getEventLoop(), loop);
 * setEventLoop(null);
 * ```
 */
export function setEventLoop(loop: EventLoop | null): void {
  defaultLoop = loop;
}

/**
 * Returns the running loop, or else the one that was set, or else a new one, which is then set.
 *
 * Python did so until 3.13; since 3.14 it raises an error if none was set. Counterpart of
 * `asyncio.get_event_loop()`.
 *
 * @returns The loop.
 *
 * @example
 * ```ts
 * import { getEventLoop } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * const loop = getEventLoop();
 * assertEquals(loop.isRunning(), false);
 * assertEquals(getEventLoop(), loop);
 * ```
 */
export function getEventLoop(): EventLoop {
  return current.loop as EventLoop | null ?? (defaultLoop ??= newEventLoop());
}

/**
 * Returns the running loop.
 *
 * Counterpart of Python's `asyncio.get_running_loop()`.
 *
 * @returns The loop.
 * @throws {RuntimeError} If none is running.
 */
export function getRunningLoop(): EventLoop {
  // A task that the host resumes between two runs of its loop is still a task of that loop.
  const loop = current.loop ?? currentOwner()?._loop;
  if (loop === undefined) throw new RuntimeError(`Cannot get loop: ${NO_LOOP}`);
  return loop as EventLoop;
}

/**
 * Schedules a coroutine to run as a task, on the running loop.
 *
 * Counterpart of Python's `asyncio.create_task()`.
 *
 * @typeParam T What the coroutine returns.
 * @param coroutine What to run: a function that returns a promise or a generator, not its result.
 * @param options The name and context of the task, and more.
 * @returns The task. The loop keeps it alive until it is done.
 * @throws {TypeError} If `coroutine` is neither a function nor a generator object.
 * @throws {RuntimeError} If no loop is running.
 *
 * @example
 * ```ts
 * import { createTask, run, sleep } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * async function work(n: number) {
 *   await sleep(0.01);
 *   return n * 2;
 * }
 * await run(async () => {
 *   const task = createTask(() => work(21));
 *   assertEquals(await task, 42);
 * });
 * ```
 */
export function createTask<T>(coroutine: Coroutine<T>, options?: TaskOptions): Task<T> {
  return getRunningLoop().createTask(coroutine, options);
}

/**
 * Returns a future for anything that can be awaited: a future itself, a new task for a coroutine, a
 * future that follows a promise.
 *
 * Counterpart of Python's `asyncio.ensure_future()`.
 *
 * @typeParam T The type of the result.
 * @param awaitable The future, coroutine or promise.
 * @returns The future.
 * @throws {TypeError} If it is none of these.
 * @throws {RuntimeError} If a loop is needed and none is running.
 *
 * @example
 * ```ts
 * import { ensureFuture, run } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * await run(async () => {
 *   const future = ensureFuture(Promise.resolve(42));
 *   assertEquals(ensureFuture(future), future);
 *   assertEquals(await future, 42);
 * });
 * ```
 */
export function ensureFuture<T>(
  awaitable: Awaitable<T> | PromiseLike<T> | Coroutine<T>,
): Future<T> {
  if (isFuture(awaitable)) return awaitable as Future<T>;
  return getRunningLoop()._ensureFuture(awaitable);
}

/** The class that {@linkcode createEagerTaskFactory} takes: `Task`, or one like it. */
export type TaskConstructor = new <T>(
  coroutine: Coroutine<T>,
  options: TaskOptions & { loop: EventLoop },
) => Task<T>;

/**
 * Returns a task factory whose tasks start at once, within `createTask()`.
 *
 * A generator that never waits is done before `createTask()` returns; an async function is done one
 * microtask later. Counterpart of Python's `asyncio.create_eager_task_factory()`.
 *
 * @param taskConstructor The class of the tasks.
 * @returns The factory, for `setTaskFactory()`.
 *
 * @example
 * ```ts
 * import { createEagerTaskFactory, createTask, getRunningLoop, run, Task } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * await run(async () => {
 *   getRunningLoop().setTaskFactory(createEagerTaskFactory(Task));
 *   const task = createTask(function* () {
 *     return "done";
 *   });
 *   assertEquals(task.done(), true);
 * });
 * ```
 */
export function createEagerTaskFactory(taskConstructor: TaskConstructor): TaskFactory {
  return (loop, coroutine, options) =>
    new taskConstructor(coroutine, { ...options, eagerStart: options.eagerStart ?? true, loop });
}

/**
 * A task factory whose tasks start at once; see {@linkcode createEagerTaskFactory}.
 *
 * Counterpart of Python's `asyncio.eager_task_factory`.
 *
 * @typeParam T What the coroutine returns.
 * @param loop The loop.
 * @param coroutine What to run.
 * @param options As for `createTask()`.
 * @returns The task.
 *
 * @example
 * ```ts
 * import { createTask, eagerTaskFactory, getRunningLoop, run } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * await run(async () => {
 *   getRunningLoop().setTaskFactory(eagerTaskFactory);
 *   let started = false;
 *   createTask(async () => {
 *     started = true;
 *   });
 *   assertEquals(started, true);
 * });
 * ```
 */
export function eagerTaskFactory<T>(
  loop: EventLoop,
  coroutine: Coroutine<T>,
  options: TaskOptions,
): Task<T> {
  return new Task(coroutine, { ...options, eagerStart: options.eagerStart ?? true, loop });
}
