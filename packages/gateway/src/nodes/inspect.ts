import { portsOf, transportsOf, type Service } from '@harbor/core';
import { backendsReply, nodeSubjects, reserveReply, statusReply, z, type StatusReply } from '@harbor/wire';
import type { MessageBus } from '../dependencies.js';

/** How long an explanation waits for each process, ms. */
const PATIENCE = 1_500;
/** How long a connector may take to bind ports, and keeps them at most, ms. */
const BIND_PATIENCE = 3_000;

export type LeasedBackend = z.output<typeof backendsReply>['backends'][number];

/** Asks the processes of a node what only they know. */
export class NodeInspector {
  constructor(readonly bus: MessageBus) {}

  /** The backends of a service with their leases. Errors: HARBOR_NATS_UNAVAILABLE, HARBOR_NODE_UNAVAILABLE. */
  async backends(node: string, service: string): Promise<readonly LeasedBackend[]> {
    const reply = await this.bus.request(nodeSubjects(node).backends, { service }, backendsReply, {
      timeoutMs: PATIENCE,
      unanswered: 'HARBOR_NODE_UNAVAILABLE',
    });
    return reply.backends;
  }

  /** A service's listeners and conflicts. Errors: HARBOR_NATS_UNAVAILABLE, HARBOR_CONNECTOR_UNAVAILABLE. */
  async status(node: string, service: string): Promise<StatusReply> {
    return this.bus.request(nodeSubjects(node).status, { service }, statusReply, {
      timeoutMs: PATIENCE,
      unanswered: 'HARBOR_CONNECTOR_UNAVAILABLE',
    });
  }

  /**
   * Why a node cannot have a service's ports, having tried to bind them; undefined where it can.
   * Errors: HARBOR_NATS_UNAVAILABLE, HARBOR_CONNECTOR_UNAVAILABLE.
   */
  async obstacle(node: string, service: Service): Promise<string | undefined> {
    const { port, protocol, parameters } = service;
    const count = portsOf(service).length;
    const block = count === 1 ? {} : { count };
    const options = { timeoutMs: BIND_PATIENCE, unanswered: 'HARBOR_CONNECTOR_UNAVAILABLE' } as const;
    const wish = {
      ...{ ports: [port], transports: transportsOf(protocol), hold_ms: BIND_PATIENCE, ...block },
      ...(parameters.preserveClientIp === true ? { preserve_client_ip: true } : {}),
    };
    const subjects = nodeSubjects(node);
    const reply = await this.bus.request(subjects.reserve, wish, reserveReply, options);
    if (reply.held === null) return reply.unable ?? reply.skipped[0]?.reason ?? 'it is taken there';
    await this.bus.request(subjects.release, { port, ...block }, z.unknown(), options);
    return undefined;
  }
}
