import { HarborError, type Instance } from '@harbor/core';
import {
  brokerId,
  parse,
  planOfId,
  planOfName,
  V1_PLAN,
  v1Configuration,
  v1Handle,
  v1Unbind,
  type Handle,
  type Plan,
  type V1Configuration,
} from '@harbor/wire';
import { randomUUID } from 'node:crypto';
import type { Bindings } from '../bindings/bindings.js';
import type { Deprovisioner } from '../instances/deprovision.js';
import type { Provisioner } from '../instances/provision.js';
import type { ViewSources } from '../views/sources.js';
import { bindingHandle, instanceHandle } from './handles.js';

export interface V1ServicesParts {
  readonly provisioner: Provisioner;
  readonly deprovisioner: Deprovisioner;
  readonly bindings: Bindings;
  readonly sources: ViewSources;
}

/** Services and bindings as the v1 gateway names them; they are those of the Open Service Broker API. */
export class V1Services {
  constructor(readonly parts: V1ServicesParts) {}

  /**
   * Creates an instance under a fresh id.
   * Errors: HARBOR_REQUEST_INVALID, HARBOR_PLAN_ID_UNKNOWN, and those of the provisioner.
   */
  async provision(body: unknown): Promise<Handle> {
    const request = parse(v1Configuration, body, 'HARBOR_REQUEST_INVALID', 'the request body');
    const plan = planOf(request);
    const id = randomUUID();
    await this.parts.provisioner.provision(id, {
      plan,
      name: request.name,
      organization: request.organization_guid ?? '',
      space: request.space_guid ?? '',
      parameters: {},
      ...(request.version == null ? {} : { version: request.version }),
    });
    return this.#handleOf(this.find(id));
  }

  /** Errors: HARBOR_SERVICE_NOT_FOUND, and those of the deprovisioner. */
  async unprovision(serviceId: unknown): Promise<void> {
    const { id, serviceId: service_id, planId: plan_id } = this.find(idIn(serviceId));
    await this.parts.deprovisioner.deprovision(id, { service_id, plan_id });
  }

  /** Binds under a fresh id. Errors: HARBOR_REQUEST_INVALID, and those of the bindings. */
  async bind(body: unknown): Promise<Handle> {
    const request = parse(v1Handle, body, 'HARBOR_REQUEST_INVALID', 'the request body');
    const { bindings, sources } = this.parts;
    const instance = this.find(request.service_id);
    const id = randomUUID();
    await bindings.bind(instance.id, id, {
      serviceId: instance.serviceId,
      planId: instance.planId,
      parameters: request.binding_options,
      ...(request.app_id == null ? {} : { app: request.app_id }),
    });
    const handle = bindingHandle(sources, bindings.get(instance.id, id));
    if (!handle) throw noSuch();
    return handle;
  }

  /** Errors: HARBOR_REQUEST_INVALID, HARBOR_SERVICE_NOT_FOUND, and those of the bindings. */
  async unbind(body: unknown): Promise<void> {
    const request = parse(v1Unbind, body, 'HARBOR_REQUEST_INVALID', 'the request body');
    const instance = this.find(request.service_id);
    const { serviceId: service_id, planId: plan_id } = instance;
    await this.parts.bindings.unbind(instance.id, request.handle_id, { service_id, plan_id });
  }

  /** The instance by its service_id: its id, or the name a foreign node gave it. */
  find(serviceId: string): Instance {
    const { replica } = this.parts.sources;
    const known = replica.get('instance', serviceId);
    if (known) return known;
    for (const instance of replica.all('instance'))
      if (instance.credentials?.name === serviceId) return instance;
    throw noSuch();
  }

  #handleOf(instance: Instance): Handle {
    const handle = instanceHandle(this.parts.sources, instance);
    if (!handle) throw noSuch();
    return handle;
  }
}

/** A text from the path as an id. Errors: HARBOR_REQUEST_INVALID. */
export function idIn(text: unknown): string {
  return parse(brokerId, text, 'HARBOR_REQUEST_INVALID', 'the id in the path');
}

/** The plan is known by its id or by its name; without a name it is the one that v1 always had. */
function planOf({ unique_id, plan }: V1Configuration): Plan {
  const found = planOfId(unique_id) ?? planOfName(plan ?? V1_PLAN);
  if (found) return found;
  throw new HarborError('HARBOR_PLAN_ID_UNKNOWN', 'neither unique_id nor plan is known');
}

function noSuch(): HarborError {
  return new HarborError('HARBOR_SERVICE_NOT_FOUND', 'there is no service with this service_id');
}
