/**
 * Names for what an application shares among its handlers.
 *
 * Counterpart of `AppKey` in Python's `aiohttp.web`. Two keys are never the same, whatever they are
 * called, and each knows the type of its value.
 *
 * @module
 */

/**
 * The name of a value that an application keeps, with the type of the value.
 *
 * Counterpart of Python's `aiohttp.web.AppKey`.
 *
 * @typeParam T The type of the value.
 *
 * @example
 * ```ts
 * import { AppKey, Application } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * const GREETING = new AppKey<string>("greeting");
 * const app = new Application();
 * app.set(GREETING, "hello");
 * assertEquals(app.get(GREETING), "hello");
 * ```
 */
export class AppKey<T> {
  /** The name, for people to read. */
  readonly name: string;
  /** Never there: it ties the key to its type. */
  declare readonly _type: T;

  /**
   * Creates a key, different from all others.
   *
   * @param name A name for people to read.
   */
  constructor(name: string) {
    this.name = name;
  }
}
