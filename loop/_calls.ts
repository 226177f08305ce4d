/**
 * The messages of a call in another thread: the call of a module's function, and its outcome.
 *
 * An error is taken apart, sent and put together again, as structured cloning drops the names of
 * errors that are not built in.
 *
 * @module
 */

import * as exceptions from "./exceptions.ts";
import { RuntimeError } from "./exceptions.ts";
import { unmark } from "./module_functions.ts";

/** What to call. */
export interface Call {
  readonly url: string;
  readonly name: string;
  readonly args: readonly unknown[];
}

/** How a call ended. */
export type Outcome =
  | { readonly type: "returned"; readonly value: unknown }
  | { readonly type: "threw"; readonly thrown: Thrown };

/** Sends an outcome. */
export type SendOutcome = (outcome: Outcome, transfer: readonly unknown[]) => void;

/** What was thrown, in a form that can be copied. */
type Thrown = { readonly type: "value"; readonly value: unknown } | ThrownError;

interface ThrownError {
  readonly type: "error";
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** The properties that were added to it, as far as they can be copied. */
  readonly details: Record<string, unknown>;
  cause?: Thrown;
  errors?: Thrown[];
}

/** Makes a call, and always sends its outcome. */
export async function answer(call: Call, send: SendOutcome): Promise<void> {
  try {
    const [[value], objects] = unmark([await callExported(call)]);
    try {
      send({ type: "returned", value }, objects);
    } catch (error) {
      const text = `Cannot send back what ${describeCall(call)} returned`;
      throw new TypeError(`${text}: ${messageOf(error)}`, { cause: error });
    }
  } catch (error) {
    send({ type: "threw", thrown: takeApart(error) }, []);
  }
}

async function callExported(call: Call): Promise<unknown> {
  const { url, name, args } = call;
  let module: Record<string, unknown>;
  try {
    module = await import(url);
  } catch (error) {
    const text = `Cannot call ${describeCall(call)}: its module cannot be loaded`;
    throw new RuntimeError(`${text}: ${messageOf(error)}`, { cause: error });
  }
  const fn = module[name];
  if (typeof fn !== "function") {
    const text = `Cannot call ${describeCall(call)}: its module does not export that function`;
    throw new RuntimeError(text);
  }
  return await fn(...args);
}

/** The call as text: `work() of file:///work.ts`. */
export function describeCall(
  { url, name }: { readonly url: string; readonly name: string },
): string {
  return `${name}() of ${url}`;
}

/** What went wrong, in words. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

// -- Errors --

/** Turns what was thrown into something that can be copied. */
function takeApart(thrown: unknown, done: Map<unknown, Thrown> = new Map()): Thrown {
  const before = done.get(thrown);
  if (before !== undefined) return before;
  if (!(thrown instanceof Error)) {
    return { type: "value", value: canBeCopied(thrown) ? thrown : String(thrown) };
  }
  const { name, message, stack } = thrown;
  const details = Object.fromEntries(
    Object.entries(thrown).filter(([key, value]) => !OWN_FORM.has(key) && canBeCopied(value)),
  );
  const parts: ThrownError = { type: "error", name, message, stack, details };
  done.set(thrown, parts);
  if (thrown.cause !== undefined) parts.cause = takeApart(thrown.cause, done);
  if (thrown instanceof AggregateError) {
    parts.errors = thrown.errors.map((error) => takeApart(error, done));
  }
  return parts;
}

/** The properties of an error that are sent in a form of their own. */
const OWN_FORM: ReadonlySet<string> = new Set(["name", "message", "stack", "cause", "errors"]);

function canBeCopied(value: unknown): boolean {
  try {
    structuredClone(value);
    return true;
  } catch {
    return false; // there is no other way to know
  }
}

/**
 * The reverse of `takeApart()`. An error whose class is neither built in nor ours becomes an
 * `Error`.
 */
export function putTogether(thrown: Thrown, done: Map<Thrown, unknown> = new Map()): unknown {
  if (thrown.type === "value") return thrown.value;
  const before = done.get(thrown);
  if (before !== undefined) return before;
  const error = new Error(thrown.message);
  done.set(thrown, error);
  Object.setPrototypeOf(error, classOf(thrown.name).prototype);
  define(error, "stack", thrown.stack);
  if (error.name !== thrown.name) define(error, "name", thrown.name);
  if (thrown.cause !== undefined) define(error, "cause", putTogether(thrown.cause, done));
  if (thrown.errors !== undefined) {
    define(error, "errors", thrown.errors.map((each) => putTogether(each, done)));
  }
  return Object.assign(error, thrown.details);
}

function define(error: Error, name: string, value: unknown): void {
  Object.defineProperty(error, name, { value, writable: true, configurable: true });
}

const CLASSES: readonly unknown[] = [
  AggregateError,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
  ...Object.values(exceptions),
];

function classOf(name: string): { readonly prototype: Error } {
  const found = CLASSES.find((each) => typeof each === "function" && each.name === name);
  return (found ?? Error) as typeof Error;
}
