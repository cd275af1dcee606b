import { HarborError, type Service } from '@harbor/core';
import t from 'tap';
import { Reach } from '../src/nodes/reach.js';
import { credentialsFor, instanceRecord } from './support/fixture.js';

/** Three nodes: a and b are of one group, c stands alone. */
function reach(away: Readonly<Record<string, number>> = {}): Reach {
  const groups: Readonly<Record<string, string>> = { a: 'web', b: 'web' };
  const presence = {
    group: (id: string) => groups[id],
    members: (group: string) => ['a', 'b', 'c'].filter((id) => groups[id] === group),
    unreachableSince: (id: string) => away[id],
  };
  return new Reach({ get: (_kind, id) => SERVICES[id] }, presence);
}

/** Made by c, which has left the groups that have them; `empty` has no member any more. */
const SERVICES: Readonly<Record<string, Service>> = { left: madeBy('web'), last: madeBy('empty') };

function madeBy(group: string): Service {
  return {
    ...{ id: 'one', name: 'one', node: 'c', group, port: 35_001, intPort: 4_100, protocol: 'tcp' as const },
    ...{ plan: 'free', parameters: {}, createdAt: 0 },
  };
}

function on(node: string) {
  return instanceRecord('one', { state: 'ready', node, credentials: credentialsFor('one', 35_001, node) });
}

t.test('reach - of a group every member is asked, its own first where it answers', async (t) => {
  t.strictSame(reach().nodesOf(on('b')), ['b', 'a']);
  t.strictSame(reach({ b: 1 }).nodesOf(on('b')), ['a', 'b']);
  t.strictSame(reach({ c: 1 }).nodesOf(on('c')), ['c'], 'who stands alone has nobody');
});

t.test(
  'reach - who has left a group is not asked for what it made there, while others are in it',
  async (t) => {
    const made = (id: string) => ({ ...on('c'), credentials: credentialsFor(id, 35_001, 'c') });
    t.strictSame(reach().nodesOf(made('left')), ['a', 'b']);
    t.equal(reach({ a: 2, b: 1 }).unreachableSince(made('left')), 2);
    t.strictSame(reach().nodesOf(made('last')), ['c'], 'it will take it back');
  },
);

t.test('reach - a service is unreachable when nobody who serves it answers', async (t) => {
  t.equal(reach({ b: 1 }).unreachableSince(on('b')), undefined);
  t.equal(reach({ a: 2, b: 1 }).unreachableSince(on('b')), 2);
  t.equal(reach({ c: 3 }).unreachableSince(on('c')), 3);
});

t.test('reach - the next is asked where nobody took the question, and only then', async (t) => {
  const asked: string[] = [];
  const failing = (code: 'HARBOR_NODE_UNAVAILABLE' | 'HARBOR_NODE_TIMEOUT') => (node: string) => {
    asked.push(node);
    return node === 'a' ? Promise.resolve(node) : Promise.reject(new HarborError(code, node));
  };
  t.equal(await reach().ask(on('b'), failing('HARBOR_NODE_UNAVAILABLE')), 'a');
  await t.rejects(reach().ask(on('b'), failing('HARBOR_NODE_TIMEOUT')), { code: 'HARBOR_NODE_TIMEOUT' });
  await t.rejects(reach().ask(on('c'), failing('HARBOR_NODE_UNAVAILABLE')), { message: 'c' });
  t.strictSame(asked, ['b', 'a', 'b', 'c']);
});
