/**
 * How long the loop has kept the host from its own work.
 *
 * Reading the clock costs as much as a callback, so it is read only once in a number of entries,
 * which depends on how long the last ones took: often while they are slow, seldom while they are
 * fast.
 *
 * @module
 */

import { nowMs } from "./_host.ts";

/** How long the loop may keep the host from its own work, in milliseconds. */
const SLICE_MS = 1;
/** How often to read the clock, in milliseconds, but at least every so many entries. */
const CHECK_MS = 0.25;
const MAX_ENTRIES_PER_CHECK = 64;
/**
 * How many of the host's rounds make its share: while it is kept busy, Deno looks at sockets once
 * in 61 of them, and at everything else in each.
 */
const ROUNDS_PER_SHARE = 31;

/** See the module's description. */
export class Slice {
  #start = 0;
  #lastCheck = 0;
  #entriesPerCheck = MAX_ENTRIES_PER_CHECK;
  #untilCheck = MAX_ENTRIES_PER_CHECK;
  #rounds = 0;

  /** Begins anew: the host has just had its share. */
  start(): void {
    this.#start = this.#lastCheck = nowMs();
    this.#untilCheck = this.#entriesPerCheck;
  }

  /** Counts an entry that ran, and tells whether it is the host's turn. */
  isOver(): boolean {
    return --this.#untilCheck <= 0 && this.#check();
  }

  /** Counts a round of the host, and tells whether it has had its share. */
  isShareOver(): boolean {
    if (++this.#rounds < ROUNDS_PER_SHARE) return false;
    this.#rounds = 0;
    return true;
  }

  #check(): boolean {
    const now = nowMs();
    const perEntry = Math.max(now - this.#lastCheck, 1e-3) / this.#entriesPerCheck;
    const entries = Math.trunc(CHECK_MS / perEntry);
    this.#entriesPerCheck = Math.min(Math.max(entries, 1), MAX_ENTRIES_PER_CHECK);
    this.#untilCheck = this.#entriesPerCheck;
    this.#lastCheck = now;
    return now - this.#start >= SLICE_MS;
  }
}
