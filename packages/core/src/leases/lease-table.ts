import type { Millis } from '../time/clock.js';

/**
 * Who is still alive: every lease ends at its time unless it is renewed. Times are arguments, so the
 * owner decides when to look.
 */
export class LeaseTable {
  readonly #ends = new Map<string, { heard: Millis; ttl: Millis }>();

  get size(): number {
    return this.#ends.size;
  }

  /** Starts or renews a lease: it ends `ttl` ms after `now`. */
  renew(id: string, ttl: Millis, now: Millis): void {
    const lease = this.#ends.get(id);
    if (lease) {
      lease.heard = now;
      lease.ttl = ttl;
    } else this.#ends.set(id, { heard: now, ttl });
  }

  drop(id: string): void {
    this.#ends.delete(id);
  }

  /** When the holder was last heard of; undefined when there is no such lease. */
  heard(id: string): Millis | undefined {
    return this.#ends.get(id)?.heard;
  }

  /** The leases that have ended at `now`. They stay until they are dropped. */
  expired(now: Millis): string[] {
    const ids: string[] = [];
    for (const [id, lease] of this.#ends) if (lease.heard + lease.ttl <= now) ids.push(id);
    return ids;
  }

  /** Renews all at once: after an outage nobody could have been heard, so nobody is late. */
  renewAll(now: Millis): void {
    for (const lease of this.#ends.values()) lease.heard = now;
  }
}
