/**
 * The parameters of headers: what follows after semicolons, as in `attachment; filename="a.txt"`.
 *
 * @module
 */

import { bytesOf, headerText } from "./_header_text.ts";

/**
 * `; name`, `; name=value` or `; name="value"`. Browsers don't escape backslashes, so one at the
 * end of a value may be a plain one.
 */
const PARAM = /\s*;\s*([\w!#$%&'*+.^`|~-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*|[^"]*)"|([^;,"]*)))?/y;

/** What was read of a header. */
export interface HeaderParams {
  /** The values by name, in lower case; the first of several. Malformed ones are left out. */
  readonly params: ReadonlyMap<string, string>;
  /** Where in the header the parameters end. */
  readonly end: number;
}

/** Reads the parameters of a header from `start` on. */
export function paramsAt(header: string, start: number): HeaderParams {
  const params = new Map<string, string>();
  let end = start;
  for (;;) {
    PARAM.lastIndex = end;
    const match = PARAM.exec(header);
    if (match === null) return { params, end };
    end = PARAM.lastIndex;
    const name = match[1]!.toLowerCase();
    const text = match[2]?.replaceAll(/\\(["\\])/g, "$1") ?? match[3]?.trim() ?? "";
    const value = name.endsWith("*") ? decodeExtended(text) : headerText(text);
    if (value !== null && !params.has(name)) params.set(name, value);
  }
}

/** The parameters of a header, which follow its value. */
export function paramsOf(header: string): ReadonlyMap<string, string> {
  return paramsAt(header, header.search(/;|$/)).params;
}

/** Decodes `utf-8'en'%e2%82%ac` (RFC 8187); null if it is malformed. */
function decodeExtended(text: string): string | null {
  const [, charset, encoded] = /^([\w-]+)'[^']*'((?:[^%]|%[0-9a-f]{2})*)$/i.exec(text) ?? [];
  if (charset === undefined) return null;
  const bytes = encoded!.replaceAll(/%(..)/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
  try {
    return new TextDecoder(charset, { fatal: true }).decode(bytesOf(bytes));
  } catch {
    return null; // there is no such charset, or the bytes are malformed in it
  }
}
