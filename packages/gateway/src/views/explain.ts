import {
  asHarborError,
  byArrival,
  formatAddress,
  routeKey,
  transportsOf,
  type Backend,
  type Instance,
  type Millis,
} from '@harbor/core';
import type { BackendView, ConflictView, ExplainView, ListenerView, StatusReply } from '@harbor/wire';
import type { LeasedBackend, NodeInspector } from '../nodes/inspect.js';
import { serviceView } from './services.js';
import type { ViewSources } from './sources.js';

/** How long an error keeps a backend suspect after it is used again, ms. */
const SUSPECT_FOR: Millis = 60_000;

/** What was asked of a process: its answer, or why there is none. */
type Asked<T> = { readonly answer: T } | { readonly unavailable: ExplainView['unavailable'][number] };

/** All that is known of a service's port, from the state and from the processes that answer. */
export async function explainView(
  sources: ViewSources,
  inspector: NodeInspector,
  instance: Instance,
  now: Millis,
): Promise<ExplainView> {
  const service = serviceView(sources, instance);
  const { node_id: node, port } = service;
  const [leases, status] = await Promise.all([
    node === null ? undefined : ask('harbor_node', inspector.backends(node, service.id)),
    node === null ? undefined : ask('harbor_proxy_connector', inspector.status(node, service.id)),
  ]);
  const answered = status && 'answer' in status ? status.answer : undefined;
  const conflict = answered?.conflicts.find((one) => one.service === service.id);
  const transports = port === null ? [] : transportsOf(service.protocol);
  const ports = service.ports ?? [port ?? 0];
  const listeners = transports.flatMap((transport) =>
    ports.map((each) => listenerOf(transport, each, answered)),
  );
  return {
    service,
    node_id: node,
    data_plane: answered?.data_plane ?? null,
    listeners,
    backends: backendsOf(
      sources,
      service.id,
      leases && 'answer' in leases ? leases.answer : undefined,
      answered,
      port ?? 0,
      now,
    ),
    conflict: conflict ? conflictOf(conflict) : null,
    connections: {
      open: sum(listeners.map((one) => one.connections_open)),
      total: sum(listeners.map((one) => one.connections_total)),
    },
    unavailable: [leases, status].flatMap((asked) =>
      asked && 'unavailable' in asked ? [asked.unavailable] : [],
    ),
  };
}

async function ask<T>(process: string, question: Promise<T>): Promise<Asked<T>> {
  try {
    return { answer: await question };
  } catch (thrown) {
    const { code, message } = asHarborError(thrown);
    return { unavailable: { process, error: code, description: message } };
  }
}

function listenerOf(protocol: 'tcp' | 'udp', port: number, status: StatusReply | undefined): ListenerView {
  const known = status?.listeners.find((one) => one.key === routeKey(protocol, port));
  const conflict = status?.conflicts.find((one) => one.protocol === protocol && one.port === port);
  return {
    protocol,
    port,
    listening: status ? (known?.listening ?? false) : null,
    connections_open: known?.connections_open ?? null,
    connections_total: known?.connections_total ?? null,
    bytes_in: known?.bytes_in ?? null,
    bytes_out: known?.bytes_out ?? null,
    refused: known?.refused ?? null,
    ...(conflict ? { holder: { pid: conflict.pid, command: conflict.command } } : {}),
  };
}

/** The node's list where it answers, because only it knows the leases; else the state's. */
function backendsOf(
  sources: ViewSources,
  service: string,
  leases: readonly LeasedBackend[] | undefined,
  status: StatusReply | undefined,
  port: number,
  now: Millis,
): BackendView[] {
  const known = [...sources.replica.all('backend')].filter((one) => one.service === service).sort(byArrival);
  const listed = leases ?? known.map(leaseless);
  return listed.map((backend) => {
    const { transport, address, app, app_name, instance, index, dea, since, heard } = backend;
    return {
      ...{ transport, address, app, app_name, instance, index, dea },
      age_s: seconds(now - since),
      heard_s: heard === null ? null : seconds(now - heard),
      ...healthOf(backend, status, port, now),
    };
  });
}

type KnownBackend = Omit<LeasedBackend, 'heard'> & { readonly heard: number | null };

function leaseless(backend: Backend): KnownBackend {
  const { transport, app, appName, instance, index, dea, since } = backend;
  const address = formatAddress(backend);
  return {
    transport,
    address,
    app,
    app_name: appName ?? null,
    instance,
    index: index ?? null,
    dea,
    since,
    heard: null,
  };
}

/** As the listener of the service's first port finds it: there it is reached as it registered. */
function healthOf(
  backend: KnownBackend,
  status: StatusReply | undefined,
  port: number,
  now: Millis,
): Pick<BackendView, 'health' | 'last_error'> {
  if (!status) return { health: 'unknown', last_error: null };
  const listener = status.listeners.find((one) => one.key === routeKey(backend.transport, port));
  const known = listener?.backends.find((one) => one.address === backend.address);
  const failing = (known?.suspected_until ?? 0) > now;
  const suspect = known?.last_error_at != null && now - known.last_error_at < SUSPECT_FOR;
  return { health: failing ? 'failing' : suspect ? 'suspect' : 'ok', last_error: known?.last_error ?? null };
}

function conflictOf({
  port,
  protocol,
  pid,
  command,
  reason,
  since,
}: StatusReply['conflicts'][number]): ConflictView {
  return { port, protocol, pid, command, reason, since };
}

function sum(counts: readonly (number | null)[]): number | null {
  return counts.reduce<number | null>((all, one) => (all === null || one === null ? null : all + one), 0);
}

function seconds(ms: Millis): number {
  return Math.max(0, Math.round(ms / 100) / 10);
}
