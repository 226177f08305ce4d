/**
 * The timeouts of a request.
 *
 * Counterpart of Python's `aiohttp.ClientTimeout`. By default there is no limit on the whole
 * request, so a long download is not cut off while bytes arrive; a server that goes silent times
 * out.
 *
 * @module
 */

import { TimeoutError } from "../loop/mod.ts";

/**
 * A part of a request that has a timeout: `"pool"`, the wait for one of the connections that the
 * connector allows; `"headers"`, from then until the head of the response has arrived;
 * `"idleRead"`, between two chunks of its body; `"total"`, the whole request.
 */
export type TimeoutPhase = "total" | "pool" | "headers" | "idleRead";

/** Timeouts, in seconds; null for none. Counterpart of Python's `aiohttp.ClientTimeout`. */
export interface ClientTimeout {
  /**
   * For the whole request, including redirects, retries and the reading of the body.
   *
   * @default {null}
   */
  total?: number | null;
  /**
   * For the wait for one of the connections that the connector allows.
   *
   * @default {null}
   */
  pool?: number | null;
  /**
   * For the time from then until the head of the response has arrived. It starts anew with each
   * chunk of a streamed request body. (`fetch` does not tell when it has connected, so aiohttp's
   * `connect` and `sock_connect` are included.)
   *
   * @default {300}
   */
  headers?: number | null;
  /**
   * For each chunk of the body, while a read is pending. Counterpart of `sock_read`. With 30
   * seconds or more, a body of at most 64 KiB that is read at once counts as one chunk.
   *
   * @default {300}
   */
  idleRead?: number | null;
}

/** All timeouts of a request, in seconds; null for none. */
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
  /** The phase that took too long. */
  readonly phase: TimeoutPhase;
  /** The URL of the request; after redirects, the last one. */
  readonly url: string;
  /** The timeout, in seconds. */
  readonly seconds: number;

  /**
   * Creates the error.
   *
   * @param phase The phase that took too long.
   * @param url The URL of the request.
   * @param seconds The timeout, in seconds.
   */
  constructor(phase: TimeoutPhase, url: string, seconds: number) {
    super(`${TEXTS[phase](url, seconds)} (timeout "${phase}")`);
    this.phase = phase;
    this.url = url;
    this.seconds = seconds;
  }
}

/** Returns the timeouts of a request: its own, else those of `base`. A number is the total. */
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
