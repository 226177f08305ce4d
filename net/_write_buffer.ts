/**
 * What a transport has yet to send, and the water marks that say when that is too much.
 *
 * Counterpart of the flow control of Python's `asyncio.transports`. Data is copied behind what is
 * already buffered, so that all that is written in one turn leaves in one piece. Invariants: there
 * are two blocks of memory, one to fill and one that is being sent, which change places;
 * `pauseWriting()` and `resumeWriting()` are called in turn, `pauseWriting()` first.
 *
 * @module
 */

const DEFAULT_HIGH = 64 * 1024;
const LOW_SHARE = 4;

/** A block starts with this many bytes, and doubles as needed. */
const MIN_BLOCK = 1024;
/** A larger block is not kept for the next time. */
const MAX_KEPT_BLOCK = 256 * 1024;

const NO_BYTES: Uint8Array<ArrayBuffer> = new Uint8Array(0);

/** What the buffer calls when it is too full, and when it no longer is. */
export interface WriteBufferOwner {
  /** Calls the protocol's `pauseWriting()`. */
  pauseWriting(): void;
  /** Calls the protocol's `resumeWriting()`. */
  resumeWriting(): void;
}

/** Returns the two water marks for the arguments of `setWriteBufferLimits()`. */
export function marks(
  high: number | null,
  low: number | null,
  defaultHigh = DEFAULT_HIGH,
): [low: number, high: number] {
  const newHigh = high ?? (low === null ? defaultHigh : LOW_SHARE * low);
  const newLow = low ?? Math.floor(newHigh / LOW_SHARE);
  if (!(newHigh >= newLow && newLow >= 0)) {
    const text = `high (${newHigh}) must be >= low (${newLow}) must be >= 0`;
    throw new RangeError(`Cannot set write buffer limits: ${text}`);
  }
  return [newLow, newHigh];
}

/** See the module's description. */
export class WriteBuffer {
  readonly #owner: WriteBufferOwner;
  /** The block to fill, and how much of it is filled. */
  #filling = NO_BYTES;
  #filled = 0;
  /** The block that was taken last. It is free again when the next one is taken. */
  #taken = NO_BYTES;
  /** Bytes that were added and not yet reported as sent. */
  #size = 0;
  #high = DEFAULT_HIGH;
  #low = DEFAULT_HIGH / LOW_SHARE;
  #paused = false;

  constructor(owner: WriteBufferOwner) {
    this.#owner = owner;
  }

  /** Bytes that were added and not yet reported as sent. */
  get size(): number {
    return this.#size;
  }

  /** Whether `pauseWriting()` was called last. */
  get isPaused(): boolean {
    return this.#paused;
  }

  /** The low-water and the high-water mark. */
  get limits(): [low: number, high: number] {
    return [this.#low, this.#high];
  }

  /** See `WriteTransport.setWriteBufferLimits()`. */
  setLimits(high: number | null, low: number | null): void {
    [this.#low, this.#high] = marks(high, low);
    this.#pauseIfFull();
  }

  /** Adds a copy of `data`. */
  add(data: Uint8Array): void {
    this.#append(data);
    this.#pauseIfFull();
  }

  /** Adds a copy of each, and only then calls `pauseWriting()` if that is too much. */
  addAll(list: readonly Uint8Array[]): void {
    for (const data of list) this.#append(data);
    this.#pauseIfFull();
  }

  #append(data: Uint8Array): void {
    const filled = this.#filled + data.byteLength;
    if (filled > this.#filling.byteLength) this.#grow(filled);
    this.#filling.set(data, this.#filled);
    this.#filled = filled;
    this.#size += data.byteLength;
  }

  #grow(needed: number): void {
    let capacity = Math.max(this.#filling.byteLength, MIN_BLOCK);
    while (capacity < needed) capacity *= 2;
    const block = new Uint8Array(capacity);
    block.set(this.#filling.subarray(0, this.#filled));
    this.#filling = block;
  }

  /**
   * Takes all that was added, or returns null if there is nothing. It is valid until the next call,
   * so what was taken before must have been sent.
   */
  take(): Uint8Array<ArrayBuffer> | null {
    if (this.#filled === 0) return null;
    const block = this.#filling;
    const all = block.subarray(0, this.#filled);
    this.#filling = this.#taken;
    this.#filled = 0;
    this.#taken = block.byteLength > MAX_KEPT_BLOCK ? NO_BYTES : block;
    return all;
  }

  /** Notes that `count` bytes of what was taken were sent. */
  sent(count: number): void {
    this.#size -= count;
    if (!this.#paused || this.#size > this.#low) return;
    this.#paused = false;
    this.#owner.resumeWriting();
  }

  /** Drops everything. A block that is being sent is left alone. */
  clear(): void {
    this.#filling = this.#taken = NO_BYTES;
    this.#filled = 0;
    this.#size = 0;
  }

  #pauseIfFull(): void {
    if (this.#paused || this.#size <= this.#high) return;
    this.#paused = true;
    this.#owner.pauseWriting();
  }
}
