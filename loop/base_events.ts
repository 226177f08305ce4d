/**
 * The turns of the event loop: what is ready, what is due, when the host gets its share, when to
 * wait. Everything of a loop that needs neither futures nor tasks.
 *
 * Counterpart of `run_forever()`, `_run_once()` and the scheduling methods of Python's
 * `asyncio.base_events`. The loop runs on the host's event loop and is in one of these states:
 *
 * 1. IDLE: `runForever()` is not in progress.
 * 2. TURNING: `#runReady()` is on the stack; the only place where callbacks are called.
 * 3. DEFERRED: a microtask will start or go on with a turn.
 * 4. WAITING: an async function was resumed (`current.resumed`); the turn goes on when it has
 *    reached its next suspension, or when the host says that no microtask is left, which means
 *    that it awaits a promise that is not ours.
 * 5. YIELDING: the host has its share; an immediate will go on with the turn.
 * 6. PARKED: nothing is ready; a host timer for the next deadline holds the process open.
 *
 * Invariants: a turn runs the entries that were ready when it began, and what they schedule belongs
 * to the next; between two turns microtasks run; at least every millisecond the host gets its share.
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

/** Called with what went wrong where nobody else could be told. */
export type ExceptionHandler = (loop: BaseEventLoop, context: ExceptionContext) => void;

/** Options for `newEventLoop()`. */
export interface EventLoopOptions {
  /**
   * Where `loop.time()` comes from.
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

/** What lives on a loop and ends with it: a connection, a server, a process. */
export interface Resident {
  /** Ends it at once. The loop is closed, so nobody hears of it. */
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
  /** An error that ends the run, whatever else is to be done: a KeyboardInterrupt. */
  #fatal: { error: unknown } | null = null;
  #finished: PromiseWithResolvers<void> | null = null;

  /**
   * Calls a function in the asynchronous context in which `runForever()` was called: what callbacks
   * start there must not seem to belong to a task that has just suspended.
   */
  #inOwnContext: ((fn: () => void) => void) | null = null;

  #immediate: unknown = null;
  #timer: unknown = null;
  /** When `#timer` fires, on the loop's clock. */
  #timerDue = Infinity;
  /** Whether the host was given a chance since the loop last found nothing to do. */
  #hostAsked = false;

  readonly #slice = new Slice();

  /** @ignore Who watches this loop, or null. */
  _instrument: Instrument | null = null;
  /**
   * How long a callback may take before debug mode warns of it, in seconds. Counterpart of Python's
   * `loop.slow_callback_duration`.
   */
  slowCallbackDuration = 0.1;

  /** The error of the cancellations without a message that are delivered in this turn. */
  #cancellation: CancelledError | null = null;

  /** @ignore Tasks that are not done. The loop keeps them alive. */
  readonly _tasks: LinkedList<Owner> = new LinkedList();
  /** @ignore What holds something of the host's, and lets go of it when the loop is closed. */
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
   * `callSoon()` has returned; and in a copy of the context in which they were scheduled, as those of
   * `callLater()` and `callAt()` are. For another context there is `callSoon(() => context.run(fn))`.
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
   * The same as {@linkcode BaseEventLoop.callSoon}, for code that comes from outside the loop.
   *
   * In JavaScript nothing else runs while a callback does, so the two do not differ; the name is
   * kept for those who look for it. Counterpart of Python's `loop.call_soon_threadsafe()`.
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
   * @param delay Seconds to wait; zero and less mean the next turn.
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
   * Schedules `callback` to be called no earlier than at a time.
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
   * Returns the time by the loop's own clock.
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

  /** @ignore Adds an entry that becomes ready at its time. */
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
   * @throws {RuntimeError} If the loop is closed, or if this or another loop runs already.
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
   * Ends the run at the end of the current turn.
   *
   * What is ready already is still called; what those callbacks schedule waits for the next run.
   * Before a run it makes that run end after one turn. Counterpart of Python's `loop.stop()`.
   */
  stop(): void {
    this.#stopping = true;
    if (this.#state === PARKED) this.#wake();
  }

  /**
   * Tells whether the loop runs.
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
   * Closes the loop: drops what is scheduled, and refuses all that comes after. Connections, servers
   * and processes that are still open end with it, and a warning tells of them.
   *
   * Closing twice is harmless. Counterpart of Python's `loop.close()`.
   *
   * @throws {RuntimeError} If the loop runs.
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

  /** Goes on where the loop left off. */
  readonly #proceed = (): void => {
    if (this.#todo > 0) this.#runReady();
    else if (this.#stopping || this.#fatal !== null) this.#finish();
    else if (this.#ready.length > 0) this.#beginTurn();
    else this.#park();
  };

  /** Moves what is due to the ready queue, and runs it or waits. */
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
      // Entries do not throw; a class of the program's own, made by a task factory, may.
      this._interrupt(error);
    }
    this.#endTurn();
  }

  /** An async function that the entry resumed has yet to come to its suspension. */
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
   * @ignore The error for a cancellation. Errors are dear, and groups are cancelled at once: those
   * without a message share one per turn.
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
    // Not at once: whoever called this may have more to do before it returns to the host.
    this.#state = DEFERRED;
    defer(this.#goOn);
  }

  // -- The host's share --

  /**
   * Waits in this state until the host has had its share, or something else ends it sooner. Then the
   * immediate stays: it will serve the next one, or find nothing to do, and a new one for each costs more.
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

  /** No microtask is left, so whoever was resumed awaits a promise that is not ours. */
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
    // To read the clock costs as much as a callback: what is due by now, this timer will tell.
    if (this.#timer !== null && this.#timerDue <= due) return;
    this.#disarmTimer();
    const delay = due - this.#clock.time();
    if (delay <= 0) return this.#beginTurn();
    this.#timerDue = due;
    this.#timer = startTimer(this.#onTimer, Math.ceil(Math.min(delay, MAX_PARK) * 1000));
  }

  /** What a loop with a virtual clock does instead of waiting. */
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

  /** Without a deadline there is nothing to jump to: it is the host's turn, or nobody's ever. */
  #endOrPark(): void {
    const deadlock = this._describeDeadlock();
    if (deadlock === null) {
      this.#state = PARKED;
    } else {
      this._interrupt(new RuntimeError(`Cannot go on: ${deadlock}`));
      this.#finish();
    }
  }

  /** @ignore Why nothing can ever happen again; null if something may. */
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
   * Sets who is told of errors that have no other place to go: those of callbacks, of tasks that
   * nobody awaits, of protocols.
   *
   * Counterpart of Python's `loop.set_exception_handler()`.
   *
   * @param handler The new handler, or null for the default one, which writes to standard error.
   * @throws {TypeError} If it is neither a function nor null.
   */
  setExceptionHandler(handler: ExceptionHandler | null): void {
    if (handler !== null) checkFunction("set exception handler", handler);
    this.#exceptionHandler = handler;
  }

  /**
   * Reports an error to the exception handler, which is called in the context of the task that the
   * error is of, if there is one. It never throws and never stops the loop.
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
      // A handler has no task to stop: a CancelledError out of it is an error like any other.
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
      // Also for an overridden handler that fails: the last resort is a plain line.
      console.error("Exception in default exception handler", error, context);
    }
  }

  /**
   * Writes an error to standard error: its message, its details, its stack; and those of its cause,
   * or of the errors that it is a group of.
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
   * @returns Whether it is on.
   */
  getDebug(): boolean {
    return this._instrument instanceof DebugInstrument;
  }

  /**
   * Turns debug mode on or off.
   *
   * It warns of callbacks that take longer than `slowCallbackDuration` and of tasks that caught a
   * CancelledError and went on, and knows where tasks were created and where they wait. It costs
   * nothing when it is off. Counterpart of Python's `loop.set_debug()`.
   *
   * @param enabled Whether it shall be on.
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

/** The context of the task that an error is of, or null. */
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
