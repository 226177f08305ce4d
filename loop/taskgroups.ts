/**
 * Tasks that begin and end together.
 *
 * Counterpart of Python's `asyncio.taskgroups`. A group is in one of these states:
 *
 * 1. CREATED: not entered.
 * 2. OPEN: the body runs; tasks can be created.
 * 3. ABORTING: a task or the body has failed, or the group or the task around it was cancelled; all
 *    its tasks were cancelled, and no more can be created.
 * 4. FINISHED: the body and all tasks have ended.
 *
 * Between 2 and 4, or 3 and 4, the body has ended and the group waits for its tasks, which may
 * create more.
 *
 * @module
 */

import { JointFuture } from "./_joint_future.ts";
import { cancellable } from "./_left_over.ts";
import { LinkedList } from "./_linked_list.ts";
import type { Linked } from "./_linked_list.ts";
import { printable, repr } from "./_repr.ts";
import { Operation, runInTask } from "./coroutines.ts";
import type { Coroutine, Steps, Suspension } from "./coroutines.ts";
import { getRunningLoop } from "./events.ts";
import type { EventLoop } from "./events.ts";
import { CancelledError, ExceptionGroup, KeyboardInterrupt, RuntimeError } from "./exceptions.ts";
import type { Awaitable, Future } from "./futures.ts";
import type { Runnable } from "./handles.ts";
import { Semaphore } from "./semaphore.ts";
import { currentTask } from "./tasks.ts";
import type { Task, TaskOptions } from "./tasks.ts";

const CREATED = 1;
const OPEN = 2;
const ABORTING = 3;
const FINISHED = 4;

/** Options for {@linkcode TaskGroup}. */
export interface TaskGroupOptions {
  /**
   * How many tasks may run at once; the others wait to be started, in order.
   *
   * @default {Infinity}
   */
  limit?: number;
}

/** A task of a group. As an entry of the ready queue it tells the group that the task is done. */
class Member implements Runnable, Linked<Member> {
  _before: Member | null = null;
  _after: Member | null = null;
  _isListed = false;
  readonly task: Task<unknown>;
  readonly #group: TaskGroup;

  constructor(task: Task<unknown>, group: TaskGroup) {
    this.task = task;
    this.#group = group;
  }

  get _parent(): Task<unknown> | null {
    return this.#group._parent;
  }

  _run(): void {
    this.#group._onDone(this);
  }
}

/**
 * A group of tasks: when one fails the others are cancelled, and none outlives the group.
 *
 * Counterpart of Python's `asyncio.TaskGroup`.
 *
 * @example
 * ```ts
 * import { run, sleep, TaskGroup } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * const [one, two] = await run(() =>
 *   new TaskGroup().run(async (group) => {
 *     const one = group.createTask(() => sleep(0.01, 1));
 *     const two = group.createTask(() => sleep(0.01, 2));
 *     return [await one, await two];
 *   })
 * );
 * assertEquals([one, two], [1, 2]);
 * ```
 */
export class TaskGroup {
  #state = CREATED;
  #isBodyDone = false;
  readonly #slots: Semaphore | null;
  #loop: EventLoop | null = null;
  #parent: Task<unknown> | null = null;
  /** Its tasks that are not done, as far as the group has been told. */
  readonly #members = new LinkedList<Member>();
  readonly #errors: unknown[] = [];
  /** A KeyboardInterrupt: it is thrown as it is. */
  #interrupt: KeyboardInterrupt | null = null;
  #isCancelled = false;
  /** The last cancellation that came while the group waited for its tasks. */
  #lastCancellation: CancelledError | null = null;
  /** Whether the group itself has cancelled the task that runs the body. */
  #hasCancelledParent = false;
  /** Done when the last task is; null while `run()` does not wait for that. */
  #allDone: Future<void> | null = null;

  /**
   * Creates a group.
   *
   * @param options How many tasks may run at once.
   * @throws {RangeError} If the limit is less than 1, or has a fraction.
   */
  constructor(options: TaskGroupOptions = {}) {
    const { limit = Infinity } = options;
    if (!(limit >= 1 && (Number.isInteger(limit) || limit === Infinity))) {
      throw new RangeError(
        `Cannot create task group: limit must be a whole number >= 1, not ${repr(limit)}`,
      );
    }
    this.#slots = limit === Infinity ? null : new Semaphore(limit);
  }

  static {
    printable(this.prototype);
  }

  /** @ignore The task that runs the body. */
  get _parent(): Task<unknown> | null {
    return this.#parent;
  }

  /**
   * Runs a coroutine that creates the group's tasks, and waits for all of them.
   *
   * Counterpart of Python's `async with asyncio.TaskGroup()`.
   *
   * @typeParam T What the coroutine returns.
   * @param body The coroutine; it gets the group, and runs in the task that awaits this.
   * @returns An awaitable of what the coroutine returns; of undefined if the group was cancelled by
   * {@linkcode TaskGroup.cancel}.
   * @throws {ExceptionGroup} If tasks or the body failed: what they threw.
   * @throws {RuntimeError} If used twice, or outside of a task.
   */
  run<T>(
    body: (group: this) => PromiseLike<T> | Generator<Suspension, T, unknown>,
  ): Awaitable<T> {
    return new Operation(() => cancellable(() => this.#run(body)));
  }

  *#run<T>(body: (group: this) => PromiseLike<T> | Steps<T>): Steps<T> {
    this.#enter();
    let result: T | undefined;
    let cancellation: CancelledError | null = null;
    const bodyErrors: unknown[] = [];
    try {
      result = yield* runInTask(body, this);
    } catch (error) {
      if (error instanceof CancelledError) cancellation = error;
      else bodyErrors.push(error);
      if (error instanceof KeyboardInterrupt) this.#interrupt ??= error;
      if (this.#state === OPEN) this.#abort();
    }
    this.#isBodyDone = true;
    cancellation = (yield* this.#waitForTasks()) ?? cancellation;
    const parent = this.#parent!;
    this.#parent = null; // the stack of an error may lead here, and must not lead on to the task
    this.#state = FINISHED;
    if (this.#interrupt !== null) throw this.#reportAllBut(this.#interrupt);
    this.#throwIfFailed(parent, this.#withoutOwn(parent, cancellation), bodyErrors);
    return result as T;
  }

  #enter(): void {
    if (this.#state !== CREATED) {
      throw new RuntimeError(`Cannot enter ${this}: it has already been entered`);
    }
    const parent = currentTask();
    if (parent === null) {
      throw new RuntimeError(
        `Cannot enter ${this}: it should be used inside a task, such as one made by createTask()`,
      );
    }
    this.#parent = parent;
    this.#loop = getRunningLoop();
    this.#state = OPEN;
    if (this.#isCancelled) this.cancel();
  }

  /**
   * Waits until no task is left, and returns the cancellation that came in the meantime, if any.
   */
  *#waitForTasks(): Steps<CancelledError | null> {
    let cancellation: CancelledError | null = null;
    while (this.#members.first !== null) {
      const allDone = new JointFuture<void>({ [Symbol.iterator]: () => this.#tasks() }, {
        loop: this.#loop!,
      });
      this.#allDone = allDone;
      try {
        yield* allDone;
      } catch (error) {
        if (!(error instanceof CancelledError)) throw error;
        // While the group is aborting, the cancellation may be the group's own.
        this.#lastCancellation = error;
        if (this.#state === OPEN) {
          cancellation = error;
          this.#abort();
        }
      }
      this.#allDone = null;
    }
    return cancellation;
  }

  /** Takes back the group's own cancellation, and returns the one to throw, if one is left. */
  #withoutOwn(
    parent: Task<unknown>,
    cancellation: CancelledError | null,
  ): CancelledError | null {
    if (!this.#hasCancelledParent) return cancellation;
    return parent.uncancel() === 0 ? null : cancellation ?? this.#lastCancellation;
  }

  /** Throws what the group has to throw: errors, or else the cancellation. */
  #throwIfFailed(
    parent: Task<unknown>,
    cancellation: CancelledError | null,
    bodyErrors: unknown[],
  ): void {
    if (cancellation !== null && this.#errors.length === 0) throw cancellation;
    const errors = [...this.#errors, ...bodyErrors];
    if (errors.length === 0) return;
    if (parent.cancelling() > 0) {
      // The errors are thrown first; the cancellation is delivered at the next wait.
      parent.uncancel();
      parent.cancel();
    }
    throw new ExceptionGroup("unhandled errors in a TaskGroup", errors);
  }

  /**
   * Schedules a coroutine to run as a task of the group.
   *
   * @typeParam T What the coroutine returns.
   * @param coroutine What to run.
   * @param options As for `createTask()`.
   * @returns The task.
   * @throws {RuntimeError} If the group is not running, or is ending because of an error or a
   * cancellation.
   */
  createTask<T>(coroutine: Coroutine<T>, options?: TaskOptions): Task<T> {
    const problem = this.#problem();
    if (problem !== null) {
      if (typeof coroutine !== "function") coroutine.return(undefined as T);
      throw new RuntimeError(`Cannot create task: ${this} ${problem}`);
    }
    const work = this.#slots === null ? coroutine : this.#inSlot(coroutine, this.#slots);
    const task = this.#loop!.createTask(work, options);
    const member = new Member(task, this);
    this.#members.add(member);
    task._subscribe(member);
    // A task that starts eagerly may have cancelled the group already.
    if (this.#state as number === ABORTING) task.cancel();
    return task;
  }

  #problem(): string | null {
    if (this.#state === CREATED) return "has not been entered";
    if (this.#state === FINISHED || this.#isOver()) return "is finished";
    return this.#state === ABORTING ? "is shutting down" : null;
  }

  #inSlot<T>(coroutine: Coroutine<T>, slots: Semaphore): () => Steps<T> {
    return function* (): Steps<T> {
      yield* slots.acquire();
      let isFailure = false;
      try {
        return yield* runInTask(coroutine);
      } catch (error) {
        isFailure = !(error instanceof CancelledError);
        throw error;
      } finally {
        // A failure ends the group: no other task may start in the turn before that.
        if (!isFailure) slots.release();
      }
    };
  }

  /**
   * Ends the group early, and without an error: cancels its tasks and its body.
   *
   * Called before the group runs, it makes the group end at the first wait of its body. Calling it
   * again is harmless.
   */
  cancel(): void {
    this.#isCancelled = true;
    if (this.#state === OPEN && !this.#isOver()) this.#abortWithParent();
  }

  /** Whether the body and all tasks have ended, although `run()` has not gone on yet. */
  #isOver(): boolean {
    return this.#isBodyDone && this.#members.first === null;
  }

  #abort(): void {
    this.#state = ABORTING;
    for (const task of this.#tasks()) task.cancel();
  }

  *#tasks(): Generator<Task<unknown>, void, void> {
    for (const member of this.#members) yield member.task;
  }

  #abortWithParent(): void {
    this.#abort();
    this.#hasCancelledParent = true;
    this.#parent!.cancel();
  }

  /** @ignore Called by the loop when a task of the group is done. */
  _onDone(member: Member): void {
    const { task } = member;
    this.#members.remove(member);
    const allDone = this.#allDone;
    if (this.#members.first === null && allDone !== null && !allDone.done()) allDone.setResult();
    if (task.cancelled() || !task._failed()) return;
    const error = task.exception();
    this.#errors.push(error);
    if (error instanceof KeyboardInterrupt) this.#interrupt ??= error;
    if (this.#parent!.done()) {
      this.#slots?.release(); // the group goes on
      return this.#reportOrphan(task, error);
    }
    if (this.#state === OPEN) this.#abortWithParent();
  }

  /**
   * Reports the errors that are lost because the interrupt is thrown instead; returns the
   * interrupt.
   */
  #reportAllBut(interrupt: KeyboardInterrupt): KeyboardInterrupt {
    const message =
      "Task exception was not propagated because KeyboardInterrupt ends its TaskGroup";
    for (const exception of this.#errors) {
      if (exception !== interrupt) this.#loop!.callExceptionHandler({ message, exception });
    }
    return interrupt;
  }

  #reportOrphan(task: object, exception: unknown): void {
    const message = `Task ${task} has errored out but its parent task ${this.#parent} is completed`;
    this.#loop!.callExceptionHandler({ message, exception, task });
  }

  /**
   * Returns the group as Python prints it.
   *
   * @returns Such as `<TaskGroup tasks=2 errors=1 cancelling>`.
   */
  toString(): string {
    const parts = ["<TaskGroup"];
    const count = [...this.#members].length;
    if (count > 0) parts.push(`tasks=${count}`);
    if (this.#errors.length > 0) parts.push(`errors=${this.#errors.length}`);
    if (this.#state === ABORTING) parts.push("cancelling");
    else if (this.#state === OPEN) parts.push("entered");
    return `${parts.join(" ")}>`;
  }
}
