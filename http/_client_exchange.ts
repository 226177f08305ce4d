/**
 * A call of a session while it is under way, and the requests that it makes.
 *
 * A call may make several requests, one after another: redirects, retries. What ends it before its
 * time (its total timeout, its signal, the end of its session) ends the request that runs. A request
 * holds a place of the limiter and what is needed to stop it; all of that goes when it has ended, once,
 * however it ends.
 *
 * @module
 */

import {
  CancelledError,
  currentTask,
  getRunningLoop,
  RuntimeError,
  wrapFuture,
} from "../loop/mod.ts";
import type { EventLoop, Future } from "../loop/mod.ts";
import type { Steps } from "../loop/coroutines.ts";
import type { Deadlines } from "./_client_deadlines.ts";
import type { Lease, Limiter } from "./_client_limiter.ts";
import { forgetResponse } from "./_client_unclosed.ts";
import { ServerTimeoutError } from "./client_timeout.ts";
import type { Phases, TimeoutPhase } from "./client_timeout.ts";
import type { Tracer } from "./client_tracing.ts";

/** What is known of a call from the start. */
export interface CallInit {
  readonly url: string;
  readonly phases: Phases;
  readonly signal: AbortSignal | undefined;
  /** Those of the session: it is in here until it ends. */
  readonly calls: Deadlines<Call>;
}

/** See the module's description. */
export class Call {
  readonly loop: EventLoop = getRunningLoop();
  readonly phases: Phases;
  /** @ignore */
  _index = -1;
  /** The URL of the last request. */
  url: string;
  readonly #init: CallInit;
  /** Those that have not ended: hardly ever more than one. */
  readonly #exchanges: Exchange[] = [];
  #onAbort: (() => void) | null = null;
  /** When its time is up, in seconds on the loop's clock. */
  #deadline = Infinity;
  #failure: { readonly error: unknown } | null = null;
  #ended = false;
  /** The task of its middlewares, while they run. */
  #task: Future<unknown> | null = null;

  constructor(init: CallInit) {
    this.#init = init;
    this.url = init.url;
    this.phases = init.phases;
    const { signal } = init;
    if (signal !== undefined) {
      signal.throwIfAborted();
      this.#onAbort = () => this.fail(signal.reason);
      signal.addEventListener("abort", this.#onAbort);
    }
    init.calls.add(this);
    const { total } = init.phases;
    if (total !== null) this.watch(this.#deadline = this.loop.time() + total);
  }

  /** Has `expire()` called at a time of the loop's clock. */
  watch(deadline: number): void {
    this.#init.calls.watch(this, deadline);
  }

  /** Fails what has run out of time; returns when the next limit ends, or Infinity. */
  expire(now: number): number {
    const { total } = this.phases;
    if (this.#deadline <= now) {
      this.fail(new ServerTimeoutError("total", this.url, total!));
      return Infinity;
    }
    return this.#exchanges.slice().reduce(
      (next, exchange) => Math.min(next, exchange.expire(now)),
      this.#deadline,
    );
  }

  /** Ends the call and all that it has under way. */
  fail(error: unknown): void {
    if (this.#ended || this.#failure !== null) return;
    this.#failure = { error };
    for (const exchange of this.#exchanges.slice()) exchange.fail(error);
    this.#task?.cancel();
    this.end();
  }

  /** Throws what has ended the call. */
  check(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }

  /** Waits for a task that makes requests of this call. What ends the call, cancels the task. */
  *follow<T>(task: Future<T>): Steps<T> {
    const cancellations = currentTask()?.cancelling() ?? 0;
    this.#task = task;
    try {
      return yield* task;
    } catch (error) {
      const isOurs = this.#failure !== null &&
        (currentTask()?.cancelling() ?? 0) <= cancellations;
      throw isOurs ? this.#failure!.error : error;
    } finally {
      this.#task = null;
    }
  }

  /** Ends what the call has under way except `exchange`; with that, the call itself ends. */
  settleOn(exchange: Exchange): void {
    for (const other of this.#exchanges.slice()) if (other !== exchange) other.giveUp();
    if (exchange.ended) this.end();
  }

  /** Its time runs out no more, and it listens no more. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#deadline = Infinity;
    if (this.#onAbort !== null) this.#init.signal!.removeEventListener("abort", this.#onAbort);
    for (const exchange of this.#exchanges.slice()) exchange.giveUp();
    this.#init.calls.delete(this);
  }

  /** @ignore */
  _begun(exchange: Exchange): void {
    this.check();
    if (this.#ended) throw new RuntimeError("Cannot make request: the call has its response");
    this.#exchanges.push(exchange);
  }

  /** @ignore */
  _ended(exchange: Exchange, isLast: boolean): void {
    const last = this.#exchanges.pop()!;
    if (last !== exchange) this.#exchanges[this.#exchanges.indexOf(exchange)] = last;
    if (isLast) this.end();
  }
}

/** One request of a call. */
export class Exchange {
  readonly url: string;
  /** Null if nobody looks on. */
  readonly tracer: Tracer | null;
  readonly #call: Call;
  readonly #aborter = new AbortController();
  #lease: Lease | null = null;
  #waiting: Future<unknown> | null = null;
  #phase: TimeoutPhase = "headers";
  /** When the running phase ends, in seconds on the loop's clock; Infinity while none runs. */
  #deadline = Infinity;
  #ended = false;
  #failure: { readonly error: unknown } | null = null;
  /** What else has to be done at the end. */
  #atEnd: (() => void) | null = null;
  /** Whether the call ends with this request. */
  #isLast = false;

  constructor(call: Call, url: string, tracer: Tracer | null) {
    this.#call = call;
    this.url = url;
    this.tracer = tracer;
    call.url = url;
    call._begun(this);
  }

  /** Aborts when the request has to stop. */
  get signal(): AbortSignal {
    return this.#aborter.signal;
  }

  /** Whether it has ended, well or not. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The limit of the pieces of the body, in seconds. */
  get idleRead(): number | null {
    return this.#call.phases.idleRead;
  }

  /** What it has failed with, if it has. */
  get failure(): { readonly error: unknown } | null {
    return this.#failure;
  }

  /** Throws what it has failed with, if it has. */
  check(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }

  /** Takes a place if there is one. */
  tryAcquire(limiter: Limiter, host: string): boolean {
    this.#lease = limiter.tryAcquire(host);
    return this.#lease !== null;
  }

  /** Waits for a place. */
  *acquire(limiter: Limiter, host: string): Steps<void> {
    this.tracer?.tell("onConnectionQueuedStart", {});
    const ticket = limiter.enqueue(host, this.#call.loop);
    try {
      const lease = yield* this.#begin(ticket.future, "pool");
      // It may have ended after the place was given to it.
      this.signal.throwIfAborted();
      this.#lease = lease;
    } catch (error) {
      ticket.abandon();
      throw this.errorFor(error);
    } finally {
      this.waited();
    }
    this.tracer?.tell("onConnectionQueuedEnd", {});
  }

  /** Has `fn` called when the request has ended, however it ends. */
  atEnd(fn: () => void): void {
    this.#atEnd = fn;
  }

  /** Waits for a promise of the runtime; when the task is cancelled, the request stops. */
  *wait<T>(promise: Promise<T>, phase: TimeoutPhase): Steps<T> {
    try {
      const value = yield* this.waitFor(promise, phase);
      this.check(); // it may have failed after that has come
      return value;
    } catch (error) {
      throw this.errorFor(error);
    } finally {
      this.waited();
    }
  }

  /**
   * The first part of `wait()`, for where each call counts. `waited()` and `check()` follow; what the
   * future throws, `errorFor()` has to see.
   */
  waitFor<T>(promise: Promise<T>, phase: TimeoutPhase): Future<T> {
    return this.#begin(wrapFuture(promise), phase);
  }

  #begin<T>(future: Future<T>, phase: TimeoutPhase): Future<T> {
    this.#waiting = future;
    this.startTimer(phase);
    return future;
  }

  /** Nobody waits any more. */
  waited(): void {
    this.#waiting = null;
    this.stopTimer();
  }

  /** What to throw in place of what was thrown: what the request has failed with goes first. */
  errorFor(error: unknown): unknown {
    if (!(error instanceof CancelledError)) {
      return this.#failure === null ? error : this.#failure.error;
    }
    // It goes through, whatever else has happened; what was waited for may have come already.
    this.fail(error);
    return error;
  }

  /** Begins a phase, or begins it anew. */
  startTimer(phase: TimeoutPhase): void {
    const { loop, phases } = this.#call;
    const seconds = phases[phase];
    if (seconds === null || this.#ended) return this.stopTimer();
    this.#phase = phase;
    this.#deadline = loop.time() + seconds;
    this.#call.watch(this.#deadline);
  }

  /** Ends a phase. */
  stopTimer(): void {
    this.#deadline = Infinity;
  }

  /** Fails if its phase is over; returns when that is, or Infinity. */
  expire(now: number): number {
    if (this.#deadline > now) return this.#deadline;
    const phase = this.#phase;
    this.fail(new ServerTimeoutError(phase, this.url, this.#call.phases[phase]!));
    return Infinity;
  }

  /** Begins the running phase anew: something moves. */
  touch(): void {
    if (this.#deadline < Infinity) this.startTimer(this.#phase);
  }

  /** Has a call end when this request has; at once, if it is one of another call. */
  becomeLastOf(call: Call): void {
    if (call !== this.#call) return call.end();
    this.#isLast = true;
    call.settleOn(this);
  }

  /** Ends the request with an error, for whoever waits for it. */
  fail(error: unknown): void {
    if (this.#ended) return;
    this.#ended = true; // first: who looks on may close the session
    this.#failure = { error };
    this.tracer?.tell("onRequestException", { exception: error });
    this.#finish();
    this.abort(error);
  }

  /** Ends the request although nobody has seen all of it. */
  giveUp(): void {
    if (this.#ended) return;
    this.end();
    this.abort();
  }

  /** Stops what the runtime does for it, and ends the waiting for that. */
  abort(reason: unknown = new DOMException("The response was given up", "AbortError")): void {
    if (this.#waiting !== null && !this.#waiting.done()) this.#waiting.setException(reason);
    this.#aborter.abort(reason);
  }

  /** Ends the request: all of it has come, or nobody wants the rest. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.tracer?.tell("onRequestEnd", {});
    this.#finish();
  }

  #finish(): void {
    this.#deadline = Infinity;
    this.#lease?.release();
    this.#lease = null;
    forgetResponse(this);
    this.#atEnd?.();
    this.#atEnd = null;
    this.#call._ended(this, this.#isLast);
  }
}
