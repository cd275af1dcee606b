import type { HarborError } from '@harbor/core';
import { type Change, type Commit, type Replica } from '@harbor/core';
import { eventually, startRedis, type TestServer } from '@harbor/testbed';
import { Redis } from 'ioredis';
import t from 'tap';
import { Store } from '../src/index.js';

let server: TestServer;
let store: Store;

t.before(async () => {
  server = await startRedis();
  store = new Store({ url: server.url, onError: () => undefined });
});
t.teardown(async () => {
  store.close();
  await server.stop();
});

function claim(id: string, service: string): Commit {
  return {
    expect: [{ kind: 'port', id, is: 'absent' }],
    write: [{ kind: 'port', id, value: { node: 'n', port: 1, service } }],
  };
}

async function follower(kinds: Parameters<Store['follow']>[0]) {
  const changes: Change[] = [];
  const resets: number[] = [];
  const outages: string[] = [];
  const follower = await store.follow(kinds, {
    onReset: (replica: Replica) => resets.push(replica.revision),
    onChange: (change) => changes.push(change),
    onAway: () => outages.push('away'),
    onBack: () => outages.push('back'),
  });
  return { ...follower, follower, changes, resets, outages };
}

t.test('commit - an expectation that does not hold changes nothing at all', async (t) => {
  t.match(await store.commit(claim('n:1', 'a')), { done: true });
  const before = await store.snapshot(['port', 'name']);
  const result = await store.commit({
    expect: [...claim('n:1', 'b').expect],
    write: [...claim('n:1', 'b').write, { kind: 'name', id: 'x', value: { instance: 'b' } }],
  });
  t.strictSame(result, { done: false, unmet: { kind: 'port', id: 'n:1', is: 'absent' } });
  t.strictSame(await store.snapshot(['port', 'name']), before);
});

t.test('commit - of a hundred at once for one port, one wins', async (t) => {
  const results = await Promise.all(
    Array.from({ length: 100 }, (_, at) => store.commit(claim('n:2', `service-${at}`))),
  );
  t.equal(results.filter(({ done }) => done).length, 1);
});

t.test('commit - can ask for a record at a revision, present, or absent', async (t) => {
  let revision = 0;
  // Of two digits, so that it has a prefix.
  while (revision < 10) {
    const made = await store.commit({
      expect: [],
      write: [{ kind: 'name', id: 'r', value: { instance: '1' } }],
    });
    if (!made.done) throw new Error('nothing was expected');
    revision = made.revision;
  }
  const change = (is: number) =>
    store.commit({
      expect: [{ kind: 'name', id: 'r', is: 'at', revision: is }],
      write: [{ kind: 'name', id: 'r', value: { instance: '2' } }],
    });
  t.equal((await change(revision - 1)).done, false);
  t.equal((await change(Number(String(revision).slice(0, -1)))).done, false, 'no prefix of it will do');
  t.equal((await change(revision)).done, true);
  t.equal((await change(revision)).done, false, 'it has moved on');
  t.equal((await store.commit({ expect: [{ kind: 'name', id: 'r', is: 'present' }], write: [] })).done, true);
  t.equal(
    (await store.commit({ expect: [{ kind: 'name', id: 'none', is: 'present' }], write: [] })).done,
    false,
  );
});

t.test('commit - ids and values may hold anything', async (t) => {
  const id = 'a/b "c"\n\u0000 é 7';
  await store.commit({ expect: [], write: [{ kind: 'name', id, value: { instance: id } }] });
  const { records } = await store.snapshot(['name']);
  t.match(records.find((record) => record.id === id)?.value, { instance: id });
});

t.test('follow - a reader has what was there, and every change as it comes', async (t) => {
  const { follower: reader, changes, resets } = await follower(['name']);
  t.equal(resets.length, 1);
  t.equal(reader.replica.get('name', 'r')?.instance, '2');
  await store.commit(claim('n:3', 'not of its kinds'));
  const result = await store.commit({
    expect: [],
    write: [
      { kind: 'name', id: 'r', value: undefined },
      { kind: 'name', id: 's', value: { instance: '3' } },
    ],
  });
  await reader.caughtUp(result.done ? result.revision : 0);
  t.same(
    changes.map(({ id, value }) => [id, value]),
    [
      ['r', undefined],
      ['s', { instance: '3' }],
    ],
  );
  t.equal(reader.replica.get('name', 'r'), undefined);
  t.equal(resets.length, 1, 'without reading everything again');
  reader.close();
});

t.test('follow - after Redis was away the reader goes on where it was', async (t) => {
  const { follower: reader, outages, resets } = await follower(['name']);
  await server.kill();
  await eventually('the outage to be told', () => outages.includes('away'));
  t.equal(reader.replica.get('name', 's')?.instance, '3', 'what it knows stays');
  await t.rejects(store.commit(claim('n:9', 'x')), { code: 'HARBOR_REDIS_UNAVAILABLE' });
  await server.start();
  await eventually('Redis to answer', () => store.ping().then(() => true));
  const result = await store.commit({
    expect: [],
    write: [{ kind: 'name', id: 'back', value: { instance: '1' } }],
  });
  await reader.caughtUp(result.done ? result.revision : 0);
  t.equal(reader.replica.get('name', 'back')?.instance, '1');
  t.same(outages, ['away', 'back']);
  t.equal(resets.length, 1);
  reader.close();
});

t.test('commit - what was acknowledged survives kill -9', async (t) => {
  const acknowledged: string[] = [];
  const writing = (async () => {
    for (let at = 0; ; at++) {
      try {
        await store.commit({
          expect: [],
          write: [{ kind: 'name', id: `kept-${at}`, value: { instance: 'k' } }],
        });
        acknowledged.push(`kept-${at}`);
      } catch (error) {
        t.equal((error as HarborError).code, 'HARBOR_REDIS_UNAVAILABLE');
        return;
      }
    }
  })();
  await eventually('some writes', () => acknowledged.length > 50);
  await server.kill();
  await writing;
  await server.start();
  await eventually('Redis to answer', () => store.ping().then(() => true));
  const kept = new Set((await store.snapshot(['name'])).records.map(({ id }) => id));
  t.same(
    acknowledged.filter((id) => !kept.has(id)),
    [],
  );
});

t.test('follow - a gap in the log of changes means reading everything again', async (t) => {
  const { follower: reader, resets } = await follower(['name']);
  const redis = new Redis(server.url);
  // As if it had been asleep for longer than the log reaches back.
  await redis
    .multi()
    .hset('harbor:kind:name', 'unseen', '999999 {"instance":"u"}')
    .set('harbor:revision', 999_999)
    .xadd('harbor:changes', '999999-0', 'kind', 'name', 'id', 'unseen', 'value', '{"instance":"u"}')
    .exec();
  await eventually('the whole read', () => resets.length === 2);
  t.equal(reader.replica.get('name', 'unseen')?.instance, 'u');
  reader.close();
  redis.disconnect();
});

t.test('follow - another life of the state is noticed, though its revisions are lower', async (t) => {
  const { follower: reader, resets } = await follower(['name']);
  const redis = new Redis(server.url);
  await redis.flushall();
  await store.commit({ expect: [], write: [{ kind: 'name', id: 'new', value: { instance: 'n' } }] });
  // It may have read everything between the two already.
  await eventually('the new life', () => reader.replica.get('name', 'new'));
  t.ok(resets.length >= 2, 'everything was read again');
  t.same([...reader.replica.entries('name')], [['new', { instance: 'n' }]]);
  reader.close();
  redis.disconnect();
});

t.test('follow - a corrupt record is told and leaves the others alone', async (t) => {
  const corrupt: string[] = [];
  const reader = await store.follow(['name'], {
    onReset: () => undefined,
    onChange: () => undefined,
    onCorrupt: (error) => corrupt.push(error.message),
  });
  const redis = new Redis(server.url);
  await redis.eval(
    `local r = redis.call('INCR', 'harbor:revision')
     redis.call('XADD', 'harbor:changes', r .. '-0', 'kind', 'name', 'id', 'bad', 'value', '{"instance":7}')`,
    0,
  );
  const result = await store.commit({
    expect: [],
    write: [{ kind: 'name', id: 'good', value: { instance: 'g' } }],
  });
  await reader.caughtUp(result.done ? result.revision : 0);
  t.equal(corrupt.length, 1);
  t.match(corrupt[0], /name bad: instance/);
  t.equal(reader.replica.get('name', 'good')?.instance, 'g');
  reader.close();
  redis.disconnect();
});
