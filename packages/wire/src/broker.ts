import { z } from 'zod';
import { credentials } from './service-node.js';
import { parameterChanges, serviceParameters } from './parameters.js';

/** The Open Service Broker versions served: every 2.x. */
export const BROKER_VERSION = /^2\.\d{1,5}$/;

/** The headers of every request under /v2. */
export const brokerHeaders = z.object({
  'X-Broker-API-Version': z.string().regex(BROKER_VERSION),
  'X-Broker-API-Originating-Identity': z
    .string()
    .optional()
    .describe('The platform and base64 of a JSON object that says who is behind the request.'),
  'X-Broker-API-Request-Identity': z.string().optional().describe('Echoed.'),
});

/** How deep the free-form parameters of a binding may be nested. */
const DEEPEST = 16;

const LONE_SURROGATE = /\p{Surrogate}/u;
const CONTROL_CHARACTER = /\p{Cc}/u;

/** An id the platform chose: any text that can be percent-encoded, at most 255 characters. */
export const brokerId = z
  .string()
  .min(1)
  .max(255)
  .refine((text) => !LONE_SURROGATE.test(text), { error: 'must be well-formed Unicode' });

/** The name people gave an instance; it is shown in terminals, so it holds no control characters. */
export const instanceName = z
  .string()
  .min(1)
  .max(255)
  .refine((text) => !LONE_SURROGATE.test(text) && !CONTROL_CHARACTER.test(text), {
    error: 'must be printable text',
  });

/** The platform whose instance names are unique within a space: Harbor's own command line. */
export const HARBOR_PLATFORM = 'harbor';

const context = z.object({ platform: z.string().max(255).nullish(), instance_name: instanceName.nullish() });

/** The catalog has none, so one that names a version is another one; an empty one counts as absent. */
const maintenanceInfo = z
  .object({ version: z.string().max(255).nullish() })
  .nullish()
  .describe('The catalog has none: one with a version is answered with MaintenanceInfoConflict.');

/** `PUT /v2/service_instances/:id`. */
export const provisionBody = z
  .object({
    service_id: brokerId,
    plan_id: brokerId,
    organization_guid: brokerId,
    space_guid: brokerId,
    context: context.nullish(),
    parameters: serviceParameters.nullish(),
    maintenance_info: maintenanceInfo,
  })
  .refine((body) => body.context?.platform !== HARBOR_PLATFORM || body.context.instance_name != null, {
    path: ['context', 'instance_name'],
    error: 'is required',
  })
  .meta({ id: 'ServiceInstanceProvisionRequest' });

export type ProvisionBody = z.output<typeof provisionBody>;

/** `PATCH /v2/service_instances/:id`. */
export const updateBody = z
  .object({
    service_id: brokerId,
    plan_id: brokerId.nullish(),
    parameters: parameterChanges.nullish(),
    maintenance_info: maintenanceInfo,
    context: context
      .nullish()
      .describe('Its `instance_name` is the name from now on; the rest is not looked at.'),
    previous_values: z.unknown().optional().describe('Not looked at: Harbor knows them.'),
  })
  .meta({ id: 'ServiceInstanceUpdateRequest' });

export type UpdateBody = z.output<typeof updateBody>;

/** `PUT …/service_bindings/:bid`. */
export const bindBody = z
  .object({
    service_id: brokerId,
    plan_id: brokerId,
    app_guid: brokerId.nullish(),
    bind_resource: z.object({ app_guid: brokerId.nullish() }).nullish(),
    parameters: z
      .record(z.string(), z.unknown())
      .refine((value) => isShallow(value), { error: `must not be nested deeper than ${DEEPEST}` })
      .nullish(),
  })
  .meta({ id: 'ServiceBindingRequest' });

export type BindBody = z.output<typeof bindBody>;

/** The query of both DELETEs. */
export const deleteQuery = z.object({ service_id: brokerId, plan_id: brokerId });

export type DeleteQuery = z.output<typeof deleteQuery>;

/** Every error of the gateway: an OSB word where the specification has one, else a HARBOR_* code. */
export const errorBody = z
  .object({ error: z.string(), description: z.string() })
  .meta({ id: 'Error', description: 'What went wrong, for programs and for people.' });

export type ErrorBody = z.output<typeof errorBody>;

/** What there is to say of what is done and gone. */
export const nothing = z.object({}).meta({ id: 'Nothing' });

/** `GET /v2/service_instances/:id`. */
export const instanceResource = z
  .object({ service_id: z.string(), plan_id: z.string(), parameters: z.record(z.string(), z.unknown()) })
  .meta({ id: 'ServiceInstanceResource' });

export type InstanceResource = z.output<typeof instanceResource>;

/** A binding as PUT and GET answer it. */
export const bindingResource = z
  .object({
    credentials,
    endpoints: z.array(
      z.object({ host: z.string(), ports: z.array(z.string()), protocol: z.enum(['tcp', 'udp', 'all']) }),
    ),
    parameters: z.record(z.string(), z.unknown()).optional(),
  })
  .meta({ id: 'ServiceBindingResource' });

export type BindingResource = z.output<typeof bindingResource>;

export const lastOperation = z
  .object({ state: z.enum(['in progress', 'succeeded', 'failed']) })
  .meta({ id: 'LastOperationResource' });

export type LastOperation = z.output<typeof lastOperation>;

/** Looks level by level, so that a hostile depth cannot exhaust the stack. */
function isShallow(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; depth <= DEEPEST; depth++) {
    level = level.flatMap((item) => childrenOf(item));
    if (level.length === 0) return true;
  }
  return false;
}

function childrenOf(value: unknown): unknown[] {
  return typeof value === 'object' && value !== null ? Object.values(value) : [];
}
