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
import type {
  BackendView,
  ConflictView,
  ExplainView,
  ListenerView,
  ServiceView,
  StatusReply,
} from '@harbor/wire';
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
  const { node_id, port } = service;
  const nodes = sources.reach?.nodesOf(instance) ?? (node_id === null ? [] : [node_id]);
  const [node = node_id, ...others] = nodes;
  const named = (process: string, at: string): string =>
    service.group === undefined ? process : `${process} of ${at}`;
  const statusOf = (at: string) => ask(named('harbor_proxy_connector', at), inspector.status(at, service.id));
  const [leases, status, ...elsewhere] = await Promise.all([
    node === null ? undefined : ask(named('harbor_node', node), inspector.backends(node, service.id)),
    node === null ? undefined : statusOf(node),
    ...others.map(statusOf),
  ]);
  const answered = answerOf(status);
  const { listeners, conflict } = standOf(service, answered);
  return {
    service,
    node_id,
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
    conflict,
    connections: {
      open: sum(listeners.map((one) => one.connections_open)),
      total: sum(listeners.map((one) => one.connections_total)),
    },
    ...(service.group === undefined ? {} : { members: membersOf(service, nodes, [status, ...elsewhere]) }),
    unavailable: [leases, status, ...elsewhere].flatMap((asked) =>
      asked && 'unavailable' in asked ? [asked.unavailable] : [],
    ),
  };
}

type AskedStatus = Asked<StatusReply> | undefined;

function answerOf(asked: AskedStatus): StatusReply | undefined {
  return asked && 'answer' in asked ? asked.answer : undefined;
}

/** A service's listeners on one node, and who keeps a port of it. */
function standOf(service: ServiceView, status: StatusReply | undefined) {
  const { port, protocol } = service;
  const conflict = status?.conflicts.find((one) => one.service === service.id);
  const transports = port === null ? [] : transportsOf(protocol);
  const ports = service.ports ?? [port ?? 0];
  return {
    listeners: transports.flatMap((transport) => ports.map((each) => listenerOf(transport, each, status))),
    conflict: conflict ? conflictOf(conflict) : null,
  };
}

/** Every member of a group as it answered, sorted. */
function membersOf(service: ServiceView, nodes: readonly string[], asked: readonly AskedStatus[]) {
  const members = nodes.map((node_id, at) => {
    const status = answerOf(asked[at]);
    return { node_id, data_plane: status?.data_plane ?? null, ...standOf(service, status) };
  });
  return members.sort((a, b) => (a.node_id < b.node_id ? -1 : 1));
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
  // The connector has not heard of it yet, or not any more.
  if (listener?.listening && !known) return { health: 'unknown', last_error: null };
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
