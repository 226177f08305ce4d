/**
 * The loop's timers, against a sorted array.
 *
 * @module
 */

import { TimerHeap } from "../../loop/_timer_heap.ts";
import type { Timer } from "../../loop/handles.ts";
import { assertEquals, assertStrictEquals } from "../_support/assert.ts";
import { seededRandom } from "../_support/random.ts";

function newTimer(when: number): Timer {
  return { _when: when, _index: -1, _sequence: -1, _run(): void {} };
}

function heapOf(whens: number[]): { heap: TimerHeap; timers: Timer[] } {
  const heap = new TimerHeap();
  const timers = whens.map(newTimer);
  for (const timer of timers) heap.add(timer);
  return { heap, timers };
}

function drain(heap: TimerHeap): Timer[] {
  const drained: Timer[] = [];
  for (let first = heap.first; first !== undefined; first = heap.first) {
    heap.remove(first);
    drained.push(first);
  }
  return drained;
}

Deno.test("TimerHeap.first is undefined when there are no timers", () => {
  const heap = new TimerHeap();
  assertEquals([heap.first, heap.size], [undefined, 0]);
});

Deno.test("TimerHeap gives timers by their time", () => {
  const { heap } = heapOf([5, 1, 4, -Infinity, Infinity, 0, -2, 3]);
  const whens = drain(heap).map((timer) => timer._when);
  assertEquals(whens, [-Infinity, -2, 0, 1, 3, 4, 5, Infinity]);
});

Deno.test("TimerHeap gives timers of the same time in the order they were added", () => {
  const { heap, timers } = heapOf(new Array(50).fill(1));
  drain(heap).forEach((timer, i) => assertStrictEquals(timer, timers[i]));
});

Deno.test("TimerHeap gives infinite deadlines in the order they were added", () => {
  const { heap, timers } = heapOf([Infinity, 1, Infinity, Infinity]);
  const order = drain(heap).map((timer) => timers.indexOf(timer));
  assertEquals(order, [1, 0, 2, 3]);
});

Deno.test("TimerHeap.remove() tells the timer that it is out", () => {
  const { heap, timers: [first, second] } = heapOf([1, 2]);
  assertEquals([first!._index, second!._index], [0, 1]);
  heap.remove(first!);
  assertEquals([first!._index, second!._index, heap.size], [-1, 0, 1]);
});

Deno.test("TimerHeap.remove() takes a timer out of any place", () => {
  const random = seededRandom(2);
  for (let size = 1; size <= 40; size++) {
    const whens = Array.from({ length: size }, () => random(10));
    for (let place = 0; place < size; place++) {
      const { heap, timers } = heapOf(whens);
      const removed = timers.find((timer) => timer._index === place)!;
      heap.remove(removed);
      const sorted = timers.filter((timer) => timer !== removed)
        .sort((a, b) => a._when - b._when || a._sequence - b._sequence);
      assertEquals(
        drain(heap).map((timer) => timer._sequence),
        sorted.map((timer) => timer._sequence),
      );
    }
  }
});

Deno.test("TimerHeap.clear() removes all, and tells the timers", () => {
  const { heap, timers } = heapOf([3, 1, 2]);
  heap.clear();
  assertEquals([heap.first, heap.size], [undefined, 0]);
  assertEquals(timers.map((timer) => timer._index), [-1, -1, -1]);
  heap.add(timers[0]!);
  assertStrictEquals(heap.first, timers[0]);
});

Deno.test("TimerHeap does what a sorted array does, in 20 000 random steps", () => {
  const random = seededRandom(3);
  const heap = new TimerHeap();
  const array: Timer[] = [];
  for (let step = 0; step < 20_000; step++) {
    const grows = (step >> 9) % 2 === 0;
    if (array.length === 0 || random(4) < (grows ? 3 : 1)) {
      const timer = newTimer(random(100) - 50);
      heap.add(timer);
      const next = array.findIndex((other) => other._when > timer._when);
      array.splice(next < 0 ? array.length : next, 0, timer);
    } else {
      const place = random(2) === 0 ? 0 : random(array.length);
      heap.remove(array.splice(place, 1)[0]!);
    }
    assertStrictEquals(heap.first, array[0]);
    assertEquals(heap.size, array.length);
  }
  drain(heap).forEach((timer, i) => assertStrictEquals(timer, array[i]));
});
