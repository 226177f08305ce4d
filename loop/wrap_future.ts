/**
 * From promises to futures.
 *
 * Counterpart of `wrap_future()` in Python's `asyncio.futures`, with promises in place of the
 * futures of threads.
 *
 * @module
 */

import { CancelledError } from "./exceptions.ts";
import { Future, isFuture } from "./futures.ts";
import type { FutureOptions } from "./futures.ts";

/** Options for {@linkcode wrapFuture}. */
export interface WrapFutureOptions extends FutureOptions {
  /**
   * Called when the future is cancelled while the promise is pending: the place to stop the work
   * behind it, such as by `controller.abort(reason)`.
   */
  onCancel?: (reason: CancelledError) => void;
}

class PromiseFuture<T> extends Future<T> {
  readonly #onCancel: ((reason: CancelledError) => void) | undefined;

  constructor(options: WrapFutureOptions) {
    super(options);
    this.#onCancel = options.onCancel;
  }

  override get _isUpToHost(): boolean {
    return true;
  }

  override cancel(message?: string): boolean {
    if (!super.cancel(message)) return false;
    this.#onCancel?.(new CancelledError(message));
    return true;
  }
}

/**
 * Returns a future that has the outcome of a promise, and that can be cancelled.
 *
 * A cancellation stops a task that awaits it at once, whatever the promise does; a later outcome of
 * the promise is dropped. Counterpart of Python's `asyncio.wrap_future()`.
 *
 * @typeParam T The type of the result.
 * @param promise The promise; a future is returned as it is.
 * @param options What to do when the future is cancelled.
 * @returns The future.
 * @throws {RuntimeError} If no loop is given and none is running.
 *
 * @example Stop a request when its task is cancelled
 * ```ts
 * import { createTask, run, sleep, wrapFuture } from "@aio/asyncio";
 * import { assert } from "@std/assert";
 *
 * const controller = new AbortController();
 * const work = new Promise((_, reject) => {
 *   controller.signal.onabort = () => reject(controller.signal.reason);
 * });
 * await run(async () => {
 *   const task = createTask(() => wrapFuture(work, { onCancel: (r) => controller.abort(r) }));
 *   await sleep(0);
 *   task.cancel();
 * });
 * assert(controller.signal.aborted);
 * ```
 */
export function wrapFuture<T>(promise: PromiseLike<T>, options: WrapFutureOptions = {}): Future<T> {
  if (isFuture(promise)) return promise as Future<T>;
  const future = new PromiseFuture<T>(options);
  promise.then(
    (value) => {
      if (isAwaited(future)) future.setResult(value);
    },
    (error) => {
      if (isAwaited(future)) future.setException(error);
    },
  );
  return future;
}

/** Whether a future is pending, on a loop that is not closed: after that, nothing waits for it. */
function isAwaited(future: Future<unknown>): boolean {
  return !future.done() && !future._loop.isClosed();
}
