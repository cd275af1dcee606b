import {
  blockOf,
  formatPortRange,
  freePorts,
  HarborError,
  intPortsOf,
  isPort,
  Membership,
  nextIntPort,
  parsePortRange,
  placesFor,
  portsOf,
  rangeContains,
  transportsOf,
  type Clock,
  type PortRange,
  type Random,
  type Replica,
  type Service,
  type TakenPorts,
} from '@harbor/core';
import type { Follower, Store } from '@harbor/store';
import { Candidates } from './candidates.js';
import { claimOf, releaseOf } from './claims.js';
import { CoolingPorts } from './cooling.js';
import { portCools, portHeld, portTaken, rangeFull } from './refusals.js';
import { CANDIDATES, type Reservations } from './reservations.js';
import { askerOf, protocolOf, sizeOf, type Wanted } from './wanted.js';

/** A node operation over this is rolled back (wire facts §2), ms. */
const OPERATION_LIMIT = 6_000;

export interface AllocatorOptions {
  readonly node: string;
  /** The group of the node: its numbers are all members'. */
  readonly group?: string | undefined;
  readonly portRange: () => string;
  /** How long a port given back is kept from others, s; 0: not at all. */
  readonly cooldown: () => number;
  readonly store: Pick<Store, 'commit'>;
  readonly follower: Follower;
  readonly reservations: Reservations;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Gives services their ports. A number is chosen at random, bound by the connector, and only then
 * claimed in the shared state, by one commit that holds the service, its ports and its int_ports: either
 * all of them exist or none, whatever runs beside it or fails.
 */
export class Allocator {
  /** Numbers that provisions under way have in hand, so that others leave them alone. */
  readonly #trying = new Set<number>();
  readonly #tryingInt = new Set<number>();

  readonly cooling: CoolingPorts;

  readonly #membership: Membership;

  constructor(readonly options: AllocatorOptions) {
    const { node, group, cooldown, clock } = options;
    this.#membership = new Membership(node, group);
    this.cooling = new CoolingPorts({ node, group, replica: () => this.#replica, cooldown, clock });
  }

  /** How many ports of the range are free; those that cool down are not. */
  get capacity(): number {
    const taken = this.#taken('port');
    const cooling = this.cooling.recorded();
    const { low, high } = this.#range();
    let free = 0;
    for (let port = low; port <= high; port++)
      if (!taken.has(port) && !(cooling.has(port) && this.cooling.has(port))) free++;
    return free;
  }

  /**
   * Provisions a service; asked again for the same one it answers with what is there.
   * Errors: HARBOR_SERVICE_EXISTS, HARBOR_PORT_RANGE_FULL, HARBOR_PORT_TAKEN, HARBOR_PORT_COOLING,
   * HARBOR_PORT_OUT_OF_RANGE, HARBOR_NODE_TIMEOUT, and those of the connector and of Redis; then nothing is left behind.
   */
  async provision(wanted: Wanted): Promise<Service> {
    const existing = this.#existing(wanted);
    if (existing) return existing;
    const deadline = this.options.clock.now() + OPERATION_LIMIT;
    const candidates = this.#candidates(wanted);
    for (;;) {
      const port = await this.#reserve(wanted, candidates);
      const block = blockOf(port, sizeOf(wanted));
      try {
        const service = await this.#claim(wanted, port, deadline);
        if (service) return service;
      } catch (error) {
        this.options.reservations.release(port, block.length);
        throw error;
      } finally {
        for (const each of block) this.#trying.delete(each);
      }
      this.options.reservations.release(port, block.length);
    }
  }

  /**
   * Gives the service's numbers back, its port to cool down, and forgets its backends; false when there is no such
   * service. What the node made in a group that it has left it can end, too: where nobody else is in that, nobody
   * else can.
   */
  async unprovision(id: string, backends: readonly string[]): Promise<boolean> {
    const service = this.#replica.get('service', id);
    if (!service || !(this.#membership.owns(service) || service.node === this.options.node)) return false;
    const result = await this.options.store.commit(releaseOf(service, backends, this.cooling));
    if (result.done) await this.options.follower.caughtUp(result.revision);
    return result.done;
  }

  get #replica(): Replica {
    return this.options.follower.replica;
  }

  /** The same id again: the same service, or a refusal where something else is asked for. */
  #existing(wanted: Wanted): Service | undefined {
    const known = this.#replica.get('service', wanted.id);
    if (!known) return undefined;
    const same =
      this.#membership.owns(known) &&
      known.protocol === protocolOf(wanted) &&
      (known.ports ?? 1) === sizeOf(wanted) &&
      (wanted.parameters.port === undefined || wanted.parameters.port === known.port);
    if (same) return known;
    throw new HarborError(
      'HARBOR_SERVICE_EXISTS',
      `service ${wanted.id} exists on ${known.node} and differs`,
    );
  }

  #candidates(wanted: Wanted): Candidates {
    const range = this.#range();
    const taken = this.#takenOrTrying('port', this.#trying);
    const exact = wanted.credentials?.port ?? wanted.parameters.port;
    if (exact === undefined) return new Candidates(this.#places(wanted, range, taken));
    const block = blockOf(exact, sizeOf(wanted));
    const outside = block.find((port) => !(wanted.credentials ? isPort(port) : rangeContains(range, port)));
    if (outside !== undefined)
      throw new HarborError(
        'HARBOR_PORT_OUT_OF_RANGE',
        `port ${outside} lies outside ${formatPortRange(range)}`,
      );
    const other = block.find((port) => taken.has(port));
    if (other !== undefined) throw portTaken(other);
    this.#refuseCooling(wanted, block);
    return new Candidates([exact]);
  }

  /** What it may have: first what it had before and still cools down, then what is anybody's. */
  #places(wanted: Wanted, range: PortRange, taken: TakenPorts): Generator<number, void, void> {
    const asker = askerOf(wanted);
    const cooling = this.cooling.recorded();
    if (cooling.size === 0) return freePorts(range, taken, this.options.random, sizeOf(wanted));
    const waits = (port: number): boolean => cooling.has(port) && this.cooling.wait(port, asker) > 0;
    const others = { has: (port: number) => taken.has(port) || waits(port) };
    const own = { has: (port: number) => cooling.has(port) && this.cooling.isOwn(port, asker) };
    return placesFor(range, sizeOf(wanted), { taken: others, own }, this.options.random);
  }

  #refuseCooling(wanted: Wanted, ports: readonly number[]): void {
    for (const port of ports) {
      const wait = this.cooling.wait(port, askerOf(wanted));
      if (wait > 0) throw portCools(port, wait);
    }
  }

  /** The next candidate that the connector could bind; it is then in `#trying`. */
  async #reserve(wanted: Wanted, candidates: Candidates): Promise<number> {
    const skipped: string[] = [];
    for (;;) {
      const batch = candidates.peek(CANDIDATES);
      if (batch.length === 0) throw this.#nothingLeft(wanted, skipped);
      const reply = await this.options.reservations.reserve({
        ports: batch,
        transports: transportsOf(protocolOf(wanted)),
        count: sizeOf(wanted),
        preserveClientIp: wanted.parameters.preserveClientIp === true,
      });
      skipped.push(...reply.skipped.map(({ port, reason }) => `${port}: ${reason}`));
      candidates.drop(reply.held ?? batch.at(-1));
      if (reply.held === null) continue;
      for (const port of blockOf(reply.held, sizeOf(wanted))) this.#trying.add(port);
      return reply.held;
    }
  }

  /** Commits the service with this port; undefined when somebody else was faster. */
  async #claim(wanted: Wanted, port: number, deadline: number): Promise<Service | undefined> {
    for (;;) {
      const intPort =
        wanted.credentials?.int_port ??
        nextIntPort(this.#takenOrTrying('int_port', this.#tryingInt), sizeOf(wanted));
      if (intPort === undefined) throw new HarborError('HARBOR_PORT_RANGE_FULL', 'no int_port is left');
      if (this.options.clock.now() > deadline) {
        throw new HarborError('HARBOR_NODE_TIMEOUT', `provisioning took over ${OPERATION_LIMIT / 1000} s`);
      }
      const service = this.#service(wanted, port, intPort);
      const cooled = this.cooling.claims(portsOf(service), askerOf(wanted));
      if (!cooled) {
        this.#lost(wanted, service);
        return undefined;
      }
      const intPorts = intPortsOf(service);
      for (const each of intPorts) this.#tryingInt.add(each);
      try {
        const result = await this.options.store.commit(claimOf(service, cooled));
        if (result.done) {
          await this.options.follower.caughtUp(result.revision);
          return service;
        }
        if (result.unmet.kind === 'service') return this.#existing(wanted);
        if (result.unmet.kind !== 'int_port') {
          this.#lost(wanted, service);
          return undefined;
        }
        if (wanted.credentials) throw new HarborError('HARBOR_PORT_TAKEN', `int_port ${intPort} is taken`);
      } finally {
        for (const each of intPorts) this.#tryingInt.delete(each);
      }
    }
  }

  /** Somebody was faster with a port: the next is tried, unless it had to be this one. */
  #lost(wanted: Wanted, service: Service): void {
    if (wanted.credentials === undefined && wanted.parameters.port === undefined) return;
    this.#refuseCooling(wanted, portsOf(service));
    throw portTaken(service.port);
  }

  #service(wanted: Wanted, port: number, intPort: number): Service {
    return {
      id: wanted.id,
      name: wanted.name,
      ...this.#membership.fields,
      port,
      ...(sizeOf(wanted) === 1 ? {} : { ports: sizeOf(wanted) }),
      intPort,
      protocol: protocolOf(wanted),
      plan: wanted.plan,
      parameters: wanted.parameters,
      ...(wanted.owner === undefined ? {} : { owner: wanted.owner }),
      createdAt: this.options.clock.now(),
    };
  }

  #nothingLeft(wanted: Wanted, skipped: readonly string[]): HarborError {
    const { node, portRange } = this.options;
    const sought = { node, range: portRange(), size: sizeOf(wanted), skipped };
    const exact = wanted.credentials?.port ?? wanted.parameters.port;
    if (exact !== undefined) return portHeld(exact, sought);
    return rangeFull(sought, this.cooling.waiting(this.#range(), askerOf(wanted)));
  }

  #range(): PortRange {
    const range = parsePortRange(this.options.portRange());
    if (!range) throw new HarborError('HARBOR_CONFIG_INVALID', `port_range ${this.options.portRange()}`);
    return range;
  }

  #taken(kind: 'port' | 'int_port'): TakenPorts {
    return this.#replica.claimed(kind, this.#membership.owner);
  }

  #takenOrTrying(kind: 'port' | 'int_port', trying: ReadonlySet<number>): TakenPorts {
    const taken = this.#taken(kind);
    return { has: (port) => trying.has(port) || taken.has(port) };
  }
}
