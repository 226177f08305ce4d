/**
 * Helpers for tests of calls in other threads.
 *
 * @module
 */

/**
 * Memory that threads share: the first place counts the calls that have begun, the second holds
 * back those that wait.
 */
export class Gate {
  readonly cell: Int32Array<SharedArrayBuffer> = new Int32Array(new SharedArrayBuffer(8));

  /** Waits until so many calls have begun. */
  async begun(count = 1): Promise<void> {
    for (;;) {
      const seen = Atomics.load(this.cell, 0);
      if (seen >= count) return;
      await Atomics.waitAsync(this.cell, 0, seen).value;
    }
  }

  /** Lets all calls go on. */
  open(): void {
    Atomics.store(this.cell, 1, 1);
    Atomics.notify(this.cell, 1);
  }
}
