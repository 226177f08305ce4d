/**
 * The turns of the event loop: which callbacks are ready, which timers are due, when the host gets
 * its share, when to wait. This is the part of the loop that needs neither futures nor tasks.
 *
 * Counterpart of `run_forever()`, `_run_once()` and the scheduling methods of Python's
 * `asyncio.base_events`. The loop runs on the event loop of its host (Deno, Node, a browser) and is
 * in one of these states:
 *
 * 1. IDLE: `runForever()` is not in progress.
 * 2. TURNING: `#runReady()` is on the stack; the only place where callbacks are called.
 * 3. DEFERRED: a microtask will start a turn or continue one.
 * 4. WAITING: an async function was resumed (`current.resumed`); the turn continues when that
 *    function has reached its next suspension, or when the host says that no microtask is left,
 *    which means that the function awaits a promise that is not ours.
 * 5. YIELDING: the host has its share; an immediate will continue the turn.
 * 6. PARKED: nothing is ready; a host timer for the next deadline holds the process open.
 *
 * Invariants: a turn runs the entries that were ready when it began, and what they schedule belongs
 * to the next turn; between two turns microtasks run; at least every millisecond the host gets its
 * share, for I/O and its own timers.
 *
 * @module
 */

import { current } from "./_current.ts";
import type { Owner } from "./_current.ts";
import { DebugInstrument } from "./_debug.ts";
import { Deque } from "./_deque.ts";
import { errorText } from "./_error_text.ts";
import {
  afterHost,
  cancelAfterHost,
  captureContext,
  defer,
  isDebugWanted,
  startTimer,
  stopTimer,
  withResolvers,
} from "./_host.ts";
import type { Instrument } from "./_instrument.ts";
import { LinkedList } from "./_linked_list.ts";
import { printable, repr } from "./_repr.ts";
import { Slice } from "./_slice.ts";
import { TimerHeap } from "./_timer_heap.ts";
import { monotonicClock } from "./clocks.ts";
import type { Clock } from "./clocks.ts";
import { Context, currentValues } from "./contextvars.ts";
import { CancelledError, KeyboardInterrupt, RuntimeError } from "./exceptions.ts";
import { Handle, TimerHandle } from "./handles.ts";
import type { ExceptionContext, Runnable, Timer, TimerLoop } from "./handles.ts";

const IDLE = 1;
const TURNING = 2;
const DEFERRED = 3;
const WAITING = 4;
const YIELDING = 5;
const PARKED = 6;

/** The longest host timer, in seconds; a later deadline is reached in several. */
const MAX_PARK = 24 * 3600;

/** A function that is called with errors that have no other place to go. */
export type ExceptionHandler = (loop: BaseEventLoop, context: ExceptionContext) => void;

/** Options for `newEventLoop()`. */
export interface EventLoopOptions {
  /**
   * The clock behind `loop.time()`.
   *
   * @default {the machine's monotonic clock}
   */
  clock?: Clock;
  /**
   * Whether the loop starts in debug mode.
   *
   * @default {whether the environment has DENO_ASYNCIO_DEBUG=1, and may be read}
   */
  debug?: boolean;
}

/** Something that lives on a loop and is closed with it: a connection, a server, a process. */
export interface Resident {
  /** Closes it at once. The loop is closed, so none of its callbacks is called. */
  _endWithLoop(): void;
}

/** The scheduling half of {@linkcode EventLoop}; programs use that class. */
export class BaseEventLoop implements TimerLoop {
  readonly #ready = new Deque<Runnable>();
  readonly #timers = new TimerHeap();
  readonly #clock: Clock;
  #state = IDLE;
  #closed = false;
  #stopping = false;
  #exceptionHandler: ExceptionHandler | null = null;

  /** Entries of the current turn that have not run yet. */
  #todo = 0;
  /** An error that ends the run, whatever is left to do: a KeyboardInterrupt. */
  #fatal: { error: unknown } | null = null;
  #finished: PromiseWithResolvers<void> | null = null;

  /**
   * Calls a function in the asynchronous context in which `runForever()` was called: what callbacks
   * start must not seem to belong to a task that has just suspended.
   */
  #inOwnContext: ((fn: () => void) => void) | null = null;

  #immediate: unknown = null;
  #timer: unknown = null;
  /** When `#timer` fires, on the loop's clock. */
  #timerDue = Infinity;
  /** Whether the host had its share since the loop last found nothing to do. */
  #hostAsked = false;

  readonly #slice = new Slice();

  /** @ignore What watches this loop, or null. */
  _instrument: Instrument | null = null;
  /**
   * How long a callback may take before debug mode warns about it, in seconds. Counterpart of
   * Python's `loop.slow_callback_duration`.
   */
  slowCallbackDuration = 0.1;

  /** The error shared by the cancellations without a message that are delivered in this turn. */
  #cancellation: CancelledError | null = null;

  /** @ignore Tasks that are not done. The loop keeps them alive. */
  readonly _tasks: LinkedList<Owner> = new LinkedList();
  /** @ignore What holds resources of the host, and releases them when the loop is closed. */
  readonly _residents: Set<Resident> = new Set();

  /** @ignore Loops come from `newEventLoop()`. */
  constructor(options: EventLoopOptions = {}) {
    this.#clock = options.clock ?? monotonicClock;
    this.setDebug(options.debug ?? isDebugWanted());
  }

  static {
    printable(this.prototype);
  }

  // -- Scheduling --

  /**
   * Schedules `callback` to be called in the next turn of the loop.
   *
   * Callbacks are called in the order in which they were scheduled, each exactly once, never before
   * `callSoon()` has returned. Each runs in a copy of the context in which it was scheduled, also
   * with `callLater()` and `callAt()`; for another context, use `callSoon(() => context.run(fn))`.
   * Counterpart of Python's `loop.call_soon()`.
   *
   * @typeParam Args The types of the arguments.
   * @param callback The function to call.
   * @param args The arguments to call it with.
   * @returns A handle whose `cancel()` prevents the call.
   * @throws {RuntimeError} If the loop is closed.
   *
   * @example
   * ```ts
   * import { newEventLoop } from "@aio/asyncio";
   * import { assertEquals } from "@std/assert";
   *
   * const loop = newEventLoop();
   * const seen: string[] = [];
   * loop.callSoon((name: string) => seen.push(`hello ${name}`), "world");
   * loop.callSoon(() => loop.stop());
   * await loop.runForever();
   * loop.close();
   * assertEquals(seen, ["hello world"]);
   * ```
   */
  callSoon<Args extends unknown[]>(callback: (...args: Args) => unknown, ...args: Args): Handle {
    checkFunction("schedule a callback", callback);
    const handle = new Handle(
      callback as (...args: never[]) => unknown,
      args,
      this,
      currentValues(),
    );
    this._enqueue(handle);
    return handle;
  }

  /**
   * Does the same as {@linkcode BaseEventLoop.callSoon}, for code outside the loop.
   *
   * In JavaScript nothing else runs while a callback does, so the two do not differ; the name is
   * here for people who know asyncio. Counterpart of Python's `loop.call_soon_threadsafe()`.
   *
   * @typeParam Args The types of the arguments.
   * @param callback The function to call.
   * @param args The arguments to call it with.
   * @returns A handle whose `cancel()` prevents the call.
   * @throws {RuntimeError} If the loop is closed.
   */
  callSoonThreadsafe<Args extends unknown[]>(
    callback: (...args: Args) => unknown,
    ...args: Args
  ): Handle {
    return this.callSoon(callback, ...args);
  }

  /**
   * Schedules `callback` to be called no earlier than `delay` seconds from now.
   *
   * Callbacks due at the same time are called in the order in which they were scheduled.
   * Counterpart of Python's `loop.call_later()`.
   *
   * @typeParam Args The types of the arguments.
   * @param delay Seconds to wait; zero or less means the next turn.
   * @param callback The function to call.
   * @param args The arguments to call it with.
   * @returns A handle whose `cancel()` prevents the call.
   * @throws {RangeError} If `delay` is not a number.
   * @throws {RuntimeError} If the loop is closed.
   */
  callLater<Args extends unknown[]>(
    delay: number,
    callback: (...args: Args) => unknown,
    ...args: Args
  ): TimerHandle {
    checkTime("delay", delay);
    return this.callAt(this.time() + delay, callback, ...args);
  }

  /**
   * Schedules `callback` to be called no earlier than a given time.
   *
   * Counterpart of Python's `loop.call_at()`.
   *
   * @typeParam Args The types of the arguments.
   * @param when Seconds on the clock of {@linkcode BaseEventLoop.time}.
   * @param callback The function to call.
   * @param args The arguments to call it with.
   * @returns A handle whose `cancel()` prevents the call.
   * @throws {RangeError} If `when` is not a number.
   * @throws {RuntimeError} If the loop is closed.
   */
  callAt<Args extends unknown[]>(
    when: number,
    callback: (...args: Args) => unknown,
    ...args: Args
  ): TimerHandle {
    checkTime("when", when);
    checkFunction("schedule a callback", callback);
    const context = currentValues();
    const timer = new TimerHandle(
      when,
      callback as (...args: never[]) => unknown,
      args,
      this,
      context,
    );
    this._addTimer(timer);
    return timer;
  }

  /**
   * Returns the time on the loop's own clock.
   *
   * Counterpart of Python's `loop.time()`.
   *
   * @returns Seconds since some moment; they never go back.
   */
  time(): number {
    return this.#clock.time();
  }

  /** @ignore */
  _checkOpen(): void {
    if (this.#closed) throw new RuntimeError("Cannot use the event loop: Event loop is closed");
  }

  /** @ignore Adds an entry to the next turn. */
  _enqueue(entry: Runnable): void {
    if (this.#closed) this._checkOpen();
    this.#ready.push(entry);
    if (this.#state === PARKED) this.#wake();
  }

  /** @ignore Adds an entry that becomes ready when it is due. */
  _addTimer(timer: Timer): void {
    if (this.#closed) this._checkOpen();
    this.#timers.add(timer);
    if (this.#state === PARKED && timer._when < this.#timerDue) this.#wake();
  }

  /** @ignore Removes a cancelled timer. */
  _forgetTimer(timer: Timer): void {
    this.#timers.remove(timer);
  }

  // -- Running --

  /**
   * Runs the loop until {@linkcode BaseEventLoop.stop} is called.
   *
   * The loop holds the process open as long as it runs. Counterpart of Python's
   * `loop.run_forever()`.
   *
   * @returns A promise that resolves when the loop has stopped.
   * @throws {RuntimeError} If the loop is closed, or if this or another loop is running already.
   */
  async runForever(): Promise<void> {
    this._checkRunnable();
    this.#finished = withResolvers();
    this.#inOwnContext = captureContext();
    current.loop = this;
    this.#slice.start();
    this.#state = DEFERRED;
    defer(this.#startTurn);
    await this.#finished.promise;
  }

  /** @ignore */
  _checkRunnable(): void {
    this._checkOpen();
    if (this.isRunning()) {
      throw new RuntimeError("Cannot run the event loop: This event loop is already running");
    }
    if (current.loop !== null) {
      throw new RuntimeError("Cannot run the event loop while another loop is running");
    }
  }

  /**
   * Stops the loop at the end of the current turn.
   *
   * Callbacks that are ready already are still called; what they schedule waits for the next run.
   * Called before a run, it makes that run end after one turn. Counterpart of Python's
   * `loop.stop()`.
   */
  stop(): void {
    this.#stopping = true;
    if (this.#state === PARKED) this.#wake();
  }

  /**
   * Tells whether the loop is running.
   *
   * @returns Whether `runForever()` or `runUntilComplete()` is in progress.
   */
  isRunning(): boolean {
    return this.#state !== IDLE;
  }

  /**
   * Tells whether the loop was closed.
   *
   * @returns Whether `close()` was called.
   */
  isClosed(): boolean {
    return this.#closed;
  }

  /**
   * Closes the loop: drops what is scheduled, and refuses anything new. Connections, servers and
   * processes that are still open are closed with it, with a warning.
   *
   * Closing twice is harmless. Counterpart of Python's `loop.close()`.
   *
   * @throws {RuntimeError} If the loop is running.
   */
  close(): void {
    if (this.isRunning()) {
      throw new RuntimeError("Cannot close the event loop: Cannot close a running event loop");
    }
    this.#closed = true;
    for (const resident of this._residents) resident._endWithLoop();
    this.#ready.clear();
    this.#timers.clear();
  }

  // -- Turns --

  readonly #startTurn = (): void => {
    if (this.#state === DEFERRED) this.#inOwnContext!(this.#beginTurn);
  };

  readonly #goOn = (): void => {
    if (this.#state !== DEFERRED) return;
    if (this.#slice.isOver()) return this.#letHostIn(YIELDING);
    this.#inOwnContext!(this.#proceed);
  };

  /** Continues where the loop left off. */
  readonly #proceed = (): void => {
    if (this.#todo > 0) this.#runReady();
    else if (this.#stopping || this.#fatal !== null) this.#finish();
    else if (this.#ready.length > 0) this.#beginTurn();
    else this.#park();
  };

  /** Moves the due timers to the ready queue, then runs a turn or waits. */
  readonly #beginTurn = (): void => {
    if (this.#timers.size > 0) this.#moveDueTimers();
    this.#todo = this.#ready.length;
    if (this.#todo > 0 || this.#stopping || this.#fatal !== null) this.#runReady();
    else this.#park();
  };

  #moveDueTimers(): void {
    const now = this.#clock.time();
    for (let timer = this.#timers.first; timer !== undefined; timer = this.#timers.first) {
      if (timer._when > now) break;
      this.#timers.remove(timer);
      this.#ready.push(timer);
    }
  }

  /** Runs the rest of the turn. The only place where callbacks are called. */
  #runReady(): void {
    this.#state = TURNING;
    this.#hostAsked = false;
    const ready = this.#ready;
    try {
      while (this.#todo > 0 && this.#fatal === null) {
        this.#todo--;
        if (this._instrument === null) ready.shift()!._run();
        else this.#runWatched(ready.shift()!, this._instrument);
        if (current.resumed !== null) return this.#letHostIn(WAITING);
        if (this.#slice.isOver()) return this.#letHostIn(YIELDING);
      }
    } catch (error) {
      // Entries do not throw, but a task class of the program, used by a task factory, may.
      this._interrupt(error);
    }
    this.#endTurn();
  }

  /**
   * Runs an entry. If it resumed an async function, it has not ended until that function suspends.
   */
  #runWatched(entry: Runnable, instrument: Instrument): void {
    instrument.entryStarts(entry);
    entry._run();
    if (current.resumed === null) instrument.entryEnded();
  }

  #endTurn(): void {
    this.#cancellation = null;
    if (this.#stopping || this.#fatal !== null) return this.#finish();
    this.#state = DEFERRED;
    defer(this.#startTurn);
  }

  #finish(): void {
    const finished = this.#finished!;
    const fatal = this.#fatal;
    this.#state = IDLE;
    this.#stopping = false;
    this.#todo = 0;
    this.#fatal = null;
    this.#finished = null;
    this.#inOwnContext = null;
    current.loop = null;
    current.resumed = null;
    this.#disarmImmediate();
    this.#disarmTimer();
    if (fatal === null) finished.resolve();
    else finished.reject(fatal.error);
  }

  // -- Async functions --

  /** @ignore Called when an entry of this turn resumed the async function of `owner`. */
  _resuming(owner: Owner): void {
    if (this.#state === TURNING) current.resumed = owner;
  }

  /**
   * @ignore The error for a cancellation. Creating errors is expensive, and groups cancel many
   * tasks at once: the cancellations of a turn that have no message share one.
   */
  _cancelledError(message: string | undefined): CancelledError {
    if (message !== undefined) return new CancelledError(message);
    return this.#cancellation ??= new CancelledError();
  }

  /** @ignore Called when the coroutine of `owner` has reached its next suspension, or its end. */
  _suspended(owner: Owner): void {
    if (current.resumed !== owner) return;
    current.resumed = null;
    if (this._instrument !== null) this._instrument.entryEnded();
    if (this.#state !== WAITING) return;
    // Not at once: the caller may have more to do before it returns to the host.
    this.#state = DEFERRED;
    defer(this.#goOn);
  }

  // -- The host's share --

  /**
   * Waits in this state until the host has had its share, or something else ends the wait sooner.
   * Then the immediate stays scheduled: it serves the next wait, or finds nothing to do, which
   * costs less than a new immediate for each wait.
   */
  #letHostIn(state: typeof WAITING | typeof YIELDING): void {
    this.#state = state;
    this.#immediate ??= afterHost(this.#onImmediate);
  }

  #disarmImmediate(): void {
    if (this.#immediate !== null) cancelAfterHost(this.#immediate);
    this.#immediate = null;
  }

  readonly #onImmediate = (): void => {
    this.#immediate = null;
    if (this.#state === YIELDING && !this.#slice.isShareOver()) return this.#letHostIn(YIELDING);
    this.#slice.start();
    if (this.#state === WAITING) this.#leaveToHost();
    else if (this.#state !== YIELDING) return;
    if (this._instrument !== null) this._instrument.entryEnded();
    this.#inOwnContext!(this.#proceed);
  };

  /** No microtask is left, so the resumed function awaits a promise that is not ours. */
  #leaveToHost(): void {
    const owner = current.resumed;
    if (owner === null) return;
    owner._awaitsHost = true;
    current.resumed = null;
    if (this._instrument !== null) this._instrument.suspending(owner);
  }

  // -- Waiting --

  #park(): void {
    const due = this.#timers.first?._when ?? Infinity;
    if (this.#clock.jumpTo !== undefined) return this.#jump(due);
    this.#state = PARKED;
    // Reading the clock costs as much as a callback; this timer will fire for what is due by now.
    if (this.#timer !== null && this.#timerDue <= due) return;
    this.#disarmTimer();
    const delay = due - this.#clock.time();
    if (delay <= 0) return this.#beginTurn();
    this.#timerDue = due;
    this.#timer = startTimer(this.#onTimer, Math.ceil(Math.min(delay, MAX_PARK) * 1000));
  }

  /** Moves a virtual clock to the next deadline instead of waiting. */
  #jump(due: number): void {
    if (!this.#hostAsked) {
      this.#hostAsked = true;
      return this.#letHostIn(YIELDING);
    }
    if (due === Infinity) return this.#endOrPark();
    this.#clock.jumpTo!(due);
    this.#state = DEFERRED;
    this.#beginTurn();
  }

  /**
   * Without a deadline there is nothing to jump to: only the host can go on, or it is a deadlock.
   */
  #endOrPark(): void {
    const deadlock = this._describeDeadlock();
    if (deadlock === null) {
      this.#state = PARKED;
    } else {
      this._interrupt(new RuntimeError(`Cannot go on: ${deadlock}`));
      this.#finish();
    }
  }

  /** @ignore Why nothing can ever happen again, or null if something still may. */
  _describeDeadlock(): string | null {
    return "nothing is ready and no timer is set";
  }

  #disarmTimer(): void {
    if (this.#timer !== null) stopTimer(this.#timer);
    this.#timer = null;
    this.#timerDue = Infinity;
  }

  readonly #onTimer = (): void => {
    this.#timer = null;
    this.#timerDue = Infinity;
    if (this.#state !== PARKED) return;
    this.#slice.start();
    this.#inOwnContext!(this.#beginTurn);
  };

  #wake(): void {
    this.#state = DEFERRED;
    this.#slice.start();
    defer(this.#startTurn);
  }

  /** @ignore Ends the run with an error, before anything else is called. */
  _interrupt(error: unknown): void {
    this.#fatal ??= { error };
    if (this.#state === PARKED) this.#wake();
  }

  // -- Errors --

  /**
   * Returns the handler set by {@linkcode BaseEventLoop.setExceptionHandler}.
   *
   * @returns The handler, or null if the default one is in use.
   */
  getExceptionHandler(): ExceptionHandler | null {
    return this.#exceptionHandler;
  }

  /**
   * Sets the handler of errors that have no other place to go: those of callbacks, of protocols,
   * and of tasks that nobody awaits.
   *
   * Counterpart of Python's `loop.set_exception_handler()`.
   *
   * @param handler The new handler, or null for the default one, which writes to standard error.
   * @throws {TypeError} If `handler` is neither a function nor null.
   */
  setExceptionHandler(handler: ExceptionHandler | null): void {
    if (handler !== null) checkFunction("set exception handler", handler);
    this.#exceptionHandler = handler;
  }

  /**
   * Reports an error to the exception handler, which is called in the context of the task that
   * failed, if there is one. It never throws; only a KeyboardInterrupt that the handler throws
   * stops the loop.
   *
   * Counterpart of Python's `loop.call_exception_handler()`.
   *
   * @param context What happened.
   */
  callExceptionHandler(context: ExceptionContext): void {
    const handler = this.#exceptionHandler;
    if (handler === null) return this.#reportByDefault(context);
    try {
      const own = contextOfTask(context);
      if (own === null) handler(this, context);
      else own.run(handler, this, context);
    } catch (error) {
      if (error instanceof KeyboardInterrupt) return this._interrupt(error);
      // A handler has no task to stop: a CancelledError that it throws is an error like any other.
      this.#reportByDefault({
        message: "Unhandled error in exception handler",
        exception: error,
        context,
      });
    }
  }

  #reportByDefault(context: ExceptionContext): void {
    try {
      this.defaultExceptionHandler(context);
    } catch (error) {
      if (error instanceof KeyboardInterrupt) return this._interrupt(error);
      // An overridden default handler may fail, too: the last resort is a plain line.
      console.error("Exception in default exception handler", error, context);
    }
  }

  /**
   * Writes an error to standard error: its message, its details and its stack, and those of its
   * causes and of the errors in a group.
   *
   * Counterpart of Python's `loop.default_exception_handler()`.
   *
   * @param context What happened.
   */
  defaultExceptionHandler(context: ExceptionContext): void {
    const { message, exception, ...details } = context;
    const lines = [message || "Unhandled exception in event loop"];
    for (const name of Object.keys(details).sort()) lines.push(`${name}: ${details[name]}`);
    if ("exception" in context) lines.push(errorText(exception));
    console.error(lines.join("\n"));
  }

  // -- Debugging --

  /**
   * Tells whether debug mode is on. Counterpart of Python's `loop.get_debug()`.
   *
   * @returns Whether debug mode is on.
   */
  getDebug(): boolean {
    return this._instrument instanceof DebugInstrument;
  }

  /**
   * Turns debug mode on or off.
   *
   * Debug mode warns about callbacks that take longer than `slowCallbackDuration` and about tasks
   * that caught a CancelledError and went on, and records where tasks were created and where they
   * wait. It costs nothing when it is off. Counterpart of Python's `loop.set_debug()`.
   *
   * @param enabled Whether to turn it on.
   */
  setDebug(enabled: boolean): void {
    if (enabled !== this.getDebug()) this._instrument = enabled ? new DebugInstrument(this) : null;
  }

  /**
   * Returns the loop as Python prints it.
   *
   * @returns Such as `<EventLoop running=false closed=false debug=false>`.
   */
  toString(): string {
    const flags = `running=${this.isRunning()} closed=${this.#closed} debug=${this.getDebug()}`;
    return `<${this.constructor.name} ${flags}>`;
  }
}

/** The context of the task that an error comes from, or null. */
function contextOfTask({ task, future }: ExceptionContext): Context | null {
  const context = ((task ?? future) as { getContext?(): unknown } | undefined)?.getContext?.();
  return context instanceof Context ? context : null;
}

function checkTime(name: "delay" | "when", time: number): void {
  if (typeof time === "number" && !Number.isNaN(time)) return;
  throw new RangeError(`Cannot schedule a callback: ${name} must be a number, not ${repr(time)}`);
}

function checkFunction(action: string, given: unknown): void {
  if (typeof given === "function") return;
  throw new TypeError(`Cannot ${action}: a function was expected, not ${repr(given)}`);
}
