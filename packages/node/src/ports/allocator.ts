import {
  claimId,
  formatPortRange,
  freePorts,
  HarborError,
  nextIntPort,
  parsePortRange,
  protocolOfName,
  rangeContains,
  transportsOf,
  type Clock,
  type Commit,
  type Credentials,
  type PortRange,
  type Random,
  type Replica,
  type Service,
  type ServiceParameters,
} from '@harbor/core';
import type { Follower, Store } from '@harbor/store';
import { Candidates } from './candidates.js';
import { CANDIDATES, type Reservations } from './reservations.js';

/** A node operation over this is rolled back (wire facts §2), ms. */
const OPERATION_LIMIT = 6_000;

/** What is asked for: a new service, or exactly the one that `credentials` describe. */
export interface Wanted {
  readonly id: string;
  readonly name: string;
  readonly plan: string;
  readonly parameters: ServiceParameters;
  readonly credentials?: Credentials;
}

export interface AllocatorOptions {
  readonly node: string;
  readonly portRange: () => string;
  readonly store: Pick<Store, 'commit'>;
  readonly follower: Follower;
  readonly reservations: Reservations;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Gives services their ports. A number is chosen at random, bound by the connector, and only then
 * claimed in the shared state, by one commit that holds the service, its port and its int_port: either
 * all of them exist or none, whatever runs beside it or fails.
 */
export class Allocator {
  /** Numbers that provisions under way have in hand, so that others leave them alone. */
  readonly #trying = new Set<number>();
  readonly #tryingInt = new Set<number>();

  constructor(readonly options: AllocatorOptions) {}

  /** How many ports of the range are free. */
  get capacity(): number {
    const taken = this.#taken('port');
    const { low, high } = this.#range();
    let free = 0;
    for (let port = low; port <= high; port++) if (!taken.has(port)) free++;
    return free;
  }

  /**
   * Provisions a service; asked again for the same one it answers with what is there.
   * Errors: HARBOR_SERVICE_EXISTS, HARBOR_PORT_RANGE_FULL, HARBOR_PORT_TAKEN, HARBOR_PORT_OUT_OF_RANGE,
   * HARBOR_NODE_TIMEOUT, and those of the connector and of Redis; then nothing is left behind.
   */
  async provision(wanted: Wanted): Promise<Service> {
    const existing = this.#existing(wanted);
    if (existing) return existing;
    const deadline = this.options.clock.now() + OPERATION_LIMIT;
    const candidates = this.#candidates(wanted);
    for (;;) {
      const port = await this.#reserve(wanted, candidates);
      try {
        const service = await this.#claim(wanted, port, deadline);
        if (service) return service;
      } catch (error) {
        this.options.reservations.release(port);
        throw error;
      } finally {
        this.#trying.delete(port);
      }
      this.options.reservations.release(port);
    }
  }

  /** Gives the service's numbers back and forgets its backends; false when there is no such service. */
  async unprovision(id: string, backends: readonly string[]): Promise<boolean> {
    const service = this.#replica.get('service', id);
    if (service?.node !== this.options.node) return false;
    const result = await this.options.store.commit({
      expect: [{ kind: 'service', id, is: 'present' }],
      write: [
        { kind: 'service', id, value: undefined },
        { kind: 'port', id: claimId(service.node, service.port), value: undefined },
        { kind: 'int_port', id: claimId(service.node, service.intPort), value: undefined },
        ...backends.map((backend) => ({ kind: 'backend', id: backend, value: undefined }) as const),
      ],
    });
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
      known.node === this.options.node &&
      known.protocol === protocolOf(wanted) &&
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
    if (exact === undefined) return new Candidates(freePorts(range, taken, this.options.random));
    if (!wanted.credentials && !rangeContains(range, exact)) {
      throw new HarborError(
        'HARBOR_PORT_OUT_OF_RANGE',
        `port ${exact} lies outside ${formatPortRange(range)}`,
      );
    }
    if (taken.has(exact))
      throw new HarborError('HARBOR_PORT_TAKEN', `port ${exact} belongs to another service`);
    return new Candidates([exact]);
  }

  /** The next candidate that the connector could bind; it is then in `#trying`. */
  async #reserve(wanted: Wanted, candidates: Candidates): Promise<number> {
    const skipped: string[] = [];
    for (;;) {
      const batch = candidates.peek(CANDIDATES);
      if (batch.length === 0) throw this.#nothingLeft(wanted, skipped);
      const reply = await this.options.reservations.reserve(
        batch,
        transportsOf(protocolOf(wanted)),
        wanted.parameters.preserveClientIp === true,
      );
      skipped.push(...reply.skipped.map(({ port, reason }) => `${port}: ${reason}`));
      candidates.drop(reply.held ?? batch.at(-1));
      if (reply.held === null) continue;
      this.#trying.add(reply.held);
      return reply.held;
    }
  }

  /** Commits the service with this port; undefined when somebody else was faster. */
  async #claim(wanted: Wanted, port: number, deadline: number): Promise<Service | undefined> {
    for (;;) {
      const intPort =
        wanted.credentials?.int_port ?? nextIntPort(this.#takenOrTrying('int_port', this.#tryingInt));
      if (intPort === undefined) throw new HarborError('HARBOR_PORT_RANGE_FULL', 'no int_port is left');
      if (this.options.clock.now() > deadline) {
        throw new HarborError('HARBOR_NODE_TIMEOUT', `provisioning took over ${OPERATION_LIMIT / 1000} s`);
      }
      const service = this.#service(wanted, port, intPort);
      this.#tryingInt.add(intPort);
      try {
        const result = await this.options.store.commit(claimOf(service));
        if (result.done) {
          await this.options.follower.caughtUp(result.revision);
          return service;
        }
        if (result.unmet.kind === 'service') return this.#existing(wanted);
        const exact = wanted.credentials !== undefined || wanted.parameters.port !== undefined;
        if (result.unmet.kind === 'port') {
          if (exact) throw new HarborError('HARBOR_PORT_TAKEN', `port ${port} belongs to another service`);
          return undefined;
        }
        if (wanted.credentials) throw new HarborError('HARBOR_PORT_TAKEN', `int_port ${intPort} is taken`);
      } finally {
        this.#tryingInt.delete(intPort);
      }
    }
  }

  #service(wanted: Wanted, port: number, intPort: number): Service {
    return {
      id: wanted.id,
      name: wanted.name,
      node: this.options.node,
      port,
      intPort,
      protocol: protocolOf(wanted),
      plan: wanted.plan,
      parameters: wanted.parameters,
      createdAt: this.options.clock.now(),
    };
  }

  #nothingLeft(wanted: Wanted, skipped: readonly string[]): HarborError {
    const because =
      skipped.length === 0 ? '' : ` (${skipped.slice(0, 3).join('; ')}${skipped.length > 3 ? ' …' : ''})`;
    const exact = wanted.credentials?.port ?? wanted.parameters.port;
    if (exact !== undefined) {
      return new HarborError(
        'HARBOR_PORT_TAKEN',
        `port ${exact} is held by another process on ${this.options.node}${because}`,
      );
    }
    const message = `no port of ${this.options.portRange()} is free on ${this.options.node}${because}`;
    return new HarborError('HARBOR_PORT_RANGE_FULL', message);
  }

  #range(): PortRange {
    const range = parsePortRange(this.options.portRange());
    if (!range) throw new HarborError('HARBOR_CONFIG_INVALID', `port_range ${this.options.portRange()}`);
    return range;
  }

  #taken(kind: 'port' | 'int_port'): { has(port: number): boolean } {
    const node = this.options.node;
    return { has: (port) => this.#replica.get(kind, claimId(node, port)) !== undefined };
  }

  #takenOrTrying(kind: 'port' | 'int_port', trying: ReadonlySet<number>): { has(port: number): boolean } {
    const taken = this.#taken(kind);
    return { has: (port) => trying.has(port) || taken.has(port) };
  }
}

function protocolOf(wanted: Wanted): Service['protocol'] {
  return wanted.parameters.protocol ?? protocolOfName(wanted.name);
}

function claimOf(service: Service): Commit {
  const claim = { node: service.node, service: service.id };
  const port = claimId(service.node, service.port);
  const intPort = claimId(service.node, service.intPort);
  return {
    expect: [
      { kind: 'service', id: service.id, is: 'absent' },
      { kind: 'port', id: port, is: 'absent' },
      { kind: 'int_port', id: intPort, is: 'absent' },
    ],
    write: [
      { kind: 'service', id: service.id, value: service },
      { kind: 'port', id: port, value: { ...claim, port: service.port } },
      { kind: 'int_port', id: intPort, value: { ...claim, port: service.intPort } },
    ],
  };
}
