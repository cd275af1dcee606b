import { portsOf } from '@harbor/core';
import type { NodesView, NodeView } from '@harbor/wire';
import type { NodeInspector } from '../nodes/inspect.js';
import type { ViewSources } from './sources.js';

/** Every node, sorted by id; what only the node knows is null while it cannot be reached. */
export async function nodesView(sources: ViewSources, inspector: NodeInspector): Promise<NodesView> {
  const ids = sources.presence?.ids() ?? [];
  return { nodes: await Promise.all(ids.map((id) => nodeView(sources, inspector, id))) };
}

async function nodeView(sources: ViewSources, inspector: NodeInspector, id: string): Promise<NodeView> {
  const { presence, directory, replica } = sources;
  const since = presence?.unreachableSince(id);
  const up = since === undefined;
  const group = presence?.group(id);
  const used = [...replica.all('service')]
    .filter((service) => (group === undefined ? service.node === id : service.group === group))
    .flatMap(portsOf).length;
  const known = up ? directory.list().find((node) => node.id === id) : undefined;
  const host = directory.addresses(id)?.host ?? presence?.host(id);
  return {
    id,
    group: group ?? null,
    address: host === undefined || host === '' ? null : host,
    state: up ? 'up' : 'unreachable',
    unreachable_since: up ? null : new Date(since).toISOString(),
    ports_used: used,
    ports_free: known?.available ?? null,
    plane: up ? await planeOf(inspector, id) : null,
  };
}

async function planeOf(inspector: NodeInspector, id: string): Promise<string | null> {
  try {
    // No service has this name: none of its listeners are listed.
    return (await inspector.status(id, '-')).data_plane;
  } catch {
    return null;
  }
}
