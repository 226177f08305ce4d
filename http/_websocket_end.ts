/**
 * The end of a WebSocket, to a client or to a server: whether it has come, and waiting for it.
 *
 * @module
 */

import { Event, getRunningLoop } from "../loop/mod.ts";
import type { TimerHandle } from "../loop/mod.ts";
import type { Steps } from "../loop/coroutines.ts";

/** See the module's description. */
export class WebSocketEnd {
  readonly #event = new Event();
  #code: number | null = null;
  /** Ends the waiting for the other side's answer, even if the waiting task was cancelled. */
  #timer: TimerHandle | null = null;

  /** The code it was closed with; null while it is open. */
  get code(): number | null {
    return this.#code;
  }

  /** Notes that it has come; returns false if it had come, or was given up, before. */
  come(code: number): boolean {
    if (this.#code !== null) return false;
    this.#code = code;
    this.#timer?.cancel();
    this.#event.set();
    return true;
  }

  /** Waits for it; calls `giveUp` if it has not come within `seconds`. */
  *wait(seconds: number, giveUp: () => void): Steps<void> {
    if (this.#code !== null) return;
    this.#timer ??= getRunningLoop().callLater(seconds, giveUp);
    yield* this.#event.wait();
  }
}
