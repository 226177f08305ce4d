/**
 * Passing items between tasks.
 *
 * Counterpart of Python's `asyncio.queues`. No item is lost and no waiter is forgotten: a task that
 * is cancelled after it was woken wakes the next one.
 *
 * @module
 */

import { abortable } from "./_abortable.ts";
import type { AbortableOptions } from "./_abortable.ts";
import { Deque } from "./_deque.ts";
import { boundLoop } from "./_loop_bound.ts";
import { printable, repr } from "./_repr.ts";
import { Waiters } from "./_waiters.ts";
import type { Waiter } from "./_waiters.ts";
import { claim } from "./claims.ts";
import type { Claimable } from "./claims.ts";
import type { Steps } from "./coroutines.ts";
import { Event } from "./event.ts";
import type { EventLoop } from "./events.ts";
import type { Awaitable } from "./futures.ts";

/** Thrown by `getNowait()` of an empty queue. Counterpart of Python's `asyncio.QueueEmpty`. */
export class QueueEmpty extends Error {
  /** Always `"QueueEmpty"`. */
  override name = "QueueEmpty";
}

/** Thrown by `putNowait()` of a full queue. Counterpart of Python's `asyncio.QueueFull`. */
export class QueueFull extends Error {
  /** Always `"QueueFull"`. */
  override name = "QueueFull";
}

/** Thrown by a queue that was shut down. Counterpart of Python's `asyncio.QueueShutDown`. */
export class QueueShutDown extends Error {
  /** Always `"QueueShutDown"`. */
  override name = "QueueShutDown";
}

/**
 * Removes the waiter of an interrupted task, and tells whether it was woken: if so, the next one
 * has to be woken.
 */
function leave(waiters: Waiters, waiter: Waiter): boolean {
  const wasWoken = waiter.done() && !waiter.cancelled();
  waiter.cancel();
  waiters.remove(waiter);
  return wasWoken;
}

/**
 * A first in, first out queue. If it has a maximum size, `put()` waits while it is full.
 *
 * `for await` takes items until the queue is shut down and empty. Counterpart of Python's
 * `asyncio.Queue`.
 *
 * @typeParam T The type of the items.
 *
 * @example
 * ```ts
 * import { createTask, Queue, run } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * const seen: number[] = [];
 * await run(async () => {
 *   const queue = new Queue<number>(2);
 *   const consumer = createTask(async () => {
 *     for await (const item of queue) seen.push(item);
 *   });
 *   for (let i = 0; i < 5; i++) await queue.put(i);
 *   queue.shutdown();
 *   await consumer;
 * });
 * assertEquals(seen, [0, 1, 2, 3, 4]);
 * ```
 */
export class Queue<T> implements AsyncIterable<T> {
  readonly #maxsize: number;
  readonly #items = new Deque<T>();
  readonly #getters = new Waiters();
  readonly #putters = new Waiters();
  #unfinished = 0;
  readonly #finished = new Event();
  #isShutDown = false;
  #loop: EventLoop | null = null;

  /**
   * Creates a queue.
   *
   * @param maxsize The maximum number of items; zero or less for no limit.
   * @throws {RangeError} If `maxsize` is not a number.
   */
  constructor(maxsize = 0) {
    if (typeof maxsize !== "number" || Number.isNaN(maxsize)) {
      throw new RangeError(`Cannot create queue: maxsize must be a number, not ${repr(maxsize)}`);
    }
    this.#maxsize = maxsize;
    this.#finished.set();
  }

  static {
    printable(this.prototype);
  }

  /** The maximum number of items; zero or less for no limit. */
  get maxsize(): number {
    return this.#maxsize;
  }

  /**
   * Tells how many items are in the queue.
   *
   * @returns The number.
   */
  qsize(): number {
    return this.#items.length;
  }

  /**
   * Tells whether there are no items.
   *
   * @returns Whether `getNowait()` would throw.
   */
  empty(): boolean {
    return this.qsize() === 0;
  }

  /**
   * Tells whether there is no room.
   *
   * @returns Whether it holds `maxsize` items; false if there is no limit.
   */
  full(): boolean {
    return this.#maxsize > 0 && this.qsize() >= this.#maxsize;
  }

  /** @ignore Stores an item. */
  protected _put(item: T): void {
    this.#items.push(item);
  }

  /** @ignore Removes the item that is next. */
  protected _get(): T {
    return this.#items.shift()!;
  }

  /**
   * Puts an item into the queue, waiting for room.
   *
   * @param item The item.
   * @param options A signal that ends the waiting.
   * @returns An awaitable.
   * @throws {QueueShutDown} If the queue is shut down.
   */
  put(item: T, options?: AbortableOptions): Awaitable<void> {
    return claim(options, this.#putting, item);
  }

  // The parameter is not a T: a Queue<number> would not be assignable to a Queue<unknown>.
  readonly #putting: Claimable<void, unknown> = {
    begin: (item) => this.full() ? this.#wait("put", this.#putters) : this.putNowait(item as T),
    goOn: (waiter, error, item) => {
      if (error === null) return this.#putting.begin(item);
      if (leave(this.#putters, waiter) && !this.full()) this.#putters.takeNext();
      throw error;
    },
  };

  /**
   * Puts an item into the queue, at once. Counterpart of Python's `put_nowait()`.
   *
   * @param item The item.
   * @throws {QueueFull} If there is no room.
   * @throws {QueueShutDown} If the queue is shut down.
   */
  putNowait(item: T): void {
    this.#checkOpen("put");
    if (this.full()) throw new QueueFull("Cannot put: the queue is full");
    this._put(item);
    if (this.#unfinished++ === 0) this.#finished.clear();
    this.#getters.takeNext();
  }

  /**
   * Takes the next item, waiting for one.
   *
   * @param options A signal that ends the waiting.
   * @returns An awaitable of the item.
   * @throws {QueueShutDown} If the queue is shut down and empty.
   */
  get(options?: AbortableOptions): Awaitable<T> {
    return claim(options, this.#getting, undefined);
  }

  readonly #getting: Claimable<T> = {
    begin: () => this.empty() ? this.#wait("get", this.#getters) : this.getNowait(),
    goOn: (waiter, error) => {
      if (error === null) return this.#getting.begin();
      if (leave(this.#getters, waiter) && !this.empty()) this.#getters.takeNext();
      throw error;
    },
  };

  /**
   * Takes the next item, at once. Counterpart of Python's `get_nowait()`.
   *
   * @returns The item.
   * @throws {QueueEmpty} If there is none.
   * @throws {QueueShutDown} If there is none and the queue is shut down.
   */
  getNowait(): T {
    if (this.empty()) {
      this.#checkOpen("get");
      throw new QueueEmpty("Cannot get: the queue is empty");
    }
    const item = this._get();
    this.#putters.takeNext();
    return item;
  }

  #wait(action: string, waiters: Waiters): Waiter {
    this.#checkOpen(action);
    return waiters.add(this.#loop = boundLoop(this, this.#loop));
  }

  /**
   * Marks the work on an item that was taken as done. Counterpart of Python's `task_done()`.
   *
   * @throws {RangeError} If it is called more often than items were put in.
   */
  taskDone(): void {
    if (this.#unfinished <= 0) {
      throw new RangeError("Cannot finish task: taskDone() called too many times");
    }
    if (--this.#unfinished === 0) this.#finished.set();
  }

  /**
   * Waits until the work on all items is done.
   *
   * @param options A signal that ends the waiting.
   * @returns An awaitable.
   */
  join(options: AbortableOptions = {}): Awaitable<void> {
    return abortable(options, () => this.#join());
  }

  *#join(): Steps<void> {
    if (this.#unfinished > 0) yield* this.#finished.wait();
  }

  /**
   * Shuts the queue down: no more items can be put in, and those in it can still be taken.
   *
   * Tasks that wait in `put()` or `get()` get a {@linkcode QueueShutDown}.
   *
   * @param immediate Whether to drop the items in the queue, as if the work on them were done.
   */
  shutdown(immediate = false): void {
    this.#isShutDown = true;
    if (immediate) {
      while (!this.empty()) {
        this._get();
        if (this.#unfinished > 0 && --this.#unfinished === 0) this.#finished.set();
      }
    }
    while (this.#getters.first !== null) this.#getters.takeNext();
    while (this.#putters.first !== null) this.#putters.takeNext();
  }

  #checkOpen(action: string): void {
    if (this.#isShutDown) throw new QueueShutDown(`Cannot ${action}: the queue is shut down`);
  }

  /**
   * Takes items until the queue is shut down and empty.
   *
   * @returns The items.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    for (;;) {
      try {
        yield await this.get();
      } catch (error) {
        if (error instanceof QueueShutDown) return;
        throw error;
      }
    }
  }

  /**
   * Returns the state of the queue: its size, how many tasks wait, and how much work is not done.
   *
   * @returns Such as `<Queue maxsize=2 size=2 putters=1 tasks=2>`.
   */
  toString(): string {
    const parts = [this.constructor.name, `maxsize=${this.#maxsize}`, `size=${this.qsize()}`];
    if (this.#getters.first !== null) parts.push(`getters=${this.#getters.count()}`);
    if (this.#putters.first !== null) parts.push(`putters=${this.#putters.count()}`);
    if (this.#unfinished > 0) parts.push(`tasks=${this.#unfinished}`);
    if (this.#isShutDown) parts.push("shutdown");
    return `<${parts.join(" ")}>`;
  }
}

/**
 * A queue that returns the item that was put in last.
 *
 * Counterpart of Python's `asyncio.LifoQueue`.
 *
 * @typeParam T The type of the items.
 *
 * @example
 * ```ts
 * import { LifoQueue } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * const queue = new LifoQueue<number>();
 * queue.putNowait(1);
 * queue.putNowait(2);
 * assertEquals([queue.getNowait(), queue.getNowait()], [2, 1]);
 * ```
 */
export class LifoQueue<T> extends Queue<T> {
  readonly #items: T[] = [];

  /**
   * Tells how many items are in the queue.
   *
   * @returns The number.
   */
  override qsize(): number {
    return this.#items.length;
  }

  /** @ignore */
  protected override _put(item: T): void {
    this.#items.push(item);
  }

  /** @ignore */
  protected override _get(): T {
    return this.#items.pop()!;
  }
}

/**
 * Options for {@linkcode PriorityQueue}.
 *
 * @typeParam T The type of the items.
 */
export interface PriorityQueueOptions<T> {
  /**
   * Tells which of two items is taken first: a negative number for the first of them. By default
   * that is the smaller one; of two arrays, the one with the smaller element at the first index
   * where they differ. Objects without an order are refused as items. Inside arrays they count as
   * equal; Python refuses them there, too.
   */
  compare?: (a: T, b: T) => number;
}

/**
 * A queue that returns the smallest item first.
 *
 * Counterpart of Python's `asyncio.PriorityQueue`.
 *
 * @typeParam T The type of the items, such as `[priority, data]`.
 *
 * @example
 * ```ts
 * import { PriorityQueue } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * const queue = new PriorityQueue<[number, string]>();
 * queue.putNowait([2, "later"]);
 * queue.putNowait([1, "sooner"]);
 * assertEquals(queue.getNowait(), [1, "sooner"]);
 * ```
 */
export class PriorityQueue<T> extends Queue<T> {
  /** A binary heap: no item comes before its parent, which is at half its index. */
  readonly #heap: T[] = [];
  readonly #compare: (a: T, b: T) => number;

  /**
   * Creates a queue.
   *
   * @param maxsize The maximum number of items; zero or less for no limit.
   * @param options How to compare items.
   */
  constructor(maxsize = 0, options: PriorityQueueOptions<T> = {}) {
    super(maxsize);
    this.#compare = options.compare ?? compareItems;
  }

  /**
   * Tells how many items are in the queue.
   *
   * @returns The number.
   */
  override qsize(): number {
    return this.#heap.length;
  }

  /** @ignore */
  protected override _put(item: T): void {
    const heap = this.#heap;
    const parentOf = (index: number): number => (index - 1) >> 1;
    let place = heap.length;
    while (place > 0 && this.#compare(item, heap[parentOf(place)]!) < 0) place = parentOf(place);
    // Items are moved only now, as a comparison may throw.
    for (let index = heap.length; index > place; index = parentOf(index)) {
      heap[index] = heap[parentOf(index)]!;
    }
    heap[place] = item;
  }

  /** @ignore */
  protected override _get(): T {
    const heap = this.#heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    const size = heap.length;
    if (size === 0) return first;
    let index = 0;
    for (let child = 1; child < size; child = 2 * index + 1) {
      if (child + 1 < size && this.#compare(heap[child + 1]!, heap[child]!) < 0) child++;
      if (this.#compare(heap[child]!, last) >= 0) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

function compareItems(a: unknown, b: unknown): number {
  if (hasNoOrder(a) || hasNoOrder(b)) {
    const text = `${repr(a)} and ${repr(b)} have no order; the option \`compare\` can give one`;
    throw new TypeError(`Cannot compare items: ${text}`);
  }
  return compareNaturally(a, b);
}

/**
 * Whether `<` has nothing to compare: the object has neither a primitive value nor a text of its
 * own.
 */
function hasNoOrder(item: unknown): boolean {
  if (typeof item !== "object" || item === null || Array.isArray(item)) return false;
  return item.toString === Object.prototype.toString && typeof item.valueOf() === "object" &&
    !(Symbol.toPrimitive in item);
}

function compareNaturally(a: unknown, b: unknown): number {
  if (Array.isArray(a) && Array.isArray(b)) {
    for (let i = 0; i < a.length && i < b.length; i++) {
      const order = compareNaturally(a[i], b[i]);
      if (order !== 0) return order;
    }
    return a.length - b.length;
  }
  const [left, right] = [a as number, b as number];
  return left < right ? -1 : left > right ? 1 : 0;
}
