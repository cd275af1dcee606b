import {
  HarborError,
  protocolOfName,
  type Instance,
  type Millis,
  type NameClaim,
  type Protocol,
} from '@harbor/core';
import {
  HARBOR_PLATFORM,
  parse,
  planOfId,
  provisionBody,
  SERVICE_ID,
  type Plan,
  type ServiceParametersWire,
  type UpdateBody,
} from '@harbor/wire';
import { isDeepStrictEqual } from 'node:util';

/** A service instance as a request asks for it, checked. */
export interface WantedInstance {
  readonly plan: Plan;
  /** '' where the platform gave it no name. */
  readonly name: string;
  readonly organization: string;
  readonly space: string;
  readonly platform?: string;
  readonly parameters: ServiceParametersWire;
  /** The version of the service that the node has to know; v1 only. */
  readonly version?: string;
}

/**
 * Reads the body of a provision request.
 * Errors: HARBOR_REQUEST_INVALID (fields, unknown ids), HARBOR_PARAMETERS_INVALID (parameters that
 * contradict the plan or each other).
 */
export function wantedInstance(body: unknown): WantedInstance {
  const request = parse(provisionBody, body, 'HARBOR_REQUEST_INVALID', 'the request body');
  requireNoMaintenance(request.maintenance_info);
  const plan = knownPlan(request.service_id, request.plan_id);
  const name = request.context?.instance_name ?? '';
  const parameters = request.parameters ?? {};
  checkParameters(plan, name, parameters);
  return {
    plan,
    name,
    organization: request.organization_guid,
    space: request.space_guid,
    ...(request.context?.platform == null ? {} : { platform: request.context.platform }),
    parameters,
  };
}

/** The plan of a request. Errors: HARBOR_REQUEST_INVALID where the service or the plan is unknown. */
export function knownPlan(serviceId: string, planId: string): Plan {
  if (serviceId !== SERVICE_ID)
    throw new HarborError('HARBOR_REQUEST_INVALID', 'service_id: is not in the catalog');
  const plan = planOfId(planId);
  if (!plan) throw new HarborError('HARBOR_REQUEST_INVALID', 'plan_id: is not in the catalog');
  return plan;
}

/** Errors: HARBOR_MAINTENANCE_INFO where a request names a version of what the catalog has none of. */
export function requireNoMaintenance(info: UpdateBody['maintenance_info']): void {
  if (info?.version != null)
    throw new HarborError(
      'HARBOR_MAINTENANCE_INFO',
      "maintenance_info: is not the catalog's, which has none",
    );
}

/** The protocol an instance gets: its plan's, else the one asked for, else the one its name says. */
export function protocolOf(
  plan: Pick<Plan, 'protocol'>,
  parameters: { readonly protocol?: Protocol | undefined },
  name: string,
): Protocol {
  return plan.protocol ?? parameters.protocol ?? protocolOfName(name);
}

/** The parameters the node gets: those of the request, the plan's protocol among them. */
export function parametersForNode({
  plan,
  parameters,
}: Pick<WantedInstance, 'plan' | 'parameters'>): ServiceParametersWire {
  return plan.protocol === undefined ? parameters : { ...parameters, protocol: plan.protocol };
}

/** True where a repeated request asks for what there is now. */
export function isSame(instance: Instance, wanted: WantedInstance): boolean {
  const sameName = wanted.platform !== HARBOR_PLATFORM || instance.name === wanted.name;
  return (
    sameName &&
    instance.planId === wanted.plan.id &&
    instance.organization === wanted.organization &&
    instance.space === wanted.space &&
    isDeepStrictEqual(instance.parameters, wanted.parameters)
  );
}

/** The record that announces an attempt before anything is done. */
export function intentOf(id: string, wanted: WantedInstance, node: string, now: Millis): Instance {
  const { plan, name, organization, space, platform, parameters } = wanted;
  return {
    id,
    name,
    state: 'creating',
    serviceId: SERVICE_ID,
    planId: plan.id,
    organization,
    space,
    parameters,
    ...(platform === undefined ? {} : { platform }),
    node,
    createdAt: now,
  };
}

/** The id of the claim that keeps an instance's name its own; undefined where names may repeat. */
export function nameClaimId(
  instance: Pick<Instance, 'name' | 'organization' | 'space'> & { readonly platform?: string },
): string | undefined {
  return instance.platform === HARBOR_PLATFORM ? wordOf(instance) : undefined;
}

/**
 * Who gets a port back that cools down: the name in its space. Undefined where either is not known, as v1
 * allows: of two strangers with one name each would get the other's port.
 */
export function ownerOf(instance: Pick<Instance, 'name' | 'organization' | 'space'>): string | undefined {
  return instance.space === '' ? undefined : wordOf(instance);
}

/** Organization, space and name as one word; undefined where the instance has no name. */
function wordOf(instance: Pick<Instance, 'name' | 'organization' | 'space'>): string | undefined {
  if (instance.name === '') return undefined;
  return [instance.organization, instance.space, instance.name].map(encodeURIComponent).join('/');
}

/** The claim itself. */
export function nameClaim(instance: string): NameClaim {
  return { instance };
}

/** Errors: HARBOR_PARAMETERS_INVALID where the parameters contradict the plan. */
export function checkParameters(plan: Plan, name: string, parameters: ServiceParametersWire): void {
  if (plan.protocol && parameters.protocol && parameters.protocol !== plan.protocol) {
    const problem = `parameters.protocol: the plan ${plan.name} serves ${plan.protocol}, not ${parameters.protocol}`;
    throw new HarborError('HARBOR_PARAMETERS_INVALID', problem);
  }
  if (parameters.proxy_protocol === 'v1' && protocolOf(plan, parameters, name) === 'udp') {
    const problem = 'parameters.proxy_protocol: v1 knows no UDP; use v2';
    throw new HarborError('HARBOR_PARAMETERS_INVALID', problem);
  }
}
