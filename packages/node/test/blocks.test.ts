import { claimId, ManualClock, portsOf, intPortsOf, type HarborError, type Service } from '@harbor/core';
import t from 'tap';
import { Allocator } from '../src/ports/allocator.js';
import { startState } from './support/state.js';

const { store, follower } = await startState(t);
let nextNode = 0;

function allocators(count: number, range = '35000-35019', clock = new ManualClock(1_000)) {
  const node = `blocks_${nextNode++}`;
  const make = () =>
    new Allocator({
      node,
      portRange: () => range,
      cooldown: () => 60,
      store,
      follower,
      reservations: {
        reserve: ({ ports }) => Promise.resolve({ held: ports[0] ?? null, skipped: [] }),
        release: () => undefined,
      },
      clock,
      random: Math.random,
    });
  return { node, clock, all: Array.from({ length: count }, make) };
}
const ask = (allocator: Allocator, id: string, parameters: { ports?: number; port?: number }) =>
  allocator.provision({ id, name: id, owner: `o/s/${id}`, plan: 'free', parameters });
const refusal = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: unknown) => (error as HarborError).code,
  );

t.test('blocks - asked for at once on two processes, no two services share a number', async (t) => {
  const { all } = allocators(2, '35000-35059');
  const sizes = [1, 4, 2, 7, 1, 3, 5, 2, 6, 1];
  const made = (
    await Promise.all(
      sizes.map((ports, at) =>
        ask(all[at % 2]!, `crowd-${at}`, ports === 1 ? {} : { ports }).catch(() => undefined),
      ),
    )
  ).filter((service): service is Service => service !== undefined);
  t.ok(made.length >= 8, 'fragments may leave one without a place');
  const ports = made.flatMap(portsOf);
  const ints = made.flatMap(intPortsOf);
  t.equal(new Set(ports).size, ports.length);
  t.equal(new Set(ints).size, ints.length);
  t.ok(ports.every((port) => port >= 35000 && port <= 35059));
});

t.test('blocks - one begins at the port asked for, or is refused whole', async (t) => {
  const { all, node } = allocators(1);
  const [allocator] = all as [Allocator];
  t.match(await ask(allocator, 'b1', { port: 35010, ports: 4 }), { port: 35010, ports: 4 });
  for (const port of [35010, 35013]) t.ok(follower.replica.get('port', claimId(node, port)));
  t.equal(await refusal(ask(allocator, 'b2', { port: 35007, ports: 4 })), 'HARBOR_PORT_TAKEN');
  t.equal(await refusal(ask(allocator, 'b3', { port: 35018, ports: 3 })), 'HARBOR_PORT_OUT_OF_RANGE');
  t.equal(await refusal(ask(allocator, 'b4', { ports: 11 })), 'HARBOR_PORT_RANGE_FULL');
  t.equal(await refusal(ask(allocator, 'b1', { ports: 3 })), 'HARBOR_SERVICE_EXISTS');
  t.equal(allocator.capacity, 16);
});

t.test('blocks - deleted, all of its ports cool down, and come back to its name together', async (t) => {
  const { all, node } = allocators(1);
  const [allocator] = all as [Allocator];
  const made = await ask(allocator, 'c1', { ports: 5 });
  await allocator.unprovision('c1', []);
  t.equal(allocator.capacity, 15);
  for (const port of portsOf(made)) t.ok(follower.replica.get('cooling', claimId(node, port)));
  t.equal(await refusal(ask(allocator, 'c2', { port: made.port + 4 })), 'HARBOR_PORT_COOLING');
  t.equal((await ask(allocator, 'c1', { ports: 5 })).port, made.port);
  t.equal([...follower.replica.all('cooling')].filter((each) => each.node === node).length, 0);
});
