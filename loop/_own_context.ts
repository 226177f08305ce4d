/**
 * A way back to the asynchronous context that the loop was started in.
 *
 * A turn may go on in the context of the task that has just suspended. What plain callbacks start
 * there would seem to belong to that task, so before one is called, the loop comes back here: to an
 * async function that was started in the right context and goes on in it, for about the price of one
 * `await`.
 *
 * @module
 */

/** See the module's description. */
export class OwnContext {
  readonly #fn: () => void;
  /** Goes on with `#serve()`, while it waits. */
  #resume: (() => void) | null = null;
  #isRequested = false;

  /** Has `fn` called in the context of this call, once for each `request()`. */
  constructor(fn: () => void) {
    this.#fn = fn;
    this.#serve();
  }

  /** Has the function called in a microtask. */
  request(): void {
    const resume = this.#resume;
    if (resume === null) {
      this.#isRequested = true;
      return;
    }
    this.#resume = null;
    resume();
  }

  // Nothing ends it: once nobody can make requests, it is garbage.
  async #serve(): Promise<never> {
    const requested: PromiseLike<void> = { then: this.#then as PromiseLike<void>["then"] };
    for (;;) {
      await requested;
      this.#fn();
    }
  }

  readonly #then = (resume: () => void): void => {
    if (this.#isRequested) {
      this.#isRequested = false;
      resume();
    } else {
      this.#resume = resume;
    }
  };
}
