import {
  backendId,
  HarborError,
  Reconciler,
  type Backend,
  type BackendTable,
  type Clock,
  type Commit,
  type Random,
  type Scope,
} from '@harbor/core';
import type { Store } from '@harbor/store';
import { isDeepStrictEqual } from 'node:util';

/** Records in one commit at most, so that none of them keeps Redis busy for long. */
const BATCH = 500;

export interface PersistenceOptions {
  readonly node: string;
  readonly table: BackendTable;
  readonly store: Pick<Store, 'commit' | 'snapshot'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly onFailure: (error: unknown, attempt: number) => void;
}

/**
 * Writes the backend table to the shared state. The table is what is wanted, Redis is what is: while
 * Redis is away the table goes on, and on return the difference is written.
 */
export function persistence(options: PersistenceOptions): Reconciler<string> {
  return new Reconciler<string>({
    apply: (scope) => write(options, scope),
    clock: options.clock,
    random: options.random,
    onFailure: options.onFailure,
  });
}

async function write(options: PersistenceOptions, scope: Scope<string>): Promise<void> {
  const ids = scope === 'all' ? await difference(options) : [...scope];
  for (let at = 0; at < ids.length; at += BATCH) {
    const commit = commitOf(options.table, ids.slice(at, at + BATCH));
    const result = await options.store.commit(commit);
    if (!result.done) {
      throw new HarborError('HARBOR_STATE_CONFLICT', `service ${result.unmet.id} was deleted meanwhile`);
    }
  }
}

/** The backends of this node that differ between the table and Redis; those of deleted services go. */
async function difference({ node, table, store }: PersistenceOptions): Promise<string[]> {
  const { records } = await store.snapshot(['service', 'backend']);
  const mine = new Set<string>();
  const stored = new Map<string, Backend>();
  for (const record of records) {
    if (record.kind === 'service' && record.value?.node === node) mine.add(record.id);
    if (record.kind === 'backend' && record.value) stored.set(record.id, record.value);
  }
  for (const backend of [...table.list()])
    if (!mine.has(backend.service)) table.removeService(backend.service);
  const changed = [...table.list()].filter(
    (backend) => !isDeepStrictEqual(stored.get(backendId(backend)), backend),
  );
  const gone = [...stored].filter(([id, backend]) => mine.has(backend.service) && !table.get(id));
  return [...changed.map(backendId), ...gone.map(([id]) => id)];
}

function commitOf(table: BackendTable, ids: readonly string[]): Commit {
  const services = new Set<string>();
  const write = ids.map((id) => {
    const value = table.get(id);
    if (value) services.add(value.service);
    return { kind: 'backend', id, value } as const;
  });
  // A backend of a service that was deleted meanwhile must not come to stay.
  return { expect: [...services].map((id) => ({ kind: 'service', id, is: 'present' }) as const), write };
}
