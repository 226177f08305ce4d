/**
 * The scenarios with generators in place of async functions. They are not written down a second
 * time: their text becomes the other one by `async function` → `function*` and `await` → `yield*`,
 * which is all that a program has to change. Code outside of async functions stays as it is.
 *
 * @module
 */

import type { Scenarios } from "./_helpers.ts";

/** An async function, from the line it begins in to the brace that ends it. */
const ASYNC_FUNCTION = /^( *)(?=\S).*?\basync function\b[^]*?^\1\}/gm;

function toGenerators(asyncFunction: string): string {
  return asyncFunction.replaceAll("async function", "function*")
    .replaceAll(/\bawait\b/g, "yield*");
}

/** The address of the module at `url`, made of generators; the helpers beside it are, too. */
export function generatorsOf(url: string): string {
  const text = Deno.readTextFileSync(new URL(url))
    .replaceAll(ASYNC_FUNCTION, toGenerators)
    .replaceAll(/from "(\.[^"]+)"/g, (_, path: string) => {
      const imported = new URL(path, url).href;
      return `from "${path.startsWith("./") ? generatorsOf(imported) : imported}"`;
    });
  return `data:application/typescript;charset=utf-8,${encodeURIComponent(text)}`;
}

/** The twins of some scenarios. */
export async function withGenerators(scenarios: Scenarios): Promise<Scenarios> {
  const module = await import(generatorsOf(scenarios.source));
  return module.scenarios as Scenarios;
}
