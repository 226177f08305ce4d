/**
 * A function together with some of its arguments, as an object that can be inspected.
 *
 * Counterpart of Python's `functools.partial`.
 *
 * @module
 */

import { printable, repr } from "./_repr.ts";

/**
 * What {@linkcode partial} returns: a function that shows what it will call.
 *
 * @typeParam Args The types of the arguments that were given.
 * @typeParam Rest The types of the arguments that are left to give.
 * @typeParam R What the function returns.
 */
export interface Partial<Args extends unknown[], Rest extends unknown[], R> {
  (...rest: Rest): R;
  /** The function that will be called. */
  readonly func: (...args: [...Args, ...Rest]) => R;
  /** The arguments that come first. */
  readonly args: Readonly<Args>;
}

/**
 * Returns a function that calls `func` with `args`, followed by its own arguments.
 *
 * Unlike a closure, it shows what it will do: `.func` and `.args` hold that as data, and it prints
 * as such. Counterpart of Python's `functools.partial()`.
 *
 * @typeParam Args The types of the arguments given now.
 * @typeParam Rest The types of the arguments given later.
 * @typeParam R What `func` returns.
 * @param func The function to call.
 * @param args The arguments to call it with, before those given later.
 * @returns The new function.
 *
 * @example
 * ```ts
 * import { partial } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * function power(base: number, exponent: number): number {
 *   return base ** exponent;
 * }
 * const powerOfTwo = partial(power, 2);
 * assertEquals(powerOfTwo(10), 1024);
 * assertEquals(powerOfTwo.func, power);
 * assertEquals(powerOfTwo.args, [2]);
 * assertEquals(String(powerOfTwo), "partial(<function power>, 2)");
 * ```
 */
export function partial<Args extends unknown[], Rest extends unknown[], R>(
  func: (...args: [...Args, ...Rest]) => R,
  ...args: Args
): Partial<Args, Rest, R> {
  const bound = (...rest: Rest): R => func(...args, ...rest);
  Object.defineProperties(bound, {
    func: { value: func, enumerable: true },
    args: { value: Object.freeze(args), enumerable: true },
    toString: { value: () => `partial(${[func, ...args].map((arg) => repr(arg)).join(", ")})` },
  });
  printable(bound);
  return bound as Partial<Args, Rest, R>;
}
