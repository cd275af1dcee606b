import type { Kind, Records } from './records.js';
import { ClaimedNumbers, type ClaimKind } from './claimed.js';
import type { Versioned, Write } from './commit.js';

/** A write as a reader sees it, with the revision that made it. */
export type Change = Write & { readonly revision: number };

/** All records of some kinds at one revision of one state (`epoch` names the state's life). */
export interface Snapshot {
  readonly epoch: string;
  readonly revision: number;
  readonly records: readonly Change[];
}

type Tables = { [K in Kind]?: Map<string, Versioned<Records[K]>> };

/** A reader's copy of some kinds of the shared state, moved forward change by change. */
export class Replica {
  #tables: Tables = {};
  #claimed = new ClaimedNumbers();
  #revision = 0;

  get revision(): number {
    return this.#revision;
  }

  get<K extends Kind>(kind: K, id: string): Records[K] | undefined {
    return this.#table(kind).get(id)?.value;
  }

  /** The revision that last wrote the record; undefined when there is none. */
  revisionOf(kind: Kind, id: string): number | undefined {
    return this.#table(kind).get(id)?.revision;
  }

  *all<K extends Kind>(kind: K): Generator<Records[K], void, void> {
    for (const record of this.#table(kind).values()) yield record.value;
  }

  *entries<K extends Kind>(kind: K): Generator<[string, Records[K]], void, void> {
    for (const [id, record] of this.#table(kind)) yield [id, record.value];
  }

  count(kind: Kind): number {
    return this.#table(kind).size;
  }

  /** The numbers that an owner has now; the set goes along with the replica until that is reset. */
  claimed(kind: ClaimKind, owner: string): ReadonlySet<number> {
    return this.#claimed.of(kind, owner);
  }

  reset(snapshot: Snapshot): void {
    this.#tables = {};
    this.#claimed = new ClaimedNumbers();
    for (const record of snapshot.records) this.#write(record);
    this.#revision = snapshot.revision;
  }

  /** Applies a change; one that is not newer than the replica is ignored. Returns the value before. */
  apply(change: Change): void {
    this.#write(change);
    this.#revision = Math.max(this.#revision, change.revision);
  }

  #write(change: Change): void {
    const table = this.#table(change.kind) as Map<string, Versioned<unknown>>;
    const known = table.get(change.id);
    if (known && known.revision > change.revision) return;
    if (change.kind === 'port' || change.kind === 'int_port')
      this.#claimed.change(change.kind, this.get(change.kind, change.id), change.value);
    if (change.value === undefined) table.delete(change.id);
    else table.set(change.id, { value: change.value, revision: change.revision });
  }

  #table<K extends Kind>(kind: K): Map<string, Versioned<Records[K]>> {
    const known: Tables[K] = this.#tables[kind];
    if (known) return known;
    const table = new Map<string, Versioned<Records[K]>>();
    this.#tables = { ...this.#tables, [kind]: table };
    return table;
  }
}
