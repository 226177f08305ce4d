/**
 * Running a program from beginning to end.
 *
 * Counterpart of Python's `asyncio.runners`.
 *
 * @module
 */

import { current } from "./_current.ts";
import { addSignalListener, hasSignalListener, removeSignalListener } from "./_host.ts";
import { copyContext } from "./contextvars.ts";
import type { Context } from "./contextvars.ts";
import type { Coroutine } from "./coroutines.ts";
import { newEventLoop } from "./events.ts";
import type { EventLoop } from "./events.ts";
import { CancelledError, KeyboardInterrupt, RuntimeError } from "./exceptions.ts";
import { gather } from "./gather.ts";
import { allTasks } from "./tasks.ts";
import type { Task } from "./tasks.ts";

/** Options for {@linkcode Runner} and {@linkcode run}. */
export interface RunnerOptions {
  /** Whether the loop runs in debug mode; by default, the loop's own setting. */
  debug?: boolean;
  /** Creates the loop; by default `newEventLoop`. */
  loopFactory?: () => EventLoop;
}

/** Options for {@linkcode Runner.run}. */
export interface RunOptions {
  /** The context to run the coroutine in; by default the runner's own, the same for each call. */
  context?: Context;
}

/** How long calls in other threads may go on after the program's end, in seconds. */
const EXECUTOR_TIMEOUT = 300;

const CREATED = 1;
const INITIALIZED = 2;
const CLOSED = 3;

/**
 * Runs several coroutines, one after another, on the same loop and in the same context.
 *
 * Ctrl-C cancels the running coroutine; a second Ctrl-C ends the loop at once. In both cases
 * `run()` throws {@linkcode KeyboardInterrupt}. If the program listens for SIGINT itself, the
 * runner does not. Counterpart of Python's `asyncio.Runner`.
 *
 * @example
 * ```ts
 * import { Runner, sleep } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * await using runner = new Runner();
 * assertEquals(await runner.run(() => sleep(0.01, 1)), 1);
 * assertEquals(await runner.run(() => sleep(0.01, 2)), 2);
 * ```
 */
export class Runner implements AsyncDisposable {
  #state = CREATED;
  readonly #options: RunnerOptions;
  #loop: EventLoop | null = null;
  #context: Context | null = null;
  #interrupts = 0;

  /**
   * Creates a runner. The loop is created when it is needed.
   *
   * @param options How to create the loop.
   */
  constructor(options: RunnerOptions = {}) {
    this.#options = options;
  }

  /**
   * Returns the loop. Counterpart of Python's `Runner.get_loop()`.
   *
   * @returns The runner's loop.
   * @throws {RuntimeError} If the runner is closed.
   */
  getLoop(): EventLoop {
    if (this.#state === CLOSED) throw new RuntimeError("Cannot use runner: Runner is closed");
    if (this.#loop === null) {
      this.#loop = (this.#options.loopFactory ?? newEventLoop)();
      if (this.#options.debug !== undefined) this.#loop.setDebug(this.#options.debug);
      this.#context = copyContext();
      this.#state = INITIALIZED;
    }
    return this.#loop;
  }

  /**
   * Runs a coroutine to its end.
   *
   * @typeParam T What the coroutine returns.
   * @param main The coroutine.
   * @param options The context to run it in.
   * @returns What the coroutine returns.
   * @throws {RuntimeError} If a loop is running already, or the runner is closed.
   * @throws {KeyboardInterrupt} If Ctrl-C ended it.
   */
  async run<T>(main: Coroutine<T>, options: RunOptions = {}): Promise<T> {
    if (current.loop !== null) {
      throw new RuntimeError("Runner.run() cannot be called from a running event loop");
    }
    const loop = this.getLoop();
    const task = loop.createTask(main, { context: options.context ?? this.#context! });
    this.#interrupts = 0;
    const onInterrupt = (): void => this.#onInterrupt(loop, task);
    const listens = !hasSignalListener("SIGINT");
    if (listens) addSignalListener("SIGINT", onInterrupt);
    try {
      return await loop.runUntilComplete(task);
    } catch (error) {
      const byInterrupt = error instanceof CancelledError && this.#interrupts > 0;
      if (byInterrupt && task.uncancel() === 0) throw new KeyboardInterrupt();
      throw error;
    } finally {
      if (listens) removeSignalListener("SIGINT", onInterrupt);
    }
  }

  #onInterrupt(loop: EventLoop, task: Task<unknown>): void {
    this.#interrupts++;
    if (this.#interrupts === 1 && !task.done()) task.cancel();
    else loop._interrupt(new KeyboardInterrupt());
  }

  /**
   * Cancels the tasks that are left and waits for them, waits at most five minutes for the calls of
   * the default executor, and closes the loop.
   *
   * Errors of these tasks go to the loop's exception handler. Closing twice is harmless.
   */
  async close(): Promise<void> {
    const loop = this.#loop;
    const wasOpen = this.#state === INITIALIZED;
    this.#state = CLOSED;
    if (!wasOpen || loop === null) return;
    try {
      await cancelAllTasks(loop);
      await loop.runUntilComplete(loop.shutdownDefaultExecutor(EXECUTOR_TIMEOUT));
    } finally {
      loop.close();
      this.#loop = null;
    }
  }

  /** The same as {@linkcode Runner.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

async function cancelAllTasks(loop: EventLoop): Promise<void> {
  const tasks = allTasks(loop);
  if (tasks.size === 0) return;
  for (const task of tasks) task.cancel();
  await loop.runUntilComplete(gather(tasks, { returnExceptions: true }));
  for (const task of tasks) {
    if (task.cancelled() || !task._failed()) continue;
    loop.callExceptionHandler({
      message: "unhandled exception during asyncio.run() shutdown",
      exception: task.exception(),
      task,
    });
  }
}

/**
 * Runs a program: creates a loop, runs `main` on it, cancels the tasks that are left, and closes
 * the loop.
 *
 * Counterpart of Python's `asyncio.run()`. JavaScript can't block, so it returns a promise.
 *
 * @typeParam T What `main` returns.
 * @param main The coroutine to run.
 * @param options How to create the loop.
 * @returns What `main` returns.
 * @throws {RuntimeError} If a loop is running already.
 * @throws {KeyboardInterrupt} If Ctrl-C ended it.
 *
 * @example
 * ```ts
 * import { run, sleep } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * async function main() {
 *   await sleep(0.01);
 *   return "done";
 * }
 * assertEquals(await run(main), "done");
 * ```
 */
export async function run<T>(main: Coroutine<T>, options: RunnerOptions = {}): Promise<T> {
  if (current.loop !== null) {
    throw new RuntimeError("asyncio.run() cannot be called from a running event loop");
  }
  const runner = new Runner(options);
  try {
    return await runner.run(main);
  } finally {
    await runner.close();
  }
}
