import { blockOf, HarborError, ManualClock } from '@harbor/core';
import { Store, type Follower } from '@harbor/store';
import { startRedis, type TestServer } from '@harbor/testbed';
import fc from 'fast-check';
import t from 'tap';
import { Members } from '../src/group/members.js';
import { GroupReservations } from '../src/group/reservations.js';
import { Allocator } from '../src/ports/allocator.js';
import type { Reservations } from '../src/ports/reservations.js';

let server: TestServer;
let store: Store;
let next = 0;

t.before(async () => {
  server = await startRedis();
  store = new Store({ url: server.url, onError: () => undefined });
});
t.teardown(async () => {
  store.close();
  await server.stop();
});

/** The connector of one machine: what others hold there, and what it has bound. */
class Connector implements Reservations {
  readonly bound = new Set<number>();

  constructor(
    readonly foreign: ReadonlySet<number> = new Set(),
    public away = false,
  ) {}

  async reserve({ ports, count = 1 }: Parameters<Reservations['reserve']>[0]) {
    await new Promise(setImmediate);
    if (this.away) throw new HarborError('HARBOR_CONNECTOR_UNAVAILABLE', 'nobody answers');
    const isFree = (port: number): boolean => !this.foreign.has(port) && !this.bound.has(port);
    const held = ports.find((port) => blockOf(port, count).every(isFree)) ?? null;
    for (const port of held === null ? [] : blockOf(held, count)) this.bound.add(port);
    const passed = held === null ? ports : ports.slice(0, ports.indexOf(held));
    return { held, skipped: passed.map((port) => ({ port, reason: 'held' })) };
  }

  release(port: number, count: number): void {
    for (const each of blockOf(port, count)) this.bound.delete(each);
  }
}

function groupOf(connectors: ReadonlyMap<string, Connector>): GroupReservations {
  return new GroupReservations(
    () => [...connectors.keys()].sort(),
    (member) => connectors.get(member) ?? new Connector(),
  );
}

t.test('groups - a number counts where every member holds it, and no other stays held', async (t) => {
  const a = new Connector(new Set([1]));
  const b = new Connector(new Set([2, 3]));
  const reply = await groupOf(
    new Map([
      ['a', a],
      ['b', b],
    ]),
  ).reserve({ ports: [1, 2, 3, 4, 5], transports: ['tcp'] });
  t.equal(reply.held, 4);
  t.strictSame([[...a.bound], [...b.bound]], [[4], [4]]);
  t.match(reply.skipped, [
    { port: 1, reason: 'held on a' },
    { port: 2, reason: 'held on b' },
  ]);
});

t.test('groups - a member that does not answer fails the reservation, and nothing stays held', async (t) => {
  const a = new Connector();
  const group = groupOf(
    new Map([
      ['a', a],
      ['b', new Connector(new Set(), true)],
    ]),
  );
  await t.rejects(group.reserve({ ports: [1, 2], transports: ['tcp'] }), {
    code: 'HARBOR_CONNECTOR_UNAVAILABLE',
    message: /member b/,
  });
  t.equal(a.bound.size, 0);
});

t.test('groups - whoever provisions and gives back at once, no number has two services', async (t) => {
  const members = ['m1', 'm2', 'm3'];
  const step = fc.record({
    member: fc.constantFrom(...members),
    size: fc.constantFrom(1, 1, 2),
    back: fc.boolean(),
  });
  const ports = fc.uniqueArray(fc.integer({ min: 35000, max: 35011 }), { maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), ports, ports, async (steps, onFirst, onSecond) => {
      const group = `g${next++}`;
      const connectors = new Map([
        ['m1', new Connector(new Set(onFirst))],
        ['m2', new Connector(new Set(onSecond))],
        ['m3', new Connector()],
      ]);
      const followers = await Promise.all(members.map(() => follow()));
      const allocators = new Map(
        members.map((node, at) => [node, allocator(node, group, followers[at]!, groupOf(connectors))]),
      );
      const outcomes = await Promise.allSettled(
        steps.map(async ({ member, size, back }, at) => {
          const id = `${group}-${at}`;
          const parameters = size === 1 ? {} : { ports: size };
          const service = await allocators
            .get(member)!
            .provision({ id, name: 'tcp', plan: 'free', parameters });
          if (back) await allocators.get(members[at % 3]!)!.unprovision(id, []);
          return service;
        }),
      );
      for (const each of outcomes)
        if (each.status === 'rejected') t.equal((each.reason as HarborError).code, 'HARBOR_PORT_RANGE_FULL');
      const { records } = await store.snapshot(['service', 'port']);
      const mine = records.flatMap(({ kind, value }) =>
        kind === 'service' && value?.group === group ? [value] : [],
      );
      const numbers = mine.flatMap(({ port, ports: size = 1 }) => blockOf(port, size));
      const ints = mine.flatMap(({ intPort, ports: size = 1 }) => blockOf(intPort, size));
      followers.forEach((each) => each.close());
      const claims = records.filter(
        ({ kind, value }) => kind === 'port' && value && 'group' in value && value.group === group,
      );
      return (
        new Set(numbers).size === numbers.length &&
        new Set(ints).size === ints.length &&
        claims.length === numbers.length &&
        numbers.every((port) => !onFirst.includes(port) && !onSecond.includes(port))
      );
    }),
    { numRuns: 25 },
  );
});

t.test('groups - the lowest live member writes, and the next one where it is given up', async (t) => {
  const group = `g${next++}`;
  const clock = new ManualClock(1_000);
  const one = await member(t, 'n1', group, clock);
  const two = await member(t, 'n2', group, clock);
  await one.members.join();
  await two.members.join();
  t.strictSame([one.writes(), two.writes()], [true, false]);
  t.strictSame(two.members.ids(), ['n1', 'n2']);
  t.equal(two.members.range(), '35005-35010', 'the ports of the group are those that all have');

  one.halt();
  await passes(clock, 14_000, () => two.writes());
  t.strictSame(two.members.ids(), ['n2']);
  one.resume();
  await passes(clock, 14_000, () => one.writes() && !two.writes());
  t.equal(one.returns(), 1, 'it forgets what it knew');

  await one.members.leave();
  await passes(clock, 0, () => two.writes());
  await two.members.leave();
});

t.test('groups - a member without a port in common is refused', async (t) => {
  const group = `g${next++}`;
  const clock = new ManualClock(1_000);
  const one = await member(t, 'r1', group, clock);
  await one.members.join();
  const other = await member(t, 'r2', group, clock, '40000-40010');
  await t.rejects(other.members.join(), { code: 'HARBOR_CONFIG_INVALID', message: /no port in common/ });
  await one.members.leave();
});

t.test(
  'groups - members that a change leaves without a port in common say so, once, and when they have',
  async (t) => {
    const group = `g${next++}`;
    const clock = new ManualClock(1_000);
    const one = await member(t, 'w1', group, clock);
    const two = await member(t, 'w2', group, clock);
    await one.members.join();
    await two.members.join();
    await passes(clock, 14_000, () => one.members.ids().length === 2);
    t.strictSame([one.said, two.said], [[], []]);

    two.setRange('40000-40010');
    two.members.rangeChanged();
    t.match(two.said, [{ event: 'group_range_apart', ranges: { w1: '35000-35010', w2: '40000-40010' } }]);
    await passes(clock, 14_000, () => one.said.length > 0);
    t.match(one.said, [{ event: 'group_range_apart', ranges: { w1: '35000-35010', w2: '40000-40010' } }]);
    t.equal(two.members.range(), '40000-40010', 'each gives out its own');
    await passes(clock, 14_000, () => false).catch(() => undefined);
    t.strictSame([one.said.length, two.said.length], [1, 1], 'not at each renewal');

    two.setRange('35008-35020');
    two.members.rangeChanged();
    await passes(clock, 14_000, () => one.said.length > 1);
    for (const { said } of [one, two])
      t.match(said[1], { event: 'group_range_common', ranges: { w1: '35000-35010', w2: '35008-35020' } });
    t.equal(one.members.range(), '35008-35010');
    await one.members.leave();
    await two.members.leave();
  },
);

t.test('groups - without one a node writes always and has its own range', async (t) => {
  const { members } = await member(t, 'alone', undefined, new ManualClock());
  await members.join();
  t.ok(members.writes({ node: 'alone' }));
  t.strictSame([members.ids(), members.range()], [['alone'], '35000-35010']);
  t.equal((await store.snapshot(['member'])).records.length, 0);
});

function follow(): Promise<Follower> {
  return store.follow(['service', 'port', 'int_port', 'cooling', 'backend'], {
    onReset: () => undefined,
    onChange: () => undefined,
  });
}

function allocator(node: string, group: string, follower: Follower, reservations: Reservations): Allocator {
  return new Allocator({
    ...{ node, group, store, follower, reservations, clock: new ManualClock(), random: Math.random },
    portRange: () => '35000-35011',
    cooldown: () => 0,
  });
}

async function member(
  t: { teardown(end: () => void): unknown },
  node: string,
  group: string | undefined,
  clock: ManualClock,
  range = node === 'n2' ? '35005-35020' : '35000-35010',
) {
  let halted = false;
  const said: { event?: string }[] = [];
  const heard = (fields: { event?: string }): void => {
    if (fields.event?.startsWith('group_range')) said.push(fields);
  };
  let returns = 0;
  const members: Members = new Members({
    ...{ node, group, clock, portRange: () => range },
    addresses: () => ({ host: node, hostname: node }),
    store: {
      commit: (commit) =>
        halted ? Promise.reject(new HarborError('HARBOR_REDIS_UNAVAILABLE', 'away')) : store.commit(commit),
    },
    follower: () => follower,
    log: { info: heard, warn: heard },
    onReturn: () => (returns += 1),
    onWriter: () => undefined,
  });
  const follower: Follower = await store.follow(['member'], {
    onReset: () => undefined,
    onChange: ({ id, value }) => members.changed(id, value !== undefined),
  });
  members.reset();
  t.teardown(() => follower.close());
  return {
    members,
    said,
    setRange: (wanted: string) => void (range = wanted),
    writes: () => members.writes({ node, ...(group === undefined ? {} : { group }) }),
    returns: () => returns,
    halt: () => void (halted = true),
    resume: () => void (halted = false),
  };
}

/** Lets time pass until something holds, with Redis answering between. */
async function passes(clock: ManualClock, ms: number, holds: () => boolean): Promise<void> {
  for (let passed = 0; passed <= ms; passed += 1_000) {
    clock.advance(1_000);
    await store.ping();
    for (let turn = 0; turn < 20 && !holds(); turn++) await store.ping();
    if (holds()) return;
  }
  throw new Error('it never held');
}
