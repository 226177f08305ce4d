/**
 * Reports of sessions and responses that nobody closed, with where they were made.
 *
 * A session is reported when it has become garbage, or when the program ends before that; a response
 * when it has become garbage: then its place in the connector is freed, too.
 *
 * @module
 */

import { getRunningLoop, RuntimeError } from "../loop/mod.ts";
import type { EventLoop } from "../loop/mod.ts";
import { LostObjects } from "../loop/lost_objects.ts";

/** What has to be said of something that was not closed. */
interface Unclosed {
  readonly message: string;
  /** Where it was made: the lines of a stack. */
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

/** The session was closed. */
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

/** The response was read or closed. */
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

/** The stack without the lines of this package and of the runtime. */
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
