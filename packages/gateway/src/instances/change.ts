import { HarborError, type Instance } from '@harbor/core';
import {
  mergedParameters,
  parse,
  SERVICE_ID,
  serviceParameters,
  updateBody,
  type ParameterChanges,
  type Plan,
  type ServiceParametersWire,
} from '@harbor/wire';
import { parametersUnderName } from './rename.js';
import { checkParameters, knownPlan, requireNoMaintenance } from './wanted.js';

/** What an update asks for, checked as far as that can be without the instance. */
export interface WantedChange {
  /** Undefined where the name stays. */
  readonly name: string | undefined;
  /** Undefined where the plan stays. */
  readonly plan: Plan | undefined;
  readonly parameters: ParameterChanges;
}

/** An instance as an update makes it. */
export interface ChangedInstance {
  readonly instance: Instance;
  readonly plan: Plan;
  readonly parameters: ServiceParametersWire;
}

/**
 * Reads the body of an update. Errors: HARBOR_REQUEST_INVALID (fields, unknown ids), HARBOR_MAINTENANCE_INFO.
 */
export function wantedChange(body: unknown): WantedChange {
  const request = parse(updateBody, body, 'HARBOR_REQUEST_INVALID', 'the request body');
  requireNoMaintenance(request.maintenance_info);
  if (request.service_id !== SERVICE_ID)
    throw new HarborError('HARBOR_REQUEST_INVALID', 'service_id: is not in the catalog');
  const plan = request.plan_id == null ? undefined : knownPlan(request.service_id, request.plan_id);
  const name = request.context?.instance_name ?? undefined;
  return { name, plan, parameters: request.parameters ?? {} };
}

/**
 * Lays the changes over what there is. Errors: HARBOR_PARAMETERS_INVALID where they ask for another port, or
 * contradict the plan or what stays.
 */
export function changedInstance(instance: Instance, wanted: WantedChange): ChangedInstance {
  const plan = wanted.plan ?? knownPlan(instance.serviceId, instance.planId);
  const { port: asked, ...changes } = wanted.parameters;
  keepPort(instance, asked);
  const name = wanted.name ?? instance.name;
  const held = parametersUnderName(instance, name, plan, {
    parameters: current(instance, wanted),
    asked: changes.protocol !== undefined,
  });
  const merged = mergedParameters(held, changes);
  const parameters = parse(serviceParameters, merged, 'HARBOR_PARAMETERS_INVALID', 'parameters');
  checkParameters(plan, name, parameters);
  return { instance: { ...instance, name, planId: plan.id, parameters }, plan, parameters };
}

/** The protocol that a new plan says goes before the one that was asked for along with the old plan. */
function current({ parameters }: Instance, { plan }: WantedChange): Instance['parameters'] {
  if (plan?.protocol === undefined || parameters.protocol === plan.protocol) return parameters;
  return { ...parameters, protocol: undefined };
}

function keepPort({ credentials }: Instance, asked: number | null | undefined): void {
  if (asked === undefined || asked === credentials?.port) return;
  const stays = credentials ? `; it stays ${credentials.port}` : '';
  const problem = `parameters.port: cannot be changed by an update${stays}`;
  throw new HarborError('HARBOR_PARAMETERS_INVALID', problem);
}
