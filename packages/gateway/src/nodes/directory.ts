import { HarborError, type Clock, type Millis, type NodeAddresses } from '@harbor/core';
import { V1_PLAN, type Announcement } from '@harbor/wire';

/** A node not heard of for this long is stale (wire facts §2). */
export const STALE_AFTER: Millis = 300_000;

/** A node as the operator sees it in /varz. */
export interface NodeStatus {
  readonly id: string;
  readonly plan: string;
  /** Free ports, those of requests under way taken off. */
  readonly available: number;
  readonly pending: number;
  readonly heard: Millis;
  readonly stale: boolean;
}

/**
 * What a request needs of its node; `full`: a node without a free port will do; `preferred` goes before the
 * best where it is there and fits.
 */
export interface NodeNeeds {
  readonly plan?: string;
  readonly version?: string;
  readonly full?: boolean;
  readonly preferred?: string;
}

/** A node taken for one request; `release` says how it ended, once. */
export interface NodeChoice {
  readonly id: string;
  release(outcome: 'used' | 'unused'): void;
}

interface Entry {
  announcement: Announcement;
  capacity: number;
  pending: number;
  heard: Millis;
  swept: boolean;
}

/** The nodes that announce themselves, and which of them takes the next service. */
export class NodeDirectory {
  readonly #nodes = new Map<string, Entry>();

  constructor(readonly clock: Clock) {}

  hear(announcement: Announcement): void {
    this.#nodes.set(announcement.id, {
      announcement,
      capacity: announcement.available_capacity,
      pending: this.#nodes.get(announcement.id)?.pending ?? 0,
      heard: this.clock.now(),
      swept: false,
    });
  }

  /** Nobody listens under this id any more: it is not chosen again until it announces itself. */
  lose(id: string): void {
    const entry = this.#nodes.get(id);
    if (entry) entry.heard = -Infinity;
  }

  /** Sweeps stale nodes away: they are shown no more. What else is known of them stays, should they return. */
  sweep(): void {
    for (const entry of this.#nodes.values()) entry.swept = this.#isStale(entry);
  }

  /** Where the node is reached by its last announcement, however old: nothing newer is known. */
  addresses(id: string): NodeAddresses | undefined {
    return this.#nodes.get(id)?.announcement.addresses;
  }

  /** How many nodes that are not stale are known. */
  get size(): number {
    return this.#fresh().length;
  }

  /** True when one of them that fits has a free port, as far as is known. */
  hasRoom(needs: NodeNeeds = {}): boolean {
    return this.#fresh().some(
      (entry) => fitsPlan(entry, needs) && fitsVersion(entry, needs) && availableOf(entry) > 0,
    );
  }

  /**
   * The node with most free ports among those that fit; of equals the first by id. Its capacity is taken
   * off until the choice is released, and no announcement overwrites that. For a port asked for by its
   * number a full node will do: it is the node that knows. Errors: HARBOR_NODE_UNAVAILABLE when none is
   * known, HARBOR_PLAN_UNKNOWN, HARBOR_VERSION_UNSUPPORTED, HARBOR_PORT_RANGE_FULL when none has a free port.
   */
  choose(needs: NodeNeeds = {}): NodeChoice {
    const fitting = this.#fitting(needs).sort((a, b) => availableOf(b) - availableOf(a));
    const best = fitting.find(({ announcement }) => announcement.id === needs.preferred) ?? fitting[0];
    if (!best) throw new HarborError('HARBOR_NODE_UNAVAILABLE', 'no harbor_node has announced itself');
    const { id } = best.announcement;
    if (availableOf(best) <= 0 && needs.full !== true)
      throw new HarborError('HARBOR_PORT_RANGE_FULL', `no node has a free port (the best is ${id})`);
    best.pending += 1;
    return { id, release: this.#releaseOnce(id) };
  }

  /** Every node heard of and not swept away, sorted by id. */
  list(): NodeStatus[] {
    const shown = this.#sorted().filter(({ swept }) => !swept);
    return shown.map((entry) => ({
      id: entry.announcement.id,
      plan: entry.announcement.plan,
      available: availableOf(entry),
      pending: entry.pending,
      heard: entry.heard,
      stale: this.#isStale(entry),
    }));
  }

  #releaseOnce(id: string): (outcome: 'used' | 'unused') => void {
    let released = false;
    return (outcome) => {
      const entry = this.#nodes.get(id);
      if (released || !entry) return;
      released = true;
      entry.pending -= 1;
      if (outcome === 'used') entry.capacity -= unitOf(entry);
    };
  }

  #fitting(needs: NodeNeeds): Entry[] {
    const fresh = this.#fresh();
    const planned = fresh.filter((entry) => fitsPlan(entry, needs));
    if (fresh.length > 0 && planned.length === 0)
      throw new HarborError('HARBOR_PLAN_UNKNOWN', 'no harbor_node serves this plan');
    const versed = planned.filter((entry) => fitsVersion(entry, needs));
    if (planned.length > 0 && versed.length === 0)
      throw new HarborError('HARBOR_VERSION_UNSUPPORTED', 'no harbor_node serves this version');
    return versed;
  }

  #fresh(): Entry[] {
    return this.#sorted().filter((entry) => !this.#isStale(entry));
  }

  #sorted(): Entry[] {
    return [...this.#nodes.values()].sort((a, b) => (a.announcement.id < b.announcement.id ? -1 : 1));
  }

  #isStale(entry: Entry): boolean {
    return this.clock.now() - entry.heard >= STALE_AFTER;
  }
}

function unitOf(entry: Entry): number {
  return entry.announcement.capacity_unit ?? 1;
}

function availableOf(entry: Entry): number {
  return entry.capacity - entry.pending * unitOf(entry);
}

/** A node of the v1 plan serves every plan: what they differ in rides along as parameters. */
function fitsPlan({ announcement }: Entry, { plan }: NodeNeeds): boolean {
  return plan === undefined || announcement.plan === V1_PLAN || announcement.plan === plan;
}

/** A node that names no versions is taken to know all. */
function fitsVersion({ announcement }: Entry, { version }: NodeNeeds): boolean {
  return version === undefined || (announcement.supported_versions?.includes(version) ?? true);
}
