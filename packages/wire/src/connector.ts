import { LARGEST_BLOCK } from '@harbor/core';
import { z } from 'zod';
import { portNumber } from './address.js';

const transport = z.enum(['tcp', 'udp']);

/**
 * node → connector: bind the first of these ports, or of the blocks that start there, and keep it for
 * `hold_ms`. `revision` is the state the node chose them from: a port freed up to then is free. `preserve_client_ip` where the
 * service asks for it, which only the kernel plane can do. `service`: who has the port already and is to
 * get these transports beside the one it serves; none at all only asks whether it could be served so.
 */
export const reserveRequest = z.object({
  ports: z.array(portNumber).min(1).max(64),
  /** A block of as many ports from there up, all or none. */
  count: z.int().min(1).max(LARGEST_BLOCK).optional(),
  transports: z.array(transport).max(2),
  hold_ms: z.int().min(1).max(60_000),
  revision: z.int().min(0).optional(),
  preserve_client_ip: z.boolean().optional(),
  service: z.string().min(1).max(255).optional(),
});

/**
 * The port now held, or null; and those passed over because somebody else holds them. With `unable` the
 * service cannot be served here at all, for the reason it says, and no port was tried.
 */
export const reserveReply = z.object({
  held: portNumber.nullable(),
  skipped: z.array(z.object({ port: portNumber, reason: z.string() })),
  unable: z.string().optional(),
});

export type ReserveReply = z.output<typeof reserveReply>;

/** node → connector: the reservation is not needed. */
export const releaseRequest = z.object({
  port: portNumber,
  count: z.int().min(1).max(LARGEST_BLOCK).optional(),
});

/** connector → node: this backend failed. `service`, `transport` and the address identify it. */
export const failedReport = z.object({
  service: z.string().max(255),
  transport,
  host: z.string().max(64),
  port: portNumber,
  reason: z.string().max(255),
});

/** A port that cannot be served because somebody else holds it. */
export const portConflict = z.object({
  port: portNumber,
  protocol: transport,
  service: z.string(),
  pid: z.int().nullable(),
  command: z.string().nullable(),
  reason: z.string(),
  since: z.number(),
});

export type PortConflict = z.output<typeof portConflict>;

const backendHealth = z.object({
  address: z.string(),
  last_error: z.string().nullable(),
  last_error_at: z.number().nullable(),
  suspected_until: z.number().nullable(),
});

const listenerStatus = z.object({
  key: z.string(),
  service: z.string(),
  listening: z.boolean(),
  connections_open: z.int(),
  connections_total: z.int(),
  bytes_in: z.number(),
  bytes_out: z.number(),
  refused: z.int(),
  backends: z.array(backendHealth),
});

/** `harbor.connector.NODE.status`; with `service` only that service's listeners are listed. */
export const statusRequest = z.object({ service: z.string().max(255).optional() });
export const statusReply = z.object({
  data_plane: z.string(),
  /** Why the relay alone forwards on this node; absent where the kernel does. */
  data_plane_why: z.string().optional(),
  conflicts: z.array(portConflict),
  listeners: z.array(listenerStatus),
  listening: z.int(),
});

export type StatusReply = z.output<typeof statusReply>;

/** `harbor.node.NODE.backends`: the leases of a service's backends. */
export const backendsRequest = z.object({ service: z.string().max(255) });
export const backendsReply = z.object({
  backends: z.array(
    z.object({
      transport,
      address: z.string(),
      app: z.string(),
      app_name: z.string().nullable(),
      instance: z.string(),
      index: z.int().nullable(),
      dea: z.string(),
      /** Since when it is registered, ms since the epoch. */
      since: z.number(),
      /** When it was last heard of, ms since the epoch. */
      heard: z.number(),
    }),
  ),
});
