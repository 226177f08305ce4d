/**
 * Paths of routes: `/users/{id}`, `/files/{name:.+}`, and paths without a variable part.
 *
 * Paths are compared as they are on the wire, percent-encoded; the values of variables are decoded.
 * Both as in aiohttp: what can't be decoded stays as it is, and `%2F` does not separate segments.
 *
 * @module
 */

/** The values of the variables of a path, by name, decoded. */
export type Params = Readonly<Record<string, string>>;

/** An object that inherits nothing. V8 keeps what `Object.create(null)` returns in a slow form. */
class Values {
  [name: string]: string;
}
Object.setPrototypeOf(Values.prototype, null);
delete (Values.prototype as { constructor?: unknown }).constructor;

/** The values where there are no variables. */
export const NO_PARAMS: Params = Object.freeze(new Values());
/** The values where no route was found, which are recognised by their identity. */
export const NO_ROUTE: Params = Object.freeze(new Values());

/** A part of a pattern: literal text, already encoded, or a variable. */
type Part = string | { readonly name: string; readonly regex: string | null };

/** What a variable without a regular expression matches. */
const SEGMENT = "[^{}/]+";
const VARIABLE = /^([_a-zA-Z][_a-zA-Z0-9]*)(?::(.+))?$/s;

/** A path as it is compared: encodes what a URL can't have, and leaves what is encoded already. */
export function quotePath(path: string): string {
  return encodeURI(path.toWellFormed()).replaceAll("%25", "%").replaceAll("?", "%3F")
    .replaceAll("#", "%23").replaceAll("%5B", "[").replaceAll("%5D", "]");
}

/** Decodes the percent-encoding of a text; what is not valid UTF-8 stays encoded. */
export function unquote(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    // It is malformed somewhere, which is not an error: aiohttp decodes the rest.
    return text.replace(/(?:%[0-9A-Fa-f]{2})+/g, unquoteRun);
  }
}

/** Decodes encoded bytes, character by character. */
function unquoteRun(run: string): string {
  let text = "";
  for (let i = 0; i < run.length;) {
    const lead = parseInt(run.slice(i + 1, i + 3), 16);
    const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    const piece = run.slice(i, i + 3 * length);
    const decoded = tryDecode(piece);
    text += decoded ?? run.slice(i, i + 3);
    i += decoded === null ? 3 : 3 * length;
  }
  return text;
}

function tryDecode(piece: string): string | null {
  try {
    return decodeURIComponent(piece);
  } catch {
    return null; // not a character: the caller keeps it
  }
}

/** A path with variables. */
export class Pattern {
  /** The path without the regular expressions, as in `/files/{name}`. */
  readonly canonical: string;
  /** Equal for patterns that match the same paths, whatever their variables are called. */
  readonly shape: string;
  /** What all matching paths begin with, up to a slash, which is not part of it. */
  readonly prefix: string;
  readonly #parts: readonly Part[];
  readonly #regex: RegExp;
  /** If the pattern is a literal and then one plain variable: the literal and the name. */
  readonly #tail: { readonly head: string; readonly name: string } | null;
  /** Whether no variable has a regular expression. */
  readonly #isPlain: boolean;

  /** Throws a RangeError if the path is malformed. */
  constructor(path: string) {
    const parts = this.#parts = parse(path);
    const each = (fn: (variable: Exclude<Part, string>) => string): string =>
      parts.map((part) => typeof part === "string" ? part : fn(part)).join("");
    this.canonical = each(({ name }) => `{${name}}`);
    this.shape = each(({ regex }) => regex === null ? "{}" : `{:${regex}}`);
    const first = typeof parts[0] === "string" ? parts[0] : "";
    this.prefix = first.slice(0, Math.max(first.lastIndexOf("/"), 0));
    this.#regex = compile(path, parts);
    const last = parts[1];
    const isTail = parts.length === 2 && typeof last === "object" && last.regex === null;
    this.#tail = isTail ? { head: first, name: last.name } : null;
    this.#isPlain = parts.every((part) => typeof part === "string" || part.regex === null);
  }

  /** The values of the variables, or null if the path does not match. */
  match(path: string): Params | null {
    if (this.#tail !== null) return matchTail(path, this.#tail.head, this.#tail.name);
    if (this.#isPlain) return matchPlain(path, this.#parts);
    const groups = this.#regex.exec(path)?.groups;
    if (groups === undefined) return null;
    const params = new Values();
    for (const part of this.#parts) {
      if (typeof part !== "string") params[part.name] = unquote(groups[part.name] ?? "");
    }
    return params;
  }

  /** The path with these values; throws a RangeError if one is missing or does not match. */
  format(params: Readonly<Record<string, string | number>>): string {
    let path = "";
    for (const part of this.#parts) {
      if (typeof part === "string") {
        path += part;
        continue;
      }
      const value = Object.hasOwn(params, part.name) ? params[part.name] : undefined;
      if (value === undefined) {
        throw new RangeError(`Cannot build URL of ${this.canonical}: "${part.name}" is missing`);
      }
      const quoted = encodeURIComponent(String(value).toWellFormed());
      path += part.regex === null ? quoted : quoted.replaceAll("%2F", "/");
    }
    if (!this.#regex.test(path)) {
      throw new RangeError(`Cannot build URL of ${this.canonical}: ${path} does not match it`);
    }
    return path;
  }
}

function matchTail(path: string, head: string, name: string): Params | null {
  if (!path.startsWith(head) || !isSegment(path, head.length, path.length)) return null;
  const params = new Values();
  params[name] = unquote(path.slice(head.length));
  return params;
}

/** Whether that part of a path can be the value of a variable without a regular expression. */
function isSegment(path: string, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const code = path.charCodeAt(i);
    if (code === 0x2f || code === 0x7b || code === 0x7d) return false; // a slash, a brace
  }
  return start < end;
}

/**
 * Finds what the regular expression would, from the end: the last variables are as short as
 * possible. It never backtracks, while the expression takes hours for a path that a client has made
 * for that.
 */
function matchPlain(path: string, parts: readonly Part[]): Params | null {
  const values: string[] = [];
  let end = path.length;
  for (let i = parts.length - 1; i >= 0; i--) {
    const part = parts[i]!;
    if (typeof part === "string") {
      if (!path.endsWith(part, end) || (i === 0 && end !== part.length)) return null;
      end -= part.length;
      continue;
    }
    const start = startOfValue(path, end, parts, i);
    if (!isSegment(path, start, end)) return null;
    values.push(unquote(path.slice(start, end)));
    end = start;
  }
  const params = new Values();
  for (const part of parts) if (typeof part !== "string") params[part.name] = values.pop()!;
  return params;
}

/** Where the value of a variable that ends at `end` begins; at or after `end` if it has none. */
function startOfValue(path: string, end: number, parts: readonly Part[], place: number): number {
  const before = parts[place - 1];
  if (typeof before !== "string") return end - 1;
  if (place === 1) return before.length;
  const at = path.lastIndexOf(before, end - 1 - before.length);
  return at < 0 ? end : at + before.length;
}

/** Splits a path at its braces; a regular expression may have braces of its own, in pairs. */
function parse(path: string): Part[] {
  const parts: Part[] = [];
  let start = 0;
  for (let i = 0; i < path.length; i++) {
    if (path[i] === "}") throw new RangeError(`Cannot add route: "${path}" has an unmatched "}"`);
    if (path[i] !== "{") continue;
    if (i > start) parts.push(quotePath(path.slice(start, i)));
    const end = closingBrace(path, i);
    parts.push(parseVariable(path, path.slice(i + 1, end)));
    i = end;
    start = end + 1;
  }
  if (start < path.length) parts.push(quotePath(path.slice(start)));
  return parts;
}

function closingBrace(path: string, open: number): number {
  let depth = 0;
  for (let i = open; i < path.length; i++) {
    if (path[i] === "\\") i++;
    else if (path[i] === "{") depth++;
    else if (path[i] === "}" && --depth === 0) return i;
  }
  throw new RangeError(`Cannot add route: "${path}" has an unmatched "{"`);
}

function parseVariable(path: string, text: string): Part {
  const [, name, regex = null] = VARIABLE.exec(text) ?? [];
  if (name === undefined) {
    throw new RangeError(`Cannot add route: "{${text}}" in "${path}" is not a variable`);
  }
  return { name, regex };
}

function compile(path: string, parts: readonly Part[]): RegExp {
  const source = parts.map((part) =>
    typeof part === "string" ? RegExp.escape(part) : `(?<${part.name}>${part.regex ?? SEGMENT})`
  );
  try {
    return new RegExp(`^(?:${source.join("")})$`);
  } catch (error) {
    const { message } = error as SyntaxError;
    throw new RangeError(`Cannot add route: "${path}" is malformed: ${message}`, { cause: error });
  }
}
