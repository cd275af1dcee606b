import { HarborError, ManualClock } from '@harbor/core';
import type { Follower } from '@harbor/store';
import t from 'tap';
import { Members } from '../src/group/members.js';
import { startState } from './support/state.js';

const { store } = await startState(t);
let next = 0;

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
  const made = { node: 'n1', group };
  t.notOk(two.members.inherits(made));
  await passes(clock, 14_000, () => two.writes());
  t.strictSame(two.members.ids(), ['n2']);
  t.ok(two.members.inherits(made), 'it speaks for what a member made that has gone');
  t.notOk(two.members.inherits({ node: 'n1' }), 'and for nothing else');
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
