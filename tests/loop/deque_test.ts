/**
 * The loop's queue, against an array.
 *
 * @module
 */

import { Deque } from "../../loop/_deque.ts";
import { assertEquals } from "../_support/assert.ts";
import { seededRandom } from "../_support/random.ts";

Deno.test("Deque gives items in the order they came in", () => {
  const deque = new Deque<number>();
  for (let i = 0; i < 5; i++) deque.push(i);
  assertEquals([deque.shift(), deque.shift(), deque.shift()], [0, 1, 2]);
  assertEquals(deque.length, 2);
});

Deno.test("Deque.shift() returns undefined when it is empty", () => {
  const deque = new Deque<number>();
  assertEquals(deque.shift(), undefined);
  assertEquals(deque.length, 0);
  deque.push(1);
  deque.shift();
  assertEquals(deque.shift(), undefined);
  assertEquals(deque.length, 0);
});

Deno.test("Deque.clear() removes all, and the deque goes on", () => {
  const deque = new Deque<number>();
  for (let i = 0; i < 100; i++) deque.push(i);
  deque.clear();
  assertEquals([deque.length, deque.shift()], [0, undefined]);
  deque.push(7);
  assertEquals(deque.shift(), 7);
});

Deno.test("Deque keeps the order when it grows around its end", () => {
  const deque = new Deque<number>();
  for (let i = 0; i < 10; i++) deque.push(i);
  for (let i = 0; i < 9; i++) deque.shift();
  for (let i = 10; i < 50; i++) deque.push(i); // wraps at 16, grows at 17 and 33
  const left = Array.from({ length: deque.length }, () => deque.shift());
  assertEquals(left, Array.from({ length: 41 }, (_, i) => i + 9));
});

Deno.test("Deque goes on when a large ring was let go", () => {
  const deque = new Deque<number>();
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 3000; i++) deque.push(i);
    for (let i = 0; i < 3000; i++) assertEquals(deque.shift(), i);
    assertEquals(deque.length, 0);
  }
});

Deno.test("Deque holds undefined as an item", () => {
  const deque = new Deque<number | undefined>();
  deque.push(undefined);
  deque.push(1);
  assertEquals([deque.length, deque.shift(), deque.length, deque.shift()], [2, undefined, 1, 1]);
});

Deno.test("Deque does what an array does, in 20 000 random steps", () => {
  const random = seededRandom(1);
  const deque = new Deque<number>();
  const array: number[] = [];
  for (let step = 0; step < 20_000; step++) {
    // Runs of pushes and of shifts, so that it grows and empties.
    if (random(1000) === 0) {
      deque.clear();
      array.length = 0;
    } else if (random(2) === (step >> 9) % 2) {
      assertEquals(deque.shift(), array.shift());
    } else {
      deque.push(step);
      array.push(step);
    }
    assertEquals(deque.length, array.length);
  }
});
