/**
 * The task that answers one request.
 *
 * It starts at once, within `app.fetch()`: a handler that never waits has answered before that
 * returns, and costs no turn of the loop. There is one answer: what the handler returns or throws,
 * or before that a response that is prepared early (a stream, a WebSocket), after which the handler
 * goes on. Invariants: a handler's error never leaves the task, it becomes an answer; while the
 * task runs, its timer runs and its client is watched; when it is done, neither is left.
 *
 * Deno's `request.signal` also aborts after a success, so the task stops listening to it before
 * that; and asking for the signal costs about as much as a short handler, so that is put off for
 * some milliseconds: a handler that is done by then never pays for it. With HTTP/2 it is not put
 * off: the signal only aborts if it was asked for before the client left.
 *
 * @module
 */

import { CancelledError, currentTask, KeyboardInterrupt, RuntimeError, Task } from "../loop/mod.ts";
import type { EventLoop, TimerHandle } from "../loop/mod.ts";
import { isOfBrokenBody, malformed } from "./_broken_body.ts";
import { quietLegacyAbort } from "./_legacy_abort.ts";
import { mayBeHttp2 } from "./_protocol.ts";
import { runningTask } from "./_running_task.ts";
import type { Handler, Plan } from "./_scope.ts";
import { HTTPException, HTTPInternalServerError, HTTPServiceUnavailable } from "./exceptions.ts";
import { HTTPGatewayTimeout } from "./exceptions.ts";
import { FileResponse } from "./file_response.ts";
import type { RouteMatch } from "./route.ts";

/** What `Deno.serve` provides about a request. */
export interface ServeInfo {
  /** Where the request came from. */
  readonly remoteAddr?: Deno.Addr;
  /** Settles when the response has been sent. */
  readonly completed?: Promise<void>;
}

/** A response that was given before the handler has ended. */
export interface EarlyResponse {
  /** Called when the handler has ended, with the error that it threw, or null. */
  _handlerEnded(error: unknown): void;
  /** Whether it goes on until its handler is told to end. */
  readonly _isEndless?: boolean;
}

/** What the requests of an application share; it is passed to their tasks as the options. */
export interface RequestOwner {
  readonly loop: EventLoop;
  readonly eagerStart: true;
  readonly name: string;
  readonly watch: ClientWatch;
  /** Whether clients are told to make no more requests on their connections. */
  isLeaving: boolean;
}

/** The tasks that answer requests of `owner`, found in the loop's set of all tasks. */
export function tasksOf(owner: RequestOwner): RequestTask[] {
  const isOfOwner = (task: unknown): task is RequestTask =>
    task instanceof RequestTask && task._isOf(owner);
  return Array.from(owner.loop._tasks).filter(isOfOwner);
}

/** Seconds that a handler has to answer by itself after its timeout. */
const GRACE = 0.1;

const TASK = Symbol("task");

type Owned = Request & { [TASK]?: RequestTask };

/** Runs the handler of the current task: the coroutine of all request tasks. */
function runHandler(): Exclude<ReturnType<Handler>, Response> {
  const { plan, request } = currentTask() as RequestTask;
  return plan.handler(request) as Exclude<ReturnType<Handler>, Response>;
}

/** See the module's description. */
export class RequestTask extends Task<Response> {
  readonly request: Request;
  readonly match: RouteMatch;
  readonly plan: Plan;
  info: ServeInfo | undefined;
  readonly #owner: RequestOwner;
  #answer: Response | null = null;
  #resolve: ((response: Response) => void) | null = null;
  #early: EarlyResponse | null = null;
  #hasLeft = false;
  /** What ends the pending reads of the body after an early answer. */
  #readers: Set<() => void> | null = null;
  #decorator: ((headers: Headers) => void) | null = null;
  #timer: TimerHandle | null = null;
  /** Its place among the tasks to be watched; -1 if it never had one. */
  #watchPlace = -1;
  /** Stops listening to the request's signal; null while nobody listens. */
  #unwatch: (() => void) | null = null;
  /** Creates the answer, if the task was cancelled because of its timeout or its client. */
  #cause: (() => HTTPException) | null = null;

  constructor(
    request: Request,
    match: RouteMatch,
    info: ServeInfo | undefined,
    owner: RequestOwner,
  ) {
    super(runHandler, owner);
    this.request = request;
    this.match = match;
    this.plan = match.route._plan;
    this.info = info;
    this.#owner = owner;
    (request as Owned)[TASK] = this;
  }

  /** @ignore The constructor of `Task` calls it too early; `start()` is what starts the task. */
  override _start(): void {
    if (#answer in this) super._start();
  }

  /** Starts the handler, and returns its answer, or a promise of it. */
  start(): Response | Promise<Response> {
    this._start();
    if (!this.done()) this.#watch();
    if (this.#answer !== null) return this.#answer;
    return new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** @ignore */
  _isOf(owner: RequestOwner): boolean {
    return this.#owner === owner;
  }

  // -- The answer --

  /** @ignore Lets `decorator` change the headers of any answer before it is given. */
  _decorate(decorator: (headers: Headers) => void): void {
    const inner = this.#decorator;
    this.#decorator = inner === null ? decorator : (headers) => {
      inner(headers);
      decorator(headers);
    };
  }

  /** Gives the answer now; the handler goes on. */
  answerEarly(response: Response, early: EarlyResponse): void {
    if (this.#answer !== null) {
      throw new RuntimeError("Cannot prepare response: the request was answered already");
    }
    let answer = response;
    try {
      answer = this.#prepared(response);
    } catch (error) {
      // A WebSocket can't be taken back: it opens, and is closed when its handler fails with this.
      if (response.status === 101) this.#giveEarly(response, early);
      throw error;
    }
    this.#giveEarly(answer, early);
  }

  #giveEarly(answer: Response, early: EarlyResponse): void {
    this.#early = early;
    this._detach();
    this.#timer?.cancel(); // it has answered in time
    this.#give(answer);
    if (this.#owner.isLeaving) this._loop.callSoon(endIfEndless, this);
  }

  /** The response in its final form. Throws what the callbacks that prepare it throw. */
  #prepared(response: Response): Response {
    let answer = this.#decorator === null ? response : decorated(response, this.#decorator);
    const { onResponsePrepare } = this.plan;
    if (onResponsePrepare.length > 0) {
      answer = decorated(answer, probe);
      for (const callback of onResponsePrepare) callback(this.request, answer);
    }
    // The connection of a WebSocket no longer belongs to HTTP.
    if (this.#owner.isLeaving && answer.status !== 101) answer = decorated(answer, endConnection);
    return answer;
  }

  #give(answer: Response): void {
    this.#answer = answer;
    this.#resolve?.(answer);
    this.#resolve = null;
  }

  /** Gives the answer, if none was given; a response that comes too late is dropped. */
  #giveLast(response: Response): void {
    if (this.#answer !== null) {
      if (this.#early === null) giveUp(response);
      return;
    }
    let answer: Response;
    try {
      answer = this.#prepared(response);
    } catch (error) {
      // Whatever the error is, the client gets an answer.
      reportError(this._loop, this.request, error);
      giveUp(response);
      answer = serverError();
    }
    this.#give(answer);
  }

  /** @ignore A handler may be a plain function. */
  override _finishPlain(value: unknown): void {
    this._finish(value);
  }

  /** @ignore */
  override _finish(value: unknown): void {
    if (value instanceof FileResponse && this.#early === null) {
      this.#sendFile(value);
    } else if (value instanceof Response) {
      try {
        // An unprepared stream ends here, too; an unprepared WebSocket throws.
        if (this.#early === null) (value as Partial<EarlyResponse>)._handlerEnded?.(null);
      } catch (error) {
        return this._fail(error); // it is reported, and answered with 500
      }
      super._finish(value);
      this.#end(value);
    } else if (this.#early !== null) {
      super._finish(this.#answer!);
      this.#end(this.#answer!);
    } else {
      this._fail(noResponse(value, this.plan));
    }
  }

  /** Goes on, as the same task, until the file is open. */
  #sendFile(file: FileResponse): void {
    file.prepare(this.request).then(
      (response) => this._finish(response),
      (error) => this._fail(error),
    );
  }

  /** @ignore */
  override _fail(error: unknown): void {
    const response = this.#responseOf(error);
    if (error instanceof CancelledError || error instanceof KeyboardInterrupt) super._fail(error);
    else super._finish(response);
    this.#end(response, error);
  }

  #responseOf(error: unknown): Response {
    if (error instanceof HTTPException) return this.#thrownResponse(error);
    if (error instanceof CancelledError) return this.#cancelledResponse();
    if (this.request.bodyUsed && isOfBrokenBody(error)) {
      return this.#thrownResponse(malformed(error));
    }
    if (this.#isOfRequest(error)) return (this.#cause ?? clientLeft)().toResponse();
    // It is not the handler's fault if it can't send to a client that has left.
    const isLate = this.#hasLeft && error instanceof Deno.errors.ConnectionReset;
    if (!isLate && !(error instanceof KeyboardInterrupt)) {
      reportError(this._loop, this.request, error);
    }
    return serverError();
  }

  /** Whether it is the abort reason of the request's signal, which the handler has passed on. */
  #isOfRequest(error: unknown): boolean {
    if (!(error instanceof DOMException)) return false;
    quietLegacyAbort();
    const { signal } = this.request;
    return signal.aborted && error === signal.reason;
  }

  #cancelledResponse(): Response {
    return (this.#cause?.() ?? new HTTPServiceUnavailable()).toResponse();
  }

  #thrownResponse(thrown: HTTPException): Response {
    try {
      return thrown.toResponse();
    } catch (error) {
      // A program may override `toResponse()`; if that throws, the task still ends, with an answer.
      reportError(this._loop, this.request, error);
      return serverError();
    }
  }

  #end(response: Response, error: unknown = null): void {
    this.#stopWatching();
    this.#timer?.cancel();
    this.#giveLast(response);
    this.#early?._handlerEnded(error);
  }

  // -- While it runs --

  #watch(): void {
    if (this.#answer !== null) return;
    const { timeout, cancels } = this.plan;
    if (timeout !== null) this.#timer = this._loop.callLater(timeout, expire, this);
    if (!cancels) return;
    if (this.info === undefined || mayBeHttp2(this.request)) this._watchClient();
    else this.#watchPlace = this.#owner.watch.add(this);
  }

  /** @ignore Cancels the handler: its time is over. */
  _expire(): void {
    const { timeoutStatus } = this.plan;
    this.#cause = () =>
      timeoutStatus === 504 ? new HTTPGatewayTimeout() : new HTTPServiceUnavailable();
    this.cancel("the time of the request is over");
    // It may await a promise that can't be cancelled: the client need not wait for that.
    this.#timer = this._loop.callLater(GRACE, answerFor, this);
  }

  /** @ignore Answers in place of a handler that does not end. */
  _answerFor(): void {
    this._detach();
    this.#giveLast(this.#cancelledResponse());
  }

  /** Called when the client has left; only the log sees what is answered then. */
  #onLeave(): void {
    this.#cause = clientLeft;
    this.cancel("the client has left");
  }

  /** The response that was given before the handler has ended, or null. */
  get early(): EarlyResponse | null {
    return this.#early;
  }

  /** Whether the body of the request may still be arriving; false once the request was answered. */
  get isUploading(): boolean {
    return this.#answer === null && this.request.body !== null;
  }

  /**
   * Calls `fail` when the client leaves a response that was given early: Deno would never end a
   * pending read of the body then. Returns a function that prevents the call.
   */
  onClientLeft(fail: () => void): () => void {
    if (this.#hasLeft) fail();
    else (this.#readers ??= new Set()).add(fail);
    return () => void this.#readers?.delete(fail);
  }

  /**
   * Called when the client left an early response; `cancels`, unless the handler ends by itself.
   */
  clientLeft(cancels = true): void {
    this.#hasLeft = true;
    this.#readers?.forEach((fail) => fail());
    if (cancels && this.plan.cancels && !this.done()) this.#onLeave();
  }

  /** @ignore Cancels the handler when its client leaves. */
  _watchClient(): void {
    if (this.done() || this.#answer !== null) return;
    if (this.info !== undefined) quietLegacyAbort();
    const { signal } = this.request;
    if (signal.aborted) return this.#onLeave();
    const leave = (): void => this.#onLeave();
    signal.addEventListener("abort", leave);
    this.#unwatch = () => signal.removeEventListener("abort", leave);
  }

  /**
   * @ignore Lets the handler go on after the answer: Deno then provides nothing of the request any
   * more, and aborts its signal, which must not be taken for a client that leaves.
   */
  _detach(): void {
    this.#stopWatching();
    this.request.headers.has("host"); // makes Deno read all of them
    if (this.info?.remoteAddr !== undefined) this.info = { remoteAddr: this.info.remoteAddr };
  }

  #stopWatching(): void {
    if (this.#watchPlace >= 0) this.#owner.watch.remove(this, this.#watchPlace);
    this.#unwatch?.();
    this.#unwatch = null;
  }
}

/** The response with its headers changed; a copy, if they are immutable. */
function decorated(response: Response, decorator: (headers: Headers) => void): Response {
  try {
    decorator(response.headers);
    return response;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const copy = new Response(response.body, response);
    decorator(copy.headers);
    return copy;
  }
}

/** Removes a header that is never there, which does nothing but throw for immutable headers. */
function probe(headers: Headers): void {
  headers.delete("aio-never-there");
}

/** Cancels the body of a response that nobody gets; one with another reader is left alone. */
function giveUp(response: Response): void {
  response.body?.cancel().catch(() => {});
}

/** What the client gets for an error of the program. */
function serverError(): Response {
  return new HTTPInternalServerError({
    text: "500 Internal Server Error\n\nServer got itself in trouble",
  }).toResponse();
}

/** What the log says about a client that has left. */
function clientLeft(): HTTPException {
  return new HTTPException(499, "Client Closed Request");
}

/** The error for a handler that has returned something other than a response. */
function noResponse(value: unknown, plan: Plan): TypeError {
  let who = "the handler";
  for (let scope = plan.scope; scope !== null; scope = scope.parent) {
    if (scope.middlewares.length > 0) who = "the handler and each middleware";
  }
  return new TypeError(`Cannot answer: ${who} must return a Response, not ${shown(value)}`);
}

function shown(value: unknown): string {
  if (typeof value === "function") return "a function";
  try {
    return String(value);
  } catch {
    return Object.prototype.toString.call(value); // it has no text, as the result of `matchInfo()`
  }
}

function expire(task: RequestTask): void {
  task._expire();
}

function answerFor(task: RequestTask): void {
  task._answerFor();
}

/** Cancels an endless handler that began after the others had been cancelled. */
function endIfEndless(task: RequestTask): void {
  if (task.early?._isEndless) task.cancel("the server stops");
}

/** Marks the answer as the last one on its connection, which the server then closes. */
function endConnection(headers: Headers): void {
  headers.set("connection", "close");
}

/** Reports an error that the client does not see. */
export function reportError(
  loop: { callExceptionHandler(context: { message: string; [detail: string]: unknown }): void },
  request: Request,
  error: unknown,
): void {
  loop.callExceptionHandler({
    message: "Error handling request",
    exception: error,
    request: `${request.method} ${request.url}`,
  });
}

/**
 * The task that answers a request. A request that a middleware has made from another one belongs to
 * the current task.
 */
export function taskOf(request: Request, action: string): RequestTask {
  const task = findTask(request);
  if (task !== null) return task;
  throw new RuntimeError(`Cannot ${action}: no application answers this request`);
}

/** The same, but returns null if there is none. */
export function findTask(request: Request): RequestTask | null {
  const task = (request as Owned)[TASK] ?? runningTask();
  return task instanceof RequestTask ? task : null;
}

/** Whether a task answers this very request: it was received, and not made by a middleware. */
export function isAnswered(request: Request): boolean {
  return TASK in request;
}

// -- Watching --

/** Seconds until a handler that has not ended is worth the cost of watching its client. */
const WATCH_DELAY = 0.005;

/** Begins to watch the clients of the handlers that take longer, on one loop. */
export class ClientWatch {
  readonly #loop: EventLoop;
  #tasks: (RequestTask | null)[] = [];

  constructor(loop: EventLoop) {
    this.#loop = loop;
  }

  /** Begins to watch after the delay, and returns the place to {@linkcode remove} it from. */
  add(task: RequestTask): number {
    const count = this.#tasks.push(task);
    if (count === 1) this.#loop.callLater(WATCH_DELAY, this.#watchAll);
    return count - 1;
  }

  /** Drops a task that has ended: the garbage collector copies those kept for the delay. */
  remove(task: RequestTask, place: number): void {
    if (this.#tasks[place] === task) this.#tasks[place] = null;
  }

  readonly #watchAll = (): void => {
    const tasks = this.#tasks;
    this.#tasks = [];
    for (const task of tasks) task?._watchClient();
  };
}
