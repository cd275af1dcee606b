import type { Bus } from '@harbor/bus';
import type { BackendChanges, BackendTable, Clock } from '@harbor/core';

/** How often ended leases are looked for, ms. */
const INTERVAL = 1_000;

export interface PruningOptions {
  readonly bus: Pick<Bus, 'connected'>;
  readonly table: BackendTable;
  /** Of a group one member drops them. */
  readonly writes: (service: string) => boolean;
  readonly clock: Clock;
  readonly onChanges: (changes: BackendChanges, because: string) => void;
}

/**
 * Drops backends not heard of for too long, but never while NATS is away: then nobody can be heard.
 * The function returned ends it.
 */
export function startPruning({ bus, table, writes, clock, onChanges }: PruningOptions): () => void {
  let cancel = clock.schedule(INTERVAL, prune);
  function prune(): void {
    if (bus.connected) {
      const changes = table.prune(clock.now(), writes);
      if (changes.outcome === 'removed') onChanges(changes, 'not heard of');
    }
    cancel = clock.schedule(INTERVAL, prune);
  }
  return () => cancel();
}
