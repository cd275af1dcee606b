import { blockOf, HarborError, ManualClock, type Clock } from '@harbor/core';
import type { Follower } from '@harbor/store';
import fc from 'fast-check';
import t from 'tap';
import { GroupReservations, SILENT_FOR } from '../src/group/reservations.js';
import { Allocator } from '../src/ports/allocator.js';
import type { Reservations } from '../src/ports/reservations.js';
import { startState } from './support/state.js';

const { store } = await startState(t);
let next = 0;

/** The connector of one machine: what others hold there, and what it has bound. */
class Connector implements Reservations {
  readonly bound = new Set<number>();
  asked = 0;

  constructor(
    readonly foreign: ReadonlySet<number> = new Set(),
    /** `silent`: it takes questions and does not answer. */
    public away: boolean | 'silent' = false,
  ) {}

  async reserve({ ports, count = 1 }: Parameters<Reservations['reserve']>[0]) {
    await new Promise(setImmediate);
    this.asked += 1;
    const details = { delivered: this.away === 'silent' };
    if (this.away !== false) throw new HarborError('HARBOR_CONNECTOR_UNAVAILABLE', 'no answer', { details });
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

function groupOf(
  connectors: ReadonlyMap<string, Connector>,
  clock: Clock = new ManualClock(),
  onSilent: (member: string) => void = () => undefined,
): GroupReservations {
  return new GroupReservations({
    members: () => [...connectors.keys()].sort(),
    of: (member) => connectors.get(member) ?? new Connector(),
    ...{ clock, onSilent },
  });
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

t.test('groups - a member that does not answer is passed over, whichever it is', async (t) => {
  for (const silent of ['a', 'b', 'c']) {
    const connectors = new Map(
      ['a', 'b', 'c'].map((id) => [id, new Connector(new Set(id === 'b' ? [1] : []))]),
    );
    const lost = connectors.get(silent)!;
    lost.away = true;
    const told: string[] = [];
    const group = groupOf(connectors, new ManualClock(), (member) => told.push(member));
    const wanted = silent === 'b' ? 1 : 2;
    t.equal((await group.reserve({ ports: [1, 2, 3], transports: ['tcp'] })).held, wanted);
    for (const [id, { bound }] of connectors)
      t.strictSame([...bound], id === silent ? [] : [wanted], `${id} without ${silent}`);
    t.equal((await group.reserve({ ports: [3], transports: ['tcp'] })).held, 3);
    t.strictSame(told, [silent], 'which is said once');
    lost.away = false;
    await group.reserve({ ports: [4], transports: ['tcp'] });
    t.ok(lost.bound.has(4), 'it counts again as soon as it is back');
  }
});

t.test('groups - a member that took a question and did not answer is not waited for again', async (t) => {
  const clock = new ManualClock();
  const a = new Connector(new Set(), 'silent');
  const b = new Connector();
  const group = groupOf(
    new Map([
      ['a', a],
      ['b', b],
    ]),
    clock,
  );
  const reserve = async (port: number) => (await group.reserve({ ports: [port], transports: ['tcp'] })).held;
  t.equal(await reserve(1), 1);
  t.equal(await reserve(2), 2);
  t.equal(a.asked, 1);
  clock.advance(SILENT_FOR);
  t.equal(await reserve(3), 3);
  t.equal(a.asked, 2, 'it may be back by then');
});

t.test(
  'groups - where no member answers the reservation fails, and what is refused stays refused',
  async (t) => {
    const connectors = new Map([
      ['a', new Connector(new Set(), true)],
      ['b', new Connector(new Set(), 'silent')],
    ]);
    const group = groupOf(connectors);
    const unanswered = { code: 'HARBOR_CONNECTOR_UNAVAILABLE', message: /member b/ };
    await t.rejects(group.reserve({ ports: [1], transports: ['tcp'] }), unanswered);
    await t.rejects(group.reserve({ ports: [1], transports: ['tcp'] }), {
      ...unanswered,
      message: /member a/,
    });
    const unable = new Connector();
    unable.reserve = () => Promise.reject(new HarborError('HARBOR_DATA_PLANE_UNAVAILABLE', 'no'));
    const a = new Connector();
    const other = groupOf(
      new Map([
        ['a', a],
        ['b', unable],
      ]),
    );
    const refused = other.reserve({ ports: [1], transports: ['tcp'] });
    await t.rejects(refused, { code: 'HARBOR_DATA_PLANE_UNAVAILABLE', message: /member b/ });
    t.equal(a.bound.size, 0, 'nothing stays held');
  },
);

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
