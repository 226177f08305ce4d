/**
 * The one seam for whatever watches a loop: debug mode, the call graph, and tools to come. A loop
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
  /** An awaitable was made, which does nothing until it is awaited. */
  awaitableMade(awaitable: object): void;
  /** Such an awaitable is awaited. */
  awaitableStarts(awaitable: object): void;
  /** An entry of the ready queue is about to run. */
  entryStarts(entry: Runnable): void;
  /** That entry has ended, and so has the step of the async function that it resumed. */
  entryEnded(): void;
  /**
   * A task (null: code outside of one) suspends; called there, so that the stack shows the place.
   */
  suspending(task: Owner | null): void;
  /** A CancelledError is about to be thrown into a task. */
  cancelling(task: Owner): void;
  /** A task is done. */
  taskDone(task: Owner, wasCancelled: boolean, isCancelling: boolean): void;
}
