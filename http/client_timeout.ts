/**
 * Limits of time for the phases of a request.
 *
 * Counterpart of Python's `aiohttp.ClientTimeout`. There is no limit for the whole by default, so a
 * long download is not cut off while bytes arrive; a server that goes silent is given up.
 *
 * @module
 */

import { TimeoutError } from "../loop/mod.ts";

/**
 * A part of a request that a limit of time is for: `"pool"`, waiting for one of the connections
 * that the connector allows; `"headers"`, from there until the head of the response has come;
 * `"idleRead"`, between two pieces of its body; `"total"`, all of it.
 */
export type TimeoutPhase = "total" | "pool" | "headers" | "idleRead";

/** Limits of time, in seconds; null for none. Counterpart of Python's `aiohttp.ClientTimeout`. */
export interface ClientTimeout {
  /**
   * For the whole request: redirects, retries and the reading of the body included.
   *
   * @default {null}
   */
  total?: number | null;
  /**
   * For the wait for a connection that the connector allows.
   *
   * @default {null}
   */
  pool?: number | null;
  /**
   * From there until the head of the response has come. It begins anew with each piece of a body
   * that is streamed. (`fetch` does not tell when it has connected; aiohttp's `connect` and
   * `sock_connect` are in here.)
   *
   * @default {300}
   */
  headers?: number | null;
  /**
   * For each piece of the body, while somebody waits for it. Counterpart of `sock_read`. With 30
   * seconds and more, a body of at most 64 KiB that is read at once counts as one piece.
   *
   * @default {300}
   */
  idleRead?: number | null;
}

/** All limits of a request, in seconds; null for none. */
export type Phases = Readonly<Record<TimeoutPhase, number | null>>;

const DEFAULTS: Phases = { total: null, pool: null, headers: 300, idleRead: 300 };

const TEXTS: Readonly<Record<TimeoutPhase, (url: string, seconds: number) => string>> = {
  total: (url, seconds) => `Cannot finish request to ${url}: it took more than ${seconds} s`,
  pool: (url, seconds) => `Cannot start request to ${url}: no free connection within ${seconds} s`,
  headers: (url, seconds) => `Cannot reach ${url}: no response within ${seconds} s`,
  idleRead: (url, seconds) => `Cannot read response of ${url}: no data for ${seconds} s`,
};

/**
 * Thrown when a request took too long; it names the phase and the URL.
 *
 * Counterpart of Python's `aiohttp.ServerTimeoutError`.
 */
export class ServerTimeoutError extends TimeoutError {
  /** Which limit it was. */
  readonly phase: TimeoutPhase;
  /** The URL that was asked for; after redirects, the one it stopped at. */
  readonly url: string;
  /** The limit, in seconds. */
  readonly seconds: number;

  /**
   * Creates the error.
   *
   * @param phase Which limit it was.
   * @param url The URL that was asked for.
   * @param seconds The limit, in seconds.
   */
  constructor(phase: TimeoutPhase, url: string, seconds: number) {
    super(`${TEXTS[phase](url, seconds)} (timeout "${phase}")`);
    this.phase = phase;
    this.url = url;
    this.seconds = seconds;
  }
}

/** The limits of a request: its own, else those of `base`. A number alone is the total. */
export function phasesOf(
  timeout: number | ClientTimeout | null | undefined,
  base: Phases = DEFAULTS,
): Phases {
  if (timeout === undefined) return base;
  const given = typeof timeout === "number" || timeout === null ? { total: timeout } : timeout;
  const phases: Record<TimeoutPhase, number | null> = { ...base };
  for (const phase of Object.keys(DEFAULTS) as TimeoutPhase[]) {
    const seconds = given[phase];
    if (seconds === undefined) continue;
    if (seconds !== null && !(seconds > 0)) {
      throw new RangeError(`Cannot set timeout "${phase}": it must be above 0, not ${seconds}`);
    }
    phases[phase] = seconds;
  }
  return phases;
}
