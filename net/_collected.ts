/**
 * Closing what a program has dropped without closing it.
 *
 * Counterpart of `__del__()` of Python's transports.
 *
 * @module
 */

import type { EventLoop } from "../loop/mod.ts";
import type { Channel } from "./_channel.ts";

/** What lives on a loop and ends with it. */
interface Resident {
  _endWithLoop(): void;
}

/** Stands on the loop for a transport that the loop does not keep alive, with its channel. */
class Weak implements Resident {
  readonly #transport: WeakRef<Resident>;
  readonly #loop: EventLoop;
  readonly #channel: Channel;

  constructor(transport: Resident, loop: EventLoop, channel: Channel) {
    this.#transport = new WeakRef(transport);
    this.#loop = loop;
    this.#channel = channel;
  }

  /** Called when the transport was collected; if it has ended before, closing again is harmless. */
  close(): void {
    this.#loop._residents.delete(this);
    this.#channel.close();
  }

  _endWithLoop(): void {
    this.#transport.deref()?._endWithLoop();
  }
}

const registry = new FinalizationRegistry<Weak>((weak) => weak.close());

/** Closes the channel of a transport once that is garbage-collected, or its loop is closed. */
export function closeWhenCollected(
  transport: Resident,
  loop: EventLoop,
  channel: Channel,
): void {
  const weak = new Weak(transport, loop, channel);
  loop._residents.add(weak);
  registry.register(transport, weak);
}
