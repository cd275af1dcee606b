import { z } from 'zod';
import { bindBody, brokerId, instanceName } from './broker.js';
import { credentials } from './service-node.js';
import { nodeId } from './token.js';

/** What the v1 gateway's service is called (wire facts, head). */
export const V1_LABEL = 'harbor-1.0';
export const V1_PROVIDER = 'core';
export const V1_VERSION = '1.0';
export const V1_PLAN = 'free';

const text = z.string().max(255).nullish();

/** `POST /gateway/v1/configurations`; a null counts as absent. */
export const v1Configuration = z
  .object({
    unique_id: z.string().min(1).max(255).describe('The id of a plan.'),
    name: instanceName.describe('What the instance is called; it chooses the protocol.'),
    email: text,
    provider: text,
    label: text,
    plan: text,
    version: text,
    organization_guid: brokerId.nullish(),
    space_guid: brokerId.nullish(),
    plan_option: z.unknown().optional(),
  })
  .meta({ id: 'V1Configuration' });

export type V1Configuration = z.output<typeof v1Configuration>;

const bindingOptions = bindBody.shape.parameters.unwrap().unwrap();

/** `POST /gateway/v1/configurations/:service_id/handles`. */
export const v1Handle = z
  .object({
    service_id: brokerId,
    label: z.string().max(255),
    email: z.string().max(255),
    binding_options: bindingOptions,
    app_id: brokerId.nullish(),
  })
  .meta({ id: 'V1HandleRequest' });

export type V1HandleRequest = z.output<typeof v1Handle>;

/** The body of `DELETE …/handles/:handle_id`; its ids count, not those of the path. */
export const v1Unbind = z
  .object({ service_id: brokerId, handle_id: brokerId, binding_options: bindingOptions })
  .meta({ id: 'V1UnbindRequest' });

/** A handle: an instance or a binding as the v1 interfaces name it. */
export const handle = z
  .object({
    service_id: z.string().min(1).max(255),
    configuration: z
      .looseObject({
        plan: z.string().max(64).nullish(),
        version: z.string().max(64).nullish(),
        data: z.looseObject({ binding_options: z.unknown().optional() }).nullish(),
      })
      .nullish(),
    credentials: credentials.loose(),
  })
  .meta({ id: 'Handle' });

export type Handle = z.output<typeof handle>;

/** An error of the v1 gateway. */
export const v1Error = z
  .object({
    code: z.int(),
    description: z.string(),
    error: z.object({ backtrace: z.array(z.string()).nullable(), types: z.array(z.string()) }),
  })
  .meta({ id: 'V1Error' });

export type V1Error = z.output<typeof v1Error>;

const byNode = <T extends z.ZodType>(entry: T) => z.record(nodeId, z.array(entry).max(10_000)).nullish();

/** `DELETE /service/internal/v1/purge_orphan`. */
export const v1Purge = z
  .object({ orphan_instances: byNode(brokerId), orphan_bindings: byNode(credentials.loose()) })
  .meta({ id: 'V1PurgeRequest' });

/** What the cloud controller answers on `GET /services/v1/offerings/{label}/handles`. */
export const handlesReply = z.object({
  handles: z.array(
    z.object({
      service_id: z.string().max(255),
      configuration: z.unknown().optional(),
      credentials: z.looseObject({ name: z.string().max(255).nullish() }).nullish(),
    }),
  ),
});

/** `POST /services/v1/offerings` to the cloud controller. */
export const offering = z
  .object({
    label: z.string(),
    url: z.string().describe('Where the cloud controller reaches this gateway.'),
    supported_versions: z.array(z.string()),
    version_aliases: z.record(z.string(), z.string()),
    description: z.string(),
    provider: z.string(),
    plans: z.array(z.string()),
    default_plan: z.string(),
    tags: z.array(z.string()),
    active: z.boolean().describe('false at the exit of the gateway.'),
    acls: z.record(z.string(), z.unknown()),
    timeout: z.int().describe('How long the cloud controller waits, s.'),
  })
  .meta({ id: 'Offering' });

export type Offering = z.output<typeof offering>;
