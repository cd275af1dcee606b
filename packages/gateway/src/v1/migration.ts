import { HarborError, type Credentials, type Instance } from '@harbor/core';
import { serviceSubjects, updateServiceHandle, z } from '@harbor/wire';
import type { Log, MessageBus } from '../dependencies.js';
import { ownerOf } from '../instances/wanted.js';
import { busy, type OperationLocks } from '../instances/locks.js';
import type { HandlePair, ServiceNodeClient } from '../nodes/client.js';
import type { SharedState } from '../state/shared-state.js';
import type { ViewSources } from '../views/sources.js';
import { bindingHandles, instanceHandle } from './handles.js';
import type { V1Services } from './services.js';

export interface MigrationParts {
  readonly state: SharedState;
  readonly sources: ViewSources;
  readonly services: V1Services;
  readonly client: ServiceNodeClient;
  readonly locks: OperationLocks;
  readonly bus: MessageBus;
  readonly service: string;
  readonly log: Log;
}

/** Moves an instance from node to node, step by step, as the operator asks for each. */
export class Migration {
  constructor(readonly parts: MigrationParts) {}

  /** Listens to nodes that have other credentials for a handle than before. */
  start(): void {
    const subject = serviceSubjects(this.parts.service).updateServiceHandle;
    const answer = async (handle: unknown): Promise<boolean> => {
      const known = updateServiceHandle.safeParse(handle);
      if (!known.success) {
        this.parts.log.warn({ event: 'bad_message', subject }, 'a handle that cannot be read');
        return false;
      }
      const { service_id, credentials } = known.data;
      if (this.parts.state.replica.get('binding', service_id)) return true;
      const instance = this.#known(service_id) ?? this.#known(credentials.name);
      return instance !== undefined && (await this.#moveTo(instance, credentials));
    };
    // The facts (§2) know true and false only.
    this.parts.bus.serve(subject, z.unknown(), answer, () => false);
  }

  /** The ids of a node's instances. */
  instances(node: string): string[] {
    return [...this.parts.state.replica.all('instance')]
      .filter((instance) => instance.node === node)
      .map((instance) => instance.credentials?.name ?? instance.id)
      .sort();
  }

  /**
   * One step; true when it is done. Errors: HARBOR_SERVICE_NOT_FOUND, HARBOR_NOT_FOUND (no such action), HARBOR_SERVICE_BUSY,
   * HARBOR_NODE_UNAVAILABLE, HARBOR_NODE_TIMEOUT, or what the node answers.
   */
  run(node: string, serviceId: string, action: string): Promise<boolean> {
    const instance = this.parts.services.find(serviceId);
    return this.parts.locks.hold(instance.id, async () => {
      await this.step(node, instance, action);
      const about = { event: 'migration', instance: instance.id, node, action };
      this.parts.log.info(about, 'a step of a migration is done');
      return true;
    });
  }

  /** The same without a lock, for who holds it. */
  async step(node: string, instance: Instance, action: string): Promise<void> {
    const { client, sources } = this.parts;
    switch (action) {
      case 'disable':
      case 'enable':
      case 'import':
        return client.migrate(action, node, this.#pair(instance));
      case 'update':
        return this.#update(node, instance);
      case 'unprovision': {
        const bound = bindingHandles(sources, instance).map(({ credentials }) => credentials);
        return client.unprovision(node, instance.credentials?.name ?? instance.id, bound);
      }
      case 'check':
        if (instance.node === node) return;
        throw new HarborError('HARBOR_SERVICE_NOT_FOUND', 'the instance is not on this node');
      default:
        throw new HarborError('HARBOR_NOT_FOUND', 'there is no such action');
    }
  }

  async #update(node: string, instance: Instance): Promise<void> {
    const handles = await this.parts.client.updateInstance(node, this.#pair(instance));
    const name = instance.credentials?.name;
    const own = handles.find(({ service_id }) => service_id === name || service_id === instance.id);
    if (!own) throw new HarborError('HARBOR_INTERNAL', `node ${node} answered without the handle asked for`);
    if (!(await this.#moveTo(instance, own.credentials))) throw busy(instance.id);
  }

  /** Takes over credentials that a node has told; false where the instance changed meanwhile. */
  async #moveTo({ id }: Instance, credentials: Credentials): Promise<boolean> {
    const { state } = this.parts;
    const instance = state.replica.get('instance', id);
    const revision = state.replica.revisionOf('instance', id);
    if (instance?.state !== 'ready' || revision === undefined) return false;
    const value = { ...instance, node: credentials.node_id, credentials };
    const result = await state.commit({
      expect: [{ kind: 'instance', id, is: 'at', revision }],
      write: [{ kind: 'instance', id, value }],
    });
    return result.done;
  }

  /** Name, owner and parameters ride along: a node that has lost the service makes it anew with them. */
  #pair(instance: Instance): HandlePair {
    const handle = instanceHandle(this.parts.sources, instance);
    if (!handle) throw busy(instance.id);
    const { name, parameters } = instance;
    const owner = ownerOf(instance);
    return [
      { ...handle, name, ...(owner === undefined ? {} : { owner }), parameters },
      bindingHandles(this.parts.sources, instance),
    ];
  }

  #known(serviceId: string): Instance | undefined {
    try {
      return this.parts.services.find(serviceId);
    } catch {
      return undefined;
    }
  }
}
