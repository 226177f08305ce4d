/**
 * What nobody has read of the body of a request that was answered.
 *
 * The platform drops the rest of a body that nobody has touched, and the client that sends all of it
 * before it reads the answer comes to its end. A body that stands in front of another one, such as one
 * that is counted, holds that one instead: the client would send for ever, and so would its connection
 * stay.
 *
 * @module
 */

import { currentTask } from "../loop/mod.ts";

/** What is known of a request that is being answered. */
interface Informed {
  readonly info?: { readonly completed?: Promise<void> } | undefined;
}

/** Drops what is left of a body when the answer was sent, which may have been made of it. */
export function dropRest({ body }: Request, completed: Promise<void> | undefined): void {
  // Where somebody holds it, it is for them to let it go; where the client has left, nothing is left.
  completed?.then(() => body?.cancel()).catch(() => {});
}

/** The same for a request that the task that runs has made of its own one. */
export function dropRestOf(request: Request): void {
  if (request.body !== null) dropRest(request, (currentTask() as Informed | null)?.info?.completed);
}
