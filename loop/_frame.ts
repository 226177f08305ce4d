/**
 * A suspended piece of a task: what it waits for, and how it goes on.
 *
 * A task that runs a generator has one frame, the generator's. A task that runs an async function
 * has one for each of our futures that the function awaits now: usually one, several under a
 * `Promise.all`. The frame itself is the entry of the loop's ready queue that resumes it.
 *
 * A generator yields what it waits for: a future, a promise, or nothing, which lets one turn of the
 * loop pass. Its steps run synchronously, so they have asyncio's order by nature.
 *
 * @module
 */

import { current } from "./_current.ts";
import type { Owner } from "./_current.ts";
import { withResolvers } from "./_host.ts";
import { repr } from "./_repr.ts";
import type { BaseEventLoop } from "./base_events.ts";
import type { CancelledError } from "./exceptions.ts";
import { RuntimeError } from "./exceptions.ts";
import type { Runnable } from "./handles.ts";

/** What a frame can wait for: a future. */
export interface Waitable {
  /** The loop that the future belongs to. */
  readonly _loop: BaseEventLoop;
  /** Whether the host may end it. */
  readonly _isUpToHost: boolean;
  /** Cancels the future. */
  cancel(message?: string): boolean;
  /** Puts `entry` into the ready queue once the future is done. */
  _subscribe(entry: Runnable): void;
  /** Gives the outcome of the future to `frame`, which waited for it; or `error` instead. */
  _deliverTo(frame: Frame, error: CancelledError | null): void;
  /** The CancelledError that the future ended with, or null. */
  _cancellation(): CancelledError | null;
}

/** The task that a frame belongs to. */
export interface FrameOwner extends Owner {
  readonly _loop: BaseEventLoop;
  /** Whether a cancellation is still to be delivered. */
  _mustCancel: boolean;
  /** The message of that cancellation, if it has one. */
  _cancelMessage: string | undefined;
  /** Takes the pending cancellation, as the error to throw. */
  _takeCancellation(): CancelledError;
  /** The first of its frames that wait for a future; the others follow by `next`. */
  _frames: Frame | null;
}

/** What a generator may yield to its task: a future, a promise, or nothing for one turn. */
export type Suspension = PromiseLike<unknown> | undefined | void;

/** A generator, as a coroutine. */
export type Steps<T> = Generator<Suspension, T, unknown>;

/** Stands for no error: `undefined` can be thrown, too. */
const NO_ERROR = Symbol("no error");
/** Stands for no result: `undefined` can be returned, too. */
const NOTHING = Symbol("nothing");

function asWaitable(value: PromiseLike<unknown>): Waitable | null {
  const future = value as unknown as Waitable;
  return typeof future._subscribe === "function" ? future : null;
}

/**
 * Waits for a future within steps of this package: `yield suspendOn(future); future.result()` does
 * what `yield* future` does, without a generator for it. In debug mode it notes where the task
 * waits.
 */
export function suspendOn<F extends Waitable & PromiseLike<unknown>>(future: F): F {
  const instrument = future._loop._instrument;
  if (instrument !== null) instrument.suspending(current.task);
  return future;
}

/** Receives the outcome of the steps of a generator. */
export interface Sink {
  /** Called with what the generator returned. */
  _finish(value: unknown): void;
  /** Called with what it threw. */
  _fail(error: unknown): void;
}

/** See the module's description. */
export abstract class Frame implements Runnable {
  /** The task, or null if a future is awaited outside of a task. */
  owner: FrameOwner | null;
  readonly loop: BaseEventLoop;
  /** The future it waits for; null if it waits for the next turn or for a promise. */
  waitsFor: Waitable | null = null;
  /** The next frame of the same task. */
  next: Frame | null = null;

  constructor(owner: FrameOwner | null, loop: BaseEventLoop) {
    this.owner = owner;
    this.loop = loop;
  }

  toString(): string {
    return this.owner === null ? "<await outside of a task>" : String(this.owner);
  }

  /**
   * Goes on after `waitedFor` is done, or after a turn if that is null; with `error` if there is
   * one.
   */
  protected abstract goOn(waitedFor: Waitable | null, error: Error | null): void;
  /** Called by a future with its result. */
  abstract _finish(value: unknown): void;
  /** Called by a future with its exception. */
  abstract _fail(error: unknown): void;

  /** Goes on, in a turn of the loop. */
  _run(): void {
    const waitedFor = this.waitsFor;
    const owner = this.owner;
    if (waitedFor !== null) this.#leave();
    if (this.loop._instrument !== null) this.#announceCancellation(waitedFor);
    if (owner !== null && owner._mustCancel && !this.#isLeftOver(waitedFor)) {
      const pending = owner._takeCancellation();
      // A future that was cancelled has an error of its own, from the cancellation that came first.
      this.goOn(waitedFor, waitedFor?._cancellation() ?? pending);
    } else {
      this.goOn(waitedFor, null);
    }
  }

  /**
   * Whether the task has gone on without this frame, which lost a race: the pending cancellation is
   * for what the task awaits now, and the future has one of its own.
   */
  #isLeftOver(waitedFor: Waitable | null): boolean {
    return this.owner!._awaitsHost && waitedFor !== null && waitedFor._cancellation() !== null;
  }

  #announceCancellation(waitedFor: Waitable | null): void {
    const { owner } = this;
    if (owner !== null && (owner._mustCancel || waitedFor?._cancellation())) {
      this.loop._instrument!.cancelling(owner);
    }
  }

  /** Waits for the next turn. */
  suspendForTurn(): void {
    if (this.loop._instrument !== null) this.loop._instrument.suspending(this.owner);
    this.loop._enqueue(this);
    const owner = this.owner;
    if (owner === null) return;
    owner._awaitsHost = false;
    this.loop._suspended(owner);
  }

  /** Waits for a future. A pending cancellation is passed on to that future. */
  suspendOnFuture(future: Waitable): void {
    const owner = this.owner;
    if (this.loop._instrument !== null) this.loop._instrument.suspending(owner);
    this.waitsFor = future;
    future._subscribe(this);
    if (owner === null) return;
    this.next = owner._frames;
    owner._frames = this;
    owner._awaitsHost = false;
    if (owner._mustCancel && future.cancel(owner._cancelMessage)) owner._mustCancel = false;
    this.loop._suspended(owner);
  }

  /**
   * Waits for the next turn, and fails then; a cancellation that is pending by then takes
   * precedence.
   */
  suspendToFail(problem: RuntimeError): void {
    const owner = this.owner;
    if (this.loop._instrument !== null) this.loop._instrument.suspending(owner);
    this.loop.callSoon(() => {
      this.goOn(null, owner !== null && owner._mustCancel ? owner._takeCancellation() : problem);
    });
    if (owner === null) return;
    owner._awaitsHost = false;
    this.loop._suspended(owner);
  }

  /** Why this frame can't wait for `future`, or null. */
  problemOf(future: Waitable): RuntimeError | null {
    if (future as unknown === this.owner) {
      return new RuntimeError(`Task cannot await on itself: ${future}`);
    }
    if (this.owner !== null && future._loop !== this.loop) {
      return new RuntimeError(`Cannot await ${future}: it belongs to a different loop`);
    }
    return null;
  }

  /** Removes this frame from its task's list of waiting frames. */
  #leave(): void {
    this.waitsFor = null;
    const owner = this.owner;
    if (owner === null) return;
    if (owner._frames === this) {
      owner._frames = this.next;
    } else {
      let before = owner._frames;
      while (before !== null && before.next !== this) before = before.next;
      if (before !== null) before.next = this.next;
    }
    this.next = null;
  }
}

/** The frame of a generator. */
export class StepFrame extends Frame {
  readonly #generator: Steps<unknown>;
  #sink: Sink | null;

  constructor(
    owner: FrameOwner | null,
    loop: BaseEventLoop,
    generator: Steps<unknown>,
    sink: Sink,
  ) {
    super(owner, loop);
    this.#generator = generator;
    this.#sink = sink;
  }

  protected override goOn(_: Waitable | null, error: Error | null): void {
    // The generator waits within the future's own iterator, which gives it the outcome.
    if (error === null) this.step();
    else this.step(error);
  }

  override _finish(value: unknown): void {
    this.#letGo()._finish(value);
  }

  override _fail(error: unknown): void {
    this.#letGo()._fail(error);
  }

  /**
   * The stack of an error may lead to this frame, and must not lead on to the task: see tasks.ts.
   */
  #letGo(): Sink {
    const sink = this.#sink!;
    if (this.loop._instrument === null) this.owner = this.#sink = null;
    return sink;
  }

  /** Runs the generator to its next suspension, with `error` thrown into it if there is one. */
  step(error: unknown = NO_ERROR, value?: unknown): void {
    const generator = this.#generator;
    const { task, context } = current;
    const owner = this.owner;
    if (owner !== null) {
      current.task = current.context = owner;
    }
    let result: IteratorResult<Suspension, unknown>;
    try {
      result = error === NO_ERROR ? generator.next(value) : generator.throw(error);
    } catch (thrown) {
      // Any error, a CancelledError too, is the outcome of the coroutine.
      current.task = task;
      current.context = context;
      return this._fail(thrown);
    }
    current.task = task;
    current.context = context;
    if (result.done) this._finish(result.value);
    else this.#suspendOn(result.value);
  }

  #suspendOn(yielded: Suspension): void {
    if (yielded === undefined || yielded === null) return this.suspendForTurn();
    const future = asWaitable(yielded);
    if (future === null) return this.#suspendOnPromise(yielded);
    const problem = this.problemOf(future);
    if (problem === null) this.suspendOnFuture(future);
    else this.suspendToFail(problem);
  }

  /**
   * A promise that is not ours can't be cancelled: a cancellation waits until the task awaits
   * something else.
   */
  #suspendOnPromise(promise: PromiseLike<unknown>): void {
    if (typeof promise?.then !== "function") {
      const text = `Cannot suspend: Task got bad yield: ${repr(promise)}`;
      return this.suspendToFail(new RuntimeError(text));
    }
    // Behind the promise, an async function of this task may be on its way to its suspension.
    if (this.owner !== null) this.loop._resuming(this.owner);
    // If the loop is closed by then, the task was reported as one that never ends.
    promise.then(
      (value) => this.loop.isClosed() || this.step(NO_ERROR, value),
      (error) => this.loop.isClosed() || this.step(error),
    );
  }
}

type OnFulfilled<T, R> = ((value: T) => R | PromiseLike<R>) | null | undefined;
type OnRejected<R> = ((error: unknown) => R | PromiseLike<R>) | null | undefined;

/**
 * The frame of an `await`: what it waits for, and the two functions that settle the promise behind
 * it. It is what `then()` returns, and makes a promise only for callers that chain on it.
 */
export class AwaitFrame<T, R1, R2> extends Frame implements PromiseLike<R1 | R2>, Sink {
  readonly #onFulfilled: OnFulfilled<T, R1>;
  readonly #onRejected: OnRejected<R2>;
  #chained: PromiseWithResolvers<R1 | R2> | null = null;
  /** What the called function returned, for callers that chain later; else NOTHING. */
  #result: R1 | R2 | PromiseLike<R1 | R2> | typeof NOTHING = NOTHING;

  constructor(
    owner: FrameOwner | null,
    loop: BaseEventLoop,
    onFulfilled: OnFulfilled<T, R1>,
    onRejected: OnRejected<R2>,
  ) {
    super(owner, loop);
    this.#onFulfilled = onFulfilled;
    this.#onRejected = onRejected;
  }

  protected override goOn(waitedFor: Waitable | null, error: Error | null): void {
    const { task, context } = current;
    if (this.owner !== null) {
      current.task = current.context = this.owner;
    }
    if (waitedFor !== null) waitedFor._deliverTo(this, error);
    else if (error === null) this._finish(undefined);
    else this._fail(error);
    current.task = task;
    current.context = context;
  }

  override _finish(value: unknown): void {
    if (this.owner !== null) this.loop._resuming(this.owner);
    if (this.#onFulfilled) this.#settle(this.#onFulfilled, value as T);
    else this.#resolve(value as R1);
  }

  override _fail(error: unknown): void {
    if (this.owner !== null) this.loop._resuming(this.owner);
    if (this.#onRejected) this.#settle(this.#onRejected, error);
    else this.#chain().reject(error); // if nobody handles it, the host reports it
  }

  /**
   * The functions of an `await` run no other code and never throw; those of a caller may do both.
   */
  #settle<V, R extends R1 | R2>(fn: (value: V) => R | PromiseLike<R>, value: V): void {
    try {
      this.#resolve(fn(value));
    } catch (error) {
      this.#chain().reject(error); // the same
    }
  }

  #resolve(result: R1 | R2 | PromiseLike<R1 | R2>): void {
    this.#result = result;
    if (this.#chained !== null) this.#chained.resolve(result);
  }

  #chain(): PromiseWithResolvers<R1 | R2> {
    return this.#chained ??= withResolvers();
  }

  then<A = R1 | R2, B = never>(
    onFulfilled?: ((value: R1 | R2) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): PromiseLike<A | B> {
    const chained = this.#chain();
    if (this.#result !== NOTHING) chained.resolve(this.#result);
    return chained.promise.then(onFulfilled, onRejected);
  }
}
