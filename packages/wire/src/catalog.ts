import type { Protocol } from '@harbor/core';
import { z } from 'zod';
import { nullable, serviceParameters } from './parameters.js';

/** The id of Harbor's one service; platforms keep it, so it never changes. */
export const SERVICE_ID = '3edeafa1-2fd8-414e-a125-62570fe168ed';

/** The service's name, and the label in VCAP_SERVICES. */
export const SERVICE_NAME = 'harbor';

export const SERVICE_TAGS: readonly string[] = ['harbor', 'port', 'tcp', 'udp'];

/** A plan of the service; `protocol` is what it serves, undefined where the instance's name says it. */
export interface Plan {
  readonly id: string;
  readonly name: string;
  readonly protocol?: Protocol;
  readonly description: string;
}

/** The plans, their ids as lasting as the service's. `free` is the plan of the v1 gateway. */
export const PLANS: readonly Plan[] = [
  {
    id: 'd77bab3c-6fb9-49e6-921f-e8fed68bfcb5',
    name: 'tcp',
    protocol: 'tcp',
    description: 'A TCP port; connections go round-robin to every live instance.',
  },
  {
    id: 'b05f3881-b260-4b1b-b6ef-6fd3ac458b12',
    name: 'udp',
    protocol: 'udp',
    description: 'A UDP port; datagrams go to the first instance that came, later ones queue.',
  },
  {
    id: '9b0f1a00-8233-41fc-b02e-e3a724c067fe',
    name: 'both',
    protocol: 'both',
    description: 'TCP and UDP on one port number.',
  },
  {
    id: 'b60aa296-4667-472d-b2a1-0a8317f81836',
    name: 'free',
    description: "A port whose protocol the instance's name chooses: udp-…, both-…, otherwise TCP.",
  },
];

/** The plan with this id; undefined when there is none. */
export function planOfId(id: string): Plan | undefined {
  return PLANS.find((plan) => plan.id === id);
}

/** The plan with this name; undefined when there is none. */
export function planOfName(name: string): Plan | undefined {
  return PLANS.find((plan) => plan.name === name);
}

const freeForm = z.record(z.string(), z.unknown());

/** `GET /v2/catalog`. */
export const catalogBody = z
  .object({
    services: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        description: z.string(),
        bindable: z.boolean(),
        instances_retrievable: z.boolean(),
        bindings_retrievable: z.boolean(),
        allow_context_updates: z.boolean(),
        plan_updateable: z.boolean(),
        tags: z.array(z.string()),
        metadata: freeForm,
        plans: z.array(
          z.object({
            id: z.string(),
            name: z.string(),
            description: z.string(),
            free: z.boolean(),
            bindable: z.boolean(),
            plan_updateable: z.boolean(),
            metadata: freeForm,
            schemas: freeForm,
          }),
        ),
      }),
    ),
  })
  .meta({ id: 'Catalog' });

/** What `GET /v2/catalog` answers. */
export function catalog() {
  return {
    services: [
      {
        id: SERVICE_ID,
        name: SERVICE_NAME,
        description: 'TCP and UDP ports for applications, proxied to every live instance.',
        bindable: true,
        instances_retrievable: true,
        bindings_retrievable: true,
        allow_context_updates: true,
        plan_updateable: true,
        tags: [...SERVICE_TAGS],
        metadata: {
          displayName: 'Harbor',
          longDescription:
            'A public port number that forwards TCP or UDP to the instances of an application, wherever they run.',
        },
        plans: PLANS.map(planEntry),
      },
    ],
  };
}

function planEntry(plan: Plan) {
  const { id, name, description } = plan;
  return {
    id,
    name,
    description,
    free: true,
    bindable: true,
    metadata: { displayName: name, bullets: [description] },
    plan_updateable: true,
    schemas: {
      service_instance: {
        create: { parameters: draft4(parametersOfPlan(plan.protocol)) },
        update: { parameters: draft4(nullable(parametersOfPlan(plan.protocol))) },
      },
    },
  };
}

/** The parameters of a service with this plan: the protocol can be nothing but the plan's. */
function parametersOfPlan(protocol: Protocol | undefined) {
  const allowed =
    protocol === undefined
      ? serviceParameters.shape.protocol
      : z.literal(protocol).optional().describe('What the plan serves.');
  return { ...serviceParameters.shape, protocol: allowed };
}

/** As JSON Schema draft 4, the version every platform must understand. */
function draft4(shape: z.ZodRawShape) {
  return z.toJSONSchema(z.strictObject(shape), { io: 'input', target: 'draft-4' });
}
