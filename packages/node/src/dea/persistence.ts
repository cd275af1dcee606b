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
import type { Members } from '../group/members.js';

/** Records in one commit at most, so that none of them keeps Redis busy for long. */
const BATCH = 500;

export interface PersistenceOptions {
  readonly members: Pick<Members, 'membership' | 'writes'>;
  readonly table: BackendTable;
  readonly store: Pick<Store, 'commit' | 'snapshot'>;
  /** The records that this node has to write of these: of a group one member writes. */
  readonly due: (ids: readonly string[]) => readonly string[];
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
  const ids = scope === 'all' ? await difference(options) : options.due([...scope]);
  for (let at = 0; at < ids.length; at += BATCH) {
    const commit = commitOf(options, ids.slice(at, at + BATCH));
    const result = await options.store.commit(commit);
    if (!result.done) {
      const { kind, id } = result.unmet;
      throw new HarborError('HARBOR_STATE_CONFLICT', `${kind} ${id} was deleted meanwhile`);
    }
  }
}

/** The backends this node writes that differ between the table and Redis; those of deleted services go. */
async function difference({ members, table, store }: PersistenceOptions): Promise<string[]> {
  const { records } = await store.snapshot(['service', 'backend']);
  const owned = new Set<string>();
  const mine = new Set<string>();
  const stored = new Map<string, Backend>();
  for (const record of records) {
    if (record.kind === 'service' && members.membership.owns(record.value)) {
      owned.add(record.id);
      if (members.writes(record.value)) mine.add(record.id);
    }
    if (record.kind === 'backend' && record.value) stored.set(record.id, record.value);
  }
  for (const backend of [...table.list()])
    if (!owned.has(backend.service)) table.removeService(backend.service);
  const changed = [...table.list()].filter(
    (backend) => mine.has(backend.service) && !isDeepStrictEqual(stored.get(backendId(backend)), backend),
  );
  const gone = [...stored].filter(([id, backend]) => mine.has(backend.service) && !table.get(id));
  return [...changed.map(backendId), ...gone.map(([id]) => id)];
}

function commitOf({ table, members }: PersistenceOptions, ids: readonly string[]): Commit {
  const services = new Set<string>();
  const write = ids.map((id) => {
    const value = table.get(id);
    if (value) services.add(value.service);
    return { kind: 'backend', id, value } as const;
  });
  // A backend of a service that was deleted meanwhile must not come to stay.
  const present = [...services].map((id) => ({ kind: 'service', id, is: 'present' }) as const);
  const { node, group } = members.membership;
  // Who was given up by its group writes no more, whether it knows or not.
  const writer = group === undefined ? [] : [{ kind: 'member', id: node, is: 'present' } as const];
  return { expect: [...present, ...writer], write };
}
