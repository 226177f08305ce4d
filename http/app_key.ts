/**
 * Keys of the values that an application shares among its handlers.
 *
 * Counterpart of `AppKey` in Python's `aiohttp.web`. Two keys are never equal, whatever their
 * names, and each carries the type of its value.
 *
 * @module
 */

/**
 * The key of a value that an application stores, with the type of the value.
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
  /** Never set: it ties the key to its type. */
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
