import { asHarborError, HarborError, type Instance, type Write } from '@harbor/core';
import type { DeleteQuery } from '@harbor/wire';
import type { Log } from '../dependencies.js';
import type { ServiceNodeClient } from '../nodes/client.js';
import type { Reach } from '../nodes/reach.js';
import type { SharedState } from '../state/shared-state.js';
import { busy, type OperationLocks } from './locks.js';
import { nameClaimId } from './wanted.js';

export interface DeprovisionerParts {
  readonly state: SharedState;
  readonly client: ServiceNodeClient;
  readonly reach: Reach;
  readonly locks: OperationLocks;
  readonly log: Log;
}

/**
 * Removes service instances. The intent is written first; from then on the deletion goes on, by
 * recovery where need be, until node and state agree.
 */
export class Deprovisioner {
  constructor(readonly parts: DeprovisionerParts) {}

  /**
   * Deletes an instance with its bindings; one that a dead attempt left half-made too.
   * Errors: HARBOR_SERVICE_GONE, HARBOR_SERVICE_BUSY, HARBOR_REQUEST_INVALID (another service or plan),
   * HARBOR_NODE_TIMEOUT, HARBOR_REDIS_UNAVAILABLE, HARBOR_NATS_UNAVAILABLE.
   */
  deprovision(id: string, query: DeleteQuery): Promise<void> {
    return this.parts.locks.hold(id, async () => {
      const { replica } = this.parts.state;
      const instance = replica.get('instance', id);
      const revision = replica.revisionOf('instance', id);
      if (!instance || revision === undefined)
        throw new HarborError('HARBOR_SERVICE_GONE', 'there is no service instance with this id');
      if (instance.serviceId !== query.service_id || instance.planId !== query.plan_id)
        throw new HarborError(
          'HARBOR_REQUEST_INVALID',
          'service_id and plan_id are not those of the instance',
        );
      this.parts.client.requireConnection();
      await this.#delete(instance, revision);
    });
  }

  async #delete(instance: Instance, revision: number): Promise<void> {
    const declared = instance.state === 'deleting' ? revision : await this.#declare(instance, revision, []);
    try {
      await this.finish(instance, declared);
    } catch (thrown) {
      const { code, message, details } = asHarborError(thrown);
      if (code === 'HARBOR_INTERNAL') throw thrown;
      const later = `${message}; the deletion will be finished by itself`;
      throw new HarborError(code, later, { cause: thrown, details });
    }
  }

  /** Takes back an attempt that may have reached its node; its name is free at once. */
  async rollBack(instance: Instance, revision: number): Promise<void> {
    await this.finish(instance, await this.#declare(instance, revision, this.#nameWrites(instance)));
  }

  /** Goes on with a deletion whose intent stands at `revision`: the node first, then the state. */
  async finish(instance: Instance, revision: number): Promise<void> {
    const { node, credentials, id } = instance;
    const bound = this.#bindingsOf(id);
    const bindings = credentials ? bound.map(() => credentials) : [];
    const { client, reach } = this.parts;
    if (node !== undefined)
      await reach.ask(instance, (each) => client.unprovision(each, credentials?.name ?? id, bindings));
    await this.forget(instance, revision);
    this.parts.log.info(
      { event: 'deprovisioned', instance: id, node, bindings: bound.length },
      'deprovisioned',
    );
  }

  /** Deletes all records of an instance. Nothing happens where somebody else did meanwhile. */
  async forget(instance: Instance, revision: number): Promise<void> {
    const { id } = instance;
    await this.parts.state.commit({
      expect: [{ kind: 'instance', id, is: 'at', revision }],
      write: [
        { kind: 'instance', id, value: undefined },
        ...this.#bindingsOf(id).map((binding) => ({
          kind: 'binding' as const,
          id: binding,
          value: undefined,
        })),
        ...this.#nameWrites(instance),
      ],
    });
  }

  async #declare(instance: Instance, revision: number, also: readonly Write[]): Promise<number> {
    const { id } = instance;
    const result = await this.parts.state.commit({
      expect: [{ kind: 'instance', id, is: 'at', revision }],
      write: [{ kind: 'instance', id, value: { ...instance, state: 'deleting' } }, ...also],
    });
    if (!result.done) throw busy(id);
    return result.revision;
  }

  /** Frees the name, unless it is another instance's by now. */
  #nameWrites(instance: Instance): Write[] {
    const claim = nameClaimId(instance);
    if (claim === undefined) return [];
    const owner = this.parts.state.replica.get('name', claim)?.instance;
    return owner === instance.id ? [{ kind: 'name', id: claim, value: undefined }] : [];
  }

  #bindingsOf(instance: string): string[] {
    return [...this.parts.state.replica.entries('binding')]
      .filter(([, binding]) => binding.instance === instance)
      .map(([id]) => id);
  }
}
