import { HarborError, type Binding, type Clock, type Instance } from '@harbor/core';
import { bindBody, parse, type DeleteQuery } from '@harbor/wire';
import { isDeepStrictEqual } from 'node:util';
import { busy } from '../instances/locks.js';
import { knownPlan } from '../instances/wanted.js';
import type { SharedState } from '../state/shared-state.js';

/** A binding as a request asks for it, checked. */
export type WantedBinding = Omit<Binding, 'id' | 'instance' | 'createdAt'>;

/** Reads the body of a bind request. Errors: HARBOR_REQUEST_INVALID. */
export function wantedBinding(body: unknown): WantedBinding {
  const request = parse(bindBody, body, 'HARBOR_REQUEST_INVALID', 'the request body');
  knownPlan(request.service_id, request.plan_id);
  const app = request.bind_resource?.app_guid ?? request.app_guid;
  return {
    serviceId: request.service_id,
    planId: request.plan_id,
    parameters: request.parameters ?? {},
    ...(app == null ? {} : { app }),
  };
}

/** Binds instances to applications. A binding is a record only: the node has nothing to do for it. */
export class Bindings {
  constructor(
    readonly state: SharedState,
    readonly clock: Clock,
  ) {}

  /** Errors: HARBOR_SERVICE_NOT_FOUND. */
  get(instance: string, id: string): Binding {
    const binding = this.#find(instance, id);
    if (!binding) throw new HarborError('HARBOR_SERVICE_NOT_FOUND', 'there is no such binding');
    return binding;
  }

  /**
   * Errors: HARBOR_SERVICE_NOT_FOUND (the instance), HARBOR_SERVICE_BUSY, HARBOR_SERVICE_EXISTS (another
   * binding has the id), HARBOR_REQUEST_INVALID (another plan), HARBOR_REDIS_UNAVAILABLE.
   */
  async bind(instanceId: string, id: string, wanted: WantedBinding): Promise<'created' | 'unchanged'> {
    const instance = this.#bindable(instanceId);
    const existing = this.state.replica.get('binding', id);
    if (existing) return repeated(existing, instance.value, wanted);
    if (wanted.planId !== instance.value.planId)
      throw new HarborError('HARBOR_REQUEST_INVALID', "plan_id: is not the instance's");
    const binding: Binding = { id, instance: instanceId, ...wanted, createdAt: this.clock.now() };
    const result = await this.state.commit({
      expect: [
        // Deleting the instance changes its revision first, so no binding can slip in behind it.
        { kind: 'instance', id: instanceId, is: 'at', revision: instance.revision },
        { kind: 'binding', id, is: 'absent' },
      ],
      write: [{ kind: 'binding', id, value: binding }],
    });
    if (!result.done) throw busy(instanceId);
    return 'created';
  }

  /** Errors: HARBOR_SERVICE_GONE, HARBOR_REQUEST_INVALID (another plan), HARBOR_REDIS_UNAVAILABLE. */
  async unbind(instanceId: string, id: string, query: DeleteQuery): Promise<void> {
    const binding = this.#find(instanceId, id);
    if (!binding) throw gone();
    const plans = [binding.planId, this.state.replica.get('instance', instanceId)?.planId];
    if (binding.serviceId !== query.service_id || !plans.includes(query.plan_id))
      throw new HarborError('HARBOR_REQUEST_INVALID', 'service_id and plan_id are not those of the binding');
    const result = await this.state.commit({
      expect: [{ kind: 'binding', id, is: 'present' }],
      write: [{ kind: 'binding', id, value: undefined }],
    });
    if (!result.done) throw gone();
  }

  #find(instance: string, id: string): Binding | undefined {
    const binding = this.state.replica.get('binding', id);
    return binding?.instance === instance ? binding : undefined;
  }

  #bindable(id: string): { value: Instance; revision: number } {
    const { replica } = this.state;
    const value = replica.get('instance', id);
    const revision = replica.revisionOf('instance', id);
    if (!value || revision === undefined)
      throw new HarborError('HARBOR_SERVICE_NOT_FOUND', 'there is no service instance with this id');
    if (value.state !== 'ready') throw busy(id);
    return { value, revision };
  }
}

/** The plan is the instance's, which an update may have changed since the binding was made. */
function repeated(existing: Binding, instance: Instance, wanted: WantedBinding): 'unchanged' {
  const { id, createdAt, planId } = existing;
  const asked = { id, instance: instance.id, createdAt, ...wanted, planId };
  if (wanted.planId === instance.planId && isDeepStrictEqual(existing, asked)) return 'unchanged';
  throw new HarborError('HARBOR_SERVICE_EXISTS', 'a binding with this id exists and differs');
}

function gone(): HarborError {
  return new HarborError('HARBOR_SERVICE_GONE', 'there is no such binding');
}
