import { HarborError, type Credentials, type Instance } from '@harbor/core';
import { isDeepStrictEqual } from 'node:util';
import type { Log } from '../dependencies.js';
import type { ServiceNodeClient } from '../nodes/client.js';
import type { Reach } from '../nodes/reach.js';
import type { SharedState } from '../state/shared-state.js';
import { changedInstance, type WantedChange } from './change.js';
import { busy, type OperationLocks } from './locks.js';
import { renaming } from './rename.js';
import { parametersForNode } from './wanted.js';

export interface UpdaterParts {
  readonly state: SharedState;
  readonly client: ServiceNodeClient;
  readonly reach: Reach;
  readonly locks: OperationLocks;
  readonly log: Log;
}

/**
 * Changes the name, plan and parameters of instances. The node writes the instance's record in the same commit as
 * the service, so there is nothing for recovery to finish: a crash at any moment leaves all or nothing.
 */
export class Updater {
  constructor(readonly parts: UpdaterParts) {}

  /**
   * Errors: HARBOR_SERVICE_NOT_FOUND, HARBOR_SERVICE_BUSY, HARBOR_PARAMETERS_INVALID, HARBOR_SERVICE_EXISTS
   * (the name is taken), HARBOR_PORT_TAKEN (the
   * number is held for the transport that is to come), HARBOR_DATA_PLANE_UNAVAILABLE, HARBOR_NOT_IMPLEMENTED
   * (an older node), HARBOR_NODE_*, HARBOR_REDIS_UNAVAILABLE, HARBOR_NATS_UNAVAILABLE. Nothing has changed
   * then, but for HARBOR_NODE_TIMEOUT and HARBOR_REDIS_UNAVAILABLE, after which all may have.
   */
  update(id: string, wanted: WantedChange): Promise<void> {
    return this.parts.locks.hold(id, () => this.#update(id, wanted));
  }

  async #update(id: string, wanted: WantedChange): Promise<void> {
    const { state, client, reach, log } = this.parts;
    const { before, credentials, revision } = this.#ready(id);
    const { instance, plan, parameters } = changedInstance(before, wanted);
    if (isDeepStrictEqual(instance, before)) return;
    const renamed = renaming(state.replica, before, instance);
    client.requireConnection();
    const { node_id: node, name } = credentials;
    const request = {
      name,
      plan: plan.name,
      parameters: parametersForNode({ plan, parameters }),
      instance: { revision, record: instance },
      ...(renamed === undefined ? {} : { renamed }),
    };
    const written = await reach.ask(before, (each) => client.update(each, request));
    await state.seen(written);
    log.info({ event: 'updated', instance: id, node, port: credentials.port, plan: plan.name }, 'updated');
  }

  #ready(id: string): { before: Instance; credentials: Credentials; revision: number } {
    const { replica } = this.parts.state;
    const before = replica.get('instance', id);
    const revision = replica.revisionOf('instance', id);
    if (!before || revision === undefined)
      throw new HarborError('HARBOR_SERVICE_NOT_FOUND', 'there is no service instance with this id');
    if (before.state !== 'ready' || !before.credentials) throw busy(id);
    return { before, credentials: before.credentials, revision };
  }
}
