import type { HarborError } from '@harbor/core';
import { claimId, ManualClock } from '@harbor/core';
import { eventually } from '@harbor/testbed';
import t from 'tap';
import { Allocator } from '../src/ports/allocator.js';
import { startThaw } from '../src/ports/thaw.js';
import { startState } from './support/state.js';

const { server, store, follower } = await startState(t);
let nextNode = 0;

/** A node with three ports and a clock of its own. */
function node(
  options: { readonly cooldown?: () => number; readonly name?: string; readonly clock?: ManualClock } = {},
) {
  const { cooldown = () => 60, name = `cool_${nextNode++}`, clock = new ManualClock(1_000_000) } = options;
  const allocator = new Allocator({
    node: name,
    portRange: () => '35000-35002',
    cooldown,
    store,
    follower,
    reservations: {
      reserve: ({ ports }) => Promise.resolve({ held: ports[0] ?? null, skipped: [] }),
      release: () => undefined,
    },
    clock,
    random: Math.random,
  });
  const make = (id: string, owner?: string, port?: number) =>
    allocator.provision({
      ...{ id: `${name}-${id}`, name: id, plan: 'free', parameters: port === undefined ? {} : { port } },
      ...(owner === undefined ? {} : { owner }),
    });
  const remove = (id: string) => allocator.unprovision(`${name}-${id}`, []);
  return { allocator, clock, make, remove, name };
}
const refusal = (work: Promise<unknown>): Promise<HarborError> =>
  work.then(
    () => t.fail('it was not refused') as never,
    (error: unknown) => error as HarborError,
  );

t.test(
  'cool-down - a port given back goes to nobody else until its time is up, not a moment earlier',
  async (t) => {
    const { allocator, clock, make, remove } = node();
    const { port } = await make('a', 'o/s/a');
    await remove('a');
    t.equal(allocator.capacity, 2, 'what cools down is not free');
    const others = [await make('b', 'o/s/b'), await make('c')];
    t.notOk(others.some((other) => other.port === port));
    clock.advance(17_500);
    const full = await refusal(make('d', 'o/s/d'));
    t.equal(full.code, 'HARBOR_PORT_RANGE_FULL');
    t.match(full.message, '1 port cools down, the next is free in 43 s');
    const exact = await refusal(make('e', 'o/s/e', port));
    t.equal(exact.code, 'HARBOR_PORT_COOLING');
    t.match(exact.message, `port ${port} was given back a moment ago and cools down for another 43 s`);
    clock.advance(42_499);
    t.equal((await refusal(make('d'))).code, 'HARBOR_PORT_RANGE_FULL');
    clock.advance(1);
    t.equal(allocator.capacity, 1);
    t.equal((await make('d')).port, port);
  },
);

t.test('cool-down - the same name in the same space gets its port back, by its number too', async (t) => {
  const { make, remove } = node();
  const first = await make('a', 'o/s/a');
  for (const [id, port] of [
    ['a2', undefined],
    ['a3', first.port],
  ] as const) {
    await remove(id === 'a2' ? 'a' : 'a2');
    t.equal((await make(id, 'o/s/a', port)).port, first.port);
  }
  await remove('a3');
  t.equal((await refusal(make('x', 'o/other/a', first.port))).code, 'HARBOR_PORT_COOLING', 'another space');
});

t.test('cool-down - none where it is 0, and set to 0 it ends what cools already', async (t) => {
  let seconds = 60;
  const { make, remove, allocator, name } = node({ cooldown: () => seconds });
  const { port } = await make('a', 'o/s/a');
  await remove('a');
  seconds = 0;
  t.equal(allocator.capacity, 3);
  t.equal((await make('b', 'o/s/b', port)).port, port);
  await remove('b');
  t.equal(follower.replica.get('cooling', claimId(name, port)), undefined);
});

t.test('cool-down - it holds over a kill -9 of Redis, and for another process', async (t) => {
  const first = node();
  const { port } = await first.make('a', 'o/s/a');
  await first.remove('a');
  await server.kill();
  await server.start();
  await eventually('Redis to answer', () => store.ping().then(() => true));
  const again = await store.follow(['service', 'port', 'int_port', 'cooling'], {
    onReset: () => undefined,
    onChange: () => undefined,
  });
  t.teardown(() => again.close());
  t.match(again.replica.get('cooling', claimId(first.name, port)), { port, owner: 'o/s/a' });
  const second = node({ name: first.name, clock: first.clock });
  t.equal((await refusal(second.make('b', 'o/s/b', port))).code, 'HARBOR_PORT_COOLING');
});

t.test('cool-down - a claim fails where the port was given back after the claimant looked', async (t) => {
  const { make, remove, allocator, name } = node();
  const { port } = await make('a', 'o/s/a');
  const looked = allocator.cooling.claim(port, { id: 'b' });
  await remove('a');
  t.ok(looked);
  const result = await store.commit({
    expect: [looked!.expect],
    write: [{ kind: 'port', id: claimId(name, port), value: { node: name, port, service: 'b' } }],
  });
  t.match(result, { done: false, unmet: { kind: 'cooling' } });
});

t.test('cool-down - records that are over go by themselves, and no key is left', async (t) => {
  const { make, remove, allocator, clock, name } = node();
  await make('a', 'o/s/a');
  await remove('a');
  let freed = 0;
  t.teardown(startThaw({ cooling: allocator.cooling, store, clock, onFreed: () => freed++ }));
  const left = async () => {
    const { records } = await store.snapshot(['cooling']);
    return records.filter((record) => record.id.startsWith(`${name}:`)).length;
  };
  clock.advance(5_000);
  t.equal(await left(), 1);
  await eventually('the record to go', async () => {
    clock.advance(5_000);
    return (await left()) === 0;
  });
  t.equal(freed, 1);
  t.ok(clock.now() >= 1_060_000, 'not before its time');
});
