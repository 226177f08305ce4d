/**
 * Reports of objects that became garbage before they were dealt with: an error that was never
 * retrieved, a session that was never closed.
 *
 * @module
 */

import { onExit } from "./_host.ts";

/**
 * Watches objects: each is reported once it has become garbage, or when the program ends before
 * that. A record holds what is to be reported of an object; it must not refer to the object.
 */
export class LostObjects<R extends object> {
  readonly #watched = new Set<R>();
  readonly #registry: FinalizationRegistry<R>;
  readonly #atExit: (record: R) => void;
  #isExitWatched = false;

  constructor(whenGone: (record: R) => void, atExit: (record: R) => void = whenGone) {
    this.#atExit = atExit;
    this.#registry = new FinalizationRegistry((record) => {
      if (this.#watched.delete(record)) whenGone(record);
    });
  }

  /** Watches an object, and returns its record. */
  watch(object: object, record: R): R {
    this.#watched.add(record);
    this.#registry.register(object, record, record);
    if (!this.#isExitWatched) {
      this.#isExitWatched = true;
      onExit(() => this.#watched.forEach((left) => this.#atExit(left)));
    }
    return record;
  }

  /** Stops watching the object of a record. */
  forget(record: R): void {
    this.#watched.delete(record);
    this.#registry.unregister(record);
  }
}
