/**
 * The start-up and clean-up of an application: whatever fails, what was started is cleaned up, in
 * reverse order, and no error is lost.
 *
 * @module
 */

import { CancelledError, ExceptionGroup, RuntimeError } from "../loop/mod.ts";

/** Calls all callbacks in order, even if some throw, and throws their errors at the end. */
export async function runAll(
  message: string,
  callbacks: readonly (() => void | PromiseLike<void>)[],
): Promise<void> {
  const errors: unknown[] = [];
  for (const callback of callbacks) {
    try {
      await callback();
    } catch (error) {
      // Even a CancelledError: the rest is done first, then it is thrown.
      errors.push(error);
    }
  }
  throwAll(message, errors);
}

/** Throws the errors: a CancelledError if there is one, else the only one, or a group. */
export function throwAll(message: string, errors: readonly unknown[]): void {
  const cancelled = errors.find((error) => error instanceof CancelledError);
  if (cancelled !== undefined) throw cancelled;
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw new ExceptionGroup(message, errors);
}

/** Makes a list refuse changes, which would have no effect any more. */
export function freeze(list: unknown[], name: string): void {
  if (Object.isFrozen(list)) return; // by an earlier start-up
  const value = (): never => {
    throw new RuntimeError(`Cannot change ${name}: the application has started`);
  };
  // The error of a frozen array would not say why.
  Object.defineProperties(list, { push: { value }, unshift: { value }, splice: { value } });
  Object.freeze(list);
}

/** Runs a cleanup context from its `yield` to its end. */
export async function endContext(generator: AsyncGenerator<void, void, void>): Promise<void> {
  const { done } = await generator.next();
  if (done) return;
  await generator.return();
  throw new RuntimeError("Cannot clean up: a cleanup context has more than one yield");
}
