/**
 * The errors of loop/.
 *
 * @module
 */

import {
  CancelledError,
  InvalidStateError,
  KeyboardInterrupt,
  RuntimeError,
  TimeoutError,
} from "@aio/asyncio/loop";
import { assertEquals, assertInstanceOf, assertStringIncludes } from "../_support/assert.ts";

const classes = {
  CancelledError,
  InvalidStateError,
  KeyboardInterrupt,
  RuntimeError,
  TimeoutError,
};

for (const [name, ErrorClass] of Object.entries(classes)) {
  Deno.test(`${name} is an Error with its name, its message and its cause`, () => {
    const cause = new Error("cause");
    const error = new ErrorClass("message", { cause });
    assertInstanceOf(error, Error);
    assertEquals([error.name, error.message, error.cause], [name, "message", cause]);
    assertEquals(String(error), `${name}: message`);
    assertStringIncludes(error.stack!, "exceptions_test.ts");
  });

  Deno.test(`${name} has an empty message when none is given`, () => {
    assertEquals(new ErrorClass().message, "");
    assertEquals(String(new ErrorClass()), name);
  });

  Deno.test(`${name} is none of the others`, () => {
    const error = new ErrorClass();
    const matching = Object.entries(classes).filter(([, other]) => error instanceof other);
    assertEquals(matching.map(([other]) => other), [name]);
  });
}
