/**
 * The package that the suite is run on, and the form of its scenarios.
 *
 * @module
 */

import process from "node:process";
import type { Suspension } from "@aio/asyncio/loop";

const [address, mode] = process.argv.slice(2);
if (mode === "browser") {
  const { getBuiltinModule } = process;
  process.getBuiltinModule = ((name: string) =>
    name === "node:async_hooks" ? undefined : getBuiltinModule(name)) as typeof getBuiltinModule;
}

/** What loop/mod.ts exports, as it was compiled. */
export const asyncio: typeof import("@aio/asyncio/loop") = await import(address!);

export type Log = (entry: unknown) => void;
export type Steps<T = void> = Generator<Suspension, T, unknown>;

/** What happens is the same with both kinds of coroutine. */
export interface Scenario {
  /** What is logged. */
  readonly logs: readonly unknown[];
  async(log: Log): Promise<unknown>;
  generator(log: Log): Steps<unknown>;
}
