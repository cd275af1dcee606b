import type { Bus } from '@harbor/bus';
import { within, type Clock, type Millis, type RouteTable } from '@harbor/core';
import type { Relay } from '@harbor/relay';
import { nodeSubjects, statusRequest, type StatusReply } from '@harbor/wire';
import type { ConflictLog } from './conflicts.js';
import type { KernelSide } from './kernel.js';

/** How long an answer waits for the kernel to have what the relay has. */
const PATIENCE: Millis = 1_000;

export interface StatusOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly node: string;
  readonly relay: Relay;
  readonly table: RouteTable;
  readonly conflicts: ConflictLog;
  /** Where the kernel forwards. */
  readonly kernel?: KernelSide;
  /** Why it does not, where it does not. */
  readonly why?: string;
}

/** Answers who asks how the ports of this node stand; listeners are listed for one service at a time. */
export function serveStatus(options: StatusOptions): void {
  const { bus, node, relay, conflicts, kernel, why, clock } = options;
  bus.serve(nodeSubjects(node).status, statusRequest, async ({ service }): Promise<StatusReply> => {
    if (kernel && service !== undefined) await within(clock, PATIENCE, kernel.settled());
    const held = conflicts.list();
    return {
      data_plane: planeOf(relay, kernel, service),
      ...(why === undefined ? {} : { data_plane_why: why }),
      conflicts: held,
      listening: relay.keys().length - held.length,
      listeners: service === undefined ? [] : await listenersOf(options, service),
    };
  });
}

async function listenersOf(options: StatusOptions, service: string): Promise<StatusReply['listeners']> {
  return Promise.all(
    options.relay.stats(service).map(async (listener) => {
      const route = options.table.get(listener.key);
      const forwarded = route && (await options.kernel?.connections(route));
      return listenerStatus(listener, forwarded ?? { total: 0, open: 0 });
    }),
  );
}

/** What went through the relay, and the connections that went through the kernel, whose bytes nobody counts. */
function listenerStatus(
  listener: ReturnType<Relay['stats']>[number],
  kernel: { readonly total: number; readonly open: number },
): StatusReply['listeners'][number] {
  return {
    key: listener.key,
    service: listener.service,
    listening: listener.listening,
    connections_open: listener.connectionsOpen + kernel.open,
    connections_total: listener.connectionsTotal + kernel.total,
    bytes_in: listener.bytesIn,
    bytes_out: listener.bytesOut,
    refused: listener.refused,
    backends: listener.backends.map((backend) => ({
      address: backend.address,
      last_error: backend.lastError ?? null,
      last_error_at: backend.lastErrorAt ?? null,
      suspected_until: backend.suspectedUntil ?? null,
    })),
  };
}

/** Which plane forwards a service; without one, which the node has. */
function planeOf(relay: Relay, kernel: KernelSide | undefined, service: string | undefined): string {
  if (!kernel) return 'embedded';
  if (service === undefined) return 'kernel';
  return relay.stats(service).some(({ key }) => kernel.plane.forwards(key)) ? 'kernel' : 'embedded';
}
