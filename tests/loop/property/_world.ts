/**
 * What the tasks of a random program share, and what has to be true of it at any time, whenever
 * nothing happens any more, and in the end.
 *
 * @module
 */

import {
  allTasks,
  Barrier,
  Condition,
  currentTask,
  Event,
  Lock,
  Queue,
  Semaphore,
} from "@aio/asyncio/loop";
import type { EventLoop, Task } from "@aio/asyncio/loop";
import { assert, assertEquals } from "../../_support/assert.ts";

/** Somebody who waits for something. */
export class Request {
  readonly #task: Task<unknown>;
  readonly #cancellings: number;
  /** Whether a cancellation of before is still to be delivered: to this waiting, then. */
  readonly #isDoomed: boolean;
  readonly #signal: AbortSignal | null;

  constructor(signal: AbortSignal | null = null) {
    this.#task = currentTask()!;
    this.#cancellings = this.#task.cancelling();
    this.#isDoomed = this.#task._mustCancel;
    this.#signal = signal;
  }

  /** Whether the waiting is being ended by a cancellation, a timeout, or a signal. */
  isDoomed(): boolean {
    const isCancelled = this.#task.cancelling() > this.#cancellings;
    return this.#isDoomed || isCancelled || this.#signal?.aborted === true;
  }
}

/** Those who wait for one of so many places, and those who have one. */
export class Line {
  readonly #places: number;
  readonly #waiting: Request[] = [];
  readonly #inside = new Set<Request>();

  constructor(places: number) {
    this.#places = places;
  }

  request(signal: AbortSignal | null = null): Request {
    const request = new Request(signal);
    this.#waiting.push(request);
    return request;
  }

  /** First come, first served, and never more than there are places. */
  enter(request: Request): void {
    const ahead = this.#waiting.slice(0, this.#waiting.indexOf(request));
    assert(ahead.every((other) => other.isDoomed()), "somebody was overtaken");
    this.giveUp(request);
    this.#inside.add(request);
    assert(this.#inside.size <= this.#places, "more are inside than there are places");
  }

  leave(request: Request): void {
    this.#inside.delete(request);
  }

  giveUp(request: Request): void {
    const index = this.#waiting.indexOf(request);
    if (index >= 0) this.#waiting.splice(index, 1);
  }

  isEmpty(): boolean {
    return this.#waiting.length === 0 && this.#inside.size === 0;
  }
}

/** An item of the queue: who put it there, and which of his it is. */
export interface Item {
  readonly producer: number;
  readonly number: number;
}

/** How big the shared things are. */
export interface Sizes {
  readonly queue: number;
  readonly parties: number;
}

/** The producer of the items that keep consumers from waiting for ever. */
const RESCUER = 0;

/** See the module's description. */
export class World {
  readonly lock: Lock = new Lock();
  readonly semaphore: Semaphore = new Semaphore(2);
  readonly condition: Condition = new Condition();
  readonly event: Event = new Event();
  readonly queue: Queue<Item>;
  readonly barrier: Barrier;

  /** The tasks of the program. */
  tasks: readonly Task<unknown>[] = [];
  readonly lockLine = new Line(1);
  readonly semaphoreLine = new Line(2);
  #holders = 0;
  /** What the consumers of the condition wait for. */
  tokens = 0;
  readonly consumers = new Set<Request>();
  /** Those who wait for the event, and whether it was set since they began to. */
  readonly waitingForEvent = new Map<Request, boolean>();
  readonly #put = new Map<number, number>([[RESCUER, 0]]);
  readonly #got = new Map<number, number>();

  constructor({ queue, parties }: Sizes) {
    this.queue = new Queue(queue);
    this.barrier = new Barrier(parties);
  }

  newRequest(): Request {
    return new Request();
  }

  /** Called when a task has the condition's lock. */
  hold(): void {
    assert(++this.#holders === 1 && this.condition.locked(), "the condition is not held by one");
  }

  /** Called before it gives the lock back. */
  unhold(): void {
    this.#holders--;
  }

  /** A producer who has not put anything so far. */
  newProducer(): number {
    const producer = this.#put.size;
    this.#put.set(producer, 0);
    return producer;
  }

  nextItem(producer: number): Item {
    return { producer, number: this.#put.get(producer)! };
  }

  /** Called when an item is in the queue. */
  hasPut({ producer, number }: Item): void {
    this.#put.set(producer, number + 1);
  }

  /** Called with each item taken: none is lost, none comes twice, and each producer's in order. */
  hasGot({ producer, number }: Item): void {
    assertEquals(number, this.#got.get(producer) ?? 0, `the next item of producer ${producer}`);
    this.#got.set(producer, number + 1);
  }

  setEvent(andClear: boolean): void {
    for (const request of this.waitingForEvent.keys()) this.waitingForEvent.set(request, true);
    this.event.set();
    if (andClear) this.event.clear();
  }

  /** Nobody waits for what is there. */
  checkWhenQuiet(): void {
    const { lock, semaphore, queue, barrier } = this;
    assertEquals([String(lock), String(semaphore)], [
      "<Lock [unlocked]>",
      "<Semaphore [unlocked, value:2]>",
    ]);
    assert(this.lockLine.isEmpty() && this.semaphoreLine.isEmpty(), "somebody was forgotten");
    assert(this.#holders === 0 && !this.condition.locked(), "the condition is held");
    assert(this.tokens === 0 || this.consumers.size === 0, "a notification was lost");
    assert(![...this.waitingForEvent.values()].includes(true), "who waited for the event waits");
    assert(queue.empty() || !String(queue).includes("getters"), "a getter was forgotten");
    assert(queue.full() || !String(queue).includes("putters"), "a putter was forgotten");
    assert(barrier.nWaiting < barrier.parties, "the barrier is filled");
  }

  /** Lets those go on who wait for what nobody else will do. */
  async rescue(): Promise<void> {
    this.setEvent(true);
    await this.barrier.reset();
    await this.condition.run(async () => {
      this.tokens++;
      this.condition.notify();
    });
    if (this.queue.empty()) {
      const item = this.nextItem(RESCUER);
      this.queue.putNowait(item);
      this.hasPut(item);
    } else {
      this.hasGot(this.queue.getNowait());
    }
  }

  /** All is as it was in the beginning. */
  checkInTheEnd(loop: EventLoop): void {
    this.checkWhenQuiet();
    while (!this.queue.empty()) this.hasGot(this.queue.getNowait());
    const put = new Map([...this.#put].filter(([, count]) => count > 0));
    assertEquals(this.#got, put, "items that were put, and items that were got");
    this.event.clear();
    const { condition, event, barrier } = this;
    assertEquals([condition, event, barrier].map(String), [
      "<Condition [unlocked]>",
      "<Event [unset]>",
      `<Barrier [filling, waiters:0/${barrier.parties}]>`,
    ]);
    assertEquals(
      String(this.queue).replace(/ tasks=\d+/, ""),
      String(new Queue(this.queue.maxsize)),
    );
    assertEquals(allTasks(loop).size, 1, "tasks that are left, with the main one");
  }
}
