/**
 * Where a transport reads to: memory of its own, or memory that a buffered protocol lends.
 *
 * Invariants: at most one read is in progress, and its data is delivered before the next read;
 * memory is borrowed for one read, and belongs to its lender again once that read is delivered.
 *
 * @module
 */

import { RuntimeError } from "../loop/mod.ts";
import { BufferedProtocol } from "./protocols.ts";
import type { Protocol } from "./protocols.ts";

/** The transport's own memory starts at this size and doubles while reads fill it, in bytes. */
const MIN_OWN = 4 * 1024;
const MAX_OWN = 256 * 1024;

/** See the module's description. */
export class ReadMemory {
  #own = new Uint8Array(MIN_OWN);
  #target: Uint8Array = this.#own;
  /** The protocol that owns the target; null if the transport does. */
  #lender: BufferedProtocol | null = null;
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
      this.#onLenderError(error); // which rethrows what must not be handled here
      return false;
    }
  }

  /** Passes what was read to a protocol, which may have been replaced since the read began. */
  deliver(protocol: Protocol | BufferedProtocol, count: number): void {
    const target = this.#target;
    const lender = this.#lender;
    if (lender !== null) this.#giveBack();
    try {
      if (!(protocol instanceof BufferedProtocol)) protocol.dataReceived(target.subarray(0, count));
      else if (protocol === lender) protocol.bufferUpdated(count);
      else this.#handOver(protocol, target.subarray(0, count));
    } finally {
      if (target === this.#own && count === target.length && count < MAX_OWN) {
        this.#target = this.#own = new Uint8Array(count * 2);
      }
    }
  }

  /** Copies data into the memory of a buffered protocol. */
  #handOver(protocol: BufferedProtocol, data: Uint8Array): void {
    for (let rest = data; rest.byteLength > 0;) {
      if (!this.borrow(protocol, rest.byteLength)) return;
      const memory = this.#target;
      this.#giveBack();
      const count = Math.min(memory.byteLength, rest.byteLength);
      memory.set(rest.subarray(0, count));
      protocol.bufferUpdated(count);
      rest = rest.subarray(count);
    }
  }

  /** Makes the next read use the transport's own memory, unless other memory is borrowed. */
  #giveBack(): void {
    this.#lender = null;
    this.#target = this.#own;
  }
}
