/**
 * The preconditions of a request: `If-Match` and its relatives.
 *
 * They are checked in the order of RFC 9110, 13.2.2. A malformed date is ignored, and a malformed
 * tag matches nothing.
 *
 * @module
 */

/** What is known about the state of the requested resource. */
export interface Validators {
  /** As in the `ETag` header, or null. */
  readonly etag: string | null;
  /** As in the `Last-Modified` header, in milliseconds, or null. */
  readonly lastModifiedMs: number | null;
}

/** The tags of a header such as `If-None-Match`; `*` stands for any. */
function parseTags(header: string): string[] {
  return header.match(/^\*$|(?<![^\s,])(?:W\/)?"[!#-~\u0080-\u{10ffff}]*"(?![^\s,])/gu) ?? [];
}

function strong(tag: string): string {
  return tag.startsWith("W/") ? tag.slice(2) : tag;
}

function matchesStrongly(header: string, etag: string | null): boolean {
  const isWeak = etag?.startsWith("W/") ?? true;
  return parseTags(header).some((tag) => tag === "*" || (!isWeak && tag === etag));
}

function matchesWeakly(header: string, etag: string | null): boolean {
  const own = etag === null ? null : strong(etag);
  return parseTags(header).some((tag) => tag === "*" || strong(tag) === own);
}

/** The three forms of RFC 9110, 5.6.7, with the day of the month. */
const DATE =
  /^[A-Z][a-z]{2,8}(?:, (\d\d?)[ -][A-Z][a-z]{2}[ -]\d{2,4}| [A-Z][a-z]{2} ([ \d]\d)) \d\d:\d\d:\d\d(?: GMT| \d{4})?$/;

/** The milliseconds of a date in a header; null if it is missing or malformed. */
function parseDate(header: string | null): number | null {
  // Without this, `Date.parse()` would take almost anything for a date.
  const [, day, otherDay] = DATE.exec(header ?? "") ?? [];
  if (day === undefined && otherDay === undefined) return null;
  const time = Date.parse(/GMT$/.test(header!) ? header! : `${header} GMT`);
  // It also takes the 30th of February for the 1st of March.
  return new Date(time).getUTCDate() === Number(day ?? otherDay) ? time : null;
}

/** The validators in the headers of a response. */
export function validatorsOf(headers: Headers): Validators {
  return {
    etag: headers.get("etag"),
    lastModifiedMs: parseDate(headers.get("last-modified")),
  };
}

function isLater(validators: Validators, since: number): boolean {
  const { lastModifiedMs } = validators;
  return lastModifiedMs !== null && lastModifiedMs > since;
}

/** The status to answer with instead; null if no precondition is in the way. */
export function checkPreconditions(request: Request, validators: Validators): 304 | 412 | null {
  const { headers, method } = request;
  const isRead = method === "GET" || method === "HEAD";
  const ifMatch = headers.get("if-match");
  const unmodifiedSince = parseDate(headers.get("if-unmodified-since"));
  if (ifMatch !== null) {
    if (!matchesStrongly(ifMatch, validators.etag)) return 412;
  } else if (unmodifiedSince !== null && isLater(validators, unmodifiedSince)) {
    return 412;
  }
  const ifNoneMatch = headers.get("if-none-match");
  if (ifNoneMatch !== null) {
    if (!matchesWeakly(ifNoneMatch, validators.etag)) return null;
    return isRead ? 304 : 412;
  }
  const modifiedSince = parseDate(headers.get("if-modified-since"));
  if (!isRead || modifiedSince === null || validators.lastModifiedMs === null) return null;
  return isLater(validators, modifiedSince) ? null : 304;
}

/** Whether `If-Range` allows a partial answer: the client's part must be of the current state. */
export function isRangeValid(request: Request, validators: Validators): boolean {
  const header = request.headers.get("if-range");
  if (header === null) return true;
  if (header.includes('"')) {
    return !header.startsWith("W/") && header.trim() === validators.etag;
  }
  const date = parseDate(header);
  return date !== null && date === validators.lastModifiedMs;
}
