/**
 * A call of a session while it is in progress, and the requests that it makes.
 *
 * A call may make several requests, one after another: redirects, retries. What ends it early (its
 * total timeout, its signal, the end of its session) ends the request that runs. A request, or
 * exchange, holds a place of the limiter and the means to stop it; they are released exactly once,
 * when it ends, however it ends.
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

/** What a call starts with. */
export interface CallInit {
  readonly url: string;
  readonly phases: Phases;
  readonly signal: AbortSignal | undefined;
  /** The session's calls; this one is among them until it ends. */
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
  /** The requests that have not ended: hardly ever more than one. */
  readonly #exchanges: Exchange[] = [];
  #onAbort: (() => void) | null = null;
  /** When its total timeout ends, in seconds on the loop's clock. */
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

  /** Arranges for `expire()` to be called at a time of the loop's clock. */
  watch(deadline: number): void {
    this.#init.calls.watch(this, deadline);
  }

  /** Fails what is overdue; returns the next deadline, or Infinity. */
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

  /** Ends the call and its requests with an error. */
  fail(error: unknown): void {
    if (this.#ended || this.#failure !== null) return;
    this.#failure = { error };
    for (const exchange of this.#exchanges.slice()) exchange.fail(error);
    this.#task?.cancel();
    this.end();
  }

  /** Throws the error that has ended the call, if any. */
  check(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }

  /** Waits for a task that makes requests of this call; cancels the task if the call fails. */
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

  /** Ends the requests of the call except `exchange`; if that has ended, the call ends, too. */
  settleOn(exchange: Exchange): void {
    for (const other of this.#exchanges.slice()) if (other !== exchange) other.giveUp();
    if (exchange.ended) this.end();
  }

  /** Ends the call: it drops its deadline and its signal, and gives up its requests. */
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
    if (this.#ended) {
      throw new RuntimeError("Cannot make request: the call has already returned its response");
    }
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
  /** Null if the session has no trace configurations. */
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
  /** Called when the request has ended. */
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

  /** Whether it has ended, with or without an error. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The timeout of each chunk of the body, in seconds; null for none. */
  get idleRead(): number | null {
    return this.#call.phases.idleRead;
  }

  /** The error that it has failed with, or null. */
  get failure(): { readonly error: unknown } | null {
    return this.#failure;
  }

  /** Throws the error that it has failed with, if any. */
  check(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }

  /** Takes a place if one is free; returns whether it has. */
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

  /** Arranges for `fn` to be called when the request has ended, however it ends. */
  atEnd(fn: () => void): void {
    this.#atEnd = fn;
  }

  /** Waits for a promise of the runtime; when the task is cancelled, the request stops. */
  *wait<T>(promise: Promise<T>, phase: TimeoutPhase): Steps<T> {
    try {
      const value = yield* this.waitFor(promise, phase);
      this.check(); // it may have failed after the value has come
      return value;
    } catch (error) {
      throw this.errorFor(error);
    } finally {
      this.waited();
    }
  }

  /**
   * The first part of `wait()`, for code where each function call counts. The caller goes on with
   * `waited()` and `check()`, and passes what the future throws through `errorFor()`.
   */
  waitFor<T>(promise: Promise<T>, phase: TimeoutPhase): Future<T> {
    return this.#begin(wrapFuture(promise), phase);
  }

  #begin<T>(future: Future<T>, phase: TimeoutPhase): Future<T> {
    this.#waiting = future;
    this.startTimer(phase);
    return future;
  }

  /** Notes that a wait is over. */
  waited(): void {
    this.#waiting = null;
    this.stopTimer();
  }

  /** Returns what to throw for an error: what the request has failed with takes precedence. */
  errorFor(error: unknown): unknown {
    if (!(error instanceof CancelledError)) {
      return this.#failure === null ? error : this.#failure.error;
    }
    // A cancellation always goes through. What was awaited may have come already.
    this.fail(error);
    return error;
  }

  /** Starts or restarts the timeout of a phase. */
  startTimer(phase: TimeoutPhase): void {
    const { loop, phases } = this.#call;
    const seconds = phases[phase];
    if (seconds === null || this.#ended) return this.stopTimer();
    this.#phase = phase;
    this.#deadline = loop.time() + seconds;
    this.#call.watch(this.#deadline);
  }

  /** Cancels the timeout of the running phase. */
  stopTimer(): void {
    this.#deadline = Infinity;
  }

  /** Fails if its phase is overdue; else returns the deadline of the phase, or Infinity. */
  expire(now: number): number {
    if (this.#deadline > now) return this.#deadline;
    const phase = this.#phase;
    this.fail(new ServerTimeoutError(phase, this.url, this.#call.phases[phase]!));
    return Infinity;
  }

  /** Restarts the timeout of the running phase: data is moving. */
  touch(): void {
    if (this.#deadline < Infinity) this.startTimer(this.#phase);
  }

  /** Makes a call end with this request; at once, if the request is one of another call. */
  becomeLastOf(call: Call): void {
    if (call !== this.#call) return call.end();
    this.#isLast = true;
    call.settleOn(this);
  }

  /** Ends the request with an error, which is thrown at the code that waits for it. */
  fail(error: unknown): void {
    if (this.#ended) return;
    this.#ended = true; // first: a trace callback may close the session
    this.#failure = { error };
    this.tracer?.tell("onRequestException", { exception: error });
    this.#finish();
    this.abort(error);
  }

  /** Ends the request before its response was read to the end. */
  giveUp(): void {
    if (this.#ended) return;
    this.end();
    this.abort();
  }

  /** Stops what the runtime does for the request, and ends the wait for that. */
  abort(reason: unknown = new DOMException("The response was given up", "AbortError")): void {
    if (this.#waiting !== null && !this.#waiting.done()) this.#waiting.setException(reason);
    this.#aborter.abort(reason);
  }

  /** Ends the request: its response is complete, or the rest of it is not wanted. */
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
