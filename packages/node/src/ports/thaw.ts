import type { Clock, Millis } from '@harbor/core';
import type { Store } from '@harbor/store';
import type { CoolingPorts } from './cooling.js';

/** How often it looks for records that are over. A port is free at its time, whether it has looked or not. */
const INTERVAL: Millis = 5_000;
/** Records removed in one commit at most. */
const BATCH = 500;

export interface ThawOptions {
  readonly cooling: CoolingPorts;
  readonly store: Pick<Store, 'commit'>;
  readonly clock: Clock;
  /** Told when ports have become free for everybody. */
  readonly onFreed: () => void;
}

/** Removes the records of ports that have cooled down, so that none stays for ever. Returns how to end it. */
export function startThaw({ cooling, store, clock, onFreed }: ThawOptions): () => void {
  let cancel: () => void = () => undefined;
  let stopped = false;
  const look = async (): Promise<void> => {
    const over = cooling.over();
    for (let at = 0; at < over.length; at += BATCH) {
      const batch = over.slice(at, at + BATCH);
      await store.commit({
        expect: batch.map(({ id, revision }) => ({ kind: 'cooling', id, is: 'at', revision })),
        write: batch.map(({ id }) => ({ kind: 'cooling', id, value: undefined })),
      });
    }
    if (over.length > 0) onFreed();
  };
  const next = (): void => {
    if (stopped) return;
    cancel = clock.schedule(INTERVAL, () => {
      // What fails, because Redis is away or somebody was faster, the next look finds again.
      void look()
        .catch(() => undefined)
        .finally(next);
    });
  };
  next();
  return () => {
    stopped = true;
    cancel();
  };
}
