/**
 * Bytes that have arrived and wait to be read, in one block of memory.
 *
 * Invariant: they are `#memory` from `#start` to `#end`; the memory before and behind is free. A
 * chunk that arrives alone and is taken whole is copied once: its memory is handed out. Several
 * chunks make the memory grow, and it is kept from then on.
 *
 * @module
 */

const NO_BYTES: Uint8Array<ArrayBuffer> = new Uint8Array(0);

/** From this size on, in bytes, it matters where the memory of a copy comes from. */
const LARGE_BYTES = 32 * 1024;
let isKeepingMemory = false;

/**
 * Makes the allocator keep freed memory. By default, glibc returns the end of its heap to the
 * system as soon as 128 KiB of it are free, and gets it back page by page for the next copy: a
 * third of the time that streams of large chunks took. When a large block is freed, glibc raises
 * that threshold to twice the block's size (see mallopt(3)). The block is never touched, and takes
 * no memory.
 */
function keepMemory(): void {
  isKeepingMemory = true;
  new ArrayBuffer(31 * 1024 * 1024).transfer(0);
}

/** See the module's description. */
export class ByteBuffer {
  #memory = NO_BYTES;
  #start = 0;
  #end = 0;

  /** The number of bytes. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** Adds a copy of `data` at the end. */
  add(data: Uint8Array): void {
    const length = this.length;
    const size = data.byteLength;
    if (size >= LARGE_BYTES && !isKeepingMemory) keepMemory();
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
    const memory = this.#memory;
    const start = this.#start;
    this.#start = this.#end = 0;
    if (length < memory.byteLength) return memory.slice(start, start + length);
    this.#memory = NO_BYTES;
    return memory;
  }

  /** Drops up to `count` bytes off the front. */
  drop(count: number): void {
    this.#start = Math.min(this.#start + count, this.#end);
  }

  /** Returns where `pattern` is between `from` and `to`, counted from the front; -1 if nowhere. */
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
