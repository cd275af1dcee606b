import type { Clock, Random } from '@harbor/core';
import { randomInt } from 'node:crypto';

/** The real time. Its tasks keep no process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  schedule(delay, task) {
    const timer = setTimeout(task, delay);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

const STEPS = 2 ** 47;

/** Randomness that nobody can guess, uniform in [0, 1). */
export const systemRandom: Random = () => randomInt(STEPS) / STEPS;
