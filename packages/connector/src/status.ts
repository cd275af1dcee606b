import type { Bus } from '@harbor/bus';
import type { Relay } from '@harbor/relay';
import { nodeSubjects, statusRequest, type StatusReply } from '@harbor/wire';
import type { ConflictLog } from './conflicts.js';
import type { KernelSide } from './kernel.js';

export interface StatusOptions {
  readonly bus: Bus;
  readonly node: string;
  readonly relay: Relay;
  readonly conflicts: ConflictLog;
  /** Where the kernel forwards. */
  readonly kernel?: KernelSide;
}

/** Answers who asks how the ports of this node stand; listeners are listed for one service at a time. */
export function serveStatus({ bus, node, relay, conflicts, kernel }: StatusOptions): void {
  bus.serve(nodeSubjects(node).status, statusRequest, async ({ service }): Promise<StatusReply> => {
    const held = conflicts.list();
    return Promise.resolve({
      data_plane: planeOf(relay, kernel, service),
      conflicts: held,
      listening: relay.keys().length - held.length,
      listeners: service === undefined ? [] : listenersOf(relay, service),
    });
  });
}

function listenersOf(relay: Relay, service: string): StatusReply['listeners'] {
  return relay.stats(service).map((listener) => ({
    key: listener.key,
    service: listener.service,
    listening: listener.listening,
    connections_open: listener.connectionsOpen,
    connections_total: listener.connectionsTotal,
    bytes_in: listener.bytesIn,
    bytes_out: listener.bytesOut,
    refused: listener.refused,
    backends: listener.backends.map((backend) => ({
      address: backend.address,
      last_error: backend.lastError ?? null,
      last_error_at: backend.lastErrorAt ?? null,
      suspected_until: backend.suspectedUntil ?? null,
    })),
  }));
}

/** Which plane forwards a service; without one, which the node has. */
function planeOf(relay: Relay, kernel: KernelSide | undefined, service: string | undefined): string {
  if (!kernel) return 'embedded';
  if (service === undefined) return 'kernel';
  return relay.stats(service).some(({ key }) => kernel.plane.forwards(key)) ? 'kernel' : 'embedded';
}
