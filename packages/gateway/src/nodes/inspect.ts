import { backendsReply, nodeSubjects, statusReply, type StatusReply, type z } from '@harbor/wire';
import type { MessageBus } from '../dependencies.js';

/** How long an explanation waits for each process, ms. */
const PATIENCE = 1_500;

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
}
