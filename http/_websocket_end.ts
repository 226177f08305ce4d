/**
 * The end of a WebSocket, of both kinds: that it has come, and the waiting for it.
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
  /** Ends the waiting for the other side's answer, also where those who waited were cancelled. */
  #timer: TimerHandle | null = null;

  /** With which code it was closed; null while it is open. */
  get code(): number | null {
    return this.#code;
  }

  /** Says that it has come; false if it was given up before. */
  come(code: number): boolean {
    if (this.#code !== null) return false;
    this.#code = code;
    this.#timer?.cancel();
    this.#event.set();
    return true;
  }

  /** Waits for it; calls `giveUp` if it has not come in so many seconds. */
  *wait(seconds: number, giveUp: () => void): Steps<void> {
    if (this.#code !== null) return;
    this.#timer ??= getRunningLoop().callLater(seconds, giveUp);
    yield* this.#event.wait();
  }
}
