import { HarborError } from '@harbor/core';
import type { Redis } from 'ioredis';

/** How long a replica may take to have a commit, ms. */
const REPLICA_TIMEOUT = 1_000;

/**
 * Lets a commit count only when a replica has it too: a primary's word alone is lost with the primary.
 * WAIT speaks of the writes of its own connection, so one that broke in between confirms nothing. It also
 * holds up its connection; commits at the same time therefore share one.
 */
export class Confirmation {
  #lost = 0;
  #next: Promise<number> | undefined;

  constructor(readonly redis: Pick<Redis, 'wait' | 'on'>) {
    redis.on('close', () => (this.#lost += 1));
  }

  /**
   * Does a write, and resolves with its reply when a replica has it.
   * Errors: those of the write; HARBOR_REDIS_UNAVAILABLE where no replica has it in time: it may stay or go.
   */
  async of<T>(write: () => Promise<T>, isWrite: (reply: T) => boolean): Promise<T> {
    const lost = this.#lost;
    const reply = await write();
    if (!isWrite(reply)) return reply;
    const replicas = await (this.#next ??= this.#wait());
    if (this.#lost === lost && replicas > 0) return reply;
    throw new HarborError(
      'HARBOR_REDIS_UNAVAILABLE',
      `no replica of Redis has taken the commit over within ${REPLICA_TIMEOUT} ms; it is not acknowledged`,
    );
  }

  /** Asked at the end of this turn of the event loop, for all whose replies have come by then. */
  #wait(): Promise<number> {
    return new Promise((resolve, reject) => {
      setImmediate(() => {
        this.#next = undefined;
        this.redis.wait(1, REPLICA_TIMEOUT).then(resolve, reject);
      });
    });
  }
}
