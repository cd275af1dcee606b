import type { Bus } from '@harbor/bus';
import {
  asHarborError,
  backendId,
  credentialsOf,
  HarborError,
  type BackendTable,
  type Credentials,
  type ErrorCode,
  type NodeAddresses,
  type Replica,
} from '@harbor/core';
import {
  bindRequest,
  parametersOf,
  provisionRequest,
  serviceSubjects,
  unbindRequest,
  unprovisionRequest,
  updateRequest,
  type ProvisionRequest,
  type UpdateRequest,
  type z,
} from '@harbor/wire';
import { randomUUID } from 'node:crypto';
import type { Allocator } from '../ports/allocator.js';
import type { ServiceUpdater } from '../ports/updater.js';

export interface ServiceNodeOptions {
  readonly bus: Bus;
  readonly service: string;
  readonly node: string;
  readonly addresses: () => NodeAddresses;
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

  const operation = <T>(
    subject: string,
    schema: z.ZodType<T>,
    run: (request: T) => Promise<object>,
  ): void => {
    bus.serve(subject, schema, async (request) => {
      try {
        return { success: true, ...(await run(request)) };
      } catch (thrown) {
        const error = asHarborError(thrown);
        options.log.warn({ event: 'refused', subject, err: error }, error.message);
        return { success: false, error: failureOf(error) };
      }
    });
  };

  const credentials = (id: string): Credentials => {
    const service = replica.get('service', id);
    if (service?.node !== node)
      throw new HarborError('HARBOR_SERVICE_NOT_FOUND', `no service ${id} on ${node}`);
    return credentialsOf(service, options.addresses());
  };

  operation(subjects.provision(node), provisionRequest, async (request) => {
    const service = await allocator.provision(wantedOf(request));
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

function wantedOf(request: ProvisionRequest) {
  const id = request.credentials?.name ?? request.instance_id ?? randomUUID();
  return {
    id,
    name: request.name ?? '',
    plan: request.plan,
    parameters: parametersOf(request.parameters ?? {}),
    ...(request.credentials ? { credentials: request.credentials } : {}),
  };
}

function changeOf({ name, plan, parameters, instance }: UpdateRequest) {
  return { id: name, plan, parameters: parametersOf(parameters), ...(instance ? { instance } : {}) };
}

/** Our own codes on the wire start at 31000 (wire facts §1). */
const WIRE_CODES: Partial<Record<ErrorCode, number>> = {
  HARBOR_SERVICE_NOT_FOUND: 30300,
  HARBOR_INTERNAL: 30500,
  HARBOR_NODE_TIMEOUT: 30502,
  HARBOR_PORT_RANGE_FULL: 31001,
  HARBOR_PORT_TAKEN: 31002,
  HARBOR_PORT_OUT_OF_RANGE: 31003,
  HARBOR_SERVICE_EXISTS: 31004,
  HARBOR_CONNECTOR_UNAVAILABLE: 31005,
  HARBOR_REDIS_UNAVAILABLE: 31006,
  HARBOR_DATA_PLANE_UNAVAILABLE: 31007,
  HARBOR_SERVICE_BUSY: 31008,
  HARBOR_PARAMETERS_INVALID: 31009,
};

function failureOf(error: HarborError) {
  const code = WIRE_CODES[error.code] ?? 31000;
  return { status: error.entry.status, msg: { code, description: error.message, error: error.code } };
}
