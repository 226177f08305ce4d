/**
 * Observes the timers that a piece of code sets.
 *
 * @module
 */

import type { EventLoop, TimerHandle } from "@aio/asyncio/loop";

/** Returns a list that collects the timers set on a loop from now on. */
export function watchTimers(loop: EventLoop): TimerHandle[] {
  const timers: TimerHandle[] = [];
  const callAt = loop.callAt.bind(loop);
  loop.callAt = (when, callback, ...args) => {
    const timer = callAt(when, callback, ...args);
    timers.push(timer);
    return timer;
  };
  return timers;
}

/** Counts the timers that are set on a loop from now on and not cancelled, while no time passes. */
export function countTimers(loop: EventLoop): () => number {
  let count = 0;
  const { _addTimer, _forgetTimer } = loop;
  loop._addTimer = (timer) => {
    count++;
    _addTimer.call(loop, timer);
  };
  loop._forgetTimer = (timer) => {
    count--;
    _forgetTimer.call(loop, timer);
  };
  return () => count;
}
