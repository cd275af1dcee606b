import { Bus, type InvalidMessage } from '@harbor/bus';
import { BackendTable, ManualClock, Membership, type NodeAddresses } from '@harbor/core';
import { Store, type Follower } from '@harbor/store';
import { startNats, startRedis } from '@harbor/testbed';
import { z } from '@harbor/wire';
import type { Test } from 'tap';
import { Allocator } from '../../src/ports/allocator.js';
import type { Reservations } from '../../src/ports/reservations.js';
import { ServiceUpdater } from '../../src/ports/updater.js';
import { Announcer } from '../../src/service/announcer.js';
import { serveMigration } from '../../src/service/migration.js';
import { serveOrphans } from '../../src/service/orphans.js';
import { serveServiceNode } from '../../src/service/service-node.js';
import { Transfer } from '../../src/service/transfer.js';

export const ADDRESSES: NodeAddresses = { host: '10.0.0.1', hostname: 'one', extHost: '192.0.2.1' };
export const asking = { timeoutMs: 20_000, unanswered: 'HARBOR_NODE_UNAVAILABLE' } as const;

/** What a node answers, as far as the tests look. */
interface Answer {
  readonly success?: boolean;
  readonly credentials?: Record<string, unknown>;
  readonly error?: { status: number; msg: { code: number; description: string; error: string } };
}

/** Two nodes, put together without their processes, over real NATS and Redis. */
export async function nodes(t: Test) {
  const [redis, nats] = await Promise.all([startRedis(), startNats()]);
  const store = new Store({ url: redis.url, onError: () => undefined });
  const ignore = { onReset: () => undefined, onChange: () => undefined };
  const follower = await store.follow(['service', 'port', 'int_port', 'backend'], ignore);
  const invalid: InvalidMessage[] = [];
  const open = async () =>
    Bus.open({
      servers: [nats.url],
      name: 'test',
      waitForServer: false,
      events: { onInvalid: (message) => invalid.push(message), onError: () => undefined },
    });
  const [bus, other] = await Promise.all([open(), open()]);
  t.teardown(async () => {
    await Promise.all([bus.close(), other.close()]);
    follower.close();
    store.close();
    await Promise.all([redis.stop(), nats.stop()]);
  });
  const held = new Set<number>();
  const clock = new ManualClock(1_000);
  const greeted: string[] = [];
  const serve = (node: string) =>
    startOne(node, { bus, store, follower, held, clock, greet: () => void greeted.push(node) });
  const [announcer] = ['n1', 'n2'].map(serve);
  const ask = async (subject: string, value: unknown): Promise<Answer> =>
    (await other.request(`HarboraaS.${subject}`, value, z.unknown(), asking)) as Answer;
  await bus.flush();
  return { bus: other, ask, store, follower, held, clock, greeted, invalid, announcer: announcer! };
}

interface Surroundings {
  readonly bus: Bus;
  readonly store: Store;
  readonly follower: Follower;
  readonly held: ReadonlySet<number>;
  readonly clock: ManualClock;
  readonly greet: () => void;
}

function startOne(node: string, { bus, store, follower, held, clock, greet }: Surroundings): Announcer {
  const reservations: Reservations = {
    async reserve({ ports }) {
      const free = ports.find((port) => !held.has(port)) ?? null;
      const skipped = ports.filter((port) => held.has(port)).map((port) => ({ port, reason: 'held' }));
      return Promise.resolve({ held: free, skipped });
    },
    release: () => undefined,
  };
  const log = { info: () => undefined, warn: () => undefined };
  const table = new BackendTable(() => 120_000);
  const addresses = () => ADDRESSES;
  const membership = new Membership(node);
  const parts = { node, store, follower, reservations, clock };
  const allocator = new Allocator({
    ...parts,
    portRange: () => '35000-35099',
    cooldown: () => 0,
    random: Math.random,
  });
  const common = {
    bus,
    service: 'HarboraaS',
    node,
    membership,
    addresses,
    addressesOf: addresses,
    allocator,
    replica: follower.replica,
    table,
    log,
  };
  const updater = new ServiceUpdater(parts);
  serveServiceNode({ ...common, updater, onTransportAdded: greet });
  serveOrphans({ ...common, inherits: (one) => node === 'n1' && one.node === 'gone' });
  serveMigration({
    ...common,
    transfer: new Transfer(parts),
    takenOver: () => undefined,
    dropped: () => undefined,
    greet,
  });
  const { replica } = common;
  const capacity = (): number => allocator.capacity;
  const announcer = new Announcer({ ...common, capacity, revision: () => replica.revision, clock });
  announcer.start();
  return announcer;
}
