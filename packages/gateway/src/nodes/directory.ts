import { HarborError, type Clock, type Millis, type NodeAddresses } from '@harbor/core';
import { V1_PLAN, type Announcement } from '@harbor/wire';
import { Takings } from './takings.js';

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
 * best where it is there and fits, and so does a node of `preferredGroup`.
 */
export interface NodeNeeds {
  readonly plan?: string;
  readonly version?: string;
  readonly full?: boolean;
  readonly preferred?: string;
  readonly preferredGroup?: string;
  /** The service that is to be made. */
  readonly service?: string;
  /** How many ports it needs; one where nothing is said. */
  readonly ports?: number;
}

/** A node taken for one request; `release` says how it ended, once. */
export interface NodeChoice {
  readonly id: string;
  release(outcome: 'used' | 'unused'): void;
}

interface Entry {
  announcement: Announcement;
  readonly takings: Takings;
  heard: Millis;
  swept: boolean;
}

/** The nodes that announce themselves, and which of them takes the next service. */
export class NodeDirectory {
  readonly #nodes = new Map<string, Entry>();

  /**
   * `claimed`: the revision of a service in the shared state; without it a node's count is not compared.
   * `isSilent`: true of a node that lets questions go unanswered, and may be lost.
   */
  constructor(
    readonly clock: Clock,
    readonly claimed: (service: string) => number | undefined = () => undefined,
    readonly isSilent: (id: string) => boolean = () => false,
  ) {}

  hear(announcement: Announcement): void {
    const sharing = this.#sharing(announcement);
    const takings = sharing[0]?.takings ?? new Takings(this.claimed);
    takings.announced(announcement.revision);
    // What one member has counted is what all of them have.
    const { available_capacity } = announcement;
    for (const entry of sharing) entry.announcement = { ...entry.announcement, available_capacity };
    this.#nodes.set(announcement.id, { announcement, takings, heard: this.clock.now(), swept: false });
  }

  /** The other members of the node's group that are not stale. */
  othersOfGroup(id: string): string[] {
    const known = this.#nodes.get(id);
    if (known?.announcement.group === undefined) return [];
    const sharing = this.#sharing(known.announcement).filter((entry) => !this.#isStale(entry));
    return sharing.map(({ announcement }) => announcement.id).filter((other) => other !== id);
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

  /** True when one of them that fits has as many free ports as are needed, as far as is known. */
  hasRoom(needs: NodeNeeds = {}): boolean {
    const { ports = 1 } = needs;
    return this.#fresh().some(
      (entry) => fitsPlan(entry, needs) && fitsVersion(entry, needs) && availableOf(entry) >= ports,
    );
  }

  /**
   * The node with most free ports among those that fit; of equals the first by id. A node that is silent is
   * chosen where nobody else has room. Its capacity is taken off until the node has counted it itself, or
   * the choice is released unused. For a port asked for by its number a full node will do: it is the node
   * that knows. Errors: HARBOR_NODE_UNAVAILABLE when none is
   * known, HARBOR_PLAN_UNKNOWN, HARBOR_VERSION_UNSUPPORTED, HARBOR_PORT_RANGE_FULL when none has a free port.
   */
  choose(needs: NodeNeeds = {}): NodeChoice {
    const fitting = this.#fitting(needs)
      .map((entry) => this.#candidate(entry))
      .sort((a, b) => Number(b.isSure) - Number(a.isSure) || b.available - a.available);
    const { preferred, preferredGroup } = needs;
    const own = fitting.find(({ id }) => id === preferred);
    const inGroup = ({ entry }: { readonly entry: Entry }): boolean =>
      preferredGroup !== undefined && entry.announcement.group === preferredGroup;
    const best = (own && !this.isSilent(own.id) ? own : (fitting.find(inGroup) ?? own)) ?? fitting[0];
    if (!best) throw new HarborError('HARBOR_NODE_UNAVAILABLE', 'no harbor_node has announced itself');
    const { id, available, entry } = best;
    if (available <= 0 && needs.full !== true)
      throw new HarborError('HARBOR_PORT_RANGE_FULL', `no node has a free port (the best is ${id})`);
    // Where a block has too little room its node says so; until then it takes no more than there is.
    const ports = Math.min(needs.ports ?? 1, Math.max(available, 1));
    return { id, release: releaseOnce(entry.takings, needs.service, ports) };
  }

  /** Every node heard of and not swept away, sorted by id. */
  list(): NodeStatus[] {
    const shown = this.#sorted().filter(({ swept }) => !swept);
    return shown.map((entry) => ({
      id: entry.announcement.id,
      plan: entry.announcement.plan,
      available: availableOf(entry),
      pending: entry.takings.pending,
      heard: entry.heard,
      stale: this.#isStale(entry),
    }));
  }

  #candidate(entry: Entry) {
    const { id } = entry.announcement;
    const available = availableOf(entry);
    return { entry, id, available, isSure: available > 0 && !this.isSilent(id) };
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

  /** The nodes that have the same ports: those of its group, or itself where it stands alone. */
  #sharing({ id, group }: Announcement): Entry[] {
    return [...this.#nodes.values()].filter(
      ({ announcement }) => announcement.group === group && (group !== undefined || announcement.id === id),
    );
  }

  #isStale(entry: Entry): boolean {
    return this.clock.now() - entry.heard >= STALE_AFTER;
  }
}

function availableOf({ announcement, takings }: Entry): number {
  return announcement.available_capacity - takings.uncounted * (announcement.capacity_unit ?? 1);
}

function releaseOnce(takings: Takings, service: string | undefined, ports: number): NodeChoice['release'] {
  const taking = takings.begin(service, ports);
  let released = false;
  return (outcome) => {
    if (!released) takings.end(taking, outcome);
    released = true;
  };
}

/** A node of the v1 plan serves every plan: what they differ in rides along as parameters. */
function fitsPlan({ announcement }: Entry, { plan }: NodeNeeds): boolean {
  return plan === undefined || announcement.plan === V1_PLAN || announcement.plan === plan;
}

/** A node that names no versions is taken to know all. */
function fitsVersion({ announcement }: Entry, { version }: NodeNeeds): boolean {
  return version === undefined || (announcement.supported_versions?.includes(version) ?? true);
}
