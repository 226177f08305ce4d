/**
 * Functions that tests call in other threads.
 *
 * @module
 */

import process from "node:process";
// Not the whole of loop/: each worker that a test starts loads what stands here.
import { ContextVar } from "../../../loop/contextvars.ts";
import { TimeoutError } from "../../../loop/exceptions.ts";
import { transfer } from "../../../loop/module_functions.ts";
import type { Transfer } from "../../../loop/module_functions.ts";

const worker = crypto.randomUUID();
let calls = 0;

/** Something that a module may export, and that is no function. */
export const constant = 42;

/** Which worker this is, and how often it was asked. */
export function whoAmI(): [worker: string, calls: number] {
  return [worker, ++calls];
}

export function add(a: number, b: number): number {
  return a + b;
}

export async function addLater(a: number, b: number): Promise<number> {
  await new Promise<void>((resolve) => setTimeout(resolve, 1));
  return a + b;
}

/** Whatever is given. */
export function echo<T>(value: T): T {
  return value;
}

/** The same bytes, which move to whoever called. */
export function passOn(bytes: Uint8Array<ArrayBuffer>): Transfer<Uint8Array<ArrayBuffer>> {
  return transfer(bytes);
}

/** What can't be copied. */
export function giveFunction(): () => void {
  return () => {};
}

/** Says that it has begun, and computes until something else than 0 is in the second place. */
export function spin(cell: Int32Array<SharedArrayBuffer>): void {
  tell(cell);
  while (Atomics.load(cell, 1) === 0);
}

/** Says that it has begun, and waits until something else than 0 is in the second place. */
export function wait(cell: Int32Array<SharedArrayBuffer>): number {
  tell(cell);
  Atomics.wait(cell, 1, 0);
  return cell[1]!;
}

function tell(cell: Int32Array<SharedArrayBuffer>): void {
  Atomics.add(cell, 0, 1);
  Atomics.notify(cell, 0);
}

/** What a variable of the caller is here. */
export const place: ContextVar<string> = new ContextVar("place", { defaultValue: "nowhere" });
export function readPlace(): string {
  return place.get();
}

class Misfortune extends Error {
  override name = "Misfortune";
  code = "E_MISFORTUNE";
  onlyHere = (): void => {};
}

/** Things to throw, by name. */
const thrown: Record<string, () => unknown> = {
  range: () => new RangeError("too far", { cause: new TypeError("inner", { cause: "innermost" }) }),
  own: () => new Misfortune("bad luck"),
  ours: () => new TimeoutError("too late"),
  group: () => new AggregateError([new RangeError("a"), "b"], "both"),
  cyclic: () => {
    const error = new Error("round");
    error.cause = error;
    return error;
  },
  text: () => "only text",
  function: () => () => {},
};

export function fail(kind: string): never {
  throw thrown[kind]!();
}

export async function failLater(kind: string): Promise<never> {
  await Promise.resolve();
  throw thrown[kind]!();
}

/** Ways to end a worker, by name. */
const ends: Record<string, () => void> = {
  error: () =>
    void setTimeout(() => {
      throw new RangeError("of a timer");
    }),
  rejection: () => void Promise.reject(new RangeError("of a promise")),
  close: () => self.close(),
  exit: () => process.exit(3),
};

/** Ends its worker in some way, and never returns. */
export function die(kind: string): Promise<never> {
  ends[kind]!();
  return new Promise(() => {});
}

/** Ends its worker after it has returned. */
export function dieLater(): void {
  setTimeout(() => process.exit(3));
}
