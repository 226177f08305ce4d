/**
 * The list whose items know their neighbours, against an array.
 *
 * @module
 */

import { LinkedList } from "../../loop/_linked_list.ts";
import type { Linked } from "../../loop/_linked_list.ts";
import { assertEquals } from "../_support/assert.ts";
import { seededRandom } from "../_support/random.ts";

class Item implements Linked<Item> {
  _before: Item | null = null;
  _after: Item | null = null;
  _isListed = false;
  readonly name: number;

  constructor(name: number) {
    this.name = name;
  }
}

function listOf(count: number): { list: LinkedList<Item>; items: Item[] } {
  const list = new LinkedList<Item>();
  const items = Array.from({ length: count }, (_, i) => new Item(i));
  for (const item of items) list.add(item);
  return { list, items };
}

const names = (list: Iterable<Item>): number[] => Array.from(list, (item) => item.name);

Deno.test("LinkedList gives items in the order they were added", () => {
  const { list, items } = listOf(4);
  assertEquals([names(list), list.first === items[0]], [[0, 1, 2, 3], true]);
});

Deno.test("LinkedList is empty at first", () => {
  const { list } = listOf(0);
  assertEquals([names(list), list.first], [[], null]);
});

Deno.test("LinkedList.remove() takes an item out of any place, and it may be added again", () => {
  for (let place = 0; place < 4; place++) {
    const { list, items } = listOf(4);
    const item = items[place]!;
    const others = [0, 1, 2, 3].filter((i) => i !== place);
    list.remove(item);
    assertEquals(names(list), others);
    assertEquals([item._before, item._after, item._isListed], [null, null, false]);
    list.add(item);
    assertEquals(names(list), [...others, place]);
  }
});

Deno.test("LinkedList.remove() is harmless when the item is not in the list", () => {
  const { list, items } = listOf(2);
  list.remove(new Item(7));
  list.remove(items[0]!);
  list.remove(items[0]!);
  assertEquals(names(list), [1]);
});

Deno.test("LinkedList may lose the item at hand while it is gone through", () => {
  const { list } = listOf(4);
  const seen: number[] = [];
  for (const item of list) {
    seen.push(item.name);
    list.remove(item);
  }
  assertEquals([seen, names(list), list.first], [[0, 1, 2, 3], [], null]);
});

Deno.test("LinkedList does what an array does, in 5000 random steps", () => {
  const random = seededRandom(6);
  const list = new LinkedList<Item>();
  const array: Item[] = [];
  for (let step = 0; step < 5000; step++) {
    if (array.length === 0 || random(3) < ((step >> 6) % 2 === 0 ? 2 : 1)) {
      array.push(new Item(step));
      list.add(array.at(-1)!);
    } else {
      list.remove(array.splice(random(array.length), 1)[0]!);
    }
    assertEquals(names(list), names(array));
    assertEquals(list.first, array[0] ?? null);
  }
});
