/**
 * A future that stands for others, so that one can see what a task really waits for.
 *
 * @module
 */

import { Future } from "./futures.ts";
import type { FutureOptions } from "./futures.ts";

/** See the module's description. */
export class JointFuture<T> extends Future<T> {
  readonly #others: Iterable<Future<unknown>>;

  constructor(others: Iterable<Future<unknown>>, options: FutureOptions) {
    super(options);
    this.#others = others;
  }

  override _parts(): Iterable<Future<unknown>> {
    return this.#others;
  }
}
