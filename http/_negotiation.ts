/**
 * Which of the available encodings a client prefers.
 *
 * @module
 */

/** The weight of each coding in an `Accept-Encoding` header. */
function parseAccept(header: string): Map<string, number> {
  const weights = new Map<string, number>();
  for (const item of header.split(",")) {
    const [, name, weight = "1"] = /^\s*([^\s;]+)\s*(?:;\s*q=([\d.]+)\s*)?$/i.exec(item) ?? [];
    if (name === undefined) continue;
    const q = Number(weight);
    weights.set(name.toLowerCase().replace(/^x-gzip$/, "gzip"), q >= 0 && q <= 1 ? q : 0);
  }
  return weights;
}

/**
 * The encodings among `offered` that a client does not rank below `identity`, the preferred one
 * first; equals stay in the order they are offered.
 */
export function acceptedEncodings<T extends string>(
  header: string | null,
  offered: readonly T[],
): T[] {
  if (header === null) return [];
  const weights = parseAccept(header);
  const weightOf = (encoding: T): number => weights.get(encoding) ?? weights.get("*") ?? 0;
  const least = weights.get("identity") ?? 0;
  return offered.filter((encoding) => weightOf(encoding) > 0 && weightOf(encoding) >= least)
    .sort((a, b) => weightOf(b) - weightOf(a));
}

/**
 * The preferred one of the encodings `offered`; null if the client does not say that it accepts
 * one.
 */
export function negotiateEncoding<T extends string>(
  header: string | null,
  offered: readonly T[],
): T | null {
  return acceptedEncodings(header, offered)[0] ?? null;
}

/** Notes in the `Vary` header that the response depends on a header of the request. */
export function addVary(headers: Headers, name: string): void {
  const all = (headers.get("vary") ?? "").split(",").map((item) => item.trim().toLowerCase());
  if (!all.includes(name.toLowerCase()) && !all.includes("*")) headers.append("vary", name);
}
