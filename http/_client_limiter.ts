/**
 * Limits how many requests run at a time: in total, and to each host.
 *
 * A request that can't run at once waits in a queue; a place that becomes free is given to the
 * request that has waited longest, of those whose host has room. From the moment it is given, a
 * place belongs to a lease, even if the request has been cancelled meanwhile and gives it back.
 *
 * Invariant: no request waits that could run.
 *
 * @module
 */

import type { EventLoop, Future } from "../loop/mod.ts";

/** A place, until it is released. */
export class Lease {
  readonly #host: string;
  #limiter: Limiter | null;

  constructor(limiter: Limiter, host: string) {
    this.#limiter = limiter;
    this.#host = host;
  }

  /** Gives the place back. Releasing twice is harmless. */
  release(): void {
    const limiter = this.#limiter;
    this.#limiter = null;
    limiter?._release(this.#host);
  }
}

/** The wait for a place. */
export class Ticket {
  /** Resolves to the lease. */
  readonly future: Future<Lease>;
  /** How many tickets came before. */
  readonly number: number;
  readonly #limiter: Limiter;
  readonly #host: string;

  constructor(limiter: Limiter, host: string, future: Future<Lease>, number: number) {
    this.#limiter = limiter;
    this.#host = host;
    this.future = future;
    this.number = number;
  }

  /** Ends the wait; a place that was given meanwhile is released. */
  abandon(): void {
    if (!this.future.done()) this.future.cancel();
    else if (!this.future.cancelled() && !this.future._failed()) this.future.result().release();
    this.#limiter._abandoned(this, this.#host);
  }
}

/** The requests to one host. */
class Host {
  active = 0;
  /** In the order they came. */
  readonly queue = new Set<Ticket>();

  /** Returns the ticket that has waited longest, and drops cancelled ones. */
  first(): Ticket | null {
    for (const ticket of this.queue) {
      if (!ticket.future.done()) return ticket;
      this.queue.delete(ticket);
    }
    return null;
  }
}

/** See the module's description. A limit of 0 means no limit. */
export class Limiter {
  readonly #limit: number;
  readonly #limitPerHost: number;
  readonly #hosts = new Map<string, Host>();
  #active = 0;
  #tickets = 0;

  constructor(limit: number, limitPerHost: number) {
    this.#limit = limit || Infinity;
    this.#limitPerHost = limitPerHost || Infinity;
  }

  /** Whether it has to know which host a place is for. */
  get distinguishesHosts(): boolean {
    return this.#limitPerHost < Infinity;
  }

  /** How many places are taken. */
  get active(): number {
    return this.#active;
  }

  /** How many hosts have requests that run or wait. */
  get hosts(): number {
    return this.#hosts.size;
  }

  /** Takes a place if one is free; else returns null. */
  tryAcquire(name: string): Lease | null {
    const host = this.#host(name);
    if (this.#active >= this.#limit || host.active >= this.#limitPerHost) return null;
    return this.#take(name, host);
  }

  /** Joins the queue for a place. */
  enqueue(name: string, loop: EventLoop): Ticket {
    const ticket = new Ticket(this, name, loop.createFuture(), this.#tickets++);
    this.#host(name).queue.add(ticket);
    return ticket;
  }

  #host(name: string): Host {
    let host = this.#hosts.get(name);
    if (host === undefined) this.#hosts.set(name, host = new Host());
    return host;
  }

  #take(name: string, host: Host): Lease {
    this.#active++;
    host.active++;
    return new Lease(this, name);
  }

  /** @ignore */
  _release(name: string): void {
    const host = this.#hosts.get(name)!;
    // If only the limit of the host was reached, only requests to this host can go on.
    const concernsAll = this.#active >= this.#limit;
    this.#active--;
    host.active--;
    const next = concernsAll ? this.#nextOfAll() : this.#nextOf(name, host);
    if (next !== null) {
      const [nextName, nextHost, ticket] = next;
      nextHost.queue.delete(ticket);
      ticket.future.setResult(this.#take(nextName, nextHost));
    }
    this.#forgetIdle(name, host);
  }

  /** @ignore */
  _abandoned(ticket: Ticket, name: string): void {
    const host = this.#hosts.get(name);
    if (host === undefined) return;
    host.queue.delete(ticket);
    this.#forgetIdle(name, host);
  }

  #forgetIdle(name: string, host: Host): void {
    if (host.active === 0 && host.first() === null) this.#hosts.delete(name);
  }

  #nextOf(name: string, host: Host): [string, Host, Ticket] | null {
    const ticket = host.active < this.#limitPerHost ? host.first() : null;
    return ticket === null ? null : [name, host, ticket];
  }

  #nextOfAll(): [string, Host, Ticket] | null {
    let next: [string, Host, Ticket] | null = null;
    for (const [name, host] of this.#hosts) {
      const candidate = this.#nextOf(name, host);
      if (candidate !== null && (next === null || candidate[2].number < next[2].number)) {
        next = candidate;
      }
    }
    return next;
  }
}
