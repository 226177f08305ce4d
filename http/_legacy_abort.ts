/**
 * Deno's warning that `request.signal` also aborts after a success.
 *
 * @module
 */

const LEGACY_WARNING = "Deno.serve: request.signal aborts on successful responses";
let isQuiet = false;

/**
 * Suppresses Deno's warning, which comes once in a process, that `request.signal` also aborts after
 * a success. The code that asks for the signal here takes that into account.
 */
export function quietLegacyAbort(): void {
  if (isQuiet) return;
  isQuiet = true;
  const { warn } = console;
  const quiet = (...words: unknown[]): void => {
    if (!String(words[0]).startsWith(LEGACY_WARNING)) return warn.apply(console, words);
    if (console.warn === quiet) console.warn = warn;
  };
  console.warn = quiet;
}
