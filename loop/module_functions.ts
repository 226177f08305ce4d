/**
 * What can be called in another thread: the functions that a module exports.
 *
 * JavaScript's threads share no functions. What is sent is the URL of a module and a name, and then
 * data: arguments and results are copied, as by `structuredClone()`.
 *
 * @module
 */

/**
 * A function that a module exports, for {@linkcode toThread} and {@linkcode WorkerPoolExecutor}.
 *
 * @typeParam Args The types of its arguments.
 * @typeParam Result What it returns, or the result of the promise that it returns.
 */
export interface ModuleFunction<Args extends unknown[], Result> {
  /** The URL of the module. */
  readonly url: string;
  /** The name under which it is exported. */
  readonly name: string;
  /** @ignore Exists only in the type. */
  readonly _type?: (...args: Args) => Result;
}

/**
 * The functions of a module, each as a {@linkcode ModuleFunction}. For one that returns a marked
 * value, a {@linkcode Transfer}, the result is that value.
 *
 * @typeParam Module The type of the module: `typeof import("./work.ts")`.
 */
export type ModuleFunctions<Module> = {
  readonly [
    Name in keyof Module as Module[Name] extends (...args: never[]) => unknown ? Name : never
  ]: Module[Name] extends (...args: infer Args) => infer Returned ? ModuleFunction<
      Args,
      Awaited<Returned> extends infer Result ? Result extends Transfer<infer Value> ? Value : Result
        : never
    >
    : never;
};

/**
 * Arguments for a call in another thread: each one as it is, or marked by {@linkcode transfer}.
 *
 * @typeParam Args The types of the arguments.
 */
export type ThreadArguments<Args extends unknown[]> = {
  [Index in keyof Args]: Args[Index] | Transfer<Args[Index]>;
};

/**
 * Names the functions of a module, for calls in other threads. It does not load the module.
 *
 * @typeParam Module The type of the module: `typeof import("./work.ts")`.
 * @param url The URL of the module, such as `new URL("./work.ts", import.meta.url)`.
 * @returns Its functions, by name.
 * @throws {TypeError} If `url` is not an absolute URL.
 *
 * @example A module of the program
 * ```ts ignore
 * const { fibonacci } = moduleFunctions<typeof import("./work.ts")>(
 *   new URL("./work.ts", import.meta.url),
 * );
 * const number = await toThread(fibonacci, 40); // a number, and 40 had to be one
 * ```
 *
 * @example A module of the runtime
 * ```ts
 * import { moduleFunctions, run, toThread } from "@aio/asyncio";
 * import { assert } from "@std/assert";
 *
 * const { checkPrimeSync } = moduleFunctions<typeof import("node:crypto")>("node:crypto");
 * assert(await run(() => toThread(checkPrimeSync, 2n ** 521n - 1n)));
 * ```
 */
export function moduleFunctions<Module extends object>(url: URL | string): ModuleFunctions<Module> {
  const { href } = new URL(url);
  return new Proxy({}, {
    get: (_, name) => typeof name === "string" ? { url: href, name } : undefined,
  }) as ModuleFunctions<Module>;
}

/** Whether `value` is a function from {@linkcode moduleFunctions}. */
export function isModuleFunction(value: unknown): value is ModuleFunction<unknown[], unknown> {
  const { url, name } = (value ?? {}) as Partial<ModuleFunction<unknown[], unknown>>;
  return typeof url === "string" && typeof name === "string";
}

/**
 * A value that moves to another thread instead of being copied; {@linkcode transfer} makes one.
 *
 * @typeParam Value The type of the value.
 *
 * @example A function, for a module, whose result moves to the caller
 * ```ts
 * import { transfer } from "@aio/asyncio";
 * import type { Transfer } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * function zeros(count: number): Transfer<Uint8Array> {
 *   return transfer(new Uint8Array(count));
 * }
 * assertEquals(zeros(3).value, new Uint8Array(3));
 * ```
 */
export class Transfer<Value> {
  /** The value. */
  readonly value: Value;
  /** The objects of the value that move. */
  readonly objects: readonly Transferable[];

  /** @ignore */
  constructor(value: Value, objects: readonly Transferable[]) {
    this.value = value;
    this.objects = objects;
  }
}

/**
 * Marks a value that is to move to the other thread: it is not copied, and can't be used here any
 * more.
 *
 * Both the arguments of a call and what a module's function returns can be marked.
 *
 * @typeParam Value The type of the value.
 * @param value The value.
 * @param objects The objects of the value that move; by default the buffer of a typed array, or
 * else the value itself.
 * @returns The value, marked.
 *
 * @example
 * ```ts
 * import { moduleFunctions, run, toThread, transfer } from "@aio/asyncio";
 * import { assertEquals } from "@std/assert";
 *
 * const { crc32 } = moduleFunctions<typeof import("node:zlib")>("node:zlib");
 * const bytes = new TextEncoder().encode("hello world");
 * assertEquals(await run(() => toThread(crc32, transfer(bytes))), 0x0d4a1185);
 * assertEquals(bytes.length, 0);
 * ```
 */
export function transfer<Value>(
  value: Value,
  objects?: Iterable<Transferable>,
): Transfer<Value> {
  if (objects !== undefined) return new Transfer(value, [...objects]);
  const whole = ArrayBuffer.isView(value) ? value.buffer : value;
  return new Transfer(value, [whole as Transferable]);
}

/** Removes the marks from values, and returns the objects that move. */
export function unmark(values: readonly unknown[]): [values: unknown[], objects: Transferable[]] {
  const objects: Transferable[] = [];
  const plain = values.map((value) => {
    if (!(value instanceof Transfer)) return value;
    objects.push(...value.objects);
    return value.value;
  });
  return [plain, objects];
}
