/**
 * Objects that belong to one loop: the first one on which a task had to wait for them.
 *
 * Counterpart of Python's `asyncio.mixins`.
 *
 * @module
 */

import { getRunningLoop } from "./events.ts";
import type { EventLoop } from "./events.ts";
import { RuntimeError } from "./exceptions.ts";

/** Returns the running loop, which `owner` belongs to; throws if it belongs to another one. */
export function boundLoop(owner: object, loop: EventLoop | null): EventLoop {
  const running = getRunningLoop();
  if (loop !== null && loop !== running) {
    throw new RuntimeError(`Cannot wait: ${owner} is bound to a different event loop`);
  }
  return running;
}
