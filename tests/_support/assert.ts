/**
 * The assertions that the tests use, typed. The package behind `@std/assert` may come without types
 * (see deno.json); this file gives it those of the standard library.
 *
 * @module
 */

import * as untyped from "@std/assert";

// deno-lint-ignore no-explicit-any -- as the standard library has it: any class of errors
type ErrorClass<E extends Error> = abstract new (...args: any[]) => E;
// deno-lint-ignore no-explicit-any -- the same
type Class<T> = abstract new (...args: any[]) => T;

interface Assertions {
  assert(condition: unknown, message?: string): void;
  assertEquals<T>(actual: T, expected: T, message?: string): void;
  assertStrictEquals<T>(actual: unknown, expected: T, message?: string): void;
  assertNotStrictEquals(actual: unknown, expected: unknown, message?: string): void;
  assertInstanceOf(actual: unknown, expected: Class<unknown>, message?: string): void;
  assertMatch(actual: string, expected: RegExp, message?: string): void;
  assertStringIncludes(actual: string, expected: string, message?: string): void;
  assertThrows<E extends Error>(
    fn: () => unknown,
    errorClass: ErrorClass<E>,
    messageIncludes?: string,
    message?: string,
  ): E;
  assertRejects(fn: () => PromiseLike<unknown>, message?: string): Promise<unknown>;
  assertRejects<E extends Error>(
    fn: () => PromiseLike<unknown>,
    errorClass: ErrorClass<E>,
    messageIncludes?: string,
    message?: string,
  ): Promise<E>;
}

const std = untyped as unknown as Assertions;

export const assertEquals: Assertions["assertEquals"] = std.assertEquals;
export const assertStrictEquals: Assertions["assertStrictEquals"] = std.assertStrictEquals;
export const assertNotStrictEquals: Assertions["assertNotStrictEquals"] = std.assertNotStrictEquals;
export const assertMatch: Assertions["assertMatch"] = std.assertMatch;
export const assertStringIncludes: Assertions["assertStringIncludes"] = std.assertStringIncludes;
export const assertThrows: Assertions["assertThrows"] = std.assertThrows;
export const assertRejects: Assertions["assertRejects"] = std.assertRejects;

/** Fails unless `condition` is truthy. */
export function assert(condition: unknown, message?: string): asserts condition {
  std.assert(condition, message);
}

/** Fails unless `actual` is an instance of `expected`. */
export function assertInstanceOf<T>(
  actual: unknown,
  expected: Class<T>,
  message?: string,
): asserts actual is T {
  std.assertInstanceOf(actual, expected, message);
}
