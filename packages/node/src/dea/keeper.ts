import {
  backendId,
  transportsOf,
  type Backend,
  type BackendChanges,
  type BackendTable,
  type Change,
  type Clock,
  type Replica,
} from '@harbor/core';
import type { Members } from '../group/members.js';

export interface KeeperOptions {
  readonly table: BackendTable;
  readonly members: () => Members;
  readonly clock: Clock;
  /** Told of backends that left. */
  readonly onChanges: (changes: BackendChanges, because: string) => void;
  /** Has backends written where they differ from the table. */
  readonly touch: (backends: readonly string[]) => void;
  readonly touchAll: () => void;
}

/**
 * Keeps the backend table in step with the shared state. Who writes the backends holds what is wanted; the
 * other members of a group hold what is stored, so that any of them can go on where the writer is lost.
 */
export class BackendKeeper {
  /** The services that were this node's to serve at the last look. */
  readonly #owned = new Set<string>();

  constructor(readonly options: KeeperOptions) {}

  onReset(replica: Replica, replaced: boolean): void {
    const { table, members, clock } = this.options;
    const known = [...replica.all('backend')].filter((backend) => this.#isServed(backend, replica));
    // At the start the stored backends are taken over, and what an import brings; otherwise the table is
    // what is wanted.
    const missing = known.filter((backend) => !table.get(backendId(backend)));
    if (table.size === 0 || replaced) table.restore(missing, clock.now());
    this.#owned.clear();
    for (const service of replica.all('service'))
      if (members().membership.owns(service)) this.#owned.add(service.id);
    this.mirror(replica);
    this.options.touchAll();
  }

  onChange(change: Change, replica: Replica): void {
    if (change.kind === 'backend') this.#backend(change.id, change.value, replica);
    if (change.kind === 'service') this.#service(change, replica);
  }

  /** Brings the table to what is stored, of the services that another member writes; of all of them `everything`. */
  mirror(replica: Replica, everything = false): void {
    const { table, members, clock } = this.options;
    const isOthers = ({ service }: Backend): boolean => {
      const record = replica.get('service', service);
      const { membership } = members();
      if (!record || membership.group === undefined || !membership.owns(record)) return false;
      return !membership.isAlone(record) && (everything || !members().writes(record));
    };
    for (const backend of [...table.list()])
      if (isOthers(backend) && !replica.get('backend', backendId(backend))) table.forget(backendId(backend));
    for (const backend of replica.all('backend'))
      if (isOthers(backend) && this.#isServed(backend, replica)) table.mirror(backend, clock.now());
  }

  #backend(id: string, backend: Backend | undefined, replica: Replica): void {
    const { table, members, clock } = this.options;
    const known = backend ?? table.get(id);
    const service = known && replica.get('service', known.service);
    if (!service || !members().membership.owns(service) || members().writes(service)) return;
    if (!backend) table.forget(id);
    else if (this.#isServed(backend, replica)) table.mirror(backend, clock.now());
  }

  #service({ id, value }: Extract<Change, { kind: 'service' }>, replica: Replica): void {
    const { table, members, clock, onChanges, touch } = this.options;
    const { membership } = members();
    if (!membership.owns(value) || value === undefined) {
      this.#owned.delete(id);
      touch(table.removeService(id).removed.map(backendId));
      return;
    }
    const kept = table.keepTransports(id, transportsOf(value.protocol));
    if (kept.removed.length > 0) onChanges(kept, 'update');
    if (membership.group === undefined) return;
    if (value.disabled) touch(table.removeService(id).removed.map(backendId));
    // It came from elsewhere, through any member: what is stored of it is served on.
    else if (!this.#owned.has(id))
      table.restore(
        [...replica.all('backend')].filter((each) => each.service === id && !table.get(backendId(each))),
        clock.now(),
      );
    this.#owned.add(id);
  }

  /** What a crash may have left of a transport that the service lost is not taken over. */
  #isServed({ service, transport }: Backend, replica: Replica): boolean {
    const record = replica.get('service', service);
    if (!record || !this.options.members().membership.owns(record)) return false;
    return transportsOf(record.protocol).includes(transport);
  }
}
