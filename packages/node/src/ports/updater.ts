import {
  HarborError,
  Membership,
  portsOf,
  protocolOfName,
  transportsOf,
  type Clock,
  type Expectation,
  type Instance,
  type Service,
  type ServiceParameters,
  type Transport,
  type Write,
} from '@harbor/core';
import type { Follower, Store } from '@harbor/store';
import { nameTaken } from '@harbor/wire';
import type { Reservations } from './reservations.js';

/** A node operation over this is rolled back (wire facts §2), ms. */
const OPERATION_LIMIT = 6_000;

/** A service as it is to be; `instance` is the gateway's record, written in the same commit. */
export interface WantedChange {
  readonly id: string;
  readonly plan: string;
  readonly parameters: ServiceParameters;
  readonly instance?: { readonly revision: number; readonly record: Instance };
  readonly renamed?: Renamed;
}

/** A new name: who gets the port back under it, and the records of the names that begin and end with it. */
export interface Renamed {
  readonly name: string;
  readonly owner?: string;
  readonly takes?: string;
  readonly leaves?: string;
}

/** What an update came to. */
export interface Changed {
  readonly service: Service;
  /** The revision of the state that has the change. */
  readonly revision: number;
  /** The transports the service did not have before. */
  readonly added: readonly Transport[];
}

export interface ServiceUpdaterOptions {
  readonly node: string;
  readonly group?: string | undefined;
  readonly store: Pick<Store, 'commit'>;
  readonly follower: Follower;
  readonly reservations: Reservations;
  readonly clock: Clock;
}

/**
 * Changes services in place. The number stays; a transport that comes to it is bound by the connector
 * first, and one commit changes all that is stored of the service, or nothing.
 */
export class ServiceUpdater {
  readonly #under = new Set<string>();

  constructor(readonly options: ServiceUpdaterOptions) {}

  /**
   * Errors: HARBOR_SERVICE_NOT_FOUND, HARBOR_SERVICE_BUSY (something else changed it meanwhile),
   * HARBOR_SERVICE_EXISTS (somebody has the new name),
   * HARBOR_PARAMETERS_INVALID (another port), HARBOR_PORT_TAKEN (the number is held for the transport that
   * is to come), HARBOR_NODE_TIMEOUT, and those of the connector and of Redis; then nothing has changed.
   */
  async update(wanted: WantedChange): Promise<Changed> {
    const { id } = wanted;
    if (this.#under.has(id)) throw busy(id);
    this.#under.add(id);
    try {
      return await this.#update(wanted);
    } finally {
      this.#under.delete(id);
    }
  }

  async #update(wanted: WantedChange): Promise<Changed> {
    const { clock, reservations } = this.options;
    const deadline = clock.now() + OPERATION_LIMIT;
    const { service: before, revision } = this.#find(wanted.id);
    const service = changed(before, wanted);
    const had = transportsOf(before.protocol);
    const added = transportsOf(service.protocol).filter((transport) => !had.includes(transport));
    const preserves = service.parameters.preserveClientIp === true;
    if (added.length > 0 || (preserves && before.parameters.preserveClientIp !== true))
      await this.#reserve(service, added, preserves);
    try {
      if (clock.now() > deadline)
        throw new HarborError('HARBOR_NODE_TIMEOUT', `updating took over ${OPERATION_LIMIT / 1_000} s`);
      return { service, revision: await this.#commit(service, revision, wanted), added };
    } catch (error) {
      if (added.length > 0) reservations.release(service.port, portsOf(service).length);
      throw error;
    }
  }

  #find(id: string): { service: Service; revision: number } {
    const { node, group, follower } = this.options;
    const service = follower.replica.get('service', id);
    const revision = follower.replica.revisionOf('service', id);
    if (!service || revision === undefined || !new Membership(node, group).owns(service))
      throw new HarborError('HARBOR_SERVICE_NOT_FOUND', `no service ${JSON.stringify(id)} on ${node}`);
    return { service, revision };
  }

  async #reserve(service: Service, added: readonly Transport[], preserveClientIp: boolean): Promise<void> {
    const { id, port } = service;
    const count = portsOf(service).length;
    const wish = { ports: [port], transports: added, count, preserveClientIp, service: id };
    const reply = await this.options.reservations.reserve(wish);
    if (reply.held !== null) return;
    const reason = reply.skipped[0]?.reason ?? 'it cannot be bound';
    const message = `port ${port} cannot be had for ${added.join(' and ')} on ${this.options.node}: ${reason}`;
    throw new HarborError('HARBOR_PORT_TAKEN', `${message}; nothing was changed`);
  }

  async #commit(
    service: Service,
    revision: number,
    { id, instance, renamed }: WantedChange,
  ): Promise<number> {
    const expect: Expectation[] = [{ kind: 'service', id, is: 'at', revision }];
    const write: Write[] = [{ kind: 'service', id, value: service }];
    if (instance) {
      const { record } = instance;
      expect.push({ kind: 'instance', id: record.id, is: 'at', revision: instance.revision });
      write.push({ kind: 'instance', id: record.id, value: record });
    }
    if (renamed?.takes !== undefined) {
      expect.push({ kind: 'name', id: renamed.takes, is: 'absent' });
      write.push({ kind: 'name', id: renamed.takes, value: { instance: instance?.record.id ?? id } });
    }
    if (renamed?.leaves !== undefined) write.push({ kind: 'name', id: renamed.leaves, value: undefined });
    const result = await this.options.store.commit({ expect, write });
    if (!result.done) throw result.unmet.kind === 'name' ? nameTaken(service.name) : busy(id);
    await this.options.follower.caughtUp(result.revision);
    return result.revision;
  }
}

function changed(before: Service, { plan, parameters, renamed }: WantedChange): Service {
  if (parameters.port !== undefined && parameters.port !== before.port) {
    const problem = `port: cannot be changed by an update; it stays ${before.port}`;
    throw new HarborError('HARBOR_PARAMETERS_INVALID', problem);
  }
  const { ports = 1 } = before;
  if ((parameters.ports ?? 1) !== ports) {
    const problem = `ports: cannot be changed by an update; there ${ports === 1 ? 'is 1' : `are ${ports}`}`;
    throw new HarborError('HARBOR_PARAMETERS_INVALID', problem);
  }
  const named = renamed ? underName(before, renamed) : before;
  return { ...named, plan, protocol: parameters.protocol ?? protocolOfName(named.name), parameters };
}

function underName(service: Service, { name, owner }: Renamed): Service {
  const named: Service & { owner?: string } = { ...service, name };
  delete named.owner;
  return owner === undefined ? named : { ...named, owner };
}

function busy(id: string): HarborError {
  const message = `another operation on service ${JSON.stringify(id)} is under way`;
  return new HarborError('HARBOR_SERVICE_BUSY', message);
}
