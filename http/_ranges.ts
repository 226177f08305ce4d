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

/**
 * The part in a `Range` header; `"all"` if it names none, or several, or is malformed, all of which
 * RFC 9110 allows to be answered with the whole; `"none"` if the part is not there.
 */
export function parseRange(header: string | null, size: number): ByteRange | "all" | "none" {
  const [, from, to] = /^\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*$/i.exec(header ?? "") ?? [];
  if (from === undefined || to === undefined || (from === "" && to === "")) return "all";
  if (from === "") {
    const count = Math.min(Number(to), size);
    return count === 0 ? "none" : { first: size - count, last: size - 1 };
  }
  const first = Number(from);
  if (to !== "" && Number(to) < first) return "all";
  if (first >= size) return "none";
  return { first, last: to === "" ? size - 1 : Math.min(Number(to), size - 1) };
}
