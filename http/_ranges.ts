/**
 * The part of a file that a request asks for.
 *
 * @module
 */

/** A part, from the first to the last byte. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** Blanks can be matched in one way only; else a client could send many to have all ways tried. */
const RANGE = /^\s*bytes\s*=\s*(?:(\d+)\s*)?-\s*(?:(\d+)\s*)?$/i;

/**
 * The part that a `Range` header asks for; `"all"` if it names no part, or several, or is
 * malformed, for which RFC 9110 allows sending the whole file; `"none"` if the part does not exist.
 */
export function parseRange(header: string | null, size: number): ByteRange | "all" | "none" {
  const [, from, to] = RANGE.exec(header ?? "") ?? [];
  if (from === undefined && to === undefined) return "all";
  if (from === undefined) {
    const count = Math.min(Number(to), size);
    if (count > 0) return { first: size - count, last: size - 1 };
    return Number(to) === 0 ? "none" : "all"; // the end of an empty file exists, but has no range
  }
  const first = Number(from);
  if (to !== undefined && Number(to) < first) return "all";
  if (first >= size) return "none";
  return { first, last: to === undefined ? size - 1 : Math.min(Number(to), size - 1) };
}
