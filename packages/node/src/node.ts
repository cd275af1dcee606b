import {
  asHarborError,
  BackendTable,
  backendId,
  claimId,
  transportsOf,
  type BackendChanges,
  type NodeAddresses,
  type Service,
  type Transport,
} from '@harbor/core';
import { localAddresses } from '@harbor/machine';
import type { ProcessContext, RunningProcess } from '@harbor/runtime';
import { DeaListener } from './dea/listener.js';
import { Greeter } from './dea/greeter.js';
import { persistence } from './dea/persistence.js';
import { startPruning } from './dea/pruning.js';
import { serveBackends } from './dea/views.js';
import { Allocator } from './ports/allocator.js';
import { connectorReservations } from './ports/reservations.js';
import { startThaw } from './ports/thaw.js';
import { ServiceUpdater } from './ports/updater.js';
import { Announcer } from './service/announcer.js';
import { NodeComponent } from './service/component.js';
import { serveMigration } from './service/migration.js';
import { serveOrphans } from './service/orphans.js';
import { serveServiceNode } from './service/service-node.js';
import { Transfer } from './service/transfer.js';

/** Puts harbor_node together and starts it; it serves when this resolves. */
export async function startNode(context: ProcessContext): Promise<RunningProcess> {
  const { settings, store, bus, log, clock, random } = context;
  const mine = () => settings.current.harbor_node;
  const node = mine().node_id;
  const service = settings.current.cluster.service_name;
  /** What a crash may have left of a transport that the service lost is not taken over. */
  const isServed = (service: Service | undefined, transport: Transport): boolean =>
    service?.node === node && transportsOf(service.protocol).includes(transport);
  const table = new BackendTable(() => mine().prune_threshold * 1_000);
  const persist = persistence({
    node,
    table,
    store,
    clock,
    random,
    onFailure: (thrown, attempt) => {
      const error = asHarborError(thrown);
      if (attempt === 0)
        log.warn({ event: 'state_behind', err: error }, `backends are not stored: ${error.message}`);
    },
  });

  const onChanges = (changes: BackendChanges, because: string): void => {
    for (const backend of changes.put)
      log.info({ event: 'backend_up', because, ...backend }, backendId(backend));
    for (const backend of changes.removed)
      log.info({ event: 'backend_down', because, ...backend }, backendId(backend));
    if (changes.outcome === 'stale')
      log.debug({ event: 'stale', because }, 'a message about an instance that has gone');
    persist.touch([...changes.put, ...changes.removed].map(backendId));
  };

  const follower = await store.follow(['service', 'port', 'int_port', 'cooling', 'backend'], {
    onReset: (replica, replaced) => {
      const known = [...replica.all('backend')].filter(({ service, transport }) =>
        isServed(replica.get('service', service), transport),
      );
      // At the start the stored backends are taken over, and what an import brings; otherwise the table is
      // what is wanted.
      const missing = known.filter((backend) => !table.get(backendId(backend)));
      if (table.size === 0 || replaced) table.restore(missing, clock.now());
      persist.touchAll();
    },
    onChange: (change) => {
      if (change.kind !== 'service') return;
      if (change.value?.node === node) {
        const kept = table.keepTransports(change.id, transportsOf(change.value.protocol));
        if (kept.removed.length > 0) onChanges(kept, 'update');
      } else persist.touch(table.removeService(change.id).removed.map(backendId));
    },
    onCorrupt: (error) => log.error({ event: 'record_corrupt', err: error }, error.message),
  });

  const own = new Set(localAddresses());
  const addresses = (): NodeAddresses => addressesOf(mine());
  const reservations = connectorReservations(bus, node, () => follower.replica.revision);
  const allocator = new Allocator({
    node,
    portRange: () => mine().port_range,
    cooldown: () => mine().cooldown,
    store,
    follower,
    reservations,
    clock,
    random,
  });
  const updater = new ServiceUpdater({ node, store, follower, reservations, clock });
  const announcer = new Announcer({
    bus,
    service,
    node,
    addresses,
    capacity: () => allocator.capacity,
    revision: () => follower.replica.revision,
    clock,
  });
  const greeter = new Greeter({
    bus,
    node,
    hosts: () => [mine().host],
    registerInterval: () => mine().register_interval,
    pruneThreshold: () => mine().prune_threshold,
  });

  const common = { bus, service, node, addresses, allocator, replica: follower.replica, table, log };
  serveServiceNode({ ...common, updater, onTransportAdded: () => greeter.greet() });
  serveOrphans(common);
  serveMigration({
    ...common,
    transfer: new Transfer({ node, store, follower, reservations, clock }),
    takenOver: (id) => {
      const stored = [...follower.replica.all('backend')].filter((backend) => backend.service === id);
      table.restore(
        stored.filter((backend) => !table.get(backendId(backend))),
        clock.now(),
      );
    },
    dropped: persist.touch.bind(persist),
    greet: greeter.greet.bind(greeter),
  });
  serveBackends({ bus, node, table });
  new DeaListener({
    bus,
    node,
    table,
    replica: follower.replica,
    isOwnListener: (host, port) =>
      (own.has(host) || host.startsWith('127.') || host === mine().host || host === mine().host_external) &&
      follower.replica.get('port', claimId(node, port)) !== undefined,
    onChanges,
    clock,
  }).start();
  const stopThaw = startThaw({
    cooling: allocator.cooling,
    store,
    clock,
    onFreed: () => announcer.announce(),
  });
  const stopPruning = startPruning({ bus, table, clock, onChanges });
  context.onBus((connected) => {
    if (!connected) return;
    table.renewAll(clock.now());
    greeter.greet();
    announcer.announce();
    component.announce();
  });
  settings.onChange((now, before) => {
    if (now.harbor_node.node_id !== node)
      log.warn({ event: 'restart_needed' }, 'node_id changes at the next start');
    if (now.harbor_node !== before.harbor_node) announcer.announce();
  });
  const component = await NodeComponent.start({
    ...{ bus, service, clock },
    host: mine().host,
    announcement: () => announcer.announcement(),
  });
  announcer.start();
  greeter.start();
  await bus.flush();

  return {
    async stop() {
      announcer.stop();
      stopPruning();
      await component.stop();
      stopThaw();
      if (store.connected) await persist.settled();
      persist.close();
      follower.close();
    },
  };
}

function addressesOf(settings: ProcessContext['settings']['current']['harbor_node']): NodeAddresses {
  return {
    host: settings.host,
    hostname: settings.hostname,
    ...(settings.host_external === null ? {} : { extHost: settings.host_external }),
    ...(settings.hostname_external === null ? {} : { extHostname: settings.hostname_external }),
  };
}
