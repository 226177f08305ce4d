/**
 * The errors of loop/.
 *
 * @module
 */

import {
  CancelledError,
  ExceptionGroup,
  InvalidStateError,
  KeyboardInterrupt,
  RuntimeError,
  TimeoutError,
} from "@aio/asyncio/loop";
import type { ExceptionCondition } from "@aio/asyncio/loop";
import { assertEquals, assertInstanceOf } from "../_support/assert.ts";
import { assertStringIncludes, assertThrows } from "../_support/assert.ts";

const classes = {
  CancelledError,
  InvalidStateError,
  KeyboardInterrupt,
  RuntimeError,
  TimeoutError,
};

for (const [name, ErrorClass] of Object.entries(classes)) {
  Deno.test(`${name} is an Error with its name and its message`, () => {
    const error = new ErrorClass("message");
    assertInstanceOf(error, Error);
    assertEquals([error.name, error.message], [name, "message"]);
    assertEquals(String(error), `${name}: message`);
    assertEquals([new ErrorClass().message, String(new ErrorClass())], ["", name]);
  });

  Deno.test(`${name} is none of the others`, () => {
    const error = new ErrorClass();
    const matching = Object.entries(classes).filter(([, other]) => error instanceof other);
    assertEquals(matching.map(([other]) => other), [name]);
  });

  Deno.test(`${name} can be extended`, () => {
    class Own extends ErrorClass {}
    assertInstanceOf(new Own("message"), ErrorClass);
    assertEquals(String(new Own("message")), `${name}: message`);
  });
}

Deno.test("CancelledError has no stack: the loop makes many of them", () => {
  const limit = Error.stackTraceLimit;
  assertEquals(new CancelledError("message").stack, "CancelledError: message");
  assertEquals(Error.stackTraceLimit, limit);
});

for (const ErrorClass of [InvalidStateError, KeyboardInterrupt, RuntimeError, TimeoutError]) {
  Deno.test(`${ErrorClass.name} has a stack, and a cause if it is given`, () => {
    const cause = new Error("cause");
    const error = new ErrorClass("message", { cause });
    assertEquals(error.cause, cause);
    assertStringIncludes(error.stack!, "exceptions_test.ts");
  });
}

const a = new TypeError("a");
const b = new RangeError("b");
const c = new RangeError("c");

Deno.test("ExceptionGroup is an AggregateError of its exceptions", () => {
  const group = new ExceptionGroup("two failed", new Set([a, b]));
  assertInstanceOf(group, AggregateError);
  assertEquals([group.name, group.message], ["ExceptionGroup", "two failed"]);
  assertEquals([group.exceptions, group.errors], [[a, b], [a, b]]);
  assertEquals(String(group), "ExceptionGroup: two failed");
});

Deno.test("ExceptionGroup throws when there is no exception", () => {
  const error = assertThrows(() => new ExceptionGroup("none", []), RangeError);
  const text = "Cannot create exception group: there must be at least one exception";
  assertEquals(error.message, text);
});

Deno.test("ExceptionGroup.split() divides by a class, by several, or by a test", () => {
  const group = new ExceptionGroup("g", [a, b, c]);
  const divided = (condition: ExceptionCondition): unknown[] =>
    group.split(condition).map((part) => part?.exceptions ?? null);
  assertEquals(divided(RangeError), [[b, c], [a]]);
  assertEquals(divided([TypeError, RangeError]), [[a, b, c], null]);
  assertEquals(divided((error) => error === b), [[b], [a, c]]);
  assertEquals(divided(URIError), [null, [a, b, c]]);
  assertEquals(divided(Error), [[a, b, c], null]);
  assertEquals(divided([]), [null, [a, b, c]]);
});

Deno.test("ExceptionGroup.split() divides the groups in it, and keeps their messages", () => {
  const inner = new ExceptionGroup("inner", [a, b]);
  const [matching, rest] = new ExceptionGroup("outer", [inner, c]).split(RangeError);
  const shown = (group: ExceptionGroup | null): unknown =>
    group && [
      group.message,
      ...group.exceptions.map((e) => e instanceof ExceptionGroup ? shown(e) : e),
    ];
  assertEquals(shown(matching), ["outer", ["inner", b], c]);
  assertEquals(shown(rest), ["outer", ["inner", a]]);
});

Deno.test("ExceptionGroup.split() keeps the group itself when it matches as a whole", () => {
  const group = new ExceptionGroup("g", [a]);
  assertEquals(group.split(ExceptionGroup)[0] === group, true);
  assertEquals(group.split((error) => error === group), [group, null]);
});

Deno.test("ExceptionGroup.split() keeps the cause, and derives subclasses by derive()", () => {
  class Own extends ExceptionGroup {
    override derive(exceptions: readonly unknown[]): Own {
      return new Own(this.message, exceptions);
    }
  }
  const group = new Own("own", [a, b]);
  group.cause = c;
  for (const part of group.split(TypeError)) {
    assertInstanceOf(part, Own);
    assertEquals([part.message, part.cause], ["own", c]);
  }
});

Deno.test("ExceptionGroup.subgroup() is the part that matches, or null", () => {
  const group = new ExceptionGroup("g", [a, b]);
  assertEquals(group.subgroup(RangeError)?.exceptions, [b]);
  assertEquals(group.subgroup(URIError), null);
});
