/**
 * Reports sessions and responses that were never closed; sessions with the place where they were
 * made.
 *
 * A session is reported when it is garbage-collected, or when the program ends before that; a
 * response when it is garbage-collected: its place in the connector is then freed, too.
 *
 * @module
 */

import { getRunningLoop, RuntimeError } from "../loop/mod.ts";
import type { EventLoop } from "../loop/mod.ts";
import { LostObjects } from "../loop/lost_objects.ts";

/** What is reported of an object that was not closed. */
interface Unclosed {
  readonly message: string;
  /** Where it was made: lines of a stack trace; may be empty. */
  readonly place: string;
  readonly loop: EventLoop | null;
  /** Frees what it holds. */
  free(): void;
}

const sessions = new LostObjects<Unclosed>((record) => {
  report(record);
  record.free();
}, report);

/** Watches a session; `free` must not refer to it. Returns what `forgetSession()` takes. */
export function watchSession(session: object, free: () => void): Unclosed {
  const loop = loopOrNull();
  const message = "Unclosed client session";
  return sessions.watch(session, { message, place: placeOutside(), loop, free });
}

/** Stops watching a session that was closed. */
export function forgetSession(record: Unclosed): void {
  sessions.forget(record);
}

/** What a response holds. */
interface Held {
  readonly ended: boolean;
  readonly url: string;
  giveUp(): void;
}

const responses = new FinalizationRegistry<Held>((exchange) => {
  if (exchange.ended) return;
  const { url } = exchange;
  report({ message: `Unclosed response of ${url}`, place: "", loop: null, free() {} });
  exchange.giveUp();
});

/** Watches a response, or the stream of its body; its exchange does not refer to it. */
export function watchResponse(response: object, exchange: Held): void {
  responses.register(response, exchange, exchange);
}

/** Stops watching a response that was read or closed. */
export function forgetResponse(exchange: Held): void {
  responses.unregister(exchange);
}

function loopOrNull(): EventLoop | null {
  try {
    return getRunningLoop();
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
    return null;
  }
}

/** Returns the stack trace without the lines of this package and of the runtime. */
function placeOutside(): string {
  const root = new URL("..", import.meta.url).href;
  const inside = ["loop/", "net/", "http/"].map((folder) => root + folder);
  const lines = (new Error().stack ?? "").split("\n").slice(1);
  const outside = lines.filter((line) =>
    !line.includes("(ext:") && !inside.some((folder) => line.includes(folder))
  );
  return (outside.length > 0 ? outside : lines).join("\n");
}

function report({ message, place, loop }: Unclosed): void {
  const text = place === "" ? message : `${message}, made\n${place}`;
  if (loop === null) console.error(text);
  else loop.callExceptionHandler({ message: text });
}
