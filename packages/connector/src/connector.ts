import {
  asHarborError,
  asRegistered,
  Membership,
  portsOf,
  RouteTable,
  within,
  type Backend,
  type RouteKey,
  type Transport,
} from '@harbor/core';
import { portHolder } from '@harbor/machine';
import { Relay } from '@harbor/relay';
import { keepRangeReserved, type ProcessContext, type RunningProcess } from '@harbor/runtime';
import {
  DEA_SUBJECTS,
  nodeSubjects,
  registerMessage,
  releaseRequest,
  reserveRequest,
  z,
  type ReserveReply,
} from '@harbor/wire';
import { choosePlane } from './choice.js';
import { ConflictLog, type Holder } from './conflicts.js';
import { KernelSide } from './kernel.js';
import { planeReconciler } from './plane.js';
import { PreserveWarnings } from './preserve.js';
import { ReservationDesk } from './reservations.js';
import { changeRoutes, resetRoutes, ROUTE_KINDS } from './routes.js';
import { relaySettings } from './settings.js';
import { serveStatus } from './status.js';

/** How long a reservation waits for the state it was made from, ms. */
const CATCH_UP = 500;

/** Puts harbor_proxy_connector together; when this resolves every port listens or is a known conflict. */
export async function startConnector(context: ProcessContext): Promise<RunningProcess> {
  const { settings, store, bus, log, reporter, clock, random } = context;
  const node = settings.current.harbor_node.node_id;
  const choice = await choosePlane(context);
  keepRangeReserved(settings.current, log);

  const group = settings.current.harbor_node.group ?? undefined;
  const membership = new Membership(node, group);
  const table = new RouteTable(node, group);
  let registrations: { unsubscribe(): void } | undefined;
  const preserve = new PreserveWarnings(log);
  const conflicts = new ConflictLog({ clock, holderOf, log, onAny: (any) => watchRegistrations(any) });
  const relay = new Relay({
    settings: () => relaySettings(context),
    clock,
    random,
    events: {
      listening: (key, service) => {
        log.debug({ event: 'listening', key, service }, `${key} listens`);
        kernel?.touch([key]);
      },
      conflict: (failure) => conflicts.add(failure),
      resolved: (key) => conflicts.remove(key),
      closed: (key) => conflicts.remove(key),
      backendFailed: ({ backend, reason }) => {
        const { service, transport, host, port } = backend;
        reporter.report(`backend ${service} ${transport} ${host} ${port}`, {
          event: 'backend_failed',
          service,
          protocol: transport,
          backend: `${host}:${port}`,
          reason,
        });
        kernel?.health.failed(backend, reason);
        if (transport === 'udp') udpFailed(backend, reason);
      },
      failed: (error) => reporter.report(`relay ${error.message}`, { event: 'relay_error', err: error }),
    },
  });
  if (relay.byStreams)
    log.warn(
      { event: 'relay_by_streams', node: process.version },
      'this Node lacks the handles that the relay knows: it goes by public streams, which is slower',
    );
  const plane = planeReconciler({
    plane: relay,
    table,
    clock,
    random,
    onFailure: (thrown) => {
      const error = asHarborError(thrown);
      log.error({ event: 'apply_failed', err: error }, error.message);
    },
  });
  const kernel =
    choice.taken === 'kernel'
      ? new KernelSide({
          context,
          families: choice.families,
          table,
          listens: (key) => relay.listens(key),
          preserve,
          udpFailed,
        })
      : undefined;
  const touch = (keys: readonly RouteKey[]): void => {
    plane.touch(keys);
    kernel?.touch(keys);
    for (const route of choice.why === undefined ? [] : keys.map((key) => table.get(key)))
      if (route) preserve.relayed(route, `the node has the embedded data plane: ${choice.why ?? ''}`);
  };
  const desk = new ReservationDesk({ binder: relay, table, clock, holderOf, log });
  const follower = await store.follow(ROUTE_KINDS, {
    onReset: (replica) => touch(resetRoutes(table, replica)),
    onChange: (change) => {
      touch(changeRoutes(table, change));
      if (change.kind === 'service' && change.value && membership.owns(change.value))
        for (const port of portsOf(change.value)) desk.given(port);
    },
    onCorrupt: (error) => log.error({ event: 'record_corrupt', err: error }, error.message),
  });
  await plane.settled();
  await kernel?.start();
  await choice.retire();

  const subjects = nodeSubjects(node);
  bus.serve(subjects.reserve, reserveRequest, async (wanted): Promise<ReserveReply> => {
    const { ports, transports, hold_ms, revision, preserve_client_ip } = wanted;
    if (preserve_client_ip && choice.why !== undefined)
      return { held: null, skipped: [], unable: unable(node, choice.why) };
    if (transports.length === 0) return { held: ports[0] ?? null, skipped: [] };
    await seen(revision ?? 0);
    return desk.reserve(ports, transports, hold_ms, wanted);
  });
  bus.serve(subjects.release, releaseRequest, async ({ port, count }) => {
    await desk.release(port, count);
    return {};
  });
  const why = choice.why === undefined ? {} : { why: choice.why };
  serveStatus({ bus, clock, node, relay, table, conflicts, ...(kernel ? { kernel } : {}), ...why });
  settings.onChange((now, before) => {
    if (now.harbor_proxy_connector.bind_host !== before.harbor_proxy_connector.bind_host) {
      log.warn({ event: 'restart_needed' }, 'bind_host changes at the next start');
    }
    keepRangeReserved(now, log);
  });
  await bus.flush();

  /** The node leads a UDP service's clients elsewhere. */
  function udpFailed(backend: Backend, reason: string): void {
    const { service, transport } = backend;
    // Any port of a block that fails counts for the instance: one instance has the whole block.
    const { host, port } = asRegistered(backend);
    bus.publish(nodeSubjects(node).failed, { service, transport, host, port, reason });
  }

  /** A port of a service deleted up to this revision is free when this resolves, or it takes too long. */
  async function seen(revision: number): Promise<void> {
    const applied = follower.caughtUp(revision).then(() => plane.settled());
    await within(clock, CATCH_UP, applied);
  }

  /** A port in conflict is tried at once when an instance of its service registers (contract §7). */
  function watchRegistrations(any: boolean): void {
    registrations?.unsubscribe();
    registrations = undefined;
    if (!any) return;
    registrations = bus.subscribe(DEA_SUBJECTS.register, z.unknown(), (message) => {
      const known = registerMessage.safeParse(message);
      // What is malformed harbor_node reports; here it only matters that it concerns nobody.
      if (known.success && conflicts.has(known.data.service)) relay.retry(known.data.service);
    });
  }

  return {
    async stop() {
      registrations?.unsubscribe();
      plane.close();
      kernel?.close();
      choice.lock?.close();
      follower.close();
      await relay.close();
    },
  };
}

function unable(node: string, why: string): string {
  return `preserve_client_ip needs the kernel data plane; ${node} has the embedded one: ${why}`;
}

function holderOf(port: number, transport: Transport): Holder | undefined {
  return portHolder({ port, protocol: transport })[0];
}
