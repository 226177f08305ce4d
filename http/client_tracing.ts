/**
 * Looking on while requests are made.
 *
 * Counterpart of Python's `aiohttp.tracing`. What `fetch` does not show, names being resolved and
 * connections being made, can't be looked at.
 *
 * @module
 */

/** What all events of a request tell. */
export interface TraceEvent {
  /** The same object in all events of a call of the session: room for what is to be kept. */
  readonly context: Record<string, unknown>;
  /** The method. */
  readonly method: string;
  /** The URL. */
  readonly url: string;
}

/** A response has begun. */
export interface TraceHeadersEvent extends TraceEvent {
  /** The status code. */
  readonly status: number;
  /** The headers. */
  readonly headers: Headers;
}

/** A piece of a body went by. */
export interface TraceChunkEvent extends TraceEvent {
  /** How many bytes. */
  readonly size: number;
}

/** A response sends the client elsewhere. */
export interface TraceRedirectEvent extends TraceHeadersEvent {
  /** Where to. */
  readonly location: string;
}

/** A request has failed. */
export interface TraceExceptionEvent extends TraceEvent {
  /** What was thrown; a `CancelledError`, too. */
  readonly exception: unknown;
}

/**
 * Callbacks of a session's requests. Each is called at once and must not wait; what it throws is
 * reported to the loop, and does the request no harm.
 *
 * A request that is retried or redirected starts several times. Each start is followed by one end
 * or one exception. Counterpart of Python's `aiohttp.TraceConfig`.
 */
export interface TraceConfig {
  /** A request is about to be made. Counterpart of `on_request_start`. */
  onRequestStart?: (event: TraceEvent & { readonly headers: Headers }) => void;
  /** It has to wait for a connection. Counterpart of `on_connection_queued_start`. */
  onConnectionQueuedStart?: (event: TraceEvent) => void;
  /** It may go on. Counterpart of `on_connection_queued_end`. */
  onConnectionQueuedEnd?: (event: TraceEvent) => void;
  /** A piece of a streamed body was handed over. Counterpart of `on_request_chunk_sent`. */
  onRequestChunkSent?: (event: TraceChunkEvent) => void;
  /** The head of the response has come. aiohttp calls this `on_request_end`. */
  onResponseHeaders?: (event: TraceHeadersEvent) => void;
  /** A piece of the body has come. Counterpart of `on_response_chunk_received`. */
  onResponseChunkReceived?: (event: TraceChunkEvent) => void;
  /** The response is a redirect that is followed. Counterpart of `on_request_redirect`. */
  onRequestRedirect?: (event: TraceRedirectEvent) => void;
  /** The response was read to its end, or given up. */
  onRequestEnd?: (event: TraceEvent) => void;
  /** The request has failed. Counterpart of `on_request_exception`. */
  onRequestException?: (event: TraceExceptionEvent) => void;
}

type Details<K extends keyof TraceConfig> = Omit<
  Parameters<NonNullable<TraceConfig[K]>>[0],
  keyof TraceEvent
>;

/** Tells the callbacks of several configurations what one request does. */
export class Tracer {
  readonly #configs: readonly TraceConfig[];
  readonly #event: TraceEvent;
  readonly #report: (error: unknown) => void;

  constructor(
    configs: readonly TraceConfig[],
    event: TraceEvent,
    report: (error: unknown) => void,
  ) {
    this.#configs = configs;
    this.#event = event;
    this.#report = report;
  }

  /** Whether anybody listens to this. */
  wants(name: keyof TraceConfig): boolean {
    return this.#configs.some((config) => config[name] !== undefined);
  }

  /** Calls all callbacks of this name. */
  tell<K extends keyof TraceConfig>(name: K, details: Details<K>): void {
    for (const config of this.#configs) {
      try {
        (config[name] as ((event: object) => void) | undefined)?.({ ...this.#event, ...details });
      } catch (error) {
        // It is not called by the task's own code: nothing of the task is lost.
        this.#report(error);
      }
    }
  }
}
