/**
 * Which of the encodings that there are a client likes best.
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
 * The best of the encodings `offered`, of which the first is preferred among equals; null if the
 * client has not said that it takes any.
 */
export function negotiateEncoding<T extends string>(
  header: string | null,
  offered: readonly T[],
): T | null {
  if (header === null) return null;
  const weights = parseAccept(header);
  let best: T | null = null;
  let bestWeight = 0;
  for (const encoding of offered) {
    const weight = weights.get(encoding) ?? weights.get("*") ?? 0;
    if (weight > bestWeight) [best, bestWeight] = [encoding, weight];
  }
  return (weights.get("identity") ?? 0) > bestWeight ? null : best;
}

/** Adds to the `Vary` header that the answer depends on a header of the request. */
export function addVary(headers: Headers, name: string): void {
  const all = (headers.get("vary") ?? "").split(",").map((item) => item.trim().toLowerCase());
  if (!all.includes(name.toLowerCase()) && !all.includes("*")) headers.append("vary", name);
}
