/**
 * How objects of this package print: as Python's `repr()` shows them, in `console.log` too.
 *
 * @module
 */

/** Longest text of one argument, as in Python's `reprlib`. */
const MAX_LENGTH = 30;
const MAX_ITEMS = 6;
/** How deep arrays are shown. */
const MAX_LEVEL = 6;

/** A function that carries arguments of its own, such as a partial. */
export interface Bound {
  /** The function without them. */
  readonly func: (...args: never[]) => unknown;
  /** The arguments that come first. */
  readonly args: readonly unknown[];
}

function isBound(value: object): value is Bound {
  return "func" in value && typeof value.func === "function" && "args" in value &&
    Array.isArray(value.args);
}

/** Makes `console.log` show what `toString()` returns, on Deno and on Node. */
export function printable(prototype: { toString(): string }): void {
  for (const name of ["Deno.customInspect", "nodejs.util.inspect.custom"]) {
    Object.defineProperty(prototype, Symbol.for(name), {
      value(this: { toString(): string }): string {
        return this.toString();
      },
    });
  }
}

/** The text of any value, short enough for one line. It never throws. */
export function repr(value: unknown, level: number = MAX_LEVEL): string {
  const text = fullRepr(value, level);
  if (text.length <= MAX_LENGTH) return text;
  const head = (MAX_LENGTH - 3) >> 1;
  return `${text.slice(0, head)}...${text.slice(text.length - (MAX_LENGTH - 3 - head))}`;
}

function fullRepr(value: unknown, level: number): string {
  switch (typeof value) {
    case "string":
      return quote(value);
    case "function":
      return Object.hasOwn(value, "toString") ? value.toString() : functionRepr(value);
    case "object":
      return value === null ? "null" : objectRepr(value, level);
    default:
      return String(value);
  }
}

function objectRepr(value: object, level: number): string {
  if (Array.isArray(value)) {
    if (level === 0) return "[...]";
    const items = value.slice(0, MAX_ITEMS).map((item) => repr(item, level - 1));
    if (value.length > MAX_ITEMS) items.push("...");
    return `[${items.join(", ")}]`;
  }
  if (value instanceof Error) return `${value.name}(${value.message && quote(value.message)})`;
  if (value.toString !== Object.prototype.toString) {
    try {
      return String(value);
    } catch {
      // Its own text can't be had: it is shown like any other object.
    }
  }
  // Generator objects have no class; their tag tells what they are.
  const tag = (value as { [Symbol.toStringTag]?: string })[Symbol.toStringTag];
  const name = value.constructor?.name || (tag ?? "");
  return name === "" || name === "Object" ? "{...}" : `<${name}>`;
}

function functionRepr(fn: { readonly name: string }): string {
  return `<function ${fn.name || "anonymous"}>`;
}

/** A string as Python writes it. */
export function quote(text: string): string {
  const body = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"');
  return text.includes("'") && !text.includes('"')
    ? `"${body}"`
    : `'${body.replaceAll("'", "\\'")}'`;
}

/** A callback and its arguments, such as `f('x', 1)`; a partial shows its own before them. */
export function callRepr(fn: (...args: never[]) => unknown, args: readonly unknown[]): string {
  const call = `(${args.map((arg) => repr(arg)).join(", ")})`;
  return (isBound(fn) ? callRepr(fn.func, fn.args) : fn.name || "anonymous") + call;
}
