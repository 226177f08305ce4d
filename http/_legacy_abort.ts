/**
 * Deno's warning that `request.signal` also aborts after a success.
 *
 * @module
 */

const LEGACY_WARNING = "Deno.serve: request.signal aborts on successful responses";
let isQuiet = false;

/**
 * Drops one warning of Deno: that whoever asks for `request.signal` sees it abort after a success,
 * too. It comes once in a process, and is addressed to those who do not know; we do.
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
