import { LARGEST_BLOCK } from '@harbor/core';
import { z } from 'zod';
import { serviceParameters } from './parameters.js';

/** The credentials of a service, as they travel and as an application reads them. */
export const credentials = z
  .object({
    hostname: z.string().max(255),
    host: z.string().max(255),
    port: z.int(),
    name: z.string().max(255),
    node_id: z.string().max(64),
    int_port: z.int(),
    ext_hostname: z.string().max(255).exactOptional(),
    ext_host: z.string().max(255).exactOptional(),
    ports: z
      .array(z.string().regex(/^\d{1,5}$/, { error: 'must be a port number' }))
      .min(2)
      .max(LARGEST_BLOCK)
      .readonly()
      .exactOptional()
      .describe('Every port of a block, the first first; absent where no block was asked for.'),
  })
  .meta({ id: 'Credentials' });

/** In a NATS failure: `{status, msg: {code, description, error}}`. */
export const failure = z.object({
  status: z.int(),
  msg: z.object({ code: z.int(), description: z.string(), error: z.unknown().optional() }),
});

/** Where a node is reached. */
export const nodeAddresses = z.object({
  host: z.string(),
  hostname: z.string(),
  extHost: z.string().exactOptional(),
  extHostname: z.string().exactOptional(),
});

/** `S.announce`: the extras name where the node is reached, so that credentials read later are fresh. */
export const announcement = z.object({
  id: z.string().min(1).max(64),
  plan: z.string().max(64),
  supported_versions: z.array(z.string()).optional(),
  available_capacity: z.number(),
  capacity_unit: z.number().optional(),
  revision: z.int().optional().describe('That of the shared state in which it counted its free ports.'),
  addresses: nodeAddresses.optional(),
  /** The nodes that serve the same ports; absent where the node stands alone. */
  group: z.string().min(1).max(64).optional(),
});

export type Announcement = z.output<typeof announcement>;

const owner = z.string().max(10_000).nullish().describe('Who gets a port back while it cools down.');

/** `S.provision.NODE`. `instance_id`, `name` and `parameters` ride along; an old node ignores them. */
export const provisionRequest = z.object({
  plan: z.string().max(64),
  version: z.string().max(64).nullish(),
  credentials: credentials.nullish(),
  instance_id: z.string().min(1).max(255).nullish(),
  name: z.string().max(255).nullish(),
  owner,
  parameters: serviceParameters.nullish(),
});

export type ProvisionRequest = z.output<typeof provisionRequest>;

export const credentialsReply = z.object({
  success: z.boolean(),
  credentials: credentials.nullish(),
  error: failure.nullish(),
});

export const unprovisionRequest = z.object({
  name: z.string().min(1).max(255),
  bindings: z.array(z.unknown()).nullish(),
});

export const bindRequest = z.object({
  name: z.string().min(1).max(255),
  bind_opts: z.unknown().optional(),
  credentials: credentials.nullish(),
});

export const unbindRequest = z.object({ credentials: z.object({ name: z.string() }).loose() });

export const simpleReply = z.object({ success: z.boolean(), error: failure.nullish() });

/** A handle as it comes over NATS; what a node needs of it are the credentials. */
const natsHandle = z.object({
  service_id: z.string().max(255).nullish(),
  configuration: z.looseObject({ plan: z.string().max(64).nullish() }).nullish(),
  credentials: credentials.nullish(),
  name: z.string().max(255).nullish(),
  owner,
  parameters: serviceParameters.nullish(),
});

export type NatsHandle = z.output<typeof natsHandle>;

/** `S.disable_instance`, `enable_instance`, `import_instance` and `update_instance`. */
export const migrationRequest = z.tuple([
  natsHandle.extend({ credentials }),
  z.array(natsHandle).max(10_000),
]);

/** The answer of `S.update_instance`: the handles with the credentials they have now. */
export const updatedHandles = z.union([
  z.array(natsHandle.extend({ service_id: z.string(), credentials })),
  simpleReply,
]);

/** `S.node_handles`: what a node has, in chunks. */
export const nodeHandles = z.object({
  instances_list: z.array(z.string().max(255)),
  bindings_list: z.array(z.looseObject({ name: z.string().max(255) })),
  node_id: z.string().min(1).max(64),
});

export type NodeHandles = z.output<typeof nodeHandles>;

/** `S.purge_orphan.NODE`, not answered. */
export const purgeOrphan = z.object({
  orphan_ins_list: z.array(z.string().max(255)).nullish(),
  orphan_binding_list: z.array(z.unknown()).nullish(),
});

/** `S.update_service_handle`, a handle; answered with true or false. */
export const updateServiceHandle = natsHandle.extend({ service_id: z.string().min(1).max(255), credentials });
