/**
 * What belongs to one loop: the one on which somebody first had to wait for it.
 *
 * Counterpart of Python's `asyncio.mixins`.
 *
 * @module
 */

import { getRunningLoop } from "./events.ts";
import type { EventLoop } from "./events.ts";
import { RuntimeError } from "./exceptions.ts";

/** The loop of `owner`: the one given, unless that is not the one that runs. */
export function boundLoop(owner: object, loop: EventLoop | null): EventLoop {
  const running = getRunningLoop();
  if (loop !== null && loop !== running) {
    throw new RuntimeError(`Cannot wait: ${owner} is bound to a different event loop`);
  }
  return running;
}
