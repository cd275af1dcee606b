import {
  claimId,
  coolingEnd,
  isOwn,
  Membership,
  ownedBy,
  ownerOf,
  rangeContains,
  waitFor,
  type Asker,
  type Clock,
  type Cooling,
  type Expectation,
  type Millis,
  type PortRange,
  type Replica,
  type Service,
  type Write,
} from '@harbor/core';

export interface CoolingOptions {
  readonly node: string;
  readonly group?: string | undefined;
  readonly replica: () => Replica;
  /** `harbor_node cooldown`, s. */
  readonly cooldown: () => number;
  readonly clock: Clock;
}

/** What a claim of a port has to say of its cool-down. */
export interface CoolingClaim {
  readonly expect: Expectation;
  readonly write: readonly Write[];
}

/** The ports of this node, or of its group, that were given back and are kept from others for a while. */
export class CoolingPorts {
  /** Whose ports they are. */
  readonly #owner: string;

  constructor(readonly options: CoolingOptions) {
    this.#owner = new Membership(options.node, options.group).owner;
  }

  /** The ports with a record: all others need not be asked for one by one. */
  recorded(): ReadonlySet<number> {
    const ports = new Set<number>();
    for (const cooling of this.options.replica().all('cooling'))
      if (ownerOf(cooling) === this.#owner) ports.add(cooling.port);
    return ports;
  }

  /** How long the asker has to wait for the port, ms; 0 where it may have it. */
  wait(port: number, asker: Asker): Millis {
    const cooling = this.#get(port);
    return cooling ? waitFor(cooling, asker, this.#cooldown, this.options.clock.now()) : 0;
  }

  /** True where it is kept from somebody. */
  has(port: number): boolean {
    const cooling = this.#get(port);
    return cooling !== undefined && coolingEnd(cooling, this.#cooldown) > this.options.clock.now();
  }

  /** True where it cools down for this asker, who may have it at once. */
  isOwn(port: number, asker: Asker): boolean {
    const cooling = this.#get(port);
    return cooling !== undefined && isOwn(cooling, asker) && this.has(port);
  }

  /** How many ports of the range are kept from others than the asker, and when the first is free, ms. */
  waiting(range: PortRange, asker: Asker): { readonly count: number; readonly next: Millis } {
    const waits = [...this.options.replica().all('cooling')]
      .filter((cooling) => ownerOf(cooling) === this.#owner && rangeContains(range, cooling.port))
      .map(({ port }) => this.wait(port, asker))
      .filter((wait) => wait > 0);
    return { count: waits.length, next: Math.min(...waits) };
  }

  /**
   * What has to hold for the asker to claim the port: its record is as it was read, so that a port given
   * back meanwhile, by whichever process, is not given away. Undefined where it has to wait.
   */
  claim(port: number, asker: Asker): CoolingClaim | undefined {
    if (this.wait(port, asker) > 0) return undefined;
    const id = claimId(this.#owner, port);
    const revision = this.options.replica().revisionOf('cooling', id);
    if (revision === undefined) return { expect: { kind: 'cooling', id, is: 'absent' }, write: [] };
    return {
      expect: { kind: 'cooling', id, is: 'at', revision },
      write: [{ kind: 'cooling', id, value: undefined }],
    };
  }

  /** The same of several ports at once. */
  claims(ports: readonly number[], asker: Asker): CoolingClaim[] | undefined {
    const claims = ports.flatMap((port) => this.claim(port, asker) ?? []);
    return claims.length === ports.length ? claims : undefined;
  }

  /** The records that keep a deleted service's numbers from others; none where there is no cool-down. */
  begin(service: Service, ports: readonly number[]): Write[] {
    if (this.#cooldown === 0) return [];
    const since = this.options.clock.now();
    const { id, owner } = service;
    return ports.map((port) => ({
      kind: 'cooling',
      id: claimId(ownerOf(service), port),
      value: {
        ...ownedBy(service),
        ...{ port, service: id, since, until: since + this.#cooldown },
        ...(owner === undefined ? {} : { owner }),
      },
    }));
  }

  /** The records that keep nobody away any more; of other nodes those whose own time is up. */
  over(): { readonly id: string; readonly revision: number }[] {
    const replica = this.options.replica();
    const now = this.options.clock.now();
    return [...replica.entries('cooling')].flatMap(([id, cooling]) => {
      const end = ownerOf(cooling) === this.#owner ? coolingEnd(cooling, this.#cooldown) : cooling.until;
      const revision = replica.revisionOf('cooling', id);
      return end <= now && revision !== undefined ? [{ id, revision }] : [];
    });
  }

  get #cooldown(): Millis {
    return this.options.cooldown() * 1_000;
  }

  #get(port: number): Cooling | undefined {
    return this.options.replica().get('cooling', claimId(this.#owner, port));
  }
}
