/**
 * Where a transport reads to: memory of its own, or memory that a buffered protocol lends.
 *
 * Invariants: at most one read is in progress, and its data is delivered before the next read;
 * memory is borrowed for one read, and belongs to its lender again once that read is delivered. A
 * buffered protocol that was set during a read gets its data in parts, each as large as the memory
 * that the protocol lends: after each part it may pause, close the transport, or be replaced.
 *
 * @module
 */

import { RuntimeError } from "../loop/mod.ts";
import { BufferedProtocol } from "./protocols.ts";
import type { Protocol } from "./protocols.ts";

/** The transport's own memory starts at this size and doubles while reads fill it, in bytes. */
const MIN_OWN = 4 * 1024;
const MAX_OWN = 256 * 1024;
const NO_BYTES: Uint8Array = new Uint8Array(0);

/** See the module's description. */
export class ReadMemory {
  #own = new Uint8Array(MIN_OWN);
  #target: Uint8Array = this.#own;
  /** The protocol that owns the target; null if the transport does. */
  #lender: BufferedProtocol | null = null;
  /** The part of the last read that is still to be delivered, in its own memory. */
  #rest: Uint8Array = NO_BYTES;
  readonly #onLenderError: (error: unknown) => void;

  /** `onLenderError` is called with the error when a protocol fails to lend memory. */
  constructor(onLenderError: (error: unknown) => void) {
    this.#onLenderError = onLenderError;
  }

  /** The memory that the next read fills. */
  get target(): Uint8Array {
    return this.#target;
  }

  /** Asks a buffered protocol for memory to read into. */
  borrow(lender: BufferedProtocol, sizehint: number): boolean {
    try {
      const memory = lender.getBuffer(sizehint);
      if (memory.byteLength === 0) {
        throw new RuntimeError("Cannot receive: getBuffer() returned an empty buffer");
      }
      this.#target = memory;
      this.#lender = lender;
      return true;
    } catch (error) {
      this.#onLenderError(error);
      return false;
    }
  }

  /** How many bytes of the last read are still to be delivered. */
  get left(): number {
    return this.#rest.byteLength;
  }

  /**
   * Passes what was read, or what is left of it, to a protocol, which may have been replaced since
   * the read began.
   */
  deliver(protocol: Protocol | BufferedProtocol, count: number): void {
    const target = this.#target;
    const lender = this.#lender;
    if (lender !== null) this.#giveBack();
    const isLeft = this.left > 0;
    try {
      if (protocol === lender) return lender.bufferUpdated(count);
      const data = isLeft ? this.#rest : target.subarray(0, count);
      this.#rest = NO_BYTES;
      if (protocol instanceof BufferedProtocol) this.#handOver(protocol, data, isLeft);
      else protocol.dataReceived(data);
    } finally {
      if (target === this.#own && !isLeft && count === target.length && count < MAX_OWN) {
        this.#target = this.#own = new Uint8Array(count * 2);
      }
    }
  }

  /** Copies data into the memory of a buffered protocol, as much as fits, and keeps the rest. */
  #handOver(protocol: BufferedProtocol, data: Uint8Array, isKept: boolean): void {
    if (!this.borrow(protocol, data.byteLength)) return;
    const memory = this.#target;
    this.#giveBack();
    const count = Math.min(memory.byteLength, data.byteLength);
    memory.set(data.subarray(0, count));
    this.#rest = isKept ? data.subarray(count) : data.slice(count);
    protocol.bufferUpdated(count);
  }

  /** Makes the next read use the transport's own memory, unless other memory is borrowed. */
  #giveBack(): void {
    this.#lender = null;
    this.#target = this.#own;
  }
}
