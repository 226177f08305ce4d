/**
 * A queue that grows: first in, first out, both in constant time.
 *
 * Counterpart of the part of Python's `collections.deque` that asyncio uses. A ring of a power of
 * two slots; a slot that is not in use holds `undefined`, so that nothing is kept alive.
 *
 * @module
 */

const SMALLEST = 16;
/** An empty ring larger than this is dropped. */
const LARGEST_IDLE = 1024;

/** See the module's description. */
export class Deque<T> {
  #ring: (T | undefined)[] = new Array(SMALLEST);
  #head = 0;
  #length = 0;

  /** How many items are in it. */
  get length(): number {
    return this.#length;
  }

  /** Appends an item. */
  push(item: T): void {
    if (this.#length === this.#ring.length) this.#grow();
    this.#ring[(this.#head + this.#length++) & (this.#ring.length - 1)] = item;
  }

  /** Removes and returns the first item, or returns `undefined` if there is none. */
  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const head = this.#head;
    const item = this.#ring[head];
    this.#ring[head] = undefined;
    this.#head = (head + 1) & (this.#ring.length - 1);
    if (--this.#length === 0 && this.#ring.length > LARGEST_IDLE) this.clear();
    return item;
  }

  /** Removes all items. */
  clear(): void {
    this.#ring = new Array(SMALLEST);
    this.#head = 0;
    this.#length = 0;
  }

  #grow(): void {
    const old = this.#ring;
    const ring: (T | undefined)[] = new Array(old.length * 2);
    for (let i = 0; i < old.length; i++) ring[i] = old[(this.#head + i) & (old.length - 1)];
    this.#ring = ring;
    this.#head = 0;
  }
}
