import { openPlace, withStore } from '@harbor/runtime';
import { startRedis, temporaryDirectory } from '@harbor/testbed';
import type { KnownNode } from '@harbor/core';
import type { JoinRequest } from '@harbor/wire';
import t from 'tap';
import { JoinDesk } from '../src/cluster/join-desk.js';
import { formatToken, newToken, parseToken, tokenId } from '../src/cluster/token.js';

const NOW = 1_000_000;
const directory = temporaryDirectory();
const redis = await startRedis();
t.teardown(async () => {
  await redis.stop();
  directory.remove();
});
const place = openPlace({ HARBOR_HOME: directory.path, HARBOR_REDIS_URL: redis.url });
const desk = new JoinDesk(place, () => NOW);

/** A token that is stored, good until then. */
async function token(expiresAt = NOW + 1): Promise<string> {
  const { secret } = newToken('f'.repeat(43));
  await withStore(place, (store) =>
    store.commit({ expect: [], write: [{ kind: 'join', id: tokenId(secret), value: { expiresAt } }] }),
  );
  return secret;
}

async function request(more: Partial<JoinRequest> = {}): Promise<JoinRequest> {
  return { token: await token(), node_id: 'n2', host: '10.0.0.2', identity: 'home two', ...more };
}

async function known(): Promise<KnownNode[]> {
  const { records } = await withStore(place, (store) => store.snapshot(['node']));
  return records.flatMap(({ kind, value }) => (kind === 'node' && value ? [value] : []));
}

t.test('join - a token is good until it expires', async (t) => {
  const refused = { joined: false, error: 'HARBOR_JOIN_TOKEN_INVALID' };
  t.match(await desk.answer(await request({ token: await token(NOW) })), refused);
  t.match(await desk.answer(await request({ token: 'unknown' })), refused);
  t.strictSame(await known(), [], 'nothing is changed');
});

t.test('join - of two that come with one token one is let in', async (t) => {
  const first = await request();
  const answers = await Promise.all([
    desk.answer(first),
    desk.answer({ ...first, node_id: 'n3', identity: 'home three' }),
  ]);
  t.equal(answers.filter(({ joined }) => joined).length, 1);
  t.equal((await known()).length, 1);
  t.match(await desk.answer({ ...first, node_id: 'n4' }), { error: 'HARBOR_JOIN_TOKEN_INVALID' });
});

t.test(
  'join - an id is one home’s, which may come again; the token of who is refused stays good',
  async (t) => {
    await withStore(place, (store) =>
      store.commit({
        expect: [],
        write: [{ kind: 'node', id: 'n9', value: { id: 'n9', host: 'h', identity: 'home nine' } }],
      }),
    );
    const good = await token();
    for (const node_id of ['n9', 'harbor_node_1'])
      t.match(await desk.answer(await request({ token: good, node_id, identity: 'another' })), {
        joined: false,
        error: 'HARBOR_NODE_EXISTS',
        description: /--node-id harbor_node_2/,
      });
    const again = await request({ token: good, node_id: 'n9', identity: 'home nine', host: '10.0.0.9' });
    t.match(await desk.answer(again), { joined: true, access: { redis_url: redis.url } });
    t.match(
      (await known()).find(({ id }) => id === 'n9'),
      { host: '10.0.0.9' },
    );
  },
);

t.test('join - a token is read as it was written', async (t) => {
  const made = newToken('f'.repeat(43));
  t.strictSame(parseToken(` ${formatToken(made)}\n`), made);
  t.throws(() => parseToken(made.secret), { code: 'HARBOR_USAGE' });
});
