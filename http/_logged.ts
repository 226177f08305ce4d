/**
 * A handler that logs each response, once it was sent or the client has left.
 *
 * @module
 */

import { getEventLoop } from "../loop/mod.ts";
import { reportError } from "./_request_task.ts";
import type { ServeInfo } from "./_request_task.ts";
import type { AccessLogEntry } from "./access_log.ts";

/** A handler as `Deno.serve` takes it. */
type Fetch = (request: Request, info: ServeInfo) => Response | Promise<Response>;

/** Wraps a handler; each request is logged once its response was sent or the client has left. */
export function withAccessLog(fetch: Fetch, log: (entry: AccessLogEntry) => void): Fetch {
  return async (request, info) => {
    const time = new Date();
    const start = performance.now();
    // Once the response is on its way, Deno provides neither the address nor the headers.
    const remote = addressText(info.remoteAddr);
    request.headers.has("host"); // makes Deno read all of them
    const { completed } = info;
    const response = await fetch(request, info);
    const done = (): void => {
      const seconds = (performance.now() - start) / 1000;
      try {
        log({ time, seconds, remote, request, response });
      } catch (error) {
        // Nobody awaits this: an error would end the process.
        reportError(getEventLoop(), request, error);
      }
    };
    // A client that has left before the end gets a line, too.
    if (completed === undefined) done();
    else completed.then(done, done);
    return response;
  };
}

/** The address without the port. */
export function addressText(address: Deno.Addr | undefined): string {
  if (address === undefined) return "-";
  return "hostname" in address ? address.hostname : "-";
}
