import { LARGEST_BLOCK, type ServiceParameters } from '@harbor/core';
import { z } from 'zod';
import { cidr, portNumber } from './address.js';

const seconds = z.number().min(0).max(86_400);

/** A parameter that there is not: a slip of the finger is to be found at once. */
function noSuchParameter(issue: {
  readonly code: string;
  readonly keys?: readonly string[];
}): string | undefined {
  if (issue.code !== 'unrecognized_keys') return undefined;
  const known = Object.keys(serviceParameters.shape).join(', ');
  return `there is no ${(issue.keys ?? []).map((key) => key.slice(0, 64)).join(', ')}; there are ${known}`;
}

/** What can be asked for together with `preserve_client_ip` but not be had: only the kernel can do that. */
const RELAYED = {
  plane: "the relay, which plane asks for, cannot keep the client's address",
  proxy_protocol: "proxy_protocol is for the relay; it tells the backend the client's address by itself",
  idle_timeout: 'the kernel ends no silent TCP connection: leave idle_timeout out, or ask for protocol udp',
} as const;

/** Which of those asks for what only the relay does. */
function relayedBy(wire: Partial<Record<string, unknown>>): keyof typeof RELAYED | undefined {
  if (wire.plane === 'embedded') return 'plane';
  if (wire.proxy_protocol !== undefined) return 'proxy_protocol';
  return Number(wire.idle_timeout ?? 0) > 0 && wire.protocol !== 'udp' ? 'idle_timeout' : undefined;
}

/** The parameters of a service as they are sent: `-c JSON`, OSB `parameters` (contract §3). */
export const serviceParameters = z
  .strictObject(
    {
      protocol: z.enum(['tcp', 'udp', 'both']).optional().describe('Wins over the protocol in the name.'),
      port: portNumber.optional().describe('Ask for this port; refused if taken or outside the range.'),
      ports: z
        .int()
        .min(2)
        .max(LARGEST_BLOCK)
        .optional()
        .describe('A block of as many contiguous ports; with port it starts there.'),
      proxy_protocol: z
        .enum(['v1', 'v2'])
        .optional()
        .describe('Send a PROXY protocol header to the backend.'),
      allow: z.array(cidr).max(1_000).optional().describe('Only clients in these CIDR blocks.'),
      deny: z.array(cidr).max(1_000).optional().describe('No clients in these CIDR blocks; wins over allow.'),
      max_connections: z
        .int()
        .min(0)
        .max(1_000_000)
        .optional()
        .describe('Open connections at most; 0: no limit.'),
      idle_timeout: seconds.optional().describe('End a connection silent for this long, s; 0: never.'),
      drain_timeout: seconds.optional().describe('How long connections to a removed backend may go on, s.'),
      plane: z
        .enum(['auto', 'embedded'])
        .optional()
        .describe('embedded: through the relay, which tries another backend where one refuses.'),
      preserve_client_ip: z
        .boolean()
        .optional()
        .describe(
          "The backend sees the client's address, its route back leads through Harbor; kernel plane only.",
        ),
      public: z.boolean().optional().describe('List the port in the catalog.'),
    },
    { error: noSuchParameter },
  )
  .superRefine((wire, context) => {
    const conflict = wire.preserve_client_ip ? relayedBy(wire) : undefined;
    if (conflict === undefined) return;
    const message = `cannot be had here: ${RELAYED[conflict]}`;
    context.addIssue({ code: 'custom', path: ['preserve_client_ip'], message });
  })
  .meta({ id: 'ServiceParameters' });

/**
 * The parameters of an update: those given are laid over the ones that hold, null takes one away. `port` may
 * be repeated, but not changed.
 */
export const parameterChanges = z
  .strictObject(nullable(serviceParameters.shape), { error: noSuchParameter })
  .meta({ id: 'ServiceParameterChanges' });

export type ParameterChanges = z.output<typeof parameterChanges>;

/** The same fields, each of which may also be null. */
export function nullable<S extends z.ZodRawShape>(shape: S): { [K in keyof S]: z.ZodNullable<S[K]> } {
  const entries = Object.entries(shape).map(([name, schema]) => {
    const field = z.nullable(schema as z.ZodType);
    const { description } = schema as z.ZodType;
    return [name, description === undefined ? field : field.describe(description)];
  });
  return Object.fromEntries(entries) as { [K in keyof S]: z.ZodNullable<S[K]> };
}

/** The parameters after an update, in the wire's own form and still to be checked as a whole. */
export function mergedParameters(
  current: Readonly<Record<string, unknown>>,
  changes: ParameterChanges,
): Record<string, unknown> {
  const merged = Object.entries({ ...current, ...changes });
  return Object.fromEntries(merged.filter(([, value]) => value !== null && value !== undefined));
}

export type ServiceParametersWire = z.output<typeof serviceParameters>;

/** Wire form to domain. */
export function parametersOf(wire: ServiceParametersWire): ServiceParameters {
  return {
    ...(wire.protocol === undefined ? {} : { protocol: wire.protocol }),
    ...(wire.port === undefined ? {} : { port: wire.port }),
    ...(wire.ports === undefined ? {} : { ports: wire.ports }),
    ...(wire.proxy_protocol === undefined ? {} : { proxyProtocol: wire.proxy_protocol }),
    ...(wire.allow === undefined ? {} : { allow: wire.allow }),
    ...(wire.deny === undefined ? {} : { deny: wire.deny }),
    ...(wire.max_connections === undefined ? {} : { maxConnections: wire.max_connections }),
    ...(wire.idle_timeout === undefined ? {} : { idleTimeout: wire.idle_timeout }),
    ...(wire.drain_timeout === undefined ? {} : { drainTimeout: wire.drain_timeout }),
    ...(wire.plane === undefined ? {} : { plane: wire.plane }),
    ...(wire.preserve_client_ip === undefined ? {} : { preserveClientIp: wire.preserve_client_ip }),
    ...(wire.public === undefined ? {} : { public: wire.public }),
  };
}
