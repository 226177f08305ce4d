/**
 * Bytes that have arrived and wait to be read, in one piece of memory.
 *
 * Invariant: they are `#memory` from `#start` to `#end`; what is before and behind is free. Memory of
 * which all is taken is given away, if most of it is in use, instead of being copied.
 *
 * @module
 */

const NO_BYTES: Uint8Array<ArrayBuffer> = new Uint8Array(0);

/** See the module's description. */
export class ByteBuffer {
  #memory = NO_BYTES;
  #start = 0;
  #end = 0;

  /** How many bytes there are. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** Adds a copy of `data` at the end. */
  add(data: Uint8Array): void {
    const length = this.length;
    const size = data.byteLength;
    if (length === 0) this.#start = this.#end = 0;
    if (this.#memory.byteLength === 0) {
      this.#memory = new Uint8Array(data); // a copy
      this.#end = size;
      return;
    }
    if (this.#end + size > this.#memory.byteLength) this.#makeRoom(length, size);
    this.#memory.set(data, this.#end);
    this.#end += size;
  }

  #makeRoom(length: number, size: number): void {
    const old = this.#memory;
    // Moving pays if it frees as much as it moves; otherwise the memory has become too small.
    const isMoved = this.#start >= length && length + size <= old.byteLength;
    if (!isMoved) this.#memory = new Uint8Array(Math.max(2 * old.byteLength, length + size));
    this.#memory.set(old.subarray(this.#start, this.#end));
    this.#start = 0;
    this.#end = length;
  }

  /** Takes up to `count` bytes off the front. */
  take(count: number): Uint8Array<ArrayBuffer> {
    const length = this.length;
    if (count < length) {
      const start = this.#start;
      this.#start += count;
      return this.#memory.slice(start, start + count);
    }
    const all = this.#memory.subarray(this.#start, this.#end);
    const isFull = 2 * length >= this.#memory.byteLength;
    if (isFull) this.#memory = NO_BYTES;
    this.#start = this.#end = 0;
    return isFull ? all : all.slice();
  }

  /** Drops up to `count` bytes off the front. */
  drop(count: number): void {
    this.#start = Math.min(this.#start + count, this.#end);
  }

  /** Where `pattern` begins, counted from the front, between `from` and `to`; -1 for nowhere. */
  indexOf(pattern: Uint8Array, from: number, to: number): number {
    const memory = this.#memory;
    const last = this.#start + to - pattern.byteLength;
    const first = pattern[0]!;
    for (let at = this.#start + from; at <= last; at++) {
      at = memory.indexOf(first, at);
      if (at < 0 || at > last) return -1;
      let matched = 1;
      while (matched < pattern.byteLength && memory[at + matched] === pattern[matched]) matched++;
      if (matched === pattern.byteLength) return at - this.#start;
    }
    return -1;
  }
}
