import { backendId, HarborError, ManualClock, type Service } from '@harbor/core';
import t from 'tap';
import { Allocator } from '../src/ports/allocator.js';
import type { Wanted } from '../src/ports/wanted.js';
import type { Reservations } from '../src/ports/reservations.js';
import { startState } from './support/state.js';

const { store, follower } = await startState(t);
let nextNode = 0;

/** A connector that can bind everything but some ports. */
function connector(
  held: readonly number[] = [],
): Reservations & { asked: number[][]; released: number[]; open: Set<number> } {
  const open = new Set<number>();
  const asked: number[][] = [];
  const released: number[] = [];
  return {
    asked,
    released,
    open,
    async reserve({ ports }) {
      asked.push([...ports]);
      const port = ports.find((each) => !held.includes(each) && !open.has(each)) ?? null;
      if (port !== null) open.add(port);
      const skipped = ports
        .filter((each) => held.includes(each))
        .map((each) => ({ port: each, reason: 'held' }));
      return { held: port, skipped };
    },
    release(port) {
      released.push(port);
      open.delete(port);
    },
  };
}

function allocator(over: Partial<ConstructorParameters<typeof Allocator>[0]> = {}): Allocator {
  return new Allocator({
    node: `node_${nextNode++}`,
    portRange: () => '35000-35009',
    cooldown: () => 0,
    store,
    follower,
    reservations: connector(),
    clock: new ManualClock(1_000),
    random: Math.random,
    ...over,
  });
}
const wanted = (id: string, over: Partial<Wanted> = {}): Wanted => ({
  id,
  name: id,
  plan: 'free',
  parameters: {},
  ...over,
});
const refusal = async (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => (error as HarborError).code,
  );

t.test(
  'provision - a service gets a port of the range, an int_port from 4100 up, and the protocol of its name',
  async (t) => {
    const node = allocator();
    const first = await node.provision(wanted('p-web'));
    const second = await node.provision(wanted('p-dns', { name: 'both-dns' }));
    t.match(first, { protocol: 'tcp', intPort: 4100 });
    t.match(second, { protocol: 'both', intPort: 4101 });
    t.not(first.port, second.port);
    t.ok([first.port, second.port].every((port) => port >= 35000 && port <= 35009));
    t.equal(node.capacity, 8);
  },
);

t.test('provision - the same again answers with what is there, something else is refused', async (t) => {
  const node = allocator();
  const first = await node.provision(wanted('same'));
  t.strictSame(await node.provision(wanted('same')), first);
  t.equal(
    await refusal(node.provision(wanted('same', { parameters: { protocol: 'udp' } }))),
    'HARBOR_SERVICE_EXISTS',
  );
  t.equal(node.capacity, 9);
});

t.test('provision - ports that something else holds are skipped', async (t) => {
  const held = [35000, 35001, 35002, 35003, 35004, 35006, 35007, 35008, 35009];
  const node = allocator({ reservations: connector(held) });
  t.equal((await node.provision(wanted('skip'))).port, 35005);
});

t.test('provision - a full range is a clear error and leaves nothing behind', async (t) => {
  const reservations = connector();
  const node = allocator({ portRange: () => '35000-35002', reservations });
  for (const id of ['f1', 'f2', 'f3']) await node.provision(wanted(id));
  const before = await store.snapshot(['service', 'port', 'int_port']);
  t.equal(await refusal(node.provision(wanted('f4'))), 'HARBOR_PORT_RANGE_FULL');
  t.strictSame(await store.snapshot(['service', 'port', 'int_port']), before);
  t.same(reservations.open.size, 3);
});

t.test(
  'provision - a port asked for is given, or refused when taken, held or outside the range',
  async (t) => {
    const node = allocator({ reservations: connector([35008]) });
    t.equal((await node.provision(wanted('a1', { parameters: { port: 35007 } }))).port, 35007);
    t.equal(
      await refusal(node.provision(wanted('a2', { parameters: { port: 35007 } }))),
      'HARBOR_PORT_TAKEN',
    );
    t.equal(
      await refusal(node.provision(wanted('a3', { parameters: { port: 35008 } }))),
      'HARBOR_PORT_TAKEN',
    );
    t.equal(
      await refusal(node.provision(wanted('a4', { parameters: { port: 40001 } }))),
      'HARBOR_PORT_OUT_OF_RANGE',
    );
  },
);

t.test('provision - a change of the range acts on new ports at once, old ones stay', async (t) => {
  let range = '35000-35009';
  const node = allocator({ portRange: () => range });
  const old = await node.provision(wanted('r1'));
  range = '20000 - 20000';
  t.equal((await node.provision(wanted('r2'))).port, 20000);
  t.equal(follower.replica.get('service', 'r1')?.port, old.port);
  t.equal(node.capacity, 0);
});

t.test('provision - credentials are re-created exactly, also outside the range', async (t) => {
  const node = allocator();
  const credentials = {
    hostname: 'h',
    host: 'h',
    port: 45000,
    name: 'moved',
    node_id: 'other',
    int_port: 4177,
  };
  t.match(await node.provision(wanted('moved', { credentials })), {
    id: 'moved',
    port: 45000,
    intPort: 4177,
  });
  const again = { ...credentials, name: 'moved-2', port: 45001 };
  t.equal(await refusal(node.provision(wanted('moved-2', { credentials: again }))), 'HARBOR_PORT_TAKEN');
});

t.test(
  'provision - fifty at once on two processes of one node never share a port or an int_port',
  async (t) => {
    const shared = connector();
    const options = { node: 'crowded', portRange: () => '36000-36049', reservations: shared };
    const two = [
      allocator(options),
      allocator({
        ...options,
        reservations: {
          ...shared,
          reserve: ({ ports }) => Promise.resolve({ held: ports[0] ?? null, skipped: [] }),
        },
      }),
    ];
    const made = await Promise.all(
      Array.from({ length: 40 }, (_, at) => two[at % 2]!.provision(wanted(`crowd-${at}`))),
    );
    t.equal(new Set(made.map(({ port }) => port)).size, 40);
    t.same(
      made.map(({ intPort }) => intPort).sort(),
      Array.from({ length: 40 }, (_, at) => 4100 + at),
    );
  },
);

t.test('provision - the same id at once on two processes is one service', async (t) => {
  const two = [allocator({ node: 'twice' }), allocator({ node: 'twice' })];
  const made = await Promise.all(two.map((each) => each.provision(wanted('one'))));
  t.strictSame(made[0], made[1]);
});

t.test('provision - when Redis or the connector is away nothing is left behind', async (t) => {
  const reservations = connector();
  const away = new HarborError('HARBOR_REDIS_UNAVAILABLE', 'away');
  const node = allocator({ reservations, store: { commit: () => Promise.reject(away) } });
  t.equal(await refusal(node.provision(wanted('x1'))), 'HARBOR_REDIS_UNAVAILABLE');
  t.equal(reservations.open.size, 0, 'the reservation is given back');
  const silent = {
    ...connector(),
    reserve: () => Promise.reject(new HarborError('HARBOR_CONNECTOR_UNAVAILABLE', 'away')),
  };
  t.equal(
    await refusal(allocator({ reservations: silent }).provision(wanted('x2'))),
    'HARBOR_CONNECTOR_UNAVAILABLE',
  );
  t.equal(follower.replica.get('service', 'x1'), undefined);
});

t.test('provision - over six seconds it is given up and the port given back', async (t) => {
  const clock = new ManualClock();
  const reservations = connector();
  const slow: Reservations = {
    ...reservations,
    async reserve(wish) {
      clock.advance(6_001);
      return reservations.reserve(wish);
    },
  };
  t.equal(
    await refusal(allocator({ clock, reservations: slow }).provision(wanted('late'))),
    'HARBOR_NODE_TIMEOUT',
  );
  t.equal(reservations.open.size, 0);
});

t.test(
  'unprovision - of a group that the node has left it ends what it made there, and only that',
  async (t) => {
    const node = allocator();
    for (const [id, maker] of [
      ['was-mine', node.options.node],
      ['was-not', 'another'],
    ] as const) {
      const value: Service = { ...(await node.provision(wanted(id))), node: maker, group: 'left' };
      const result = await store.commit({ expect: [], write: [{ kind: 'service', id, value }] });
      if (result.done) await follower.caughtUp(result.revision);
    }
    t.equal(await node.unprovision('was-mine', []), true);
    t.equal(await node.unprovision('was-not', []), false);
  },
);

t.test(
  'unprovision - gives the numbers back and drops the backends; unknown ones are no error',
  async (t) => {
    const reservations = connector();
    const node = allocator({ reservations });
    const service: Service = await node.provision(wanted('gone'));
    const backend = {
      service: 'gone',
      transport: 'tcp',
      host: '10.0.0.1',
      port: 1,
      dea: 'd',
      app: 'a',
      instance: 'i',
      order: 1,
      since: 0,
    } as const;
    await store.commit({ expect: [], write: [{ kind: 'backend', id: backendId(backend), value: backend }] });
    t.equal(await node.unprovision('gone', [backendId(backend)]), true);
    t.equal(await node.unprovision('gone', []), false);
    t.equal(follower.replica.get('backend', backendId(backend)), undefined);
    t.equal(node.capacity, 10);
    reservations.open.clear();
    t.equal((await node.provision(wanted('next', { parameters: { port: service.port } }))).intPort, 4100);
  },
);
