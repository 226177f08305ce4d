/**
 * What a transport has yet to send, and the water marks that say when that is too much.
 *
 * Counterpart of the flow control of Python's `asyncio.transports`. Invariant: the protocol is told
 * `pauseWriting()` and `resumeWriting()` in turns, `pauseWriting()` first.
 *
 * @module
 */

const DEFAULT_HIGH = 64 * 1024;
const LOW_SHARE = 4;

/** Who is told when there is too much. */
export interface WriteBufferOwner {
  /** Calls the protocol's `pauseWriting()`. */
  pauseWriting(): void;
  /** Calls the protocol's `resumeWriting()`. */
  resumeWriting(): void;
}

/** See the module's description. */
export class WriteBuffer {
  readonly #owner: WriteBufferOwner;
  #chunks: Uint8Array[] = [];
  /** Bytes in `#chunks` and in the write in progress. */
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

  /** The low and the high mark. */
  get limits(): [low: number, high: number] {
    return [this.#low, this.#high];
  }

  /** See `WriteTransport.setWriteBufferLimits()`. */
  setLimits(high: number | null, low: number | null): void {
    const newHigh = high ?? (low === null ? DEFAULT_HIGH : LOW_SHARE * low);
    const newLow = low ?? Math.floor(newHigh / LOW_SHARE);
    if (!(newHigh >= newLow && newLow >= 0)) {
      const text = `high (${newHigh}) must be >= low (${newLow}) must be >= 0`;
      throw new RangeError(`Cannot set write buffer limits: ${text}`);
    }
    this.#high = newHigh;
    this.#low = newLow;
    this.#pauseIfFull();
  }

  /** Adds a copy of `data`. */
  add(data: Uint8Array): void {
    this.#chunks.push(data.slice());
    this.#size += data.byteLength;
    this.#pauseIfFull();
  }

  /** Takes all that was added, as one array, or null if there is nothing. */
  take(): Uint8Array | null {
    const chunks = this.#chunks;
    if (chunks.length === 0) return null;
    this.#chunks = [];
    if (chunks.length === 1) return chunks[0]!;
    const all = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0));
    let offset = 0;
    for (const chunk of chunks) {
      all.set(chunk, offset);
      offset += chunk.byteLength;
    }
    return all;
  }

  /** Notes that `count` bytes of what was taken were sent. */
  sent(count: number): void {
    this.#size -= count;
    if (!this.#paused || this.#size > this.#low) return;
    this.#paused = false;
    this.#owner.resumeWriting();
  }

  /** Drops everything. */
  clear(): void {
    this.#chunks = [];
    this.#size = 0;
  }

  #pauseIfFull(): void {
    if (this.#paused || this.#size <= this.#high) return;
    this.#paused = true;
    this.#owner.pauseWriting();
  }
}
