import {
  asHarborError,
  BackendTable,
  backendId,
  claimId,
  Replica,
  type BackendChanges,
  type NodeAddresses,
} from '@harbor/core';
import { localAddresses } from '@harbor/machine';
import type { ProcessContext, RunningProcess } from '@harbor/runtime';
import { DeaListener } from './dea/listener.js';
import { Greeter } from './dea/greeter.js';
import { BackendKeeper } from './dea/keeper.js';
import { persistence } from './dea/persistence.js';
import { startPruning } from './dea/pruning.js';
import { serveBackends } from './dea/views.js';
import { bringServices } from './group/entering.js';
import { Members } from './group/members.js';
import { GroupReservations } from './group/reservations.js';
import { Returning } from './group/returning.js';
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
  const group = settings.current.harbor_node.group ?? undefined;
  const service = settings.current.cluster.service_name;
  const addresses = (): NodeAddresses => addressesOf(mine());
  const greeter = new Greeter({
    bus,
    node,
    hosts: () => [mine().host],
    registerInterval: () => mine().register_interval,
    pruneThreshold: () => mine().prune_threshold,
  });
  /** The state as it is followed: known from the first moment that anybody is told of it. */
  const current: { replica: Replica; caughtUp: (revision: number) => Promise<void> } = {
    replica: new Replica(),
    caughtUp: () => Promise.resolve(),
  };
  const members = new Members({
    ...{ node, group, addresses, store, clock, log },
    portRange: () => mine().port_range,
    follower: () => current,
    onReturn: () => keeper.mirror(current.replica, true),
    onWriter: () => {
      // Whoever wrote before may have been silent for a while: everybody has a whole lease to be heard.
      table.renewAll(clock.now());
      persist.touchAll();
      greeter.greet();
    },
  });
  const writes = (id: string): boolean => members.writes(current.replica.get('service', id));
  const table = new BackendTable(() => mine().prune_threshold * 1_000);
  const persist = persistence({
    ...{ members, table, store, clock, random },
    due: (ids) =>
      group === undefined
        ? ids
        : ids.filter((id) => writes((table.get(id) ?? current.replica.get('backend', id))?.service ?? '')),
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

  const keeper = new BackendKeeper({
    ...{ table, clock, onChanges, members: () => members },
    touch: persist.touch.bind(persist),
    touchAll: persist.touchAll.bind(persist),
  });
  const { membership } = members;
  const returning = new Returning({
    ...{ membership, clock, log, replica: () => current.replica },
    bring: async () => {
      const brought = await bringServices(entering);
      brought.forEach(takenOver);
      if (brought.length > 0) greeter.greet();
    },
  });
  const follower = await store.follow(['service', 'port', 'int_port', 'cooling', 'backend', 'member'], {
    onReset: (replica, replaced) => {
      current.replica = replica;
      members.reset();
      keeper.onReset(replica, replaced);
      returning.look();
    },
    onChange: (change, replica) => {
      if (change.kind === 'member') {
        members.changed(change.id, change.value !== undefined);
        returning.look();
      } else keeper.onChange(change, replica);
    },
    onCorrupt: (error) => log.error({ event: 'record_corrupt', err: error }, error.message),
  });
  current.caughtUp = follower.caughtUp.bind(follower);
  const { replica } = follower;

  const own = new Set(localAddresses());
  const reservationsOf = (member: string) => connectorReservations(bus, member, () => replica.revision);
  const reservations =
    group === undefined
      ? reservationsOf(node)
      : new GroupReservations({
          ...{ members: () => members.ids(), of: reservationsOf, clock },
          onSilent: (member, error) =>
            log.warn({ event: 'member_passed_over', node: member, code: error.code }, error.message),
        });
  const allocator = new Allocator({
    ...{ node, group, store, follower, reservations, clock, random },
    portRange: () => members.range(),
    cooldown: () => mine().cooldown,
  });
  const updater = new ServiceUpdater({ node, group, store, follower, reservations, clock });
  const announcer = new Announcer({
    ...{ bus, service, node, group, addresses, clock },
    capacity: () => allocator.capacity,
    revision: () => replica.revision,
  });

  const entering = { membership, store, follower, log };
  const addressesOfNode = members.addressesOf.bind(members);
  const common = {
    bus,
    service,
    node,
    membership,
    addressesOf: addressesOfNode,
    allocator,
    replica,
    table,
    log,
  };
  serveServiceNode({ ...common, updater, onTransportAdded: () => greeter.greet() });
  serveOrphans({ ...common, inherits: (one) => members.inherits(one) });
  const takenOver = (id: string): void => {
    const stored = [...replica.all('backend')].filter((backend) => backend.service === id);
    table.restore(
      stored.filter((backend) => !table.get(backendId(backend))),
      clock.now(),
    );
  };
  serveMigration({
    ...{ ...common, takenOver },
    transfer: new Transfer({ node, group, store, follower, reservations, clock }),
    dropped: persist.touch.bind(persist),
    greet: () => greeter.greet(),
  });
  serveBackends({ bus, node, table });
  new DeaListener({
    ...{ bus, node, membership, table, replica },
    isOwnListener: (host, port) =>
      (own.has(host) ||
        host.startsWith('127.') ||
        host === mine().host ||
        host === mine().host_external ||
        members.hasAddress(host)) &&
      [node, membership.owner].some((owner) => replica.get('port', claimId(owner, port)) !== undefined),
    onChanges,
    clock,
  }).start();
  const stopThaw = startThaw({
    cooling: allocator.cooling,
    store,
    clock,
    onFreed: () => announcer.announce(),
  });
  const stopPruning = startPruning({ bus, table, writes, clock, onChanges });
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
    if ((now.harbor_node.group ?? undefined) !== group)
      log.warn({ event: 'restart_needed' }, 'group changes at the next start');
    if (now.harbor_node.port_range !== before.harbor_node.port_range) members.rangeChanged();
    if (now.harbor_node !== before.harbor_node) announcer.announce();
  });
  const component = await NodeComponent.start({
    ...{ bus, service, clock },
    host: mine().host,
    announcement: () => announcer.announcement(),
  });
  await members.join();
  await bringServices(entering);
  returning.look();
  announcer.start();
  greeter.start();
  await bus.flush();

  return {
    async stop() {
      returning.stop();
      announcer.stop();
      stopPruning();
      await component.stop();
      stopThaw();
      if (store.connected) {
        await persist.settled();
        await members.leave();
      }
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
