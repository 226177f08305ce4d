/**
 * What crosses over to another thread and back: arguments, results and errors.
 *
 * @module
 */

import {
  moduleFunctions,
  run,
  RuntimeError,
  TimeoutError,
  toThread,
  transfer,
} from "@aio/asyncio/loop";
import { answer, putTogether } from "../../loop/_calls.ts";
import type { Outcome } from "../../loop/_calls.ts";
import { assert, assertEquals, assertInstanceOf, assertRejects } from "../_support/assert.ts";
import { assertMatch, assertStringIncludes, assertThrows } from "../_support/assert.ts";

const WORK = new URL("programs/work.ts", import.meta.url);
const work = moduleFunctions<typeof import("./programs/work.ts")>(WORK);

/** Makes a call as in a worker, but in this thread; messages are copied in the same way. */
async function call(name: string, ...args: unknown[]): Promise<unknown> {
  const outcomes: Outcome[] = [];
  await answer({ url: WORK.href, name, args }, (outcome, transfer) => {
    outcomes.push(structuredClone(outcome, { transfer: [...transfer] as Transferable[] }));
  });
  const [outcome, ...rest] = outcomes;
  assertEquals(rest, []);
  if (outcome!.type === "returned") return outcome!.value;
  throw putTogether(outcome!.thrown);
}

async function thrownBy(promise: PromiseLike<unknown>): Promise<Error> {
  return await assertRejects(() => promise, Error);
}

// -- moduleFunctions() --

Deno.test("moduleFunctions() gives the address and the name of a function", () => {
  const { add } = work;
  assertEquals({ ...add }, { url: WORK.href, name: "add" });
  const { checkPrimeSync } = moduleFunctions<typeof import("node:crypto")>("node:crypto");
  assertEquals({ ...checkPrimeSync }, { url: "node:crypto", name: "checkPrimeSync" });
});

Deno.test("moduleFunctions() has functions by name, and nothing by a symbol", () => {
  assertEquals(Reflect.get(work, Symbol.iterator), undefined);
  assertThrows(() => [...work as unknown as Iterable<unknown>], TypeError, "not iterable");
});

Deno.test("transfer() moves the memory of bytes, the value itself, or what it is told", () => {
  const bytes = new Uint8Array(3);
  assertEquals([...transfer(bytes).objects], [bytes.buffer]);
  const { buffer } = new Uint8Array(3);
  assertEquals(transfer(buffer).objects[0] === buffer, true);
  const value = { buffer };
  assertEquals([transfer(value, [buffer]).value === value, transfer(value, []).objects], [
    true,
    [],
  ]);
});

Deno.test("moduleFunctions() refuses an address that is relative to nothing", () => {
  assertThrows(() => moduleFunctions<typeof import("./programs/work.ts")>("./work.ts"), TypeError);
});

// -- Arguments and results --

Deno.test("A call copies its arguments and its result", async () => {
  const value = { map: new Map([[1, new Date(0)]]), bytes: new Uint8Array([1, 2]), not: undefined };
  await run(async () => {
    const result = await toThread(work.echo, value);
    assertEquals(result, value);
    assert(result !== value);
    assertEquals(value.bytes.length, 2);
  });
});

Deno.test("A call moves what transfer() marks, there and back", async () => {
  await run(async () => {
    const bytes = new Uint8Array([1, 2, 3]);
    const back = await toThread(work.passOn, transfer(bytes));
    assertEquals([...back], [1, 2, 3]);
    assertEquals(bytes.length, 0);
    const part = { data: new Uint8Array([4]).buffer, other: new ArrayBuffer(8) };
    assertEquals(await toThread(work.echo, transfer(part, [part.data])), {
      data: new Uint8Array([4]).buffer,
      other: new ArrayBuffer(8),
    });
    assertEquals([part.data.byteLength, part.other.byteLength], [0, 8]);
  });
  assertEquals(await call("passOn", new Uint8Array([1])), new Uint8Array([1]));
});

Deno.test("A call fails when an argument cannot be copied; its worker goes on", async () => {
  await run(async () => {
    const error = await thrownBy(toThread(work.echo, () => {}));
    assertInstanceOf(error, RuntimeError);
    assertMatch(error.message, /^Cannot finish echo\(\) of file:.*its arguments cannot be sent: /);
    assertEquals((error.cause as Error).name, "DataCloneError");
    assertEquals(await toThread(work.add, 1, 2), 3);
  });
});

Deno.test("A call fails when its result cannot be copied", async () => {
  const error = await run(() => thrownBy(toThread(work.giveFunction)));
  for (const each of [error, await thrownBy(call("giveFunction"))]) {
    assertInstanceOf(each, TypeError);
    assertMatch(each.message, /^Cannot send back what giveFunction\(\) of file:\S+ returned: /);
    assertStringIncludes(each.message, "could not be cloned");
  }
});

// -- Functions that do not exist --

Deno.test("A call fails when its module cannot be loaded", async () => {
  const missing = moduleFunctions<{ f(): void }>(new URL("programs/missing.ts", import.meta.url));
  const broken = moduleFunctions<{ f(): void }>(
    "data:text/javascript,throw new URIError('broken')",
  );
  await run(async () => {
    const error = await thrownBy(toThread(missing.f));
    assertInstanceOf(error, RuntimeError);
    assertMatch(error.message, /^Cannot call f\(\) of .*missing.ts: its module cannot be loaded: /);
    const { cause } = await thrownBy(toThread(broken.f));
    assertInstanceOf(cause, URIError);
    assertEquals(cause.message, "broken");
  });
  const outcome = Promise.withResolvers<Outcome>();
  await answer({ ...missing.f, args: [] }, outcome.resolve);
  assertEquals((await outcome.promise).type, "threw");
});

Deno.test("A call fails when its module does not export that function", async () => {
  for (const name of ["missing", "constant"]) {
    const error = await thrownBy(call(name));
    assertInstanceOf(error, RuntimeError);
    assertMatch(error.message, /: its module does not export that function$/);
    assertStringIncludes(error.message, `Cannot call ${name}() of ${WORK}`);
  }
});

// -- Errors --

Deno.test("An error keeps its class, message, stack and cause", async () => {
  const error = await run(() => thrownBy(toThread(work.fail, "range")));
  for (const each of [error, await thrownBy(call("fail", "range"))]) {
    assertInstanceOf(each, RangeError);
    assertEquals(each.message, "too far");
    assertMatch(each.stack!, /^RangeError: too far\n[^]*programs\/work.ts:/);
    assertInstanceOf(each.cause, TypeError);
    assertEquals([each.cause.message, each.cause.cause], ["inner", "innermost"]);
    assertEquals(Object.keys(each), []);
  }
});

Deno.test("An error of ours is one again; another one keeps its name, and what can be copied", async () => {
  assertInstanceOf(await thrownBy(call("fail", "ours")), TimeoutError);
  const error = await thrownBy(call("failLater", "own"));
  assertEquals([error.name, error.message, error.constructor], ["Misfortune", "bad luck", Error]);
  assertEquals({ ...error }, { code: "E_MISFORTUNE" } as never);
});

Deno.test("An AggregateError keeps its errors", async () => {
  const error = await thrownBy(call("fail", "group"));
  assertInstanceOf(error, AggregateError);
  assertEquals([String(error.errors[0]), error.errors[1]], ["RangeError: a", "b"]);
});

Deno.test("An error that is its own cause comes back as such", async () => {
  const error = await thrownBy(call("fail", "cyclic"));
  assertEquals(error.cause === error, true);
});

Deno.test("What is thrown and is no error comes back as it is, or as a text", async () => {
  const thrown = (kind: string): Promise<unknown> => call("fail", kind).catch((error) => error);
  assertEquals(await thrown("text"), "only text");
  assertMatch(String(await thrown("function")), /^\(\)\s*=>\s*\{\}$/);
});
