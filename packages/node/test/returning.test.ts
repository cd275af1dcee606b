import {
  HarborError,
  ManualClock,
  Membership,
  Replica,
  type Member,
  type Service,
  type Write,
} from '@harbor/core';
import t from 'tap';
import { leftBehind } from '../src/group/entering.js';
import { BACK_AFTER, Returning } from '../src/group/returning.js';

const service = (id: string, node: string, group?: string): Service => ({
  ...{ id, name: id, node, port: 35_000, intPort: 4_100, protocol: 'tcp', plan: 'free', parameters: {} },
  ...(group === undefined ? {} : { group }),
  createdAt: 0,
});

/** What the shared state has, which a test changes. */
function state(services: readonly Service[]) {
  const replica = new Replica();
  let revision = 0;
  const put = (write: Write): void => {
    replica.apply({ ...write, revision: ++revision });
  };
  for (const value of services) put({ kind: 'service', id: value.id, value });
  const member = (node: string, group: string | undefined): void => {
    const addresses = { host: node, hostname: node };
    const value: Member | undefined =
      group === undefined ? undefined : { node, group, range: '35000-35010', addresses, beat: 1 };
    put({ kind: 'member', id: node, value });
  };
  return { replica, put, member };
}

/** The node `left` that has left the group `web`, in which it made `made`. */
function outside(more: { failing?: boolean } = {}) {
  const all = state([service('made', 'left', 'web'), service('others', 'n2', 'web'), service('own', 'left')]);
  const clock = new ManualClock();
  const membership = new Membership('left');
  const said: unknown[] = [];
  let brought = 0;
  const returning = new Returning({
    ...{ membership, clock, replica: () => all.replica },
    bring: () => {
      brought += 1;
      if (more.failing) return Promise.reject(new HarborError('HARBOR_REDIS_UNAVAILABLE', 'away'));
      all.put({ kind: 'service', id: 'made', value: service('made', 'left') });
      return Promise.resolve();
    },
    log: { warn: (fields) => said.push(fields) },
  });
  const member = (node: string, group: string | undefined): void => {
    all.member(node, group);
    returning.look();
  };
  return { ...all, clock, membership, returning, member, said, brought: () => brought };
}

t.test('returning - what a node made in a group is left behind when no other is in it', async (t) => {
  const { replica, membership, member } = outside();
  const ids = () => leftBehind(membership, replica).map(({ id }) => id);
  t.strictSame(ids(), ['made']);
  member('n2', 'web');
  t.strictSame(ids(), [], 'it is served there');
  member('n2', 'other');
  t.strictSame(ids(), ['made']);
});

t.test('returning - a minute after the last member has gone the maker has it back', async (t) => {
  const { clock, member, brought, returning } = outside();
  member('n2', 'web');
  member('n3', 'web');
  member('n2', undefined);
  clock.advance(2 * BACK_AFTER);
  t.equal(brought(), 0, 'one is left');
  member('n3', undefined);
  clock.advance(BACK_AFTER - 1);
  t.equal(brought(), 0);
  clock.advance(1);
  t.equal(brought(), 1);
  await Promise.resolve();
  returning.look();
  clock.advance(2 * BACK_AFTER);
  t.equal(brought(), 1, 'once');
});

t.test('returning - members that only start anew keep what they serve', async (t) => {
  const { clock, member, brought } = outside();
  for (let start = 0; start < 3; start++) {
    member('n2', undefined);
    clock.advance(BACK_AFTER - 1);
    member('n2', 'web');
  }
  clock.advance(2 * BACK_AFTER);
  t.equal(brought(), 0);
});

t.test('returning - while Redis is away it is tried again, and a node that ends takes nothing', async (t) => {
  const { clock, returning, brought, said } = outside({ failing: true });
  returning.look();
  for (const times of [1, 2]) {
    clock.advance(BACK_AFTER);
    await new Promise(setImmediate);
    t.equal(brought(), times);
  }
  t.match(said, [
    { event: 'service_not_brought', group: 'web', code: 'HARBOR_REDIS_UNAVAILABLE' },
    { event: 'service_not_brought' },
  ]);
  returning.stop();
  clock.advance(2 * BACK_AFTER);
  t.equal(brought(), 2);
});
