/**
 * The beginning and the end of an application: what is begun is ended, in reverse order, whatever
 * fails, and no error is lost.
 *
 * @module
 */

import { CancelledError, ExceptionGroup, RuntimeError } from "../loop/mod.ts";

/** Calls all of them in order, whatever they throw, and throws that at the end. */
export async function runAll(
  message: string,
  callbacks: readonly (() => void | PromiseLike<void>)[],
): Promise<void> {
  const errors: unknown[] = [];
  for (const callback of callbacks) {
    try {
      await callback();
    } catch (error) {
      // A CancelledError, too: the rest is done first, then it goes on.
      errors.push(error);
    }
  }
  throwAll(message, errors);
}

/** Throws the errors: a cancellation if there is one among them, or one, or a group of several. */
export function throwAll(message: string, errors: readonly unknown[]): void {
  const cancelled = errors.find((error) => error instanceof CancelledError);
  if (cancelled !== undefined) throw cancelled;
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw new ExceptionGroup(message, errors);
}

/** Has a list refuse to be changed, where nobody would take notice of it any more. */
export function freeze(list: unknown[], name: string): void {
  if (Object.isFrozen(list)) return; // by an earlier start
  const value = (): never => {
    throw new RuntimeError(`Cannot change ${name}: the application has started`);
  };
  // The platform's own error would not say why.
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
