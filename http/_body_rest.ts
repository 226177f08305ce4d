/**
 * What nobody has read of a body when its request was answered.
 *
 * The platform drops the rest of a body that nobody has touched, and the client that sends all of it
 * before it reads the answer comes to its end. A body that stands in front of another one, such as one
 * that is counted, holds that one instead: the client would send for ever, and so would its connection
 * stay. And a response that a middleware has dropped may hold a file.
 *
 * @module
 */

import { runningTask } from "./_running_task.ts";

/** What is known of a request that is being answered. */
interface Informed {
  readonly info?: { readonly completed?: Promise<void> } | undefined;
}

interface Body {
  readonly body: ReadableStream | null;
}

/** Drops what is left of a body when the answer was sent, which may have been made of it. */
export function dropRest({ body }: Body, completed: Promise<void> | undefined): void {
  // Where somebody holds it, it is for them to let it go.
  const drop = (): Promise<void> | undefined => body?.cancel();
  completed?.then(drop, drop).catch(() => {});
}

/** The same for one that the task that runs has made, if that answers a request. */
export function dropRestOf(made: Body): void {
  if (made.body !== null) dropRest(made, (runningTask() as Informed | null)?.info?.completed);
}
