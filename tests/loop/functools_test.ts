/**
 * partial(), and how values print inside it.
 *
 * @module
 */

import { newEventLoop, partial } from "@aio/asyncio/loop";
import { assertEquals, assertStrictEquals, assertThrows } from "../_support/assert.ts";

function join(...words: unknown[]): string {
  return words.join(" ");
}

Deno.test("partial() calls the function with its arguments before those of the call", () => {
  assertEquals(partial(join, "a", "b")("c", "d"), "a b c d");
  assertEquals(partial(join)(), "");
});

Deno.test("partial() keeps the function and the arguments", () => {
  const bound = partial(join, 1, "x");
  assertStrictEquals(bound.func, join);
  assertEquals(bound.args, [1, "x"]);
});

Deno.test("partial() holds arguments that can't be changed", () => {
  const bound = partial(join, 1);
  assertThrows(() => (bound.args as unknown as number[]).push(2), TypeError);
  assertThrows(() => Object.assign(bound, { func: () => 0 }), TypeError);
  assertEquals(bound(), "1");
});

Deno.test("partial() passes on what the function throws", () => {
  const fail = partial((text: string) => {
    throw new RangeError(text);
  }, "bad");
  assertThrows(fail, RangeError, "bad");
});

Deno.test("partial() of a partial calls through both", () => {
  assertEquals(partial(partial(join, 1), 2)(3), "1 2 3");
});

Deno.test("partial() prints as the call that it makes", () => {
  const cases: [unknown, string][] = [
    [partial(join), "partial(<function join>)"],
    [partial(join, 1, "x"), "partial(<function join>, 1, 'x')"],
    [partial(() => 0), "partial(<function anonymous>)"],
    [partial(join, partial(join, 1)), "partial(<function join>, partial(<function join>, 1))"],
  ];
  for (const [bound, text] of cases) {
    assertEquals(String(bound), text);
    assertEquals(Deno.inspect(bound), text);
  }
});

Deno.test("partial() prints any value as an argument", () => {
  class Point {}
  class Named {
    toString(): string {
      return "named!";
    }
  }
  class Broken {
    toString(): string {
      throw new Error("no text");
    }
  }
  const cyclic: unknown[] = [1];
  cyclic.push(cyclic);
  const cases: [unknown, string][] = [
    [new Broken(), "<Broken>"],
    [cyclic, "[1, [1, [1, [...1, [...]]]]]]]"],
    [null, "null"],
    [undefined, "undefined"],
    [true, "true"],
    [-0.5, "-0.5"],
    [10n, "10"],
    [Symbol("s"), "Symbol(s)"],
    ["it's", `"it's"`],
    ['say "hi"', `'say "hi"'`],
    [`'a' "b"`, `'\\'a\\' "b"'`],
    ["line\nend\\", "'line\\nend\\\\'"],
    [[1, "a", [null]], "[1, 'a', [null]]"],
    [[1, 2, 3, 4, 5, 6, 7], "[1, 2, 3, 4, 5, 6, ...]"],
    [{ a: 1 }, "{...}"],
    [Object.create(null), "{...}"],
    [new Point(), "<Point>"],
    [new Named(), "named!"],
    [new RangeError("no"), "RangeError('no')"],
    [new RangeError(), "RangeError()"],
    [join, "<function join>"],
    [Point, "<function Point>"],
    ["x".repeat(28), `'${"x".repeat(28)}'`],
    ["x".repeat(29), `'${"x".repeat(12)}...${"x".repeat(13)}'`],
  ];
  for (const [value, text] of cases) {
    assertEquals(String(partial(join, value)), `partial(<function join>, ${text})`);
  }
});

Deno.test("partial() shows its call in the text of a handle", () => {
  const loop = newEventLoop();
  const texts = [
    loop.callSoon(partial(join, "a"), "b"),
    loop.callSoon(partial(partial(join, 1), 2)),
  ].map(String);
  loop.close();
  assertEquals(texts, ["<Handle join('a')('b')>", "<Handle join(1)(2)()>"]);
});
