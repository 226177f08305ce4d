/**
 * The one seam for whoever watches a loop: debug mode, the call graph, and what is to come. A loop
 * without an instrument pays one comparison at each of these places.
 *
 * @module
 */

import type { Owner } from "./_current.ts";
import type { Runnable } from "./handles.ts";

/** See the module's description. */
export interface Instrument {
  /** A task was created. */
  taskCreated(task: Owner): void;
  /** Something was made that does nothing until it is awaited. */
  awaitableMade(awaitable: object): void;
  /** It is awaited. */
  awaitableStarts(awaitable: object): void;
  /** An entry of the ready queue is about to run. */
  entryStarts(entry: Runnable): void;
  /** It has ended, and so has the step of the async function that it resumed. */
  entryEnded(): void;
  /** A task, or nobody, suspends; called where it does, so that the stack tells where. */
  suspending(task: Owner | null): void;
  /** A CancelledError is about to be thrown into a task. */
  cancelling(task: Owner): void;
  /** A task is done. */
  taskDone(task: Owner, wasCancelled: boolean, isCancelling: boolean): void;
}
