/**
 * A coroutine that the loop runs, and that can be awaited and cancelled.
 *
 * Counterpart of `Task` in Python's `asyncio.tasks`. A task is in one of these states:
 *
 * 1. SCHEDULED: its start, or its next step, is in the loop's ready queue.
 * 2. RUNNING: its coroutine runs, or awaits a promise that is not ours.
 * 3. WAITING: its frames (`_frames`) wait for futures; each goes on when its future is done.
 * 4. DONE: the coroutine has ended, and the task has its outcome.
 *
 * Invariant of cancellation: `cancel()` in state 3 cancels what the frames wait for, and the
 * CancelledError reaches the coroutine that way. Otherwise `_mustCancel` keeps it until the next
 * step (state 1) or until the next future that the coroutine awaits (state 2).
 *
 * @module
 */

import { current, currentOwner, NO_LOOP } from "./_current.ts";
import type { Owner } from "./_current.ts";
import { creationPlace } from "./_debug.ts";
import { StepFrame } from "./_frame.ts";
import type { Frame, Steps, Waitable } from "./_frame.ts";
import { getOwner, hasAsyncContext, runOwned } from "./_host.ts";
import { quote, repr } from "./_repr.ts";
import type { BaseEventLoop } from "./base_events.ts";
import { contextOf, currentValues, sharedBy } from "./contextvars.ts";
import type { Context, Values } from "./contextvars.ts";
import { isCoroutine, isGenerator, isGeneratorFunction } from "./coroutines.ts";
import type { Coroutine } from "./coroutines.ts";
import { CancelledError, KeyboardInterrupt, RuntimeError } from "./exceptions.ts";
import { Future } from "./futures.ts";
import type { Runnable } from "./handles.ts";

/** Options for `createTask()`. */
export interface TaskOptions {
  /**
   * The name of the task, shown where the task is printed.
   *
   * @default {"Task-" and a number}
   */
  name?: string;
  /** The context that the task runs in; by default a copy of the current one. */
  context?: Context;
  /**
   * Whether the coroutine starts at once, within `createTask()`, instead of in the next turn.
   *
   * @default {false}
   */
  eagerStart?: boolean;
  /** A signal that cancels the task when it aborts. */
  signal?: AbortSignal;
}

/** Options for the constructor of {@linkcode Task}. */
export interface TaskInit extends TaskOptions {
  /** The loop to run on. */
  loop: BaseEventLoop;
}

let tasksNamed = 0;

/**
 * A coroutine that the loop runs, and a future of its result.
 *
 * `createTask()` makes one. Counterpart of Python's `asyncio.Task`.
 *
 * @typeParam T What the coroutine returns.
 *
 * @example
 * ```ts
 * import { createTask, run, sleep } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * await run(async () => {
 *   const asynchronous = createTask(async () => {
 *     await sleep(0.01);
 *     return "async";
 *   });
 *   const generator = createTask(function* () {
 *     yield* sleep(0.01);
 *     return "generator";
 *   });
 *   assertEquals([await asynchronous, await generator], ["async", "generator"]);
 * });
 * ```
 */
export class Task<T> extends Future<T> {
  /** @ignore */
  _frames: Frame | null = null;
  /** @ignore */
  _mustCancel = false;
  /** @ignore */
  _awaitsHost = false;
  /** @ignore */
  _before: Owner | null = null;
  /** @ignore */
  _after: Owner | null = null;
  /** @ignore */
  _isListed = false;
  #context: Context | Values;
  readonly #coroutine: Coroutine<T>;
  #name: string | number;
  #cancelling = 0;
  #aborter: AbortController | null = null;

  /**
   * Schedules a coroutine. `createTask()` is the usual way.
   *
   * @param coroutine What to run.
   * @param options The loop, and the options of `createTask()`.
   * @throws {TypeError} If `coroutine` is neither a function nor a generator object.
   */
  constructor(coroutine: Coroutine<T>, options: TaskInit) {
    super(options);
    if (!isCoroutine(coroutine)) {
      const text = "a coroutine was expected, such as () => work()";
      throw new TypeError(`Cannot create task: ${text}, not ${repr(coroutine)}`);
    }
    this.#coroutine = coroutine;
    this.#name = options.name ?? ++tasksNamed;
    this.#context = options.context ?? currentValues();
    if (this._loop._instrument !== null) this._loop._instrument.taskCreated(this);
    if (options.signal !== undefined) this.#obey(options.signal);
    if (options.eagerStart && current.loop === this._loop) {
      this._loop._tasks.add(this);
      this._start();
    } else {
      this._loop._enqueue(new Start(this));
      this._loop._tasks.add(this);
    }
  }

  /** Cancels the task when a signal aborts; the listener is removed when the task is done. */
  #obey(signal: AbortSignal): void {
    const cancel = (): void => {
      if (this._loop.isClosed()) return; // the task has ended with its loop
      const { reason } = signal;
      this.cancel(reason instanceof Error ? reason.message : String(reason));
    };
    if (signal.aborted) return cancel();
    signal.addEventListener("abort", cancel);
    this.addDoneCallback(() => signal.removeEventListener("abort", cancel));
  }

  // -- Cancellation --

  /**
   * Asks the task to stop: a {@linkcode CancelledError} is thrown in its coroutine.
   *
   * It is a request: the coroutine may clean up first, or go on; `cancelled()` tells whether the
   * task has ended this way. An async function that awaits an ordinary promise gets the error at
   * the next future it awaits; its {@linkcode Task.signal} aborts at once.
   *
   * @param message The message of the CancelledError.
   * @returns False if the task was done already, and nothing happened.
   */
  override cancel(message?: string): boolean {
    if (this.done()) return false;
    this.#cancelling++;
    const passedOn = this._frames !== null && this.#cancelFrames(this._frames, message);
    // If the task awaits a promise that is not ours, its futures may be left over from a race;
    // cancelling them is not enough.
    if (!passedOn || this._awaitsHost) {
      this._mustCancel = true;
      this._cancelMessage = message;
    }
    this.#aborter?.abort(new CancelledError(message));
    return true;
  }

  #cancelFrames(latest: Frame, message: string | undefined): boolean {
    if (latest.next === null) return latest.waitsFor!.cancel(message);
    // The frames are listed latest first; copied, as a cancelled one may leave the list.
    const waiting: Waitable[] = [];
    for (let frame: Frame | null = latest; frame !== null; frame = frame.next) {
      waiting.push(frame.waitsFor!);
    }
    let passedOn = false;
    for (const future of waiting.reverse()) if (future.cancel(message)) passedOn = true;
    return passedOn;
  }

  /**
   * Returns how many requests to cancel were made and not taken back.
   *
   * @returns The number of calls of `cancel()` minus those of `uncancel()`.
   */
  cancelling(): number {
    return this.#cancelling;
  }

  /**
   * Takes back one request to cancel. The code that called `cancel()` does so once the task has
   * acted on the request.
   *
   * @returns How many requests are left.
   */
  uncancel(): number {
    if (this.#cancelling > 0 && --this.#cancelling === 0) this._mustCancel = false;
    return this.#cancelling;
  }

  /**
   * A signal that aborts when the task is cancelled, for `fetch()` and other functions that take
   * one.
   *
   * Once all requests to cancel were taken back, it is a new signal.
   */
  get signal(): AbortSignal {
    if (this.#aborter === null || (this.#aborter.signal.aborted && this.#cancelling === 0)) {
      this.#aborter = new AbortController();
      if (this.#cancelling > 0) this.#aborter.abort(new CancelledError(this._cancelMessage));
    }
    return this.#aborter.signal;
  }

  /** @ignore Whether the host may make the task go on, as far as is known. */
  _waitsForHost(): boolean {
    if (this._awaitsHost) return true;
    for (let frame = this._frames; frame !== null; frame = frame.next) {
      if (frame.waitsFor!._isUpToHost) return true;
    }
    return false;
  }

  /** @ignore */
  _takeCancellation(): CancelledError {
    this._mustCancel = false;
    return this._loop._cancelledError(this._cancelMessage);
  }

  // -- Running --

  /** @ignore Starts the coroutine. */
  _start(): void {
    start(this);
  }

  /** @ignore Called with what the coroutine returned. */
  _finish(value: T): void {
    // A task whose loop is closed was reported as one that never ends.
    if (this._loop.isClosed()) return;
    this._loop._tasks.remove(this);
    if (this._mustCancel) this._settleCancelled(this._takeCancellation());
    else this._settleResult(value);
    this.#end();
  }

  /** @ignore Called if the coroutine function returned something that can't be awaited. */
  _finishPlain(value: unknown): void {
    const text = `must return a promise or a generator, not ${repr(value)}`;
    this._fail(new TypeError(`Cannot run task: ${repr(this.#coroutine)} ${text}`));
  }

  /** @ignore Called with what the coroutine threw. */
  _fail(error: unknown): void {
    if (this._loop.isClosed()) return; // the same
    this._loop._tasks.remove(this);
    if (error instanceof CancelledError) {
      this._settleCancelled(error);
    } else {
      this._settleException(error);
      if (error instanceof KeyboardInterrupt) this._loop._interrupt(error);
    }
    this.#end();
  }

  #end(): void {
    const instrument = this._loop._instrument;
    if (instrument !== null) instrument.taskDone(this, this.cancelled(), this.#cancelling > 0);
    this._loop._suspended(this);
  }

  /**
   * Always throws: a task's result is what its coroutine returns.
   *
   * @param _value Not used.
   * @throws {RuntimeError} Always.
   */
  override setResult(_value: T): void {
    throw new RuntimeError("Cannot set result: Task does not support setResult operation");
  }

  /**
   * Always throws: a task's exception is what its coroutine throws.
   *
   * @param _exception Not used.
   * @throws {RuntimeError} Always.
   */
  override setException(_exception: unknown): void {
    throw new RuntimeError("Cannot set exception: Task does not support setException operation");
  }

  // -- Introspection --

  /**
   * Returns the coroutine that the task runs. Counterpart of Python's `get_coro()`.
   *
   * @returns The coroutine given to the task.
   */
  getCoro(): Coroutine<T> {
    return this.#coroutine;
  }

  /**
   * Returns the context that the task runs in. Counterpart of Python's `get_context()`.
   *
   * @returns The context.
   */
  getContext(): Context {
    return this._ownContext();
  }

  /** @ignore */
  _share(): Values {
    return sharedBy(this.#context);
  }

  /** @ignore */
  _ownContext(): Context {
    return this.#context = contextOf(this.#context);
  }

  /**
   * Returns the name of the task.
   *
   * @returns The name it was given, or `Task-` and a number.
   */
  getName(): string {
    return typeof this.#name === "number" ? `Task-${this.#name}` : this.#name;
  }

  /**
   * Sets the name of the task.
   *
   * @param name The name; a value that is not a string is converted to one.
   */
  setName(name: unknown): void {
    this.#name = String(name);
  }

  /** @ignore */
  override _describe(): string {
    const state = super._describe();
    const [word, ...rest] = state.split(" ");
    const shown = !this.done() && this.#cancelling > 0 ? "cancelling" : word;
    const coro = typeof this.#coroutine === "function" ? this.#coroutine.name : "generator";
    const parts = [shown, `name=${quote(this.getName())}`, `coro=<${coro || "anonymous"}()>`];
    const waitsFor = this._frames?.waitsFor;
    if (waitsFor) parts.push(`waitFor=<${waitsFor.constructor.name}>`);
    const place = creationPlace(this);
    if (place !== null) parts.push(`created at ${place}`);
    return [...parts, ...rest].join(" ");
  }
}

// -- Starting --
//
// An error keeps its stack, and the stack keeps the objects whose methods are on it. If the task
// were one of them, it could not become garbage before its error, and nobody could tell that the
// error is never retrieved. So no method of the task is on the stack of its coroutine, and the
// objects that are on it drop their reference to the task.

/** The entry of the ready queue that starts a task. */
class Start implements Runnable {
  #task: Task<unknown> | null;

  constructor(task: Task<unknown>) {
    this.#task = task;
  }

  _run(): void {
    const task = this.#task!;
    if (task._loop._instrument === null) this.#task = null;
    start(task);
  }

  toString(): string {
    return String(this.#task);
  }
}

/** Starts the coroutine of a task. Its frames do the rest. */
function start(task: Task<unknown>): void {
  const coroutine = task.getCoro();
  if (task._mustCancel) return cancelBeforeStart(task, coroutine);
  if (typeof coroutine !== "function") return startSteps(task, coroutine);
  const { task: outerTask, context } = current;
  current.task = task;
  current.context = task;
  let started: unknown;
  try {
    // A generator's own code does not run yet, and needs no asynchronous context.
    started = isGeneratorFunction(coroutine) ? coroutine() : runOwned(task, startOwned);
  } catch (error) {
    return task._fail(error);
  } finally {
    current.task = outerTask;
    current.context = context;
  }
  follow(task, started);
}

function cancelBeforeStart(task: Task<unknown>, coroutine: Coroutine<unknown>): void {
  if (isGenerator(coroutine)) coroutine.return(undefined);
  task._fail(task._takeCancellation());
}

/** Continues with what the coroutine function returned. */
function follow(task: Task<unknown>, started: unknown): void {
  if (isGenerator(started)) {
    startSteps(task, started as Steps<unknown>);
  } else if (typeof (started as PromiseLike<unknown> | null)?.then !== "function") {
    task._finishPlain(started);
  } else if (Symbol.iterator in (started as object)) {
    startSteps(task, (started as Iterable<unknown>)[Symbol.iterator]() as Steps<unknown>);
  } else {
    if (!tellsOwner(started)) {
      (started as PromiseLike<unknown>).then(
        (value) => task._finish(value),
        (error) => task._fail(error),
      );
    }
    task._loop._resuming(task);
  }
}

function startSteps(task: Task<unknown>, steps: Steps<unknown>): void {
  new StepFrame(task, task._loop, steps, task).step();
}

/**
 * Calls the coroutine function of the task that starts now. If it returns an ordinary promise, that
 * calls back in the asynchronous context of the task, which tells the callbacks which task they are
 * for. So no closures are needed; in a program of many tasks they would be a fifth of the memory.
 */
function startOwned(): unknown {
  const started = ((current.task as Task<unknown>).getCoro() as () => unknown)();
  if (tellsOwner(started)) (started as Promise<unknown>).then(finishOwner, failOwner);
  return started;
}

/** Whether the value that the coroutine function returned calls back in the context of its task. */
function tellsOwner(started: unknown): boolean {
  return hasAsyncContext && (started as object | null | undefined)?.constructor === Promise;
}

function finishOwner(value: unknown): void {
  (getOwner() as Task<unknown>)._finish(value);
}

function failOwner(error: unknown): void {
  (getOwner() as Task<unknown>)._fail(error);
}

/**
 * Returns the running task.
 *
 * Counterpart of Python's `asyncio.current_task()`.
 *
 * @returns The task, or null outside of one, as in a plain callback.
 * @throws {RuntimeError} If no loop is running.
 *
 * @example
 * ```ts
 * import { createTask, currentTask, run } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * await run(async () => {
 *   const task = createTask(async () => currentTask()?.getName(), { name: "worker" });
 *   assertEquals(await task, "worker");
 * });
 * ```
 */
export function currentTask(): Task<unknown> | null {
  if (current.loop === null) {
    throw new RuntimeError(`Cannot get current task: ${NO_LOOP}`);
  }
  return currentOwner() as Task<unknown> | null;
}

/**
 * Returns the tasks of a loop that are not done.
 *
 * Counterpart of Python's `asyncio.all_tasks()`.
 *
 * @param loop The loop; by default the running one.
 * @returns The tasks, in the order they were created.
 * @throws {RuntimeError} If no loop is given and none is running.
 *
 * @example
 * ```ts
 * import { allTasks, createTask, run, sleep } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * await run(async () => {
 *   createTask(() => sleep(3600), { name: "sleeper" });
 *   assertEquals([...allTasks()].map((task) => task.getName()).includes("sleeper"), true);
 * });
 * ```
 */
export function allTasks(loop?: BaseEventLoop): Set<Task<unknown>> {
  const from = loop ?? current.loop as BaseEventLoop | null;
  if (from === null) throw new RuntimeError(`Cannot get all tasks: ${NO_LOOP}`);
  return new Set(from._tasks) as Set<Task<unknown>>;
}
