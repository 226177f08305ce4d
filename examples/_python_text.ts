/**
 * How Python reads and writes text, for the examples that answer as the chapter's scripts do: what
 * `int()` accepts as a number, where `str.split()` splits, how a tuple prints.
 *
 * @module
 */

/**
 * What `str.split()` treats as white space: JavaScript's `\s`, plus the ASCII separators and NEL,
 * minus the byte order mark.
 */
// deno-lint-ignore no-control-regex -- these four are meant
const WHITE_SPACE = /[\p{White_Space}\u001c-\u001f]+/u;
/** Digits of any script, with single underscores between them. */
const INTEGER = /^[+-]?\p{Nd}+(_\p{Nd}+)*$/u;
/** Python refuses longer numbers, so that no client keeps it busy with one. */
const MAX_DIGITS = 4300;

/** Returns the words of a text, as Python's `text.split()` does. */
export function split(text: string): string[] {
  return text.split(WHITE_SPACE).filter((word) => word !== "");
}

/**
 * Returns the number that a word stands for, as Python's `int(word)` does.
 *
 * @returns The number, or null where Python raises `ValueError`.
 */
export function parseInteger(word: string): bigint | null {
  if (!INTEGER.test(word)) return null;
  const digits = [...word.replaceAll("_", "").replace(/^[+-]/, "")].map(digitValue);
  if (digits.length > MAX_DIGITS) return null;
  const value = BigInt(digits.join(""));
  return word.startsWith("-") ? -value : value;
}

/** Returns the value of a digit. In Unicode, the digits of a script are adjacent, zero to nine. */
function digitValue(digit: string): number {
  const code = digit.codePointAt(0)!;
  let first = code;
  while (/\p{Nd}/u.test(String.fromCodePoint(first - 1))) first--;
  return (code - first) % 10;
}

/** Returns a tuple as Python prints it. */
export function tuple(values: readonly unknown[]): string {
  return `(${values.map(literal).join(", ")}${values.length === 1 ? "," : ""})`;
}

function literal(value: unknown): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number" && !Number.isInteger(value)) return String(value);
  if (typeof value !== "string") return String(value);
  const body = JSON.stringify(value).slice(1, -1).replaceAll('\\"', '"');
  if (value.includes("'") && !value.includes('"')) return `"${body}"`;
  return `'${body.replaceAll("'", "\\'")}'`;
}
