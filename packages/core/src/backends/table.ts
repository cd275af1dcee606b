import { LeaseTable } from '../leases/lease-table.js';
import type { Transport } from '../services/protocol.js';
import type { Millis } from '../time/clock.js';
import { addressesOf, backendId, formatAddress, type Address, type Backend } from './backend.js';
import { MultiMap } from './multimap.js';

/** What a DEA announces: a backend without the place and time the table gives it. */
export type Registration = Omit<Backend, 'order' | 'since' | 'offset'>;

/** What a mutation did: the backends that are new or different, and those that left. */
export interface BackendChanges {
  readonly outcome: 'added' | 'updated' | 'unchanged' | 'removed' | 'stale';
  readonly put: readonly Backend[];
  readonly removed: readonly Backend[];
}

const UNCHANGED: BackendChanges = { outcome: 'unchanged', put: [], removed: [] };
const STALE: BackendChanges = { outcome: 'stale', put: [], removed: [] };

/**
 * The backends of all services of one node, with their leases: the meaning of the DEAs' messages
 * (contract §5). Every mutator says what it changed, so that its caller can store and log just that.
 */
export class BackendTable {
  readonly #backends = new Map<string, Backend>();
  readonly #byService = new MultiMap<string, string>();
  readonly #byInstance = new MultiMap<string, string>();
  readonly #byDea = new MultiMap<string, string>();
  readonly #byAddress = new MultiMap<string, string>();
  readonly #leases = new LeaseTable();
  #order = 0;

  /** `ttl`: how long a backend not heard of is kept (prune_threshold), ms; it may change at any time. */
  constructor(readonly ttl: () => Millis) {}

  get size(): number {
    return this.#backends.size;
  }

  get(id: string): Backend | undefined {
    return this.#backends.get(id);
  }

  list(): IterableIterator<Backend> {
    return this.#backends.values();
  }

  ofService(service: string): Backend[] {
    return this.#select(this.#byService.get(service));
  }

  /** When the backend was last announced. */
  heard(id: string): Millis | undefined {
    return this.#leases.heard(id);
  }

  /** Takes over what was stored before a restart; every backend has a whole lease to be heard again. */
  restore(backends: Iterable<Backend>, now: Millis): void {
    for (const backend of backends) this.#put(backend, now);
  }

  /**
   * A DEA announces an instance. The same instance at the same address renews its lease; another
   * instance at that address takes its place, at the end of the queue. The address leaves every other
   * service's other instances at once: traffic never reaches another app's instance.
   */
  register(registration: Registration, now: Millis): BackendChanges {
    const removed = this.evict(registration).removed;
    const known = this.#backends.get(backendId(registration));
    if (known?.instance === registration.instance) {
      const backend: Backend = { ...registration, order: known.order, since: known.since };
      const same = sameAnnouncement(known, backend);
      if (same) this.#leases.renew(backendId(known), this.ttl(), now);
      else this.#put(backend, now);
      if (same && removed.length === 0) return UNCHANGED;
      return { outcome: 'updated', put: same ? [] : [backend], removed };
    }
    const backend: Backend = { ...registration, order: ++this.#order, since: now };
    this.#put(backend, now);
    return { outcome: known ? 'updated' : 'added', put: [backend], removed };
  }

  /** Removes the addresses from other services whose instance is not the one that now has them. */
  evict(claim: Address & Pick<Backend, 'service' | 'instance' | 'ports'>): BackendChanges {
    const ids = addressesOf(claim).flatMap((address) => this.#byAddress.get(formatAddress(address)));
    const others = this.#select([...new Set(ids)]).filter(
      (other) => other.service !== claim.service && other.instance !== claim.instance,
    );
    return this.#remove(others);
  }

  /** A DEA takes an instance away; if another instance has the address since, the message is stale. */
  unregister(
    gone: Pick<Registration, 'service' | 'transport' | 'host' | 'port' | 'instance'>,
  ): BackendChanges {
    const known = this.#backends.get(backendId(gone));
    if (!known) return UNCHANGED;
    return known.instance === gone.instance ? this.#remove([known]) : STALE;
  }

  /** An instance ended: all its backends go. */
  instanceExited(instance: string): BackendChanges {
    return this.#remove(this.#select(this.#byInstance.get(instance)));
  }

  /** A DEA lists its running instances: they are renewed, its others go. */
  heartbeat(dea: string, running: ReadonlySet<string>, now: Millis): BackendChanges {
    const gone: Backend[] = [];
    for (const backend of this.#select(this.#byDea.get(dea))) {
      if (running.has(backend.instance)) this.#leases.renew(backendId(backend), this.ttl(), now);
      else gone.push(backend);
    }
    return this.#remove(gone);
  }

  /** A DEA shuts down: all its backends go. */
  deaShutdown(dea: string): BackendChanges {
    return this.#remove(this.#select(this.#byDea.get(dea)));
  }

  /** A service is deleted: all its backends go. */
  removeService(service: string): BackendChanges {
    return this.#remove(this.ofService(service));
  }

  /** A service has other transports than before: its backends of those it lost go. */
  keepTransports(service: string, transports: readonly Transport[]): BackendChanges {
    return this.#remove(this.ofService(service).filter(({ transport }) => !transports.includes(transport)));
  }

  /** A backend failed: it queues at the end (contract §3, UDP). */
  demote(id: string, now: Millis): BackendChanges {
    const known = this.#backends.get(id);
    if (!known) return UNCHANGED;
    const backend: Backend = { ...known, order: ++this.#order };
    this.#put(backend, this.#leases.heard(id) ?? now);
    return { outcome: 'updated', put: [backend], removed: [] };
  }

  /** Drops every backend whose lease has ended at `now`, of the services that `may` be pruned. */
  prune(now: Millis, may: (service: string) => boolean = () => true): BackendChanges {
    return this.#remove(this.#select(this.#leases.expired(now)).filter(({ service }) => may(service)));
  }

  /** Takes a backend over as another table has it; what was heard of it here stays known. */
  mirror(backend: Backend, now: Millis): void {
    this.#put(backend, this.#leases.heard(backendId(backend)) ?? now);
  }

  /** Forgets a backend that another table has no more. */
  forget(id: string): void {
    this.#remove(this.#select([id]));
  }

  /** After an outage of NATS: nobody could be heard, so everybody gets a whole lease. */
  renewAll(now: Millis): void {
    this.#leases.renewAll(now);
  }

  #select(ids: readonly string[]): Backend[] {
    return ids.flatMap((id) => this.#backends.get(id) ?? []);
  }

  #put(backend: Backend, heard: Millis): void {
    const id = backendId(backend);
    const before = this.#backends.get(id);
    if (before) this.#unlink(id, before);
    this.#backends.set(id, backend);
    this.#byService.add(backend.service, id);
    this.#byInstance.add(backend.instance, id);
    this.#byDea.add(backend.dea, id);
    for (const address of addressesOf(backend)) this.#byAddress.add(formatAddress(address), id);
    this.#leases.renew(id, this.ttl(), heard);
    this.#order = Math.max(this.#order, backend.order);
  }

  #remove(backends: readonly Backend[]): BackendChanges {
    for (const backend of backends) {
      const id = backendId(backend);
      this.#backends.delete(id);
      this.#unlink(id, backend);
      this.#leases.drop(id);
    }
    return backends.length === 0 ? UNCHANGED : { outcome: 'removed', put: [], removed: backends };
  }

  #unlink(id: string, backend: Backend): void {
    this.#byService.delete(backend.service, id);
    this.#byInstance.delete(backend.instance, id);
    this.#byDea.delete(backend.dea, id);
    for (const address of addressesOf(backend)) this.#byAddress.delete(formatAddress(address), id);
  }
}

function sameAnnouncement(a: Backend, b: Backend): boolean {
  if (a.dea !== b.dea || a.app !== b.app || a.appName !== b.appName || a.index !== b.index) return false;
  if (a.ports !== b.ports) return false;
  const left = Object.entries(a.tags ?? {});
  const right = b.tags ?? {};
  return left.length === Object.keys(right).length && left.every(([key, value]) => right[key] === value);
}
