import { backoffDelay } from './backoff.js';
import type { Millis, Random } from './clock.js';

/** The waits before something that ended is started again. */
const WAITS = { first: 500, most: 30_000 };
/** What ran for this long had started well: its end counts as the first. */
const STABLE: Millis = 10_000;

/** How long to wait before a process that keeps ending is started again. */
export class Restarts {
  #ends = 0;

  constructor(readonly random: Random) {}

  /** The wait after a run of `ranFor`; 0 where it did not come to one. */
  wait(ranFor: Millis): Millis {
    if (ranFor >= STABLE) this.#ends = 0;
    return backoffDelay(WAITS, this.#ends++, this.random);
  }
}
