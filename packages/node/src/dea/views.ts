import type { Bus } from '@harbor/bus';
import { backendId, formatAddress, type BackendTable } from '@harbor/core';
import { backendsRequest, nodeSubjects } from '@harbor/wire';

/** Answers who asks for a service's backends and when they were last heard of. */
export function serveBackends({ bus, node, table }: { bus: Bus; node: string; table: BackendTable }): void {
  bus.serve(nodeSubjects(node).backends, backendsRequest, async ({ service }) =>
    Promise.resolve({
      backends: table.ofService(service).map((backend) => ({
        transport: backend.transport,
        address: formatAddress(backend),
        app: backend.app,
        app_name: backend.appName ?? null,
        instance: backend.instance,
        index: backend.index ?? null,
        dea: backend.dea,
        since: backend.since,
        heard: table.heard(backendId(backend)) ?? backend.since,
      })),
    }),
  );
}
