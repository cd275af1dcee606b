import type { Clock, Millis } from './clock.js';

/** Resolves when the work is done, or when it takes longer than `ms`; rejects as the work does before that. */
export async function within(clock: Clock, ms: Millis, work: Promise<unknown>): Promise<void> {
  let cancel: () => void = () => undefined;
  const late = new Promise<void>((resolve) => (cancel = clock.schedule(ms, resolve)));
  try {
    await Promise.race([work, late]);
  } finally {
    cancel();
  }
}
