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
  })
  .meta({ id: 'Credentials' });

/** In a NATS failure: `{status, msg: {code, description, error}}`. */
export const failure = z.object({
  status: z.int(),
  msg: z.object({ code: z.int(), description: z.string(), error: z.unknown().optional() }),
});

/** `S.announce`: the extras name where the node is reached, so that credentials read later are fresh. */
export const announcement = z.object({
  id: z.string().min(1).max(64),
  plan: z.string().max(64),
  supported_versions: z.array(z.string()).optional(),
  available_capacity: z.number(),
  capacity_unit: z.number().optional(),
  addresses: z
    .object({
      host: z.string(),
      hostname: z.string(),
      extHost: z.string().exactOptional(),
      extHostname: z.string().exactOptional(),
    })
    .optional(),
});

export type Announcement = z.output<typeof announcement>;

/** `S.provision.NODE`. `instance_id`, `name` and `parameters` ride along; an old node ignores them. */
export const provisionRequest = z.object({
  plan: z.string().max(64),
  version: z.string().max(64).nullish(),
  credentials: credentials.nullish(),
  instance_id: z.string().min(1).max(255).nullish(),
  name: z.string().max(255).nullish(),
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
