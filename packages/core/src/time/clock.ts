/** Milliseconds since the Unix epoch. */
export type Millis = number;

/** Time as an argument: the processes pass the real one, tests one they turn by hand. */
export interface Clock {
  now(): Millis;
  /** Calls `task` once after `delay` ms; the function returned cancels it. */
  schedule(delay: Millis, task: () => void): () => void;
}

/** Randomness as an argument: a number in [0, 1). */
export type Random = () => number;
