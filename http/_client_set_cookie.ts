/**
 * Parses `Set-Cookie` headers, as RFC 6265 (section 5.2) and its revision demand of user agents.
 *
 * @module
 */

/** What a `Set-Cookie` header says. */
export interface SetCookie {
  name: string;
  value: string;
  /** Without a leading dot, in lower case; null if there is none. */
  domain: string | null;
  /** Null if there is none, or it is not absolute. */
  path: string | null;
  /** Milliseconds since 1970; Infinity for the end of the session; -Infinity for at once. */
  expires: number;
  secure: boolean;
  httpOnly: boolean;
  sameSite: "Strict" | "Lax" | "None" | null;
}

/** How long a name and its value may be together, in characters; else the cookie is ignored. */
const MAX_PAIR_LENGTH = 4096;
/** How long the value of an attribute may be, in characters; else the attribute is ignored. */
const MAX_ATTRIBUTE_LENGTH = 1024;

// deno-lint-ignore no-control-regex -- these are what it looks for
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/;

/** Parses a header; null if it has to be ignored. `now` is in milliseconds since 1970. */
export function parseSetCookie(header: string, now: number): SetCookie | null {
  if (CONTROL.test(header)) return null;
  const [name, value] = nameAndValue(header);
  if (name === "" && value === "") return null;
  if (name.length + value.length > MAX_PAIR_LENGTH) return null;
  const cookie: SetCookie = {
    name,
    value,
    domain: null,
    path: null,
    expires: Infinity,
    secure: false,
    httpOnly: false,
    sameSite: null,
  };
  let maxAge: number | null = null;
  for (const attribute of header.split(";").slice(1)) {
    const [key, text] = attributeOf(attribute);
    if (text.length > MAX_ATTRIBUTE_LENGTH) continue;
    if (key === "max-age") maxAge = parseMaxAge(text, now) ?? maxAge;
    else applyAttribute(cookie, key, text);
  }
  if (maxAge !== null) cookie.expires = maxAge; // it overrides Expires, wherever it stands
  return cookie;
}

/** Returns the name and the value that a header begins with; without `=`, the name is empty. */
export function nameAndValue(header: string): [name: string, value: string] {
  const pair = header.split(";", 1)[0]!;
  const index = pair.indexOf("=");
  if (index < 0) return ["", trim(pair)];
  return [trim(pair.slice(0, index)), trim(pair.slice(index + 1))];
}

function attributeOf(text: string): [key: string, value: string] {
  const index = text.indexOf("=");
  if (index < 0) return [trim(text).toLowerCase(), ""];
  return [trim(text.slice(0, index)).toLowerCase(), trim(text.slice(index + 1))];
}

/**
 * Removes the blanks around a text. A regular expression for those at the end would also try each
 * one in the middle: a long header of blanks would take minutes.
 */
function trim(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text[start]!)) start++;
  while (end > start && isBlank(text[end - 1]!)) end--;
  return text.slice(start, end);
}

function isBlank(character: string): boolean {
  return character === " " || character === "\t";
}

function applyAttribute(cookie: SetCookie, key: string, text: string): void {
  switch (key) {
    case "expires":
      cookie.expires = parseCookieDate(text) ?? cookie.expires;
      break;
    case "domain":
      // An empty one is ignored. The last one that is not empty counts.
      if (text !== "") cookie.domain = text.replace(/^\./, "").toLowerCase();
      break;
    case "path":
      cookie.path = text.startsWith("/") ? text : null;
      break;
    case "secure":
      cookie.secure = true;
      break;
    case "httponly":
      cookie.httpOnly = true;
      break;
    case "samesite":
      cookie.sameSite = sameSiteOf(text);
  }
}

function sameSiteOf(text: string): SetCookie["sameSite"] {
  const found = (["Strict", "Lax", "None"] as const).find((value) =>
    value.toLowerCase() === text.toLowerCase()
  );
  return found ?? null;
}

function parseMaxAge(text: string, now: number): number | null {
  if (!/^-?\d+$/.test(text)) return null;
  const seconds = Number(text);
  return seconds <= 0 ? -Infinity : now + seconds * 1000;
}

const MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split(" ");

/** The patterns of the parts of a date, in the order in which they are tried (section 5.1.1). */
const PARTS: readonly [name: "time" | "day" | "month" | "year", pattern: RegExp][] = [
  ["time", /^(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\D|$)/],
  ["day", /^(\d{1,2})(?:\D|$)/],
  ["month", /^(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)/i],
  ["year", /^(\d{2,4})(?:\D|$)/],
];

/** Parses a date as browsers do, its parts in any order: milliseconds since 1970, or null. */
export function parseCookieDate(text: string): number | null {
  const found = new Map<string, RegExpExecArray>();
  for (const token of text.split(/[\t\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+/)) {
    for (const [name, pattern] of PARTS) {
      const match = found.has(name) ? null : pattern.exec(token);
      if (match === null) continue;
      found.set(name, match);
      break;
    }
  }
  if (found.size < PARTS.length) return null;
  const [hour, minute, second] = found.get("time")!.slice(1).map(Number) as [
    number,
    number,
    number,
  ];
  const day = Number(found.get("day")![1]);
  const month = MONTHS.indexOf(found.get("month")![1]!.toLowerCase());
  const year = fullYear(Number(found.get("year")![1]));
  if (year < 1601 || hour > 23 || minute > 59 || second > 59) return null;
  const date = new Date(Date.UTC(year, month, day, hour, minute, second));
  // The 31st of February does not exist.
  return date.getUTCDate() === day && day > 0 ? date.getTime() : null;
}

function fullYear(year: number): number {
  if (year >= 70 && year <= 99) return year + 1900;
  return year <= 69 ? year + 2000 : year;
}
