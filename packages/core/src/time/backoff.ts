import type { Millis, Random } from './clock.js';

/** Exponential back-off: `first` doubles up to `most`. */
export interface Backoff {
  readonly first: Millis;
  readonly most: Millis;
}

/**
 * The wait before attempt `attempt` (0 is the first retry), with up to a quarter taken off at random so
 * that many who failed together do not come back together.
 */
export function backoffDelay(backoff: Backoff, attempt: number, random: Random): Millis {
  const full = Math.min(backoff.most, backoff.first * 2 ** Math.min(attempt, 30));
  return Math.round(full * (1 - random() / 4));
}
