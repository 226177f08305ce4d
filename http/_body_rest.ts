/**
 * The unread rest of a body, once its request is answered.
 *
 * Deno drops the rest of a body that nobody has touched, so a client that sends all of it before it
 * reads the response can finish. A body that wraps another one, such as a counted one, keeps that
 * one from being dropped: the client would never finish sending, and its connection would stay
 * open. And a response that a middleware has dropped may hold an open file.
 *
 * @module
 */

import { runningTask } from "./_running_task.ts";

/** What is known about a request that is being answered. */
interface Informed {
  readonly info?: { readonly completed?: Promise<void> } | undefined;
}

interface Body {
  readonly body: ReadableStream | null;
}

/** Drops the rest of a body once the response, which may be made from it, has been sent. */
export function dropRest({ body }: Body, completed: Promise<void> | undefined): void {
  // If somebody has locked it, they have to release it.
  const drop = (): Promise<void> | undefined => body?.cancel();
  completed?.then(drop, drop).catch(() => {});
}

/** Does so for a body that the current task has made, if that task answers a request. */
export function dropRestOf(made: Body): void {
  if (made.body !== null) dropRest(made, (runningTask() as Informed | null)?.info?.completed);
}
