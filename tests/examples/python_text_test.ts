/**
 * The words and the numbers of the command servers, against what CPython's `str.split()` and
 * `int()` make of the same texts.
 *
 * @module
 */

import { parseInteger, split, tuple } from "../../examples/_python_text.ts";
import { assert, assertEquals } from "../_support/assert.ts";
import { test } from "./_support.ts";
import { transcripts } from "./_transcripts.ts";

/** The long texts, which the transcripts have by name only. */
const LONG: Record<string, string> = {
  "4300 digits": "9".repeat(4300),
  "4301 digits": "9".repeat(4301),
  "5000 digits": "9".repeat(5000),
  "- and 4300 digits": "-" + "9".repeat(4300),
  "4300 digits and an underscore": "9_" + "9".repeat(4299),
  "5000 zeros": "0".repeat(5000),
  "5000 zeros and a one": "0".repeat(5000) + "1",
};

/** Whether `split()` could have given the text. Only words are ever taken for numbers. */
function isWord(text: string): boolean {
  return split(text).join() === text && text !== "";
}

test("parity: parseInteger() gives CPython's number when it is given a word", () => {
  const words = Object.entries(transcripts.python_int.cases).filter(([text]) => isWord(text));
  assert(words.length > 50);
  for (const [word, expected] of words) {
    assertEquals(parseInteger(word)?.toString() ?? null, expected, JSON.stringify(word));
  }
});

test("parity: parseInteger() gives CPython's number when a word is long", () => {
  for (const [name, expected] of Object.entries(transcripts.python_int.long)) {
    const value = parseInteger(LONG[name]!);
    const digits = value?.toString().replace("-", "").length;
    assertEquals(value === null ? "refused" : `accepted, ${digits} digits`, expected, name);
  }
});

test("parity: split() and parseInteger() give CPython's number when there is white space", () => {
  for (const [text, expected] of Object.entries(transcripts.python_int.cases)) {
    // CPython's int() skips white space itself, but not these four separators, as split() does.
    if (isWord(text) || text.startsWith("\x1c")) continue;
    assertEquals(parseInteger(text), null, JSON.stringify(text));
    const [word = "", ...others] = split(text);
    const value = others.length > 0 ? null : parseInteger(word);
    assertEquals(value?.toString() ?? null, expected, JSON.stringify(text));
  }
});

test("parity: split() gives CPython's words when there is white space of any kind", () => {
  for (const [text, expected] of Object.entries(transcripts.python_split.cases)) {
    assertEquals(split(text), expected, JSON.stringify(text));
  }
});

test("parity: split() splits at CPython's white space when given any code point", () => {
  const found: string[] = [];
  for (let code = 0; code <= 0x10ffff; code++) {
    if (split(`a${String.fromCodePoint(code)}b`).length === 1) continue;
    found.push(`U+${code.toString(16).toUpperCase().padStart(4, "0")}`);
  }
  assertEquals(found, transcripts.python_split.white_space);
});

test("tuple() prints what CPython prints when given what a row may hold", () => {
  assertEquals(tuple([]), "()");
  assertEquals(tuple(["127.0.0.1", 8888]), "('127.0.0.1', 8888)");
  assertEquals(tuple([1]), "(1,)");
  assertEquals(
    tuple([null, true, false, -1, 1.5, 10n ** 20n]),
    `(None, True, False, -1, 1.5, 1${"0".repeat(20)})`,
  );
  assertEquals(tuple(["it's", '"', `'"`, "a\\b\n"]), `("it's", '"', '\\'"', 'a\\\\b\\n')`);
});
