import { protocolOfName, type Instance, type Replica } from '@harbor/core';
import { nameTaken, type Plan, type Renaming, type ServiceParametersWire } from '@harbor/wire';
import { nameClaimId, ownerOf } from './wanted.js';

/**
 * What the node writes together with the record of an instance that gets another name; undefined where the name
 * stays. Errors: HARBOR_SERVICE_EXISTS where somebody in the space has the name.
 */
export function renaming(replica: Replica, before: Instance, after: Instance): Renaming | undefined {
  if (before.name === after.name) return undefined;
  const left = nameClaimId(before);
  const taken = nameClaimId(after);
  if (taken !== undefined && replica.get('name', taken) !== undefined) throw nameTaken(after.name);
  const isOwn = left !== undefined && replica.get('name', left)?.instance === before.id;
  const owner = ownerOf(after);
  return {
    name: after.name,
    ...(owner === undefined ? {} : { owner }),
    ...(taken === undefined ? {} : { takes: taken }),
    ...(isOwn ? { leaves: left } : {}),
  };
}

/**
 * The parameters of an instance that gets another name: the protocol that its old name chose is written down where
 * the new one would choose another, because clients and instances speak it. `asked`: the update says it itself.
 */
export function parametersUnderName<T extends Instance['parameters'] | ServiceParametersWire>(
  before: Instance,
  name: string,
  plan: Plan,
  { parameters, asked }: { readonly parameters: T; readonly asked: boolean },
): T {
  const chosen = protocolOfName(before.name);
  const isOpen =
    plan.id === before.planId && plan.protocol === undefined && parameters.protocol === undefined;
  return isOpen && !asked && chosen !== protocolOfName(name)
    ? { ...parameters, protocol: chosen }
    : parameters;
}
