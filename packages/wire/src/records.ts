import type { Kind, Records } from '@harbor/core';
import { z } from 'zod';
import { backendHost, cidr, portNumber } from './address.js';
import { parseJson } from './parse.js';
import { credentials, nodeAddresses } from './service-node.js';

const protocol = z.enum(['tcp', 'udp', 'both']);
const transport = z.enum(['tcp', 'udp']);
const cidrs = z.array(cidr);
const anything = z.record(z.string(), z.unknown());

const parameters = z.object({
  protocol: protocol.exactOptional(),
  port: z.int().exactOptional(),
  ports: z.int().exactOptional(),
  proxyProtocol: z.enum(['v1', 'v2']).exactOptional(),
  allow: cidrs.exactOptional(),
  deny: cidrs.exactOptional(),
  maxConnections: z.number().exactOptional(),
  idleTimeout: z.number().exactOptional(),
  drainTimeout: z.number().exactOptional(),
  plane: z.enum(['auto', 'embedded']).exactOptional(),
  preserveClientIp: z.boolean().exactOptional(),
  public: z.boolean().exactOptional(),
});

const group = z.string().exactOptional();
const claim = z.object({ node: z.string(), group, port: z.int(), service: z.string() });

/** A service instance as it stands in Redis. */
export const instanceRecord = z.object({
  id: z.string(),
  name: z.string(),
  state: z.enum(['creating', 'ready', 'deleting']),
  serviceId: z.string(),
  planId: z.string(),
  organization: z.string(),
  space: z.string(),
  parameters: anything,
  platform: z.string().exactOptional(),
  node: z.string().exactOptional(),
  credentials: credentials.exactOptional(),
  createdAt: z.number(),
});

/** How each kind of record stands in Redis: JSON of the domain's own shape, checked when read. */
const SCHEMAS: { readonly [K in Kind]: z.ZodType<Records[K]> } = {
  service: z.object({
    id: z.string(),
    name: z.string(),
    node: z.string(),
    group,
    port: z.int(),
    ports: z.int().exactOptional(),
    intPort: z.int(),
    protocol,
    plan: z.string(),
    parameters,
    owner: z.string().exactOptional(),
    createdAt: z.number(),
    disabled: z.literal(true).exactOptional(),
  }),
  port: claim,
  int_port: claim,
  cooling: z.object({
    node: z.string(),
    group,
    port: z.int(),
    service: z.string(),
    owner: z.string().exactOptional(),
    since: z.number(),
    until: z.number(),
  }),
  backend: z.object({
    service: z.string(),
    transport,
    // A rule of the kernel is made from these; no writer of Redis is to put anything else into one.
    host: backendHost,
    port: portNumber,
    ports: z.int().exactOptional(),
    dea: z.string(),
    app: z.string(),
    appName: z.string().exactOptional(),
    instance: z.string(),
    index: z.int().exactOptional(),
    tags: z.record(z.string(), z.string()).exactOptional(),
    order: z.number(),
    since: z.number(),
  }),
  instance: instanceRecord,
  binding: z.object({
    id: z.string(),
    instance: z.string(),
    app: z.string().exactOptional(),
    serviceId: z.string(),
    planId: z.string(),
    parameters: anything,
    createdAt: z.number(),
  }),
  name: z.object({ instance: z.string() }),
  quota: z.object({ organization: z.string() }),
  config: z.object({ value: z.unknown() }),
  node: z.object({
    id: z.string(),
    host: z.string(),
    identity: z.string().exactOptional(),
    group,
    unreachableSince: z.number().exactOptional(),
  }),
  member: z.object({
    node: z.string(),
    group: z.string(),
    range: z.string(),
    addresses: nodeAddresses,
    beat: z.int(),
  }),
  join: z.object({ expiresAt: z.number() }),
};

/** The schema of one kind of record. */
export function recordSchema<K extends Kind>(kind: K): z.ZodType<Records[K]> {
  return SCHEMAS[kind];
}

export function encodeRecord(value: Records[Kind]): string {
  return JSON.stringify(value);
}

/** A record read from Redis. Errors: HARBOR_STATE_CORRUPT, naming the kind and id. */
export function decodeRecord<K extends Kind>(kind: K, id: string, text: string): Records[K] {
  const schema: z.ZodType<Records[K]> = SCHEMAS[kind];
  return parseJson(schema, text, 'HARBOR_STATE_CORRUPT', `record ${kind} ${id}`);
}
