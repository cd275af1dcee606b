import type { Bus } from '@harbor/bus';
import {
  backendId,
  credentialsOf,
  HarborError,
  type BackendTable,
  type Credentials,
  type Membership,
  type NodeAddresses,
  type Replica,
  type Service,
} from '@harbor/core';
import {
  bindRequest,
  parametersOf,
  planOfName,
  provisionRequest,
  serviceSubjects,
  unbindRequest,
  unprovisionRequest,
  updateRequest,
  V1_VERSION,
  type ProvisionRequest,
  type Renaming,
  type UpdateRequest,
} from '@harbor/wire';
import { randomUUID } from 'node:crypto';
import type { Allocator } from '../ports/allocator.js';
import type { Renamed, ServiceUpdater, WantedChange } from '../ports/updater.js';
import type { Wanted } from '../ports/wanted.js';
import { operations } from './operation.js';

export interface ServiceNodeOptions {
  readonly bus: Bus;
  readonly service: string;
  readonly node: string;
  readonly membership: Membership;
  /** Where a service's node is reached: this one, or another of its group. */
  readonly addressesOf: (node: string) => NodeAddresses;
  readonly allocator: Allocator;
  readonly updater: ServiceUpdater;
  /** A service has got a transport: whoever runs its instances is to announce them anew. */
  readonly onTransportAdded: () => void;
  readonly replica: Replica;
  readonly table: BackendTable;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
}

/** The service node's operations over NATS (wire facts §2). */
export function serveServiceNode(options: ServiceNodeOptions): void {
  const { bus, node, replica, table, allocator } = options;
  const subjects = serviceSubjects(options.service);

  const operation = operations(bus, options.log);

  const credentials = (id: string): Credentials => {
    const service = replica.get('service', id);
    if (!service || !options.membership.owns(service))
      throw new HarborError('HARBOR_SERVICE_NOT_FOUND', `no service ${id} on ${node}`);
    return credentialsOf(service, options.addressesOf(service.node));
  };

  const provision = async (request: ProvisionRequest): Promise<Service> => {
    const { credentials: exact } = request;
    const service = await allocator.provision(wantedOf(request));
    if (exact == null || (exact.port === service.port && exact.int_port === service.intPort)) return service;
    const message = `service ${service.id} exists with port ${service.port}, int_port ${service.intPort}`;
    throw new HarborError('HARBOR_SERVICE_EXISTS', message);
  };

  operation(subjects.provision(node), provisionRequest, async (request) => {
    const service = await provision(request);
    options.log.info(
      { event: 'provisioned', service: service.id, port: service.port, protocol: service.protocol },
      `provisioned port ${service.port}`,
    );
    return { credentials: credentials(service.id) };
  });

  operation(subjects.unprovision(node), unprovisionRequest, async ({ name }) => {
    const backends = table.ofService(name).map(backendId);
    if (await allocator.unprovision(name, backends)) {
      table.removeService(name);
      options.log.info({ event: 'unprovisioned', service: name }, 'unprovisioned');
    }
    return {};
  });

  operation(subjects.update(node), updateRequest, async (request) => {
    const { service, revision, added } = await options.updater.update(changeOf(request));
    const { id, port, protocol } = service;
    options.log.info({ event: 'updated', service: id, port, protocol, plan: service.plan }, 'updated');
    if (added.length > 0) options.onTransportAdded();
    return { credentials: credentials(id), revision };
  });

  operation(subjects.bind(node), bindRequest, async ({ name }) =>
    Promise.resolve({ credentials: credentials(name) }),
  );
  operation(subjects.unbind(node), unbindRequest, async () => Promise.resolve({}));
}

function wantedOf(request: ProvisionRequest): Wanted {
  const plan = planOfName(request.plan);
  if (!plan) throw new HarborError('HARBOR_PLAN_UNKNOWN', 'this node knows no such plan');
  if (request.version != null && request.version !== V1_VERSION)
    throw new HarborError('HARBOR_VERSION_UNSUPPORTED', `this node knows version ${V1_VERSION} only`);
  const planned = plan.protocol === undefined ? {} : { protocol: plan.protocol };
  const id = request.credentials?.name ?? request.instance_id ?? randomUUID();
  return {
    id,
    name: request.name ?? '',
    plan: request.plan,
    ...(request.owner == null ? {} : { owner: request.owner }),
    parameters: { ...planned, ...parametersOf(request.parameters ?? {}) },
    ...(request.credentials ? { credentials: request.credentials } : {}),
  };
}

function changeOf({ name, plan, parameters, instance, renamed }: UpdateRequest): WantedChange {
  return {
    id: name,
    plan,
    parameters: parametersOf(parameters),
    ...(instance ? { instance } : {}),
    ...(renamed ? { renamed: renamedBy(renamed) } : {}),
  };
}

function renamedBy({ name, owner, takes, leaves }: Renaming): Renamed {
  return {
    name,
    ...(owner == null ? {} : { owner }),
    ...(takes == null ? {} : { takes }),
    ...(leaves == null ? {} : { leaves }),
  };
}
