import {
  givenTo,
  HarborError,
  intPortsOf,
  Membership,
  nextIntPort,
  ownerOf,
  portsOf,
  transportsOf,
  type Clock,
  type Commit,
  type Credentials,
  type Service,
} from '@harbor/core';
import type { Follower, Store } from '@harbor/store';
import { moveOf } from '../ports/claims.js';
import type { Reservations } from '../ports/reservations.js';

export interface TransferOptions {
  readonly node: string;
  readonly group?: string | undefined;
  readonly store: Pick<Store, 'commit'>;
  readonly follower: Follower;
  readonly reservations: Reservations;
  readonly clock: Clock;
}

/** Takes services over from other nodes, and takes them out of service meanwhile. */
export class Transfer {
  readonly #membership: Membership;

  constructor(readonly options: TransferOptions) {
    this.#membership = new Membership(options.node, options.group);
  }

  /** This node's service. Errors: HARBOR_SERVICE_NOT_FOUND. */
  own(id: string): Service {
    const service = this.options.follower.replica.get('service', id);
    if (service && this.#membership.owns(service)) return service;
    throw new HarborError('HARBOR_SERVICE_NOT_FOUND', `no such service on ${this.options.node}`);
  }

  /** Has a service of this node serve, or serve nobody. Errors: HARBOR_SERVICE_NOT_FOUND, HARBOR_STATE_CONFLICT. */
  async setDisabled(id: string, disabled: boolean): Promise<void> {
    const { disabled: before, ...service } = this.own(id);
    if ((before ?? false) === disabled) return;
    await this.#replace(service, disabled ? { ...service, disabled: true } : service);
  }

  /**
   * Makes another node's service this one's, on the very ports it has; undefined where no node has it. Its
   * int_port stays where it is free here, too: each node counts them from 4100 up, so it often is not. Until
   * that is done nothing changes. Errors: HARBOR_PORT_TAKEN, HARBOR_STATE_CONFLICT, those of the
   * connector and of Redis.
   */
  async take(credentials: Credentials): Promise<Service | undefined> {
    const { node, follower, reservations } = this.options;
    const service = follower.replica.get('service', credentials.name);
    if (!service || service.node === node) return service;
    if (ownerOf(service) === this.#membership.owner) {
      // Every member of its group serves it already: only where it counts as made changes.
      const moved = { ...service, node };
      await this.#replace(service, moved);
      return moved;
    }
    const { port, protocol, parameters } = service;
    const count = portsOf(service).length;
    const { held, skipped } = await reservations.reserve({
      ports: [port],
      transports: transportsOf(protocol),
      count,
      preserveClientIp: parameters.preserveClientIp === true,
    });
    if (held === null) {
      const because = skipped[0] ? `: ${skipped[0].reason}` : '';
      throw new HarborError('HARBOR_PORT_TAKEN', `port ${port} cannot be had on ${node}${because}`);
    }
    try {
      const given = givenTo(service, this.#membership.fields);
      const moved = { ...given, intPort: this.#intPortFor(service) };
      await this.#replace(service, moved);
      return moved;
    } catch (error) {
      reservations.release(port, count);
      throw error;
    }
  }

  /** Errors: HARBOR_PORT_RANGE_FULL. */
  #intPortFor(service: Service): number {
    const { owner } = this.#membership;
    const all = [...this.options.follower.replica.all('int_port')];
    const claims = all.filter((claim) => ownerOf(claim) === owner);
    const taken = new Set(claims.map(({ port }) => port));
    const wanted = intPortsOf(service);
    if (!wanted.some((port) => taken.has(port))) return service.intPort;
    const free = nextIntPort(taken, wanted.length);
    if (free === undefined) throw new HarborError('HARBOR_PORT_RANGE_FULL', 'no int_port is left');
    return free;
  }

  async #replace(before: Service, after: Service): Promise<void> {
    const { store, follower } = this.options;
    const { id } = before;
    const revision = follower.replica.revisionOf('service', id) ?? 0;
    const changed: Commit = {
      expect: [{ kind: 'service', id, is: 'at', revision }],
      write: [{ kind: 'service', id, value: after }],
    };
    const moves = before.node !== after.node;
    const result = await store.commit(moves ? moveOf(before, after, revision) : changed);
    if (result.done) {
      await follower.caughtUp(result.revision);
      return;
    }
    const { kind } = result.unmet;
    if (kind === 'service') throw new HarborError('HARBOR_STATE_CONFLICT', 'the service changed meanwhile');
    throw new HarborError('HARBOR_PORT_TAKEN', `${kind} of the service is taken on ${after.node}`);
  }
}
