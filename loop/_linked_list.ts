/**
 * A list whose items know their neighbours, so that an item can be removed at once from anywhere in
 * it.
 *
 * @module
 */

/** An item; it is in one list at most. */
export interface Linked<T> {
  _before: T | null;
  _after: T | null;
  _isListed: boolean;
}

/** See the module's description. */
export class LinkedList<T extends Linked<T>> implements Iterable<T> {
  #first: T | null = null;
  #last: T | null = null;

  /** The item that was added first, or null. */
  get first(): T | null {
    return this.#first;
  }

  /** Adds an item at the end. */
  add(item: T): void {
    item._isListed = true;
    item._before = this.#last;
    if (this.#last === null) this.#first = item;
    else this.#last._after = item;
    this.#last = item;
  }

  /** Removes an item; harmless if it is not in the list. */
  remove(item: T): void {
    if (!item._isListed) return;
    const { _before: before, _after: after } = item;
    if (before === null) this.#first = after;
    else before._after = after;
    if (after === null) this.#last = before;
    else after._before = before;
    item._before = item._after = null;
    item._isListed = false;
  }

  /** The items, in the order they were added. */
  *[Symbol.iterator](): Generator<T, void, void> {
    for (let item = this.#first; item !== null;) {
      const next: T | null = item._after;
      yield item;
      item = next;
    }
  }
}
