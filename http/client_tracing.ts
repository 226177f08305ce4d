/**
 * Callbacks that observe requests.
 *
 * Counterpart of Python's `aiohttp.tracing`. What `fetch` does not show, such as name resolution
 * and the making of connections, can't be traced.
 *
 * @module
 */

/** What all events of a request have in common. */
export interface TraceEvent {
  /** The same object in all events of one call, for the callbacks to keep values in. */
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

/** A chunk of a body was sent or received. */
export interface TraceChunkEvent extends TraceEvent {
  /** Its size, in bytes. */
  readonly size: number;
}

/** A response redirects the client. */
export interface TraceRedirectEvent extends TraceHeadersEvent {
  /** The URL that it leads to. */
  readonly location: string;
}

/** A request has failed. */
export interface TraceExceptionEvent extends TraceEvent {
  /** What was thrown; it may be a `CancelledError`. */
  readonly exception: unknown;
}

/**
 * Callbacks for a session's requests. Each is called synchronously and is not awaited; what it
 * throws is reported to the loop's exception handler, and does not affect the request.
 *
 * A request that is retried or redirected starts several times. Each start is followed by one end
 * or one exception. Counterpart of Python's `aiohttp.TraceConfig`.
 */
export interface TraceConfig {
  /** A request is about to be made. Counterpart of `on_request_start`. */
  onRequestStart?: (event: TraceEvent & { readonly headers: Headers }) => void;
  /** The request has to wait for a connection. Counterpart of `on_connection_queued_start`. */
  onConnectionQueuedStart?: (event: TraceEvent) => void;
  /** The request may go on. Counterpart of `on_connection_queued_end`. */
  onConnectionQueuedEnd?: (event: TraceEvent) => void;
  /** A chunk of a streamed body was handed over. Counterpart of `on_request_chunk_sent`. */
  onRequestChunkSent?: (event: TraceChunkEvent) => void;
  /** The head of the response has arrived. aiohttp calls this `on_request_end`. */
  onResponseHeaders?: (event: TraceHeadersEvent) => void;
  /** A chunk of the body has arrived. Counterpart of `on_response_chunk_received`. */
  onResponseChunkReceived?: (event: TraceChunkEvent) => void;
  /** The response is a redirect that is followed. Counterpart of `on_request_redirect`. */
  onRequestRedirect?: (event: TraceRedirectEvent) => void;
  /** The response was read to its end, or discarded. */
  onRequestEnd?: (event: TraceEvent) => void;
  /** The request has failed. Counterpart of `on_request_exception`. */
  onRequestException?: (event: TraceExceptionEvent) => void;
}

type Details<K extends keyof TraceConfig> = Omit<
  Parameters<NonNullable<TraceConfig[K]>>[0],
  keyof TraceEvent
>;

/** Calls the callbacks of several configurations for one request. */
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

  /** Whether any configuration has this callback. */
  wants(name: keyof TraceConfig): boolean {
    return this.#configs.some((config) => config[name] !== undefined);
  }

  /** Calls all callbacks of this name. */
  tell<K extends keyof TraceConfig>(name: K, details: Details<K>): void {
    for (const config of this.#configs) {
      try {
        (config[name] as ((event: object) => void) | undefined)?.({ ...this.#event, ...details });
      } catch (error) {
        // A callback is not the task's own code: even a CancelledError of it is not the task's.
        this.#report(error);
      }
    }
  }
}
