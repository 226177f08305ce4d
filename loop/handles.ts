/**
 * A scheduled callback, and how to cancel it.
 *
 * Counterpart of `Handle` and `TimerHandle` in Python's `asyncio.events`.
 *
 * @module
 */

import { current } from "./_current.ts";
import { callRepr, printable } from "./_repr.ts";
import { contextOf, sharedBy } from "./contextvars.ts";
import type { Context, Values } from "./contextvars.ts";
import { KeyboardInterrupt } from "./exceptions.ts";

/**
 * What an exception handler is told about an error.
 *
 * Counterpart of the context dictionary of Python's `loop.call_exception_handler()`.
 */
export interface ExceptionContext {
  /** What went wrong, in words. */
  message: string;
  /** What was thrown. */
  exception?: unknown;
  /** What the error concerns, and other details: `future`, `task`, `handle`, `protocol` … */
  [detail: string]: unknown;
}

/** An entry of the loop's ready queue: a callback, a task to start, or a coroutine to resume. */
export interface Runnable {
  /** Does the work. It never throws: an error is reported, or is the outcome of a future. */
  _run(): void;
  /** The task that must outlive the future that this entry waits for, if there is one. */
  readonly _parent?: object | null;
}

/** The loop, as far as a handle needs to know it. */
export interface HandleLoop {
  /**
   * Reports an error that has no other place to go.
   *
   * @param context What happened.
   */
  callExceptionHandler(context: ExceptionContext): void;
  /** @ignore */
  _interrupt(error: unknown): void;
}

/** An entry that becomes ready at a given time. */
export interface Timer extends Runnable {
  /** When it is due, in seconds on the loop's clock. */
  readonly _when: number;
  /** Its index in the loop's heap, or -1. */
  _index: number;
  /** Orders timers that are due at the same time. */
  _sequence: number;
}

/** The loop, as far as a timer needs to know it. */
export interface TimerLoop extends HandleLoop {
  /** @ignore */
  _forgetTimer(timer: Timer): void;
}

type Callback = (...args: never[]) => unknown;

/** What a cancelled handle calls. */
const cancelledCallback = (): void => {};
const NO_ARGS: readonly never[] = [];

/**
 * A callback that the loop will call, returned by `callSoon()`.
 *
 * Counterpart of Python's `asyncio.Handle`.
 *
 * @example
 * ```ts
 * import { newEventLoop } from "@aio/asyncio";
 * import { assert } from "@std/assert";
 *
 * const loop = newEventLoop();
 * const handle = loop.callSoon(() => {
 *   throw new Error("never called");
 * });
 * handle.cancel();
 * assert(handle.cancelled());
 * loop.stop();
 * await loop.runForever();
 * loop.close();
 * ```
 */
export class Handle implements Runnable {
  #callback: Callback;
  #args: readonly unknown[];
  readonly #loop: HandleLoop;
  #context: Context | Values;

  /** @ignore Handles come from the loop. */
  constructor(
    callback: Callback,
    args: readonly unknown[],
    loop: HandleLoop,
    context: Context | Values,
  ) {
    this.#callback = callback;
    this.#args = args;
    this.#loop = loop;
    this.#context = context;
  }

  static {
    printable(this.prototype);
  }

  /** Keeps the callback from being called; harmless if it was called already. */
  cancel(): void {
    this.#callback = cancelledCallback;
    this.#args = NO_ARGS;
  }

  /**
   * Tells whether the callback was cancelled.
   *
   * @returns Whether `cancel()` was called.
   */
  cancelled(): boolean {
    return this.#callback === cancelledCallback;
  }

  /**
   * Returns the context that the callback runs in. Counterpart of Python's `get_context()`.
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

  /** @ignore Whether this calls `callback`. */
  _calls(callback: Callback): boolean {
    return this.#callback === callback;
  }

  /** @ignore */
  _run(): void {
    const args = this.#args as never[];
    const { task, context } = current;
    current.task = null;
    current.context = this;
    try {
      // Spreading costs more than the rest of a turn; most callbacks take none or one.
      if (args.length === 0) (this.#callback as () => unknown)();
      else if (args.length === 1) this.#callback(args[0]!);
      else this.#callback(...args);
    } catch (error) {
      this.#report(error);
    } finally {
      current.task = task;
      current.context = context;
    }
  }

  #report(error: unknown): void {
    // A CancelledError has no task to stop here: like any error of a callback, it is reported.
    if (error instanceof KeyboardInterrupt) return this.#loop._interrupt(error);
    this.#loop.callExceptionHandler({
      message: `Exception in callback ${this._describeCall()}`,
      exception: error,
      handle: this,
    });
  }

  /** @ignore The call that this handle makes. */
  _describeCall(): string {
    return callRepr(this.#callback, this.#args);
  }

  /**
   * Returns the handle as Python prints it, without the function's file and line, which JavaScript
   * does not tell.
   *
   * @returns Such as `<Handle helloWorld()>`.
   */
  toString(): string {
    return this.cancelled() ? "<Handle cancelled>" : `<Handle ${this._describeCall()}>`;
  }
}

/**
 * A callback that the loop will call at a given time, returned by `callLater()` and `callAt()`.
 *
 * Counterpart of Python's `asyncio.TimerHandle`.
 */
export class TimerHandle extends Handle implements Timer {
  /** @ignore */
  readonly _when: number;
  /** @ignore */
  _index = -1;
  /** @ignore */
  _sequence = 0;
  readonly #loop: TimerLoop;

  /** @ignore Handles come from the loop. */
  constructor(
    when: number,
    callback: Callback,
    args: readonly unknown[],
    loop: TimerLoop,
    context: Context | Values,
  ) {
    super(callback, args, loop, context);
    this._when = when;
    this.#loop = loop;
  }

  /**
   * Returns when the callback is due.
   *
   * @returns Seconds on the clock of `loop.time()`.
   */
  when(): number {
    return this._when;
  }

  /** Keeps the callback from being called, and frees the timer at once. */
  override cancel(): void {
    if (this.cancelled()) return;
    super.cancel();
    if (this._index >= 0) this.#loop._forgetTimer(this);
  }

  /**
   * Returns the handle as Python prints it.
   *
   * @returns Such as `<TimerHandle when=12.5 helloWorld()>`.
   */
  override toString(): string {
    return this.cancelled()
      ? `<TimerHandle cancelled when=${this._when}>`
      : `<TimerHandle when=${this._when} ${this._describeCall()}>`;
  }
}
