import { z } from 'zod';
import { nodeId } from './token.js';

/** What travels over a connection to a core's join_port, chosen by the protocol name of TLS (ALPN). */
export const CORE_CHANNELS = {
  /** One line of JSON each way: `joinRequest`, `joinReply`. */
  join: 'harbor-join',
  redis: 'harbor-redis',
  nats: 'harbor-nats',
  gateway: 'harbor-gateway',
} as const;

export type CoreChannel = keyof typeof CORE_CHANNELS;

/** The name in a core's certificate: it is known by its authority, not by where it is. */
export const CORE_NAME = 'core.harbor';

/** node → core: this node wants to be attached. */
export const joinRequest = z
  .object({
    token: z.string().min(1).max(128).describe('Good once.'),
    node_id: nodeId,
    host: z.string().min(1).max(255).describe('The address in its credentials.'),
    identity: z.string().min(1).max(128).describe('Names its home, so that it may come again under its id.'),
  })
  .meta({ id: 'JoinRequest' });

export type JoinRequest = z.output<typeof joinRequest>;

const secret = z.string().min(1).max(1_024);
/** Certificates (PEM); a core from before there was a `ca` says nothing of them. */
const certificates = z.string().max(65_536).nullish();

/** What a node needs of its core. A URL is of a server that is not the core's own. */
export const coreAccess = z
  .object({
    redis_password: secret.describe("Of the core's own Redis."),
    nats_password: secret.describe("Of the core's own NATS."),
    redis_url: secret.nullable().describe("Of a Redis that is not the core's own; null: it is."),
    nats_url: secret.nullable().describe('The same of NATS.'),
    redis_ca: certificates.describe(
      'What the servers of redis_url have to be signed by, PEM; null: nothing special.',
    ),
    nats_ca: certificates.describe('The same of nats_url.'),
    gateway_username: secret.describe('Of harbor_gateway.'),
    gateway_password: secret.describe('Of harbor_gateway.'),
    gateway_token: secret.describe('What a cloud controller and the gateway know each other by.'),
  })
  .meta({ id: 'CoreAccess' });

export type CoreAccess = z.output<typeof coreAccess>;

/** The node is let in, and the token used up. */
export const joinAdmission = z
  .object({ joined: z.literal(true), access: coreAccess.describe('What a node needs of its core.') })
  .meta({ id: 'JoinAdmission' });

/** It is not, and nothing has changed. */
export const joinRefusal = z
  .object({
    joined: z.literal(false),
    error: z.string().describe('A code of errors.md.'),
    description: z.string().describe('Why, for people.'),
  })
  .meta({ id: 'JoinRefusal' });

/** The answer: access, or why not. */
export const joinReply = z.union([joinAdmission, joinRefusal]).meta({ id: 'JoinReply' });

export type JoinReply = z.output<typeof joinReply>;

/** `var/core.json` of an attached node, mode 0600. */
export const coreRecord = z.object({
  host: z.string(),
  port: z.int(),
  /** Its authority's certificate, PEM. */
  ca: z.string(),
  access: coreAccess,
});

export type CoreRecord = z.output<typeof coreRecord>;
