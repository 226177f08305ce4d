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

/** Blanks can be matched in one way only: a client may send many, and have all ways tried. */
const RANGE = /^\s*bytes\s*=\s*(?:(\d+)\s*)?-\s*(?:(\d+)\s*)?$/i;

/**
 * The part in a `Range` header; `"all"` if it names none, or several, or is malformed, all of which
 * RFC 9110 allows to be answered with the whole; `"none"` if the part is not there.
 */
export function parseRange(header: string | null, size: number): ByteRange | "all" | "none" {
  const [, from, to] = RANGE.exec(header ?? "") ?? [];
  if (from === undefined && to === undefined) return "all";
  if (from === undefined) {
    const count = Math.min(Number(to), size);
    if (count > 0) return { first: size - count, last: size - 1 };
    return Number(to) === 0 ? "none" : "all"; // of what is empty, the end is there, and can't be told
  }
  const first = Number(from);
  if (to !== undefined && Number(to) < first) return "all";
  if (first >= size) return "none";
  return { first, last: to === undefined ? size - 1 : Math.min(Number(to), size - 1) };
}
