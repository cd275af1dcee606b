import { z } from 'zod';
import { credentials } from './service-node.js';
import { nodeId } from './token.js';

const protocol = z.enum(['tcp', 'udp', 'both']);
const transport = z.enum(['tcp', 'udp']);

/** A service as the CLI and the console show it. What is not known yet (state `creating`) is null. */
export const serviceView = z
  .object({
    id: z.string(),
    name: z.string(),
    plan: z.string(),
    protocol,
    state: z.enum(['creating', 'ready', 'deleting']),
    port: z.int().nullable(),
    /** Every port of a block; absent where it is one port. */
    ports: z.array(z.int()).optional(),
    node_id: z.string().nullable(),
    /** The nodes that serve it together; absent where its node stands alone. */
    group: z.string().optional(),
    /** Since when its node does not answer; absent while it does. */
    unreachable_since: z.iso.datetime().optional(),
    host: z.string().nullable(),
    hostname: z.string().nullable(),
    ext_host: z.string().optional(),
    ext_hostname: z.string().optional(),
    organization: z.string(),
    space: z.string(),
    parameters: z.record(z.string(), z.unknown()),
    /** The applications bound, sorted. */
    bindings: z.array(z.string()),
    created_at: z.iso.datetime(),
    /** Only where one service is asked for. */
    credentials: credentials.optional(),
  })
  .meta({ id: 'ServiceView' });

export type ServiceView = z.output<typeof serviceView>;

/** `GET /varz`: how the gateway stands, for the operator. */
export const varzView = z
  .object({
    name: z.string(),
    uptime_s: z.number(),
    mem_bytes: z.int(),
    cpu_s: z.number(),
    nats_connected: z.boolean(),
    /** Of the shared state, as far as it is known here. */
    revision: z.int(),
    instances: z.int(),
    bindings: z.int(),
    requests: z.int(),
    nodes: z.array(
      z.object({
        id: z.string(),
        plan: z.string(),
        available: z.number(),
        pending: z.int(),
        stale: z.boolean(),
        heard_s: z.number().nullable(),
      }),
    ),
  })
  .meta({ id: 'Varz' });

const used = z.object({ used: z.int(), limit: z.int() });

/** What is used of a quota: of a whole organization where `space` is null. What has no limit is absent. */
export const quotaView = z
  .object({
    organization: z.string(),
    space: z.string().nullable(),
    services: used.optional(),
    ports: used.optional(),
  })
  .meta({ id: 'QuotaView' });

export type QuotaView = z.output<typeof quotaView>;

/** `GET /api/v1/services`. */
export const servicesView = z
  .object({ services: z.array(serviceView), quotas: z.array(quotaView).optional() })
  .meta({ id: 'ServicesView' });

export type ServicesView = z.output<typeof servicesView>;

/** A node as `kato node list` shows it; what only the node knows is null while it cannot be reached. */
export const nodeView = z
  .object({
    id: z.string(),
    /** The nodes it serves its ports with; null where it stands alone. */
    group: z.string().nullable(),
    address: z.string().nullable(),
    state: z.enum(['up', 'unreachable']),
    unreachable_since: z.iso.datetime().nullable(),
    ports_used: z.int(),
    ports_free: z.number().nullable(),
    plane: z.string().nullable(),
  })
  .meta({ id: 'NodeView' });

export type NodeView = z.output<typeof nodeView>;

/** `GET /api/v1/nodes`. */
export const nodesView = z.object({ nodes: z.array(nodeView) }).meta({ id: 'NodesView' });

export type NodesView = z.output<typeof nodesView>;

/** `POST /api/v1/nodes/:node/services/:service/move`; `dry_run` only asks whether it could be done. */
export const moveBody = z.object({ to: nodeId, dry_run: z.boolean().optional() }).meta({ id: 'MoveRequest' });

/** What became of it. An error leaves the service where it was. */
export const moveView = z
  .object({
    id: z.string(),
    name: z.string(),
    port: z.int().nullable(),
    moved: z.boolean(),
    error: z.string().nullable(),
    reason: z.string().nullable(),
  })
  .meta({ id: 'MoveView' });

export type MoveView = z.output<typeof moveView>;

/** A binding, with what an application's environment is made of. */
export const bindingView = z
  .object({
    id: z.string(),
    app: z.string().nullable(),
    service: z.object({
      id: z.string(),
      name: z.string(),
      plan: z.string(),
      label: z.string(),
      tags: z.array(z.string()),
    }),
    credentials,
  })
  .meta({ id: 'BindingView' });

export type BindingView = z.output<typeof bindingView>;

/** `GET /api/v1/bindings?app=`. */
export const bindingsView = z.object({ bindings: z.array(bindingView) }).meta({ id: 'BindingsView' });

export type BindingsView = z.output<typeof bindingsView>;

/** Whoever keeps a port from being served; pid and command are null where they could not be found out. */
export const conflictView = z.object({
  port: z.int(),
  protocol: transport,
  pid: z.int().nullable(),
  command: z.string().nullable(),
  reason: z.string(),
  /** Since when, ms since the epoch. */
  since: z.number(),
});

export type ConflictView = z.output<typeof conflictView>;

/** One socket of a service; the counters are null, and `listening` too, while the connector is away. */
export const listenerView = z.object({
  protocol: transport,
  port: z.int(),
  listening: z.boolean().nullable(),
  connections_open: z.int().nullable(),
  connections_total: z.int().nullable(),
  bytes_in: z.number().nullable(),
  bytes_out: z.number().nullable(),
  /** Connections reset because no backend took them. */
  refused: z.int().nullable(),
  /** Who holds the port where it is not Harbor. */
  holder: z.object({ pid: z.int().nullable(), command: z.string().nullable() }).optional(),
});

export type ListenerView = z.output<typeof listenerView>;

/**
 * One backend. `failing`: it failed and is passed over for now; `suspect`: it failed within the last
 * minute but is used again; `unknown`: the connector is away. Ages in seconds.
 */
export const backendView = z.object({
  transport,
  address: z.string(),
  app: z.string(),
  app_name: z.string().nullable(),
  instance: z.string(),
  index: z.int().nullable(),
  dea: z.string(),
  /** Since it was registered. */
  age_s: z.number(),
  /** Since it was last heard of; null while harbor_node is away. */
  heard_s: z.number().nullable(),
  health: z.enum(['ok', 'suspect', 'failing', 'unknown']),
  last_error: z.string().nullable(),
});

export type BackendView = z.output<typeof backendView>;

/** `GET /api/v1/explain/:portOrNameOrId`. */
export const explainView = z
  .object({
    service: serviceView,
    node_id: z.string().nullable(),
    data_plane: z.string().nullable(),
    listeners: z.array(listenerView),
    /** In the order of their arrival: for UDP the first is the primary. */
    backends: z.array(backendView),
    conflict: conflictView.nullable(),
    connections: z.object({ open: z.int().nullable(), total: z.int().nullable() }),
    /** Of a group every member, with its own listeners; absent where the node stands alone. */
    members: z
      .array(
        z.object({
          node_id: z.string(),
          data_plane: z.string().nullable(),
          listeners: z.array(listenerView),
          conflict: conflictView.nullable(),
        }),
      )
      .optional(),
    /** The processes that did not answer; what only they know is null above. */
    unavailable: z.array(z.object({ process: z.string(), error: z.string(), description: z.string() })),
  })
  .meta({ id: 'ExplainView' });

export type ExplainView = z.output<typeof explainView>;
