import { HarborError } from '@harbor/core';
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
  return new Reach({ get: () => undefined }, presence);
}

function on(node: string) {
  return instanceRecord('one', { state: 'ready', node, credentials: credentialsFor('one', 35_001, node) });
}

t.test('reach - of a group every member is asked, its own first where it answers', async (t) => {
  t.strictSame(reach().nodesOf(on('b')), ['b', 'a']);
  t.strictSame(reach({ b: 1 }).nodesOf(on('b')), ['a', 'b']);
  t.strictSame(reach({ c: 1 }).nodesOf(on('c')), ['c'], 'who stands alone has nobody');
});

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
