/**
 * Parses headers of responses.
 *
 * @module
 */

import { paramsAt } from "./_header_params.ts";

/** A link in the `Link` header of a response (RFC 8288). */
export interface ClientLink {
  /** The URL that it leads to. */
  readonly url: string;
  /** Its parameters by name, in lower case, such as `title`; `rel` is among them. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** The `Content-Disposition` header of a response (RFC 6266). */
export interface ContentDisposition {
  /** What to do with the body, in lower case: `inline`, `attachment`. */
  readonly type: string;
  /** The server's name for the file, not to be trusted as a path; null if there is none. */
  readonly filename: string | null;
  /** All parameters by name, in lower case; `filename*` is decoded. */
  readonly parameters: ReadonlyMap<string, string>;
}

const TARGET = /\s*<([^<>]*)>/y;
const TYPE = /\s*([\w!#$%&'*+.^`|~-]+)/y;

/** Returns the links of a header by relation, the first of several, without malformed ones. */
export function linksOf(header: string, base: string): ReadonlyMap<string, ClientLink> {
  const links = new Map<string, ClientLink>();
  let at = 0;
  do {
    TARGET.lastIndex = at;
    const target = TARGET.exec(header)?.[1];
    if (target !== undefined) {
      const { params: parameters, end } = paramsAt(header, TARGET.lastIndex);
      const url = URL.parse(target, base)?.href;
      for (const rel of parameters.get("rel")?.toLowerCase().match(/\S+/g) ?? []) {
        if (url !== undefined && !links.has(rel)) links.set(rel, { url, parameters });
      }
      at = end;
    }
    // After the next comma; 0 if there is none.
    at = header.indexOf(",", at) + 1;
  } while (at > 0);
  return links;
}

/** Parses a `Content-Disposition` header; null if it is malformed. */
export function contentDispositionOf(header: string): ContentDisposition | null {
  TYPE.lastIndex = 0;
  const type = TYPE.exec(header)?.[1]?.toLowerCase();
  if (type === undefined) return null;
  const { params: parameters, end } = paramsAt(header, TYPE.lastIndex);
  // Some servers end it with a semicolon.
  if (/[^\s;]/.test(header.slice(end))) return null;
  const filename = parameters.get("filename*") ?? parameters.get("filename") ?? null;
  return { type, filename, parameters };
}
