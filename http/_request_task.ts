/**
 * The task that answers one request.
 *
 * It starts at once, within `app.fetch()`: a handler that never waits has answered before that
 * returns, and costs no turn of the loop. The answer is given once: by what the handler returns or
 * throws, or before that by a response that is prepared early (a stream, a WebSocket), after which
 * the handler goes on. Invariants: a handler's error never leaves the task, it is an answer; while
 * the task runs, its timer runs, and somebody looks whether the client is still there; when it is
 * done, none of that is left.
 *
 * Deno's `request.signal` also aborts when all went well, so nobody listens to it any more then; and
 * asking for it costs about as much as a short handler, so that is put off for some milliseconds: a
 * handler that is done by then never pays. Not so with HTTP/2: of a client that has left it tells only
 * those who have asked before.
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

/** What `Deno.serve` tells about a request. */
export interface ServeInfo {
  /** Where the request came from. */
  readonly remoteAddr?: Deno.Addr;
  /** Settles when the response was sent. */
  readonly completed?: Promise<void>;
}

/** A response that was given before the handler has ended. */
export interface EarlyResponse {
  /** Called when the handler has ended; with what it threw, if it did. */
  _handlerEnded(error: unknown): void;
  /** Whether it goes on until its handler is told to end. */
  readonly _isEndless?: boolean;
}

/** What the requests of an application have in common: it is also the options of their tasks. */
export interface RequestOwner {
  readonly loop: EventLoop;
  readonly eagerStart: true;
  readonly name: string;
  readonly watch: ClientWatch;
  /** Whether clients are told to make no more requests on their connections. */
  isLeaving: boolean;
}

/** The tasks that answer requests of `owner`: no set of them is kept, the loop has one of all tasks. */
export function tasksOf(owner: RequestOwner): RequestTask[] {
  const isOfOwner = (task: unknown): task is RequestTask =>
    task instanceof RequestTask && task._isOf(owner);
  return Array.from(owner.loop._tasks).filter(isOfOwner);
}

/** Seconds that a handler whose time is over has to answer by itself. */
const GRACE = 0.1;

const TASK = Symbol("task");

type Owned = Request & { [TASK]?: RequestTask };

/** Runs the handler of the task that runs now: the coroutine of all these tasks. */
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
  /** Ends the waiting for the body, of those who wait for it after an early answer. */
  #readers: Set<() => void> | null = null;
  #decorator: ((headers: Headers) => void) | null = null;
  #timer: TimerHandle | null = null;
  /** Where it is among those that are to be watched; -1 if it never was. */
  #watchPlace = -1;
  /** Ends listening to the request's signal; null while nobody does. */
  #unwatch: (() => void) | null = null;
  /** Why it was cancelled, if it was by itself: the answer to give. */
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

  /** @ignore The constructor of tasks calls it too early: `start()` is the beginning. */
  override _start(): void {
    if (#answer in this) super._start();
  }

  /** Starts the handler, and gives its answer, or a promise of it. */
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

  /** @ignore Has the headers of the answer changed before it is given, whatever it is. */
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

  /** The response as it is to be given. It throws what those who look at it throw. */
  #prepared(response: Response): Response {
    let answer = this.#decorator === null ? response : decorated(response, this.#decorator);
    const { onResponsePrepare } = this.plan;
    if (onResponsePrepare.length > 0) {
      answer = decorated(answer, probe);
      for (const callback of onResponsePrepare) callback(this.request, answer);
    }
    // The connection of a WebSocket is HTTP's no longer.
    if (this.#owner.isLeaving && answer.status !== 101) answer = decorated(answer, endConnection);
    return answer;
  }

  #give(answer: Response): void {
    this.#answer = answer;
    this.#resolve?.(answer);
    this.#resolve = null;
  }

  /** Gives the answer, if none was given; what comes too late is given up. */
  #giveLast(response: Response): void {
    if (this.#answer !== null) {
      if (this.#early === null) giveUp(response);
      return;
    }
    let answer: Response;
    try {
      answer = this.#prepared(response);
    } catch (error) {
      // Whatever it is, the client gets an answer.
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
        // A stream that was never prepared has ended, too; with a WebSocket that is a mistake.
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
    // That it can't send to a client that has left is no fault of the handler.
    const isLate = this.#hasLeft && error instanceof Deno.errors.ConnectionReset;
    if (!isLate && !(error instanceof KeyboardInterrupt)) {
      reportError(this._loop, this.request, error);
    }
    return serverError();
  }

  /** Whether it is the reason of the request's own signal, which the handler has passed on. */
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
      // A program may override it; whatever it throws, the task ends, and the client gets an answer.
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
    // It may await a promise that no cancellation reaches: the client need not wait for that.
    this.#timer = this._loop.callLater(GRACE, answerFor, this);
  }

  /** @ignore Answers in place of a handler that does not end. */
  _answerFor(): void {
    this._detach();
    this.#giveLast(this.#cancelledResponse());
  }

  /** Called when the client has gone; what is answered now only the log will see. */
  #onLeave(): void {
    this.#cause = clientLeft;
    this.cancel("the client has left");
  }

  /** The response that was given before the handler has ended, or null. */
  get early(): EarlyResponse | null {
    return this.#early;
  }

  /** Whether the body of the request may be on its way; nobody can tell once it was answered. */
  get isUploading(): boolean {
    return this.#answer === null && this.request.body !== null;
  }

  /**
   * Has `fail` called when the client leaves a response that was given early: the platform then never
   * tells who waits for the body. Returns what has it not called.
   */
  onClientLeft(fail: () => void): () => void {
    if (this.#hasLeft) fail();
    else (this.#readers ??= new Set()).add(fail);
    return () => void this.#readers?.delete(fail);
  }

  /** The client left a response that was given early; `cancels` unless its handler ends by itself. */
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
   * @ignore Has the handler go on after the answer: the platform tells nothing of the request then, and
   * aborts its signal, which is not to be taken for a client that leaves.
   */
  _detach(): void {
    this.#stopWatching();
    this.request.headers.has("host"); // reads them all
    if (this.info?.remoteAddr !== undefined) this.info = { remoteAddr: this.info.remoteAddr };
  }

  #stopWatching(): void {
    if (this.#watchPlace >= 0) this.#owner.watch.remove(this, this.#watchPlace);
    this.#unwatch?.();
    this.#unwatch = null;
  }
}

/** The response with its headers changed; a copy, if they can't be. */
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

/** Removes a header that is never there: it throws where headers can't be changed, and does no more. */
function probe(headers: Headers): void {
  headers.delete("aio-never-there");
}

/** Ends the body of a response that nobody gets. If it is read by somebody else, it needs no end. */
function giveUp(response: Response): void {
  response.body?.cancel().catch(() => {});
}

/** What the client gets for a fault of the program. */
function serverError(): Response {
  return new HTTPInternalServerError({
    text: "500 Internal Server Error\n\nServer got itself in trouble",
  }).toResponse();
}

/** What the log says of a client that has left. */
function clientLeft(): HTTPException {
  return new HTTPException(499, "Client Closed Request");
}

/** What to tell who has returned something else than a response. */
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
    return Object.prototype.toString.call(value); // it has no text, such as what `matchInfo()` gives
  }
}

function expire(task: RequestTask): void {
  task._expire();
}

function answerFor(task: RequestTask): void {
  task._answerFor();
}

/** Tells a handler that has begun too late to be told with the others that the server stops. */
function endIfEndless(task: RequestTask): void {
  if (task.early?._isEndless) task.cancel("the server stops");
}

/** Says that the answer is the last one on its connection, which the server then closes. */
function endConnection(headers: Headers): void {
  headers.set("connection", "close");
}

/** Reports an error that the client is not told of. */
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
 * The task that answers a request. A request that a middleware has made of another one belongs to
 * the task that runs.
 */
export function taskOf(request: Request, action: string): RequestTask {
  const task = findTask(request);
  if (task !== null) return task;
  throw new RuntimeError(`Cannot ${action}: no application answers this request`);
}

/** The same, or null if there is none. */
export function findTask(request: Request): RequestTask | null {
  const task = (request as Owned)[TASK] ?? runningTask();
  return task instanceof RequestTask ? task : null;
}

/** Whether a task answers this very request: it came so, and is none that a middleware has made. */
export function isAnswered(request: Request): boolean {
  return TASK in request;
}

// -- Watching --

/** Seconds until a handler that has not ended is worth the price of watching its client. */
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

  /** Lets go of a task that has ended: those that are kept for the delay are what the collector copies. */
  remove(task: RequestTask, place: number): void {
    if (this.#tasks[place] === task) this.#tasks[place] = null;
  }

  readonly #watchAll = (): void => {
    const tasks = this.#tasks;
    this.#tasks = [];
    for (const task of tasks) task?._watchClient();
  };
}
