/**
 * Values that belong to a task and to what it starts, rather than to the whole program.
 *
 * Counterpart of Python's `contextvars`. Each task runs in a copy of the context it was created in;
 * each callback in a copy of the context it was scheduled in. A copy shares its values until one of
 * the two is written to, so copying costs the same however many variables are set.
 *
 * @module
 */

import { current, currentOwner } from "./_current.ts";
import { RuntimeError } from "./exceptions.ts";

/**
 * What `ContextVar.set()` returns, for `ContextVar.reset()`.
 *
 * @typeParam T The type of the variable.
 */
export interface Token<T> {
  /** The variable that was set. */
  readonly variable: ContextVar<T>;
  /** The value it had before, if it had one. */
  readonly oldValue: T | undefined;
}

/** The values of a context, shared with its copies: they are never changed. */
export type Values = ReadonlyMap<object, unknown> | null;

/**
 * What has a context: a task, a callback, or the context itself. As most programs have no context
 * variables, the copy for a task or a callback is made only when it is asked for.
 */
interface ContextHolder {
  /** The values for a copy of the context. */
  _share(): Values;
  /** The context. */
  _ownContext(): Context;
}

/** How the code below accesses the private fields of a context; set by the class itself. */
let read: (context: Context, variable: object) => unknown;
let write: (context: Context, variable: object, value: unknown) => void;
let make: (values: Values) => Context;

const UNSET = Symbol("unset");

/**
 * A mapping from context variables to values.
 *
 * Counterpart of Python's `contextvars.Context`.
 *
 * @example Run a function in a context of its own
 * ```ts
 * import { ContextVar, copyContext } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * const user = new ContextVar("user", { defaultValue: "nobody" });
 * const context = copyContext();
 * context.run(() => user.set("ada"));
 * assertEquals(user.get(), "nobody");
 * assertEquals(context.get(user), "ada");
 * ```
 */
export class Context {
  /** Shared with other contexts, and never written to, until `#owned`. */
  #values: Values = null;
  #owned = false;
  #entered = false;

  static {
    read = (context, variable) => {
      const values = context.#values;
      if (values === null) return UNSET;
      const value = values.get(variable);
      return value === undefined && !values.has(variable) ? UNSET : value;
    };
    write = (context, variable, value) => {
      if (!context.#owned) {
        context.#values = new Map(context.#values);
        context.#owned = true;
      }
      const values = context.#values as Map<object, unknown>;
      if (value === UNSET) values.delete(variable);
      else values.set(variable, value);
    };
    make = (values) => {
      const context = new Context();
      context.#values = values;
      return context;
    };
  }

  /**
   * Calls `fn` in this context, so that the variables it sets are set only here.
   *
   * Counterpart of Python's `Context.run()`. The context applies to the synchronous part of `fn`;
   * to run a whole coroutine in a context, pass `{ context }` to `createTask()`.
   *
   * @typeParam Args The types of the arguments.
   * @typeParam R What `fn` returns.
   * @param fn The function to call.
   * @param args The arguments to call it with.
   * @returns What `fn` returns.
   * @throws {RuntimeError} If this context is entered already, or is the one that the running task
   * or callback runs in.
   */
  run<Args extends unknown[], R>(fn: (...args: Args) => R, ...args: Args): R {
    const outer = currentHolder()._ownContext();
    if (this.#entered || this === outer) {
      throw new RuntimeError("Cannot enter context: it is already entered");
    }
    const { task, context } = current;
    const owner = currentOwner();
    const wasEntered = outer.#entered;
    outer.#entered = true;
    this.#entered = true;
    current.task = owner;
    current.context = this;
    try {
      return fn(...args);
    } finally {
      current.task = task;
      current.context = context;
      this.#entered = false;
      outer.#entered = wasEntered;
    }
  }

  /**
   * Returns a copy: it has the same values, and is independent from then on.
   *
   * @returns The new context.
   */
  copy(): Context {
    return make(this._share());
  }

  /** @ignore */
  _share(): Values {
    this.#owned = false;
    return this.#values;
  }

  /** @ignore */
  _ownContext(): this {
    return this;
  }

  /**
   * Returns the value of `variable` in this context.
   *
   * @typeParam T The type of the variable.
   * @param variable The variable to look up.
   * @returns Its value, or `undefined` if it is not set here.
   */
  get<T>(variable: ContextVar<T>): T | undefined {
    const value = read(this, variable);
    return value === UNSET ? undefined : value as T;
  }

  /**
   * Tells whether `variable` is set in this context.
   *
   * @typeParam T The type of the variable.
   * @param variable The variable to look up.
   * @returns Whether it has a value here; a default is not a value.
   */
  has<T>(variable: ContextVar<T>): boolean {
    return read(this, variable) !== UNSET;
  }

  /** How many variables are set. */
  get size(): number {
    return this.#values?.size ?? 0;
  }
}

const rootContext = new Context();

function currentHolder(): ContextHolder {
  return (current.context ?? currentOwner() ?? rootContext) as ContextHolder;
}

/** The values of the context that the running code is in, for a copy of it. */
export function currentValues(): Values {
  return currentHolder()._share();
}

/** The values shared by a holder that has a context, or only the values for one. */
export function sharedBy(held: Context | Values): Values {
  return held instanceof Context ? held._share() : held;
}

/** The context of a holder that has it, or only the values for it. */
export function contextOf(held: Context | Values): Context {
  return held instanceof Context ? held : make(held);
}

/**
 * Returns a copy of the current context.
 *
 * Counterpart of Python's `contextvars.copy_context()`.
 *
 * @returns The copy.
 *
 * @example
 * ```ts
 * import { ContextVar, copyContext } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * const level = new ContextVar<number>("level");
 * level.set(1);
 * const before = copyContext();
 * level.set(2);
 * assertEquals(before.get(level), 1);
 * ```
 */
export function copyContext(): Context {
  return make(currentValues());
}

/**
 * Options for {@linkcode ContextVar}.
 *
 * @typeParam T The type of the variable.
 */
export interface ContextVarOptions<T> {
  /** What `get()` returns where the variable is not set. Without it, `get()` throws there. */
  defaultValue?: T;
}

/**
 * A variable with a value in each context.
 *
 * Counterpart of Python's `contextvars.ContextVar`.
 *
 * @typeParam T The type of its values.
 *
 * @example Each task sees its own value
 * ```ts
 * import { ContextVar, gather, run, sleep } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * const request = new ContextVar<string>("request");
 * async function handle(id: string) {
 *   request.set(id);
 *   await sleep(0);
 *   return request.get();
 * }
 * assertEquals(await run(() => gather([() => handle("a"), () => handle("b")])), ["a", "b"]);
 * ```
 */
export class ContextVar<T> {
  /** The name given to the constructor. */
  readonly name: string;
  readonly #options: ContextVarOptions<T>;

  /**
   * Creates a variable that is set in no context.
   *
   * @param name The name, shown in error messages.
   * @param options Its default value, if it has one.
   */
  constructor(name: string, options: ContextVarOptions<T> = {}) {
    this.name = name;
    this.#options = options;
  }

  /**
   * Returns the value in the current context.
   *
   * @param fallback What to return if the variable is not set; it takes precedence over the default
   * value.
   * @returns The value.
   * @throws {RangeError} If it is not set and there is nothing to return instead (Python's
   * `LookupError`).
   */
  get(...fallback: [T?]): T {
    const value = read(currentHolder()._ownContext(), this);
    if (value !== UNSET) return value as T;
    if (fallback.length > 0) return fallback[0] as T;
    if ("defaultValue" in this.#options) return this.#options.defaultValue as T;
    throw new RangeError(`Cannot get context variable "${this.name}": it is not set`);
  }

  /**
   * Sets the value in the current context.
   *
   * @param value The new value.
   * @returns A token with which {@linkcode ContextVar.reset} undoes this.
   */
  set(value: T): Token<T> {
    const context = currentHolder()._ownContext();
    const old = read(context, this);
    write(context, this, value);
    const token: Token<T> = { variable: this, oldValue: old === UNSET ? undefined : old as T };
    tokens.set(token, { context, old });
    return token;
  }

  /**
   * Resets the variable to the value it had before the `set()` that returned `token`.
   *
   * @param token The token; it can be used once.
   * @throws {RangeError} If the token is from another variable or another context.
   * @throws {RuntimeError} If the token was used before.
   */
  reset(token: Token<T>): void {
    if (token.variable !== this) {
      throw new RangeError(`Cannot reset "${this.name}": the token is of another variable`);
    }
    const origin = tokens.get(token);
    if (origin === undefined) {
      throw new RuntimeError(`Cannot reset "${this.name}": the token was used before`);
    }
    if (origin.context !== currentHolder()._ownContext()) {
      throw new RangeError(`Cannot reset "${this.name}": the token is of another context`);
    }
    tokens.delete(token);
    write(origin.context, this, origin.old);
  }
}

/** Where each unused token came from, and the value before it, or UNSET. */
const tokens = new WeakMap<object, { context: Context; old: unknown }>();
