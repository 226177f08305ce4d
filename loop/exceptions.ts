/**
 * The errors of the event loop, its futures and its tasks.
 *
 * Counterpart of Python's `asyncio.exceptions`. JavaScript has no `BaseException`: a bare `catch`
 * also catches {@linkcode CancelledError} and {@linkcode KeyboardInterrupt}, so code that catches
 * everything rethrows these two, or says why not.
 *
 * @module
 */

/**
 * Thrown inside a task that was cancelled, and by a cancelled future when its result is read.
 *
 * Counterpart of Python's `asyncio.CancelledError`.
 *
 * @example Clean up, then let the cancellation go on
 * ```ts
 * import { CancelledError, createTask, run, sleep } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * const seen: string[] = [];
 * await run(async () => {
 *   const task = createTask(async () => {
 *     try {
 *       await sleep(3600);
 *     } finally {
 *       seen.push("cleaned up");
 *     }
 *   });
 *   await sleep(0);
 *   task.cancel();
 *   try {
 *     await task;
 *   } catch (error) {
 *     if (!(error instanceof CancelledError)) throw error;
 *     seen.push("cancelled");
 *   }
 * });
 * assertEquals(seen, ["cleaned up", "cancelled"]);
 * ```
 */
export class CancelledError extends Error {
  static {
    this.prototype.name = "CancelledError";
  }

  /**
   * Creates the error. It has no stack: the loop creates many of these errors, and a stack would
   * show only the loop.
   *
   * @param message The reason for the cancellation.
   */
  constructor(message?: string) {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super(message);
    Error.stackTraceLimit = limit;
  }
}

/**
 * Thrown when an operation does not fit the state of a future: its result is read before there is
 * one, or set a second time.
 *
 * Counterpart of Python's `asyncio.InvalidStateError`.
 */
export class InvalidStateError extends Error {
  /** Always `"InvalidStateError"`. */
  override name = "InvalidStateError";
}

/**
 * Thrown when an operation takes longer than it is allowed to.
 *
 * Counterpart of Python's `TimeoutError`.
 */
export class TimeoutError extends Error {
  /** Always `"TimeoutError"`. */
  override name = "TimeoutError";
}

/**
 * Thrown when something is used in a way that its state forbids: a closed loop, a second run, an
 * await on itself.
 *
 * Counterpart of Python's `RuntimeError`.
 */
export class RuntimeError extends Error {
  /** Always `"RuntimeError"`. */
  override name = "RuntimeError";
}

/**
 * Thrown by {@linkcode run} and {@linkcode Runner} when Ctrl-C ended the program.
 *
 * Counterpart of Python's `KeyboardInterrupt`. As in Python, it does not end with the task or
 * callback that throws it: it ends the loop at once, and `runForever()` throws it.
 */
export class KeyboardInterrupt extends Error {
  /** Always `"KeyboardInterrupt"`. */
  override name = "KeyboardInterrupt";
}

/**
 * Which errors of a group to take: those of a class, of several classes, or those that pass a test.
 */
export type ExceptionCondition =
  | (abstract new (...args: never[]) => unknown)
  | readonly (abstract new (...args: never[]) => unknown)[]
  | ((error: unknown) => boolean);

/**
 * Several errors that happened together.
 *
 * Counterpart of Python's `ExceptionGroup`. Groups may contain groups.
 *
 * @example
 * ```ts
 * import { ExceptionGroup } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * const group = new ExceptionGroup("two failed", [new TypeError("a"), new RangeError("b")]);
 * const [matching, rest] = group.split(TypeError);
 * assertEquals(matching?.exceptions.length, 1);
 * assertEquals(rest?.exceptions.length, 1);
 * ```
 */
export class ExceptionGroup extends AggregateError {
  /** Always `"ExceptionGroup"`. */
  override name = "ExceptionGroup";

  /**
   * Creates a group.
   *
   * @param message What they have in common.
   * @param exceptions The errors, at least one.
   * @throws {RangeError} If there is none.
   */
  constructor(message: string, exceptions: Iterable<unknown>) {
    super(exceptions, message);
    if (this.errors.length === 0) {
      throw new RangeError("Cannot create exception group: there must be at least one exception");
    }
  }

  /** The errors; the same as `errors`. */
  get exceptions(): readonly unknown[] {
    return this.errors;
  }

  /**
   * Returns a group with the same message and other errors. `split()` and `subgroup()` create their
   * results with it.
   *
   * @param exceptions The errors.
   * @returns The new group.
   */
  derive(exceptions: readonly unknown[]): ExceptionGroup {
    return new ExceptionGroup(this.message, exceptions);
  }

  /**
   * Splits the group, and the groups in it, in two.
   *
   * @param condition Which errors to take.
   * @returns A group of the matching errors, and a group of the others; null for an empty one.
   */
  split(condition: ExceptionCondition): [ExceptionGroup | null, ExceptionGroup | null] {
    const matches = asTest(condition);
    if (matches(this)) return [this, null];
    const matching: unknown[] = [];
    const rest: unknown[] = [];
    for (const error of this.exceptions) {
      if (error instanceof ExceptionGroup) {
        const [inner, others] = error.split(condition);
        if (inner !== null) matching.push(inner);
        if (others !== null) rest.push(others);
      } else if (matches(error)) {
        matching.push(error);
      } else {
        rest.push(error);
      }
    }
    return [this.#deriveUnlessEmpty(matching), this.#deriveUnlessEmpty(rest)];
  }

  /**
   * Returns the part of the group that matches a condition.
   *
   * @param condition Which errors to take.
   * @returns A group of the matching errors, or null if there is none.
   */
  subgroup(condition: ExceptionCondition): ExceptionGroup | null {
    return this.split(condition)[0];
  }

  #deriveUnlessEmpty(exceptions: unknown[]): ExceptionGroup | null {
    if (exceptions.length === 0) return null;
    const group = this.derive(exceptions);
    group.cause = this.cause;
    return group;
  }
}

type Constructor = abstract new (...args: never[]) => unknown;

function isErrorClass(condition: unknown): condition is Constructor {
  return typeof condition === "function" &&
    (condition === Error || condition.prototype instanceof Error);
}

function asTest(condition: ExceptionCondition): (error: unknown) => boolean {
  const classes = Array.isArray(condition) ? condition : [condition];
  if (!classes.every(isErrorClass)) return condition as (error: unknown) => boolean;
  return (error) => classes.some((type) => error instanceof type);
}
