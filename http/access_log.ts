/**
 * The access log: one line for each answered request.
 *
 * Counterpart of Python's `aiohttp.web_log`, with its format, which is Apache's. What clients send
 * is escaped: no header can break a line or fake a field. Two fields differ, as Deno does not
 * provide their values: `%r` has no HTTP version, and `%b` is the `Content-Length`, or `-`.
 *
 * @module
 */

/** What is known about an answered request. */
export interface AccessLogEntry {
  /** When the request came. */
  readonly time: Date;
  /** Seconds until the response was sent. */
  readonly seconds: number;
  /** The address of the client; `-` if unknown. */
  readonly remote: string;
  /** The request. Its body may have been read. */
  readonly request: Request;
  /** The response. Its body may have been sent. */
  readonly response: Response;
}

/** The default format, as in aiohttp. */
export const ACCESS_LOG_FORMAT: string = '%a %t "%r" %s %b "%{Referer}i" "%{User-Agent}i"';

type Field = (entry: AccessLogEntry) => string;

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

const FIELDS: Readonly<Record<string, Field>> = {
  "%": () => "%",
  a: ({ remote }) => remote,
  t: ({ time }) => `[${timeText(time)}]`,
  P: () => `<${Deno.pid}>`,
  r: ({ request }) => escape(`${request.method} ${pathAndQuery(request.url)}`),
  s: ({ response }) => String(response.status),
  b: ({ response }) => escape(response.headers.get("content-length") ?? "-"),
  T: ({ seconds }) => String(Math.round(seconds)),
  Tf: ({ seconds }) => seconds.toFixed(6),
  D: ({ seconds }) => String(Math.round(seconds * 1e6)),
};

function timeText(time: Date): string {
  const two = (n: number): string => String(n).padStart(2, "0");
  const date = `${two(time.getDate())}/${MONTHS[time.getMonth()]}/${time.getFullYear()}`;
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(":");
  const offset = -time.getTimezoneOffset();
  const zone = two(Math.trunc(Math.abs(offset) / 60)) + two(Math.abs(offset) % 60);
  return `${date}:${clock} ${offset < 0 ? "-" : "+"}${zone}`;
}

function pathAndQuery(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  return start < 0 ? "/" : url.slice(start);
}

/** Escapes quotes, backslashes and control characters. */
function escape(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what it looks for
  return text.replace(/["\\\x00-\x1f\x7f-\x9f\u2028\u2029]/g, (character) => {
    if (character === '"' || character === "\\") return `\\${character}`;
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
}

function parseFormat(format: string): (string | Field)[] {
  const parts: (string | Field)[] = [];
  const pattern = /%(?:\{([^{}]+)\}([io])|Tf|(.)|$)|[^%]+/gs;
  for (const [text, header, side] of format.matchAll(pattern)) {
    if (!text.startsWith("%")) {
      parts.push(text);
    } else if (header !== undefined) {
      parts.push(({ request, response }) =>
        escape((side === "i" ? request : response).headers.get(header) ?? "-")
      );
    } else {
      const field = Object.hasOwn(FIELDS, text.slice(1)) ? FIELDS[text.slice(1)] : undefined;
      if (field === undefined) {
        throw new RangeError(`Cannot parse access log format: unknown field "${text}"`);
      }
      parts.push(field);
    }
  }
  return parts;
}

/**
 * Formats the lines of an access log.
 *
 * Counterpart of Python's `aiohttp.web_log.AccessLogger`. `runApp()` and `AppRunner` create one.
 *
 * @example
 * ```ts
 * import { AccessLogger } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * const logger = new AccessLogger('%a "%r" %s %D');
 * const line = logger.format({
 *   time: new Date(),
 *   seconds: 0.002,
 *   remote: "127.0.0.1",
 *   request: new Request("http://localhost/a?b"),
 *   response: new Response("hello"),
 * });
 * assertEquals(line, '127.0.0.1 "GET /a?b" 200 2000');
 * ```
 */
export class AccessLogger {
  readonly #parts: readonly (string | Field)[];

  /**
   * Reads a format: `%a` the client's address, `%t` the time, `%P` the process, `%r` the first
   * line, `%s` the status, `%b` the size of the body, `%T`, `%Tf` and `%D` the time it took, in
   * whole seconds, seconds with a fraction, and microseconds, `%{Name}i` and `%{Name}o` a header of
   * the request or response.
   *
   * @param format The format.
   * @throws {RangeError} If the format has an unknown field.
   */
  constructor(format: string = ACCESS_LOG_FORMAT) {
    this.#parts = parseFormat(format);
  }

  /**
   * Returns the line for a request.
   *
   * @param entry What is known about it.
   * @returns The line, without a line break.
   */
  format(entry: AccessLogEntry): string {
    let line = "";
    for (const part of this.#parts) line += typeof part === "string" ? part : part(entry);
    return line;
  }
}
